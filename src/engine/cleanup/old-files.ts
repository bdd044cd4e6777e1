// Finds the files of a place that are old enough to be cleaned away, and are not to be preserved; says whether all of it could be listed.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { CleanupSpec } from '../../model/cleanup-schema.ts';
import { asFault, type FaultReport } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { baseName, parentPath, safeRelativePath } from '../../model/names.ts';
import { compileGlob } from '../glob.ts';

export interface OldFiles {
  readonly scanned: number;
  readonly old: readonly Entry[];
  readonly young: number;
  readonly preserved: number;
  /** How many things each dated folder holds, by its path. */
  readonly dated: ReadonlyMap<string, number>;
  /** Why a listing failed or broke off: nothing may be deleted then. */
  readonly fault: FaultReport | undefined;
}

/** Rejects with `name_unsafe` and `invalid` (a folder, a pattern), and with the signal's reason; never for what the place says. */
export async function findOld(
  endpoint: Endpoint,
  spec: Pick<CleanupSpec, 'folders' | 'ageHours' | 'preservePatterns'>,
  now: number,
  signal: AbortSignal,
): Promise<OldFiles> {
  const keeps = preserves(spec.preservePatterns);
  const before = now - spec.ageHours * 3_600_000;
  const old: Entry[] = [];
  const held = new Map<string, number>();
  let [scanned, young, preserved] = [0, 0, 0];
  let fault: FaultReport | undefined;
  for (const folder of chosenFolders(spec.folders)) {
    try {
      for await (const entry of endpoint.list(folder, { signal })) {
        const parent = parentPath(entry.path);
        if (held.has(parent)) held.set(parent, (held.get(parent) ?? 0) + 1);
        if (entry.kind === 'folder' && isDated(entry.path)) held.set(entry.path, 0);
        if (entry.kind !== 'file') continue;
        scanned += 1;
        // A place that does not say when a file was written cannot say that it is old.
        if (entry.mtimeUnknown === true || !(entry.mtimeMs <= before)) young += 1;
        else if (keeps(entry.path)) preserved += 1;
        else old.push(entry);
      }
    } catch (error) {
      signal.throwIfAborted();
      const found = asFault(error);
      // A chosen folder that is not there has nothing in it; a whole place that is not there is trouble.
      if (found.code === 'not_found' && folder !== '' && (await isThere(endpoint, signal))) continue;
      fault ??= found.report();
    }
  }
  return { scanned, old, young, preserved, dated: held, fault };
}

async function isThere(endpoint: Endpoint, signal: AbortSignal): Promise<boolean> {
  try {
    return (await endpoint.stat('', { signal }))?.kind === 'folder';
  } catch {
    return false;
  }
}

/** None is in another. */
function chosenFolders(folders: readonly string[]): readonly string[] {
  const safe = [...new Set(folders.map((folder) => safeRelativePath(folder)))];
  if (safe.length === 0 || safe.includes('')) return [''];
  return safe.filter((folder) => !safe.some((other) => other !== folder && folder.startsWith(`${other}/`)));
}

/** A pattern that names a folder keeps all that is in it. */
function preserves(patterns: readonly string[]): (path: string) => boolean {
  const matches = patterns.map((pattern) => ({
    holds: compileGlob(pattern, { ignoreCase: true, basename: true }),
    // A pattern that is turned round says something of files alone.
    ofFolders: !pattern.startsWith('!'),
  }));
  return (path) =>
    matches.some(({ holds, ofFolders }) => {
      if (holds(path)) return true;
      for (let at = parentPath(path); ofFolders && at !== ''; at = parentPath(at)) if (holds(at)) return true;
      return false;
    });
}

/** `2026-11-21`, as generators name the folder of a day. */
export function isDated(path: string): boolean {
  const found = /^(\d{4})-(\d{2})-(\d{2})$/.exec(baseName(path));
  if (found === null) return false;
  const [, , month = 0, day = 0] = found.map(Number);
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}
