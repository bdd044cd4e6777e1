// The list of adapters: which kinds of devices come with Wherry.

import type { Mounts } from '../endpoints/mounts.ts';
import type { DeviceAdapter } from './device.ts';
import { createMountedAdapter, type MountedOptions } from './mounted.ts';

export interface BuiltInOptions {
  readonly mounts: Mounts;
  readonly mounted?: Omit<MountedOptions, 'mounts'>;
}

export function builtInAdapters(options: BuiltInOptions): readonly DeviceAdapter[] {
  const { mounts } = options;
  return [createMountedAdapter({ mounts, ...options.mounted })];
}
