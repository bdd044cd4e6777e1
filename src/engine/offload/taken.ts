// What has been taken of a device, whichever batch asked for it: the same file twice is one transfer.

import type { RemoteFile } from '../../devices/device.ts';
import type { Change, StoreReader } from '../../store/store.ts';

/** One file of one device as it was at a time. */
export function fileKey({ path, size, mtime }: Pick<RemoteFile, 'path' | 'size' | 'mtime'>): string {
  return JSON.stringify([path, size, mtime ?? null]);
}

const collectionOf = (deviceId: string) => `offloaded ${deviceId}`;

/** The transfers of a device's files, by `fileKey`. */
export async function takenFrom(reader: StoreReader, deviceId: string): Promise<ReadonlyMap<string, string>> {
  const documents = await reader.documents(collectionOf(deviceId));
  return new Map(documents.map(({ key, value }) => [key, String(value)]));
}

/** To be written in the commit that makes the transfer. */
export function takes(deviceId: string, file: RemoteFile, transferId: string): Change {
  return { kind: 'put_document', collection: collectionOf(deviceId), key: fileKey(file), value: transferId };
}

/** One after the other for each device, so that two batches cannot take the same file at the same time. */
export function createDeviceLine(): <Result>(deviceId: string, act: () => Promise<Result>) => Promise<Result> {
  const lines = new Map<string, Promise<unknown>>();
  return async (deviceId, act) => {
    const acted = (lines.get(deviceId) ?? Promise.resolve()).then(act);
    const settled = acted.catch(() => undefined);
    lines.set(deviceId, settled);
    try {
      return await acted;
    } finally {
      if (lines.get(deviceId) === settled) lines.delete(deviceId);
    }
  };
}
