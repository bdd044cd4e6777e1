// A real engine with devices in memory and a runner of real child processes, for tests of offloading.

import type { Pipeline } from '../../src/model/pipeline.ts';
import type { Transfer } from '../../src/model/transfer.ts';
import { openRig, type Rig, type RigOptions } from './engine-rig.ts';
import { createMemoryDevices, type MemoryDevices } from './memory-devices.ts';
import { createStepRunner, type StepRunner } from './step-runner.ts';

export interface OffloadRig extends Rig {
  readonly devices: MemoryDevices;
  readonly runner: StepRunner;
  /** Where originals go by default. */
  readonly downloads: string;
  /** Resolves with the first row for which it holds. */
  until(holds: (row: Transfer) => boolean): Promise<Transfer>;
  /** Names of all facts of a device, in order. */
  deviceFacts(): Promise<readonly string[]>;
}

export async function openOffloadRig(
  options: Omit<RigOptions, 'devices'> & {
    readonly pipelines?: readonly Pipeline[];
    readonly devices?: MemoryDevices;
  } = {},
): Promise<OffloadRig> {
  const devices = options.devices ?? createMemoryDevices();
  const runner = createStepRunner();
  const rig = await openRig({
    ...options,
    devices,
    processRunner: options.processRunner ?? runner,
    offloading: { pipelines: options.pipelines ?? [], ...options.offloading },
    limits: {
      tickSeconds: 0.2,
      ...options.limits,
      retry: { firstDelayMs: 50, checkMs: 100, jitter: 0, ...options.limits?.retry },
    },
  });
  return Object.assign(rig, {
    devices,
    runner,
    downloads: rig.at('media/transfers/downloads'),
    until: async (holds: (row: Transfer) => boolean) => {
      for (;;) {
        const { promise, resolve } = Promise.withResolvers<void>();
        const stop = rig.store.onEvents(() => resolve());
        const found = (await rig.store.transfers({ limit: 1000 })).rows.find(holds);
        if (found === undefined) await promise;
        stop();
        if (found !== undefined) return found;
      }
    },
    deviceFacts: async () =>
      (await rig.store.events({ limit: 1000 })).events
        .filter(({ name }) => name.startsWith('observation.device.') && !name.endsWith('.update'))
        .map(({ name }) => name.replace('observation.device.', '')),
  });
}

export function step(name: string, script: string) {
  return { step: name, script, timeoutMinutes: 1, optional: false };
}

export function pipelineOf(...steps: ReturnType<typeof step>[]): Pipeline {
  return { name: 'all', steps };
}

export function deviceFile(path: string, size: number, mtime = 1_700_000_000_000) {
  return { path, size, mtime };
}
