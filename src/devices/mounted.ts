// Cards and USB drives that this machine has mounted: found by their mounts, known by what their file systems call themselves.

import type { Endpoint } from '../endpoints/endpoint.ts';
import { openLocal } from '../endpoints/local.ts';
import { isLocalDisk, type MountLine, mountsNow } from '../endpoints/mount-table.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import { systemClock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import { baseName, displayPath } from '../model/names.ts';
import { bounded } from './bounded.ts';
import { mediaTypeOf, withCompanions } from './companions.ts';
import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from './device.ts';
import type { Volume, VolumeInput } from './volume-operations.ts';

export interface MountedOptions {
  /** Opened with `volumeOperations` among its modules. */
  readonly mounts: Mounts;
  /** Mount points lie below one of these. Default: where desktops and udisks mount, and /mnt. */
  readonly roots?: readonly string[];
  /** A card has one of them, and its files lie below them. Default: DCIM and PRIVATE. */
  readonly folders?: readonly string[];
  readonly mountInfo?: string;
  readonly byUuid?: string;
}

/** The worker module that the mount pools need for cards. */
export const volumeOperations = new URL(
  import.meta.url.endsWith('.ts') ? './volume-operations.ts' : './volume-operations.js',
  import.meta.url,
);

/** One card that hangs must not keep the others from being seen. */
const lookMs = 5_000;

export const defaultMountRoots = ['/media', '/run/media', '/mnt', '/Volumes'];
export const defaultCardFolders = ['DCIM', 'PRIVATE'];

export function createMountedAdapter(options: MountedOptions): DeviceAdapter {
  const { mounts, roots = defaultMountRoots, folders = defaultCardFolders } = options;
  const { mountInfo = '/proc/self/mountinfo', byUuid = '/dev/disk/by-uuid' } = options;

  const lastAt = new Map<string, DeviceInfo>();

  const candidates = (): MountLine[] =>
    mountsNow(mountInfo).filter(
      ({ mountPoint, type, source, root }) =>
        isLocalDisk(type) &&
        source.startsWith('/dev/') &&
        root === '/' &&
        roots.some((one) => mountPoint === one || mountPoint.startsWith(`${one}/`)),
    );

  const lookAt = ({ mountPoint, device, source }: MountLine, { signal }: DeviceCall): Promise<Volume> => {
    const input: VolumeInput = { mountPoint, device, source, byUuid, folders };
    return mounts.pool(mountPoint).run<Volume>('volume.look', input, { quick: true, signal });
  };

  /** Undefined for what is no card, or has no name. */
  const cardAt = async (
    line: MountLine,
    call: DeviceCall,
  ): Promise<{ info: DeviceInfo; volume: Volume } | undefined> => {
    const volume = await lookAt(line, call);
    if (volume.id === undefined) return undefined;
    const info: DeviceInfo = {
      // Serial numbers of FAT have 32 bits, and some cameras give each card the same: cards of other sizes are told apart all the same.
      id: `card-${volume.id}-${Math.round(volume.totalBytes / 2 ** 20).toString(36)}`.replace(/[^A-Za-z0-9._-]/g, '_'),
      kind: 'mounted',
      name: baseName(line.mountPoint) || line.mountPoint,
      address: line.mountPoint,
    };
    return { info, volume };
  };

  const find = async (id: string, address: string | undefined, call: DeviceCall) => {
    const lines = candidates().sort(
      (one, other) => Number(other.mountPoint === address) - Number(one.mountPoint === address),
    );
    for (const line of lines) {
      const card = await cardAt(line, call);
      if (card?.info.id === id) return { line, ...card };
    }
    throw new Fault('device', `The card ${displayPath(id)} is not mounted.`);
  };

  return {
    kind: 'mounted',
    async *discover(call) {
      const looks = candidates().map(async (line) => {
        const bound = { clock: systemClock, ms: lookMs, what: 'to look at a card', signal: call.signal };
        // A mount that does not answer may still be the card that was there before: whoever opens it will see.
        return await bounded(bound, (signal) => cardAt(line, { signal })).then(
          (card) => card?.info,
          () => lastAt.get(line.mountPoint),
        );
      });
      const found = new Map<string, DeviceInfo>();
      for (const look of looks) {
        const info = await look;
        if (info !== undefined && !found.has(info.id)) found.set(info.id, info);
      }
      lastAt.clear();
      for (const info of found.values()) lastAt.set(info.address ?? '', info);
      yield* found.values();
    },
    async connect(info, call) {
      const { line } = await find(info.id, info.address, call);
      const place = await openLocal(line.mountPoint, { mounts }, { signal: call.signal });
      return connectionTo(place, line.mountPoint, async (own) => {
        const now = candidates().find(({ mountPoint }) => mountPoint === line.mountPoint);
        const card = now === undefined ? undefined : await cardAt(now, own);
        if (card?.info.id === info.id) return card.volume;
        const what = card === undefined ? 'is not' : 'is no longer the card';
        throw new Fault('device', `${displayPath(info.name)} ${what} at ${displayPath(line.mountPoint)}.`, {
          place: { endpoint: `device://${info.id}/` },
        });
      });
    },
  };
}

/** `present` rejects with `device` where another card is there by now, or none. */
function connectionTo(
  place: Endpoint,
  mountPoint: string,
  present: (call: DeviceCall) => Promise<Volume>,
): DeviceConnection {
  const fileOf = (path: string, size: number, mtimeMs: number): RemoteFile => {
    const mediaType = mediaTypeOf(path);
    return { path, size, mtime: mtimeMs, ...(mediaType === undefined ? {} : { mediaType }) };
  };
  return {
    readsFrom: true,
    localFolder: mountPoint,
    async *list(call) {
      const { folders } = await present(call);
      const files: RemoteFile[] = [];
      for (const folder of folders) {
        for await (const entry of place.list(folder, { signal: call.signal })) {
          const isHidden = entry.path.split('/').some((part) => part.startsWith('.'));
          if (entry.kind === 'file' && !isHidden) files.push(fileOf(entry.path, entry.sizeBytes, entry.mtimeMs));
        }
      }
      await present(call);
      yield* withCompanions(files);
    },
    async stat(path, call) {
      await present(call);
      const entry = await place.stat(path, { signal: call.signal });
      return entry?.kind === 'file' ? fileOf(path, entry.sizeBytes, entry.mtimeMs) : undefined;
    },
    async check(call) {
      await present(call);
    },
    async read(path, from, call) {
      await present(call);
      const stream = await place.read(path, from, { signal: call.signal });
      try {
        // What stands open now is this card's, whatever is put in later.
        await present(call);
        return stream;
      } catch (error) {
        await stream.cancel(error);
        throw error;
      }
    },
    async remove(path, call) {
      await present(call);
      await place.remove(path, { signal: call.signal });
    },
    close: () => place.close(),
  };
}
