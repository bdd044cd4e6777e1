// What is asked of a mounted card inside the workers of its mount, so that a card that hangs holds up nobody else.

import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statfsSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { type OperationContext, sides } from '../endpoints/mounts.ts';
import { readVolumeId, volumeHeadBytes } from './volume-id.ts';

export interface VolumeInput {
  readonly mountPoint: string;
  /** `major:minor` of what is mounted there. */
  readonly device: string;
  /** Its node, as whoever mounted it called it. */
  readonly source: string;
  /** Where udev keeps links by UUID. */
  readonly byUuid: string;
  /** Folders of which one must be there. */
  readonly folders: readonly string[];
}

export interface Volume {
  /** Undefined where it has no name that can be read. */
  readonly id: string | undefined;
  readonly totalBytes: number;
  /** Those of the folders that are there. */
  readonly folders: readonly string[];
}

export const operations = { 'volume.look': lookAtVolume };

/** Throws what the system throws; nothing is written. */
function lookAtVolume(input: VolumeInput, { control }: OperationContext): Volume {
  const folders = input.folders.filter((folder) => {
    control.enter(sides.source);
    return statSync(join(input.mountPoint, folder), { throwIfNoEntry: false })?.isDirectory() === true;
  });
  if (folders.length === 0) return { id: undefined, totalBytes: 0, folders };
  control.enter(sides.source);
  const { blocks, bsize } = statfsSync(input.mountPoint);
  control.enter(sides.source);
  const id = fromHead(input) ?? fromLinks(input) ?? fromCard(input);
  return { id, totalBytes: blocks * bsize, folders };
}

/** From the volume itself; needs the right to read the device. */
function fromHead({ source, device }: VolumeInput): string | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(source, constants.O_RDONLY | constants.O_NONBLOCK);
    const stats = fstatSync(fd);
    // By now the node may be another card's.
    if (!stats.isBlockDevice() || numbers(stats.rdev) !== device) return undefined;
    const head = Buffer.alloc(volumeHeadBytes);
    const count = readSync(fd, head, 0, head.length, 0);
    return readVolumeId(head.subarray(0, count));
  } catch {
    return undefined;
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** From udev, which anybody may ask. */
function fromLinks({ byUuid, device }: VolumeInput): string | undefined {
  try {
    const name = readdirSync(byUuid).find((link) => {
      const stats = statSync(join(byUuid, link), { throwIfNoEntry: false });
      return stats?.isBlockDevice() === true && numbers(stats.rdev) === device;
    });
    return name === undefined || /^[0-]*$/.test(name) ? undefined : name;
  } catch {
    return undefined;
  }
}

/** From the card's own register (CID), where it sits in a reader that tells it. */
function fromCard({ device }: VolumeInput): string | undefined {
  const partition = `/sys/dev/block/${device}`;
  try {
    const cid = readFileSync(`${partition}/../device/cid`, 'utf8').trim();
    const number = readFileSync(`${partition}/partition`, 'utf8').trim();
    return /^[0-9a-f]{32}$/.test(cid) ? `cid-${cid}-${number}` : undefined;
  } catch {
    return undefined;
  }
}

/** As Linux packs them (makedev(3)). */
function numbers(rdev: number): string {
  const packed = BigInt(rdev);
  const major = ((packed >> 8n) & 0xfffn) | ((packed >> 32n) & ~0xfffn);
  const minor = (packed & 0xffn) | ((packed >> 12n) & ~0xffn);
  return `${major}:${minor}`;
}
