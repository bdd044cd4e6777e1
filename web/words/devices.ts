// What is said of a device and of what is taken of it by itself.

import type { DeviceView } from '../../src/model/device-views.ts';
import type { OffloadSettingsView } from '../../src/model/offload-views.ts';
import type { Look } from './states.ts';
import { span } from './times.ts';

export function deviceLook({ connected, fault }: DeviceView): Look {
  if (!connected) return { word: 'Away', icon: 'waits', tone: 'still' };
  if (fault !== null) return { word: 'Trouble', icon: 'needs', tone: 'needs' };
  return { word: 'Here', icon: 'check', tone: 'still' };
}

export function deviceSentence({ connected, fault, since }: DeviceView, nowMs: number): string {
  if (connected && fault !== null) return fault.message;
  const long = span(Math.max(0, nowMs - Date.parse(since)) / 1000);
  return connected ? `Here for ${long}` : `Away for ${long}`;
}

const kinds: Readonly<Record<string, string>> = {
  mounted: 'Card or drive',
  gphoto2: 'Camera over USB',
  osc: 'Spherical camera',
  gopro: 'GoPro',
};

export function deviceKind(kind: string): string {
  return kinds[kind] ?? kind;
}

export function batteryWords({ percent, charging }: NonNullable<DeviceView['battery']>): string {
  return `Battery ${Math.round(percent)} %${charging === true ? ', charging' : ''}`;
}

type Rule = OffloadSettingsView['rules'][number];

export function ruleDevices({ device, kind }: Rule): string {
  const ids = device === undefined ? '' : ` whose id is like ${device}`;
  return kind === undefined ? `Devices${ids}` : `${deviceKind(kind)}${ids}`;
}

export function ruleTakes({ include, exclude, newerThanLastTime }: Rule): string {
  const what = include.length === 0 ? 'all files' : include.join(', ');
  const not = exclude.length === 0 ? '' : `, but not ${exclude.join(', ')}`;
  return `Takes ${what}${not}${newerThanLastTime ? ', of those that are newer than the last time' : ''}`;
}

export function ruleDeletes({ deleteAfterCopies: copies }: Rule): string {
  if (copies === null) return 'Nothing is deleted on the device';
  return `Deletes each file on the device after ${copies === 1 ? 'one proven copy' : `${copies} proven copies`}`;
}
