// Makes sure that a file and its copy are not one and the same, reached by two ways, and reads the clock of the source: by a file of its own.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath, joinPath, parentPath } from '../../model/names.ts';
import type { ModeParts } from '../mode.ts';
import type { ProvenCopy, ProvenFile } from './proven-copies.ts';

export interface FolderProbe {
  /** The copies of a file that lie in another folder than the file itself. Rejects where the source's folder cannot be written to. */
  apart(file: ProvenFile, copies: readonly ProvenCopy[]): Promise<readonly ProvenCopy[]>;
  /** What the clock of the source said when it was first written to; undefined before, and where it says no times. */
  readonly sourceNow: number | undefined;
}

/**
 * A share that is mounted twice, a host that is this very machine, a folder that is bound into a container: what was copied from one to
 * the other lies in one place only. A file that is written beside the original, and then stands beside the copy, too, gives it away. One a
 * pair of folders.
 */
export function createFolderProbe(
  source: Endpoint,
  parts: Pick<ModeParts, 'open' | 'newId'>,
  signal: AbortSignal,
): FolderProbe {
  const asked = new Map<string, Promise<boolean>>();
  let sourceNow: number | undefined;

  const isApart = async (folder: string, destination: string, destinationFolder: string): Promise<boolean> => {
    const name = `.wherry-probe-${parts.newId()}`;
    const path = joinPath(folder, name);
    try {
      await source.write(path, 0, new Blob([name]).stream(), { signal });
    } catch (error) {
      signal.throwIfAborted();
      const fault = asFault(error);
      // A place that takes no files can be no copy's.
      if (fault.code === 'unsupported') return true;
      throw new Fault(fault.code, `Nothing can be deleted in ${displayPath(source.name)}: ${fault.message}`, {
        cause: fault,
        ...(fault.place === undefined ? {} : { place: fault.place }),
      });
    }
    try {
      const written = await source.stat(path, { signal });
      if (written !== undefined && written.mtimeUnknown !== true) sourceNow ??= written.mtimeMs;
      const there = await (await parts.open(destination)).stat(joinPath(destinationFolder, name), { signal });
      return there === undefined;
    } finally {
      await source.remove(path);
    }
  };

  return {
    get sourceNow() {
      return sourceNow;
    },
    apart: async ({ entry }, copies) => {
      const folder = parentPath(entry.path);
      const found = await Promise.all(
        copies.map(async (copy) => {
          const { endpoint, path } = copy.receipt.destination;
          const key = JSON.stringify([folder, endpoint, parentPath(path)]);
          const answer = asked.get(key) ?? isApart(folder, endpoint, parentPath(path));
          asked.set(key, answer);
          return (await answer) ? [copy] : [];
        }),
      );
      return found.flat();
    },
  };
}
