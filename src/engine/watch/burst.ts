// Small files that come by the hundred: they travel in packs, and get their rows with a pack's commit instead of one by one before it.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';
import type { ModeHost } from '../mode.ts';
import type { PackFile } from '../mover/move.ts';
import { packBytes, packFiles, smallBytes } from '../work.ts';
import type { SeenFile } from './tree-snapshot.ts';

/** So many small files seen in one round are a burst. */
const fewestInBurst = 128;
/** The last files are shared out, so that no worker stands idle beside a long pack. */
const lastParts = 2;

export interface BurstFile {
  readonly file: SeenFile;
  /** Below the destination. */
  readonly to: string;
}

export function isSmall(file: SeenFile): boolean {
  return file.sizeBytes < smallBytes;
}

export function isBurst(files: number): boolean {
  return files >= fewestInBurst;
}

export interface BurstLine {
  /** Moves them when there is room; what becomes of each the run is told by `arrived` and `stopped`. Files that a run leaves behind have no rows and are found again. */
  hand(files: readonly BurstFile[]): void;
}

/** `leave` takes what cannot be packed now. */
export function createBurstLine(
  ends: { readonly source: string; readonly destination: string },
  host: ModeHost,
  leave: (files: readonly BurstFile[]) => Promise<void>,
): BurstLine {
  let handed: Promise<void> = Promise.resolve();

  const hand = async (files: readonly BurstFile[]): Promise<void> => {
    let source: Endpoint;
    let destination: Endpoint;
    try {
      [source, destination] = await Promise.all([host.open(ends.source), host.open(ends.destination)]);
    } catch {
      // Each of them meets the fault by itself, and waits for what it says.
      return leave(files);
    }
    for (const part of partsOf(files)) {
      const pack = part.map(({ file, to }): PackFile => {
        const { path, sizeBytes, mtimeMs, mode } = file;
        const entry = { path, kind: 'file' as const, sizeBytes, mtimeMs, mode };
        return { transferId: host.newId(), sourcePath: path, destinationPath: to, entry };
      });
      await host.addPack({ source, destination, files: pack });
    }
  };

  return {
    hand: (files) => {
      // A watch must not stand still while packs wait for each other.
      handed = handed
        .then(() => hand(files))
        .catch((error) => {
          const fault = asFault(error).report();
          host.log.error(
            { jobId: host.job.id, fault },
            'The ledger refused small files; they are found again when the watch begins anew',
          );
        });
    },
  };
}

function partsOf(files: readonly BurstFile[]): BurstFile[][] {
  const parts: BurstFile[][] = [];
  const share = Math.max(fewestInBurst, Math.ceil(files.length / lastParts));
  const most = Math.min(packFiles, share);
  let bytes = 0;
  for (const one of files) {
    let part = parts.at(-1);
    if (part === undefined || part.length >= most || bytes + one.file.sizeBytes > packBytes) {
      part = [];
      parts.push(part);
      bytes = 0;
    }
    part.push(one);
    bytes += one.file.sizeBytes;
  }
  return parts;
}
