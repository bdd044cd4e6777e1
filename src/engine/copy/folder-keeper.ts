// The folders and symlinks of a copy: made as they are found, and given their times and modes when all else is done.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault, type FaultReport, faultFrom } from '../../model/fault.ts';
import { displayPath, parentPath } from '../../model/names.ts';
import type { CopySpec } from '../../model/specs.ts';
import type { FolderTouch } from '../compare-operations.ts';
import type { ComparedEntry, ComparedFolder } from '../compare-tree.ts';
import type { ModeHost } from '../mode.ts';

/** Where folders are kept. */
export interface KeptTree {
  /** Address. */
  readonly destination: string;
  /** False where it has to be made first. */
  readonly destinationThere: boolean;
}

export interface FolderKeeper {
  /** Makes those that are missing, empty ones too. */
  make(tree: KeptTree, folders: readonly ComparedFolder[]): Promise<void>;
  /** Something is written into this folder, which changes its time. */
  touched(path: string): void;
  keepSymlinks(destination: Endpoint, symlinks: readonly (ComparedEntry & { readonly same: boolean })[]): Promise<void>;
  /** All folders have been found. */
  found(destination: string): Promise<void>;
  finish(): Promise<void>;
}

const atOnce = 2_000;

export function createFolderKeeper(
  spec: Pick<CopySpec, 'preserve' | 'conflict' | 'dryRun'>,
  host: ModeHost,
): FolderKeeper {
  const all: ComparedFolder[] = [];
  const touched = new Set<string>();
  let resolved: string | undefined;

  const complain = (fault: FaultReport) => host.log.warn({ jobId: host.job.id, fault }, fault.message);

  const make = async (tree: KeptTree, folders: readonly ComparedFolder[]) => {
    for (const folder of folders) {
      all.push(folder);
      if (!folder.there) touched.add(parentPath(folder.path));
    }
    const missing = folders.filter((folder) => !folder.there).map((folder) => folder.path);
    if (missing.length === 0 && (tree.destinationThere || resolved !== undefined)) return;
    resolved = tree.destination;
    const destination = await host.open(tree.destination);
    if (!tree.destinationThere && destination.localPath === undefined) await destination.makeFolder?.('');
    if (destination.localPath !== undefined) {
      const local = destination.localPath('');
      const failed = await host.mounts
        .pool(local)
        .run<readonly { path: string; fault: FaultReport }[]>(
          'engine.makeFolders',
          { root: local, paths: missing },
          { quick: true },
        );
      // A file in it meets the same trouble and says so; an empty folder has nobody else to speak for it.
      for (const { fault } of failed) complain(fault);
      return;
    }
    for (const path of missing) {
      try {
        await destination.makeFolder?.(path);
      } catch (error) {
        complain(asFault(error).report());
      }
    }
  };

  const keepSymlink = async (destination: Endpoint, link: ComparedEntry) => {
    const { existing, entry } = link;
    if (destination.makeSymlink === undefined) {
      throw new Fault(
        'unsupported',
        `${displayPath(destination.name)} cannot hold symlinks; ${displayPath(entry.path)} is passed over.`,
      );
    }
    if (existing !== null) {
      if (spec.conflict === 'skip') return;
      if (spec.conflict === 'newer' && existing.mtimeMs >= entry.mtimeMs) return;
      if (existing.kind === 'folder' || spec.conflict !== 'overwrite') {
        throw new Fault('exists', `${displayPath(link.destination)} is taken; the symlink is passed over.`);
      }
      await destination.remove(link.destination);
    }
    await destination.makeSymlink(link.destination, entry.linkTarget ?? '');
    if (spec.preserve.mtime) await destination.setMetadata?.(link.destination, { mtimeMs: entry.mtimeMs });
    touched.add(parentPath(link.destination));
  };

  return {
    make,
    touched: (path) => touched.add(path),

    keepSymlinks: async (destination, symlinks) => {
      for (const link of symlinks) {
        if (link.same) continue;
        try {
          await keepSymlink(destination, link);
        } catch (error) {
          const fault = asFault(error);
          complain(fault.report());
          await host.refuse([
            {
              file: {
                source: { endpoint: link.root, path: link.entry.path },
                destination: { endpoint: destination.name, path: link.destination },
                sizeBytes: 0,
                mtimeMs: link.entry.mtimeMs,
                fileMode: null,
              },
              fault,
            },
          ]);
        }
      }
    },

    found: async (destination) => {
      resolved = destination;
    },

    finish: async () => {
      if (resolved === undefined || spec.dryRun || (!spec.preserve.mtime && !spec.preserve.mode)) return;
      const due = all.filter((folder) => !folder.same || touched.has(folder.path));
      if (due.length === 0) return;
      const touches = due
        .map(
          (folder): FolderTouch => ({
            path: folder.path,
            mtimeMs: spec.preserve.mtime ? folder.mtimeMs : null,
            mode: spec.preserve.mode ? folder.mode : null,
          }),
        )
        .sort((one, other) => depth(other.path) - depth(one.path));
      const destination = await host.open(resolved);
      if (destination.localPath === undefined) return touchOneByOne(destination, touches);
      const root = destination.localPath('');
      for (let at = 0; at < touches.length; at += atOnce) {
        const failed = await host.mounts
          .pool(root)
          .run<readonly FaultReport[]>(
            'engine.finishFolders',
            { root, folders: touches.slice(at, at + atOnce) },
            { quick: true },
          );
        for (const fault of failed) if (fault.code !== 'not_found') complain(faultFrom(fault).report());
      }
    },
  };

  async function touchOneByOne(destination: Endpoint, touches: readonly FolderTouch[]): Promise<void> {
    for (const { path, mtimeMs, mode } of touches) {
      try {
        await destination.setMetadata?.(path, {
          ...(mtimeMs === null ? {} : { mtimeMs }),
          ...(mode === null ? {} : { mode }),
        });
      } catch (error) {
        complain(asFault(error).report());
      }
    }
  }
}

function depth(path: string): number {
  return path.split('/').length;
}
