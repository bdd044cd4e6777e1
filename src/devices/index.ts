// The list of adapters: which kinds of devices come with Wherry.

import type { Mounts } from '../endpoints/mounts.ts';
import type { DeviceAdapter } from './device.ts';
import { createGoproAdapter, type GoproOptions } from './gopro.ts';
import { createGphoto2Adapter, type Gphoto2Options } from './gphoto2.ts';
import { createMountedAdapter, type MountedOptions } from './mounted.ts';
import { createOscAdapter, type OscOptions } from './osc.ts';

export interface BuiltInOptions {
  readonly mounts: Mounts;
  readonly mounted?: Omit<MountedOptions, 'mounts'>;
  readonly gphoto2?: Gphoto2Options;
  readonly osc?: OscOptions;
  readonly gopro?: GoproOptions;
}

export function builtInAdapters(options: BuiltInOptions): readonly DeviceAdapter[] {
  const { mounts, mounted, gphoto2, osc, gopro } = options;
  return [
    createMountedAdapter({ mounts, ...mounted }),
    createGphoto2Adapter(gphoto2),
    createOscAdapter(osc),
    createGoproAdapter(gopro),
  ];
}
