// How the settings of offloading become the view that the API gives.

import { join } from 'node:path';
import type { Engine } from '../engine/engine.ts';
import { isForDevice } from '../engine/offload/rules.ts';
import { displayPath } from '../model/names.ts';
import type { OffloadSettingsView } from '../model/offload-views.ts';

export function offloadSettings({ offloading, devices }: Engine): OffloadSettingsView {
  const { pipelines, mediaFolder, config } = offloading;
  const folder = (name: string) => (mediaFolder === null ? null : displayPath(join(mediaFolder, 'transfers', name)));
  return {
    rules: config.rules.map((rule) => ({
      ...rule,
      devices: (devices?.devices ?? []).filter(({ info }) => isForDevice(rule, info)).map(({ info }) => info.id),
    })),
    triggers: [...config.triggers],
    pipelines: pipelines.map(({ name, deviceKinds, files, steps }) => ({
      name,
      deviceKinds: deviceKinds ?? null,
      files: files ?? null,
      steps: steps.map((step) => (typeof step.preset === 'string' ? `${step.step} ${step.preset}` : step.step)),
    })),
    downloadDir: folder('downloads'),
    processedDir: folder('processed'),
  };
}
