// The folders that the API may read from and write to, and the check that a path stays inside them.

import { parseEndpoint } from '../model/endpoint-url.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { JobSpec } from '../model/specs.ts';
import type { FolderInput, FolderPage } from './browse-operations.ts';

/**
 * Runs an operation of browse-operations.ts where a mount that hangs blocks nobody else.
 * Rejects with the operation's Fault, or with `unreachable` where the mount of `path` hangs.
 */
export type FileLookup = <Output>(path: string, operation: string, input: unknown) => Promise<Output>;

export interface Roots {
  readonly folders: readonly string[];
  /** The absolute path, normalised by its text. Rejects with `invalid` or `outside_roots`: also where a symlink leads outside. */
  confine(path: string): Promise<string>;
  /** Rejects like `confine` for each local place that a job names. */
  confineJob(spec: JobSpec): Promise<void>;
  /** Rejects with `not_found`, `permission`, `unsupported` (no folder), `io`, `unreachable`. `path` must be confined. */
  list(input: FolderInput): Promise<FolderPage>;
  isRoot(path: string): boolean;
}

export function openRoots(folders: readonly string[], lookup: FileLookup): Roots {
  const roots = [...new Set(folders.map((folder) => absolute(folder)))];
  const realPath = (path: string) => lookup<string>(path, 'api.real_path', path);

  const confine = async (text: string): Promise<string> => {
    const path = absolute(text);
    const outside = new Fault(
      'outside_roots',
      `${displayPath(path)} is outside the folders that this daemon may use.`,
      {
        place: { path: displayPath(path) },
      },
    );
    const real = new Map<string, string>();
    for (const root of roots) {
      // A root that is away now holds nothing that could be asked for.
      await realPath(root).then(
        (found) => real.set(root, found),
        () => undefined,
      );
    }
    const known = [...real.keys(), ...real.values()];
    if (!known.some((root) => isInside(path, root))) {
      const away = roots.find((root) => isInside(path, root));
      if (away !== undefined) throw new Fault('unreachable', `The root ${displayPath(away)} cannot be looked at now.`);
      throw outside;
    }
    const target = await realPath(path);
    if (![...real.values()].some((root) => isInside(target, root))) throw outside;
    return path;
  };

  return {
    folders: roots,
    confine,
    async confineJob(spec) {
      const places = spec.kind === 'copy' ? [...spec.sources, spec.destination] : [spec.source, ...spec.destinations];
      for (const place of places) {
        if (parseEndpoint(place).scheme === 'file') await confine(place);
      }
    },
    list: (input) => lookup<FolderPage>(input.path, 'api.list_folder', input),
    isRoot: (path) => roots.includes(path),
  };
}

function absolute(text: string): string {
  if (!text.startsWith('/') && !text.startsWith('file://')) {
    throw new Fault('invalid', `${displayPath(text)} is not an absolute path.`);
  }
  if (text.includes('\0')) throw new Fault('invalid', 'A path cannot hold a NUL.');
  return parseEndpoint(text).path;
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root === '/' ? '/' : `${root}/`);
}
