// What offloading needs to know of devices; the registry of devices has this shape.

import type { DeviceAdapter, DeviceInfo, RemoteFile } from '../../devices/device.ts';
import type { Call } from '../../endpoints/endpoint.ts';
import type { Fault } from '../../model/fault.ts';

export interface PresentDevice {
  readonly info: DeviceInfo;
  readonly connected: boolean;
}

/** A file of a listing that may be used, or one that may not, and why. */
export type DeviceFile =
  | { readonly kind: 'file'; readonly file: RemoteFile }
  | { readonly kind: 'refused'; readonly path: string; readonly fault: Fault };

export interface Devices {
  /** Known, connected or not. */
  readonly devices: readonly PresentDevice[];
  onChange(listener: (device: PresentDevice) => void): () => void;
  /** Somebody outside says so: it is looked at. */
  told(id: string, connected: boolean): void;
  /** Looks now; resolves when those that answer in time have. */
  look(): Promise<void>;
  /** What it holds. Rejects with `device` while it is away, `not_found` where nobody knows it. */
  files(id: string, call?: Call): AsyncIterable<DeviceFile>;
  adapterOf(kind: string): DeviceAdapter | undefined;
}

/** Where no devices can be reached: all are unknown. */
export const noDevices: Devices = {
  devices: [],
  onChange: () => () => undefined,
  told: () => undefined,
  look: async () => undefined,
  // biome-ignore lint/correctness/useYield: there is nothing to give
  async *files(id) {
    const { Fault: NoDevice } = await import('../../model/fault.ts');
    throw new NoDevice('not_found', `No device ${id} is known here.`);
  },
  adapterOf: () => undefined,
};

export function findDevice(devices: Devices, id: string): PresentDevice | undefined {
  return devices.devices.find(({ info }) => info.id === id);
}

/** The address under which a device's files are read. */
export function deviceAddress(id: string): string {
  return `device://${id}/`;
}

/** The device that an address is of; undefined for other places. */
export function deviceIdOf(address: string): string | undefined {
  return /^device:\/\/([^/]+)\//.exec(address)?.[1];
}

/** Resolves when the device is there; rejects with the signal's reason. */
export async function untilConnected(devices: Devices, id: string, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const stop = devices.onChange(({ info, connected }) => {
    if (info.id === id && connected) resolve();
  });
  const giveUp = () => reject(signal.reason);
  signal.addEventListener('abort', giveUp, { once: true });
  try {
    if (findDevice(devices, id)?.connected === true) return;
    await promise;
  } finally {
    stop();
    signal.removeEventListener('abort', giveUp);
  }
}
