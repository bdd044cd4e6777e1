// The folders that the API may read from and write to, and the check that a path stays inside them.

import { parseEndpoint } from '../model/endpoint-url.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { type JobSpec, jobSpecSchema } from '../model/specs.ts';
import type { StoreReader } from '../store/store.ts';
import type { FolderInput, FolderPage } from './browse-operations.ts';

/**
 * Runs an operation of browse-operations.ts where a mount that hangs blocks nobody else.
 * Rejects with the operation's Fault, or with `unreachable` where the mount of `path` hangs.
 */
export type FileLookup = <Output>(path: string, operation: string, input: unknown) => Promise<Output>;

export interface Roots {
  readonly folders: readonly string[];
  /** Other folders from now on. */
  replace(folders: readonly string[]): void;
  /** The absolute path, normalised by its text. Rejects with `invalid`, `outside_roots` (also where a symlink leads outside), `unreachable`. */
  confine(path: string): Promise<string>;
  /** By the text alone where that is enough, so that a share that hangs can still be asked about. Rejects like `confine`. */
  confineText(path: string): Promise<string>;
  /** Rejects like `confine` for each local place that a job names, and with `outside_roots` where it would follow symlinks. */
  confineJob(spec: JobSpec): Promise<void>;
  /** Rejects with `not_found`, `permission`, `unsupported` (no folder), `io`, `unreachable`. `path` must be confined. */
  list(input: FolderInput): Promise<FolderPage>;
  isRoot(path: string): boolean;
}

export function openRoots(folders: readonly string[], lookup: FileLookup): Roots {
  const unique = (all: readonly string[]) => [...new Set(all.map((folder) => absolute(folder)))];
  let roots = unique(folders);
  const realPath = (path: string) => lookup<string>(path, 'api.real_path', path);

  /** The roots without symlinks. One that is away holds nothing that could be asked for, and is left out. */
  const realRoots = async (among: readonly string[]): Promise<string[]> => {
    const found = await Promise.allSettled(among.map(realPath));
    return found.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  };

  const confine = async (text: string): Promise<string> => {
    const path = absolute(text);
    const outside = new Fault(
      'outside_roots',
      `${displayPath(path)} is outside the folders that this daemon may use.`,
      {
        place: { path: displayPath(path) },
      },
    );
    // Other roots are asked only where they matter: one on a share that hangs must not hold up the rest.
    const own = roots.filter((root) => isInside(path, root));
    const others = roots.filter((root) => !own.includes(root));
    if (own.length === 0 && !(await realRoots(others)).some((root) => isInside(path, root))) throw outside;
    const target = await realPath(path);
    if ((await realRoots(own)).some((root) => isInside(target, root))) return path;
    if ((await realRoots(others)).some((root) => isInside(target, root))) return path;
    throw outside;
  };

  return {
    get folders() {
      return roots;
    },
    replace: (next) => {
      roots = unique(next);
    },
    confine,
    confineText: async (text) => {
      const path = absolute(text);
      return roots.some((root) => isInside(path, root)) ? path : await confine(path);
    },
    async confineJob(spec) {
      if (spec.symlinks === 'follow' && !roots.includes('/')) {
        throw new Fault(
          'outside_roots',
          'Symlinks are not followed for jobs that come by the API: they could lead outside the folders that this daemon may use.',
        );
      }
      for (const place of placesOf(spec)) {
        if (parseEndpoint(place).scheme === 'file') await confine(place);
      }
    },
    list: (input) => lookup<FolderPage>(input.path, 'api.list_folder', input),
    isRoot: (path) => roots.includes(path),
  };
}

/**
 * Asked before a job, or a transfer of it, goes on after a rest: what it names may have become a symlink meanwhile. Jobs without an
 * owner come from the configuration, which may name any place. Rejects like `confineJob`.
 */
export async function confineAgain(
  { reader, roots }: { readonly reader: StoreReader; readonly roots: Roots },
  jobId: string,
): Promise<void> {
  const job = await reader.job(jobId);
  if (job === undefined || job.owner === null) return;
  const spec = jobSpecSchema.safeParse(job.spec);
  if (spec.success) await roots.confineJob(spec.data);
}

function placesOf(spec: JobSpec): readonly string[] {
  switch (spec.kind) {
    case 'copy':
      return [...spec.sources, spec.destination];
    case 'watch':
      return [spec.source, ...spec.destinations, ...(spec.moveTo === null ? [] : [spec.moveTo])];
    case 'sync':
      return [spec.source, ...spec.destinations];
    case 'offload':
      // What is left out goes to the media folder.
      return [spec.downloadDir, spec.processedDir].filter((place) => place !== null);
    case 'share':
      return [...spec.send, ...(spec.to === null ? [] : [spec.to])];
  }
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
