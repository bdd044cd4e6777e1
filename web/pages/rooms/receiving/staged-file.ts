// A file that arrives in the browser's private file system (OPFS): survives a reload, and is handed over once it is whole.

import { asFault, Fault } from '../../../../src/model/fault.ts';
import type { ReceivingFile } from '../../../../src/peer/files.ts';
import { exactSize } from '../../../words/amounts.ts';
import { askDisk, writeDisk } from './disk.ts';
import { dataName, openStagingFolder, savedName } from './staging-folder.ts';

/** Where a file that is whole goes. Where it rejects, the file stays here and can be handed over later (`savedFile`). */
export type HandOver = (file: File) => Promise<void>;

/** `key` is the transfer's id. */
export function stagedFile(key: string, sizeBytes: number, handOver: HandOver): ReceivingFile {
  let opening: Promise<number> | undefined;
  const open = () => {
    opening ??= askDisk({ op: 'open', key, sizeBytes, staged: true }).then(({ keptBytes }) => keptBytes);
    return opening;
  };
  return {
    async kept() {
      const kept = await open();
      await requireRoom(sizeBytes - kept);
      return kept;
    },
    async write(from, bytes) {
      await open();
      await writeDisk(key, from, bytes);
    },
    async restart() {
      await open();
      await askDisk({ op: 'restart', key });
    },
    async finish() {
      await open();
      return (await askDisk({ op: 'finish', key })).sha256;
    },
    async publish() {
      await askDisk({ op: 'close', key });
      const folder = await openStagingFolder();
      const file = await (await folder.getFileHandle(dataName(key))).getFile();
      const handed = await handOver(file).then(
        () => true,
        () => false,
      );
      if (handed) await folder.getFileHandle(savedName(key), { create: true });
    },
    async abandon() {
      opening = undefined;
      await askDisk({ op: 'abandon', key });
    },
  };
}

/** Rejects with `space` where the browser says that it has less room for this site than `needed` bytes. */
export async function requireRoom(needed: number): Promise<void> {
  const free = await freeBytes();
  if (free === undefined || free >= needed) return;
  throw new Fault(
    'space',
    `This browser has room for ${exactSize(free)}; the file needs ${exactSize(needed)}. Make room on the disk, or save it straight into a folder.`,
  );
}

/** What browsers say of every large disk, whatever its size, so that nobody is known by it. */
const saidOfAnyDisk = 10 * 1024 ** 3;

/** Undefined where the browser does not tell. */
export async function freeBytes(): Promise<number | undefined> {
  const { quota, usage } = await navigator.storage.estimate();
  const free = quota === undefined ? undefined : Math.max(0, quota - (usage ?? 0));
  return free === undefined || free >= saidOfAnyDisk ? undefined : free;
}

/** The file of a transfer that is whole and still here, to be handed over (once more). */
export async function savedFile(key: string): Promise<File | undefined> {
  const folder = await openStagingFolder();
  try {
    return await (await folder.getFileHandle(dataName(key))).getFile();
  } catch {
    return undefined;
  }
}

const day = 86_400_000;
/** A download copies the file at the speed of a disk; nobody says when it is through. */
const leastKeptMs = 120_000;
const copiedBytesPerMs = 20_000;

/** Removes what was handed over long enough ago, and what nobody has gone on with for a day. */
export async function sweepStaged(nowMs: number): Promise<void> {
  const folder = (await openStagingFolder()) as FileSystemDirectoryHandle & {
    entries(): AsyncIterable<[string, FileSystemHandle]>;
  };
  const found = new Map<string, { dataMs?: number; sizeBytes?: number; savedMs?: number }>();
  for await (const [name, handle] of folder.entries()) {
    const [, key = '', kind = ''] = /^(.*)\.(\w+)$/.exec(name) ?? [];
    const file = await (handle as FileSystemFileHandle).getFile();
    const known = found.get(key) ?? {};
    if (kind === 'part') found.set(key, { ...known, dataMs: file.lastModified, sizeBytes: file.size });
    else if (kind === 'saved') found.set(key, { ...known, savedMs: file.lastModified });
    else found.set(key, known);
  }
  for (const [key, { dataMs = 0, sizeBytes = 0, savedMs }] of found) {
    const endMs = savedMs === undefined ? dataMs + day : savedMs + leastKeptMs + sizeBytes / copiedBytesPerMs;
    if (nowMs < endMs) continue;
    // Another tab may be at it: then it is swept another time.
    await askDisk({ op: 'abandon', key }).catch((error: unknown) => asFault(error));
  }
}
