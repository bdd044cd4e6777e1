// Compares a source tree with its destination, folder by folder, inside a worker; only what differs comes back.

import { readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import type { ConfinedFolder, ConfinedRoot } from '../endpoints/confined.ts';
import { errnoFault } from '../endpoints/errno.ts';
import { lookIn } from '../endpoints/look-at.ts';
import type { FileFacts } from '../endpoints/system-calls.ts';
import { Fault, type FaultReport } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import type { SymlinkPolicy } from '../model/moving.ts';
import { displayPath, joinPath, pathFromBytes } from '../model/names.ts';
import { createSelection } from './selection.ts';

/** A folder that is still to be compared, or some of its names. */
export interface CompareTask {
  /** Absolute; differs from the source's own root where a symlink was followed. */
  readonly root: string;
  /** Below `root`. */
  readonly source: string;
  /** Below the job's source, which is what selections are about. */
  readonly name: string;
  /** Below the destination's root. */
  readonly destination: string;
  /** False where the destination has no such folder: then nothing below it has to be looked at. */
  readonly there: boolean;
  readonly names?: readonly string[];
  /** Roots of the symlinks that led here. */
  readonly followed: readonly string[];
}

export interface CompareInput {
  readonly tasks: readonly CompareTask[];
  readonly destinationRoot: string;
  /** Times that differ by no more than this are the same. */
  readonly precisionMs: number;
  readonly include: readonly string[];
  readonly exclude: readonly string[];
  readonly symlinks: SymlinkPolicy;
  readonly checksum: boolean;
  /** Name the unchanged files too. */
  readonly wantSame: boolean;
}

export interface ComparedEntry {
  /** Its path is below `root`. */
  readonly entry: Entry;
  readonly root: string;
  readonly destination: string;
  /** What stands at the destination; null where nothing does. */
  readonly existing: { readonly kind: Entry['kind']; readonly sizeBytes: number; readonly mtimeMs: number } | null;
}

export interface ComparedFolder {
  /** Below the destination's root. */
  readonly path: string;
  readonly mtimeMs: number;
  readonly mode: number;
  readonly there: boolean;
  /** Time and mode are those of the source already. */
  readonly same: boolean;
}

export interface Compared {
  readonly files: number;
  readonly bytes: number;
  readonly same: number;
  readonly sameBytes: number;
  readonly sameFiles: readonly ComparedEntry[];
  readonly differing: readonly ComparedEntry[];
  readonly folders: readonly ComparedFolder[];
  /** Symlinks that are not followed. `same` where the destination has the same one. */
  readonly symlinks: readonly (ComparedEntry & { readonly same: boolean })[];
  /** Paths below the job's source of FIFOs, sockets and devices. */
  readonly specials: readonly string[];
  /** Folders and symlinks that could not be looked at or must not be entered. */
  readonly refused: readonly (Pick<ComparedEntry, 'destination' | 'root'> & {
    readonly path: string;
    readonly fault: FaultReport;
  })[];
  readonly rest: readonly CompareTask[];
}

export interface CompareTools {
  sourceRoot(root: string): ConfinedRoot;
  destinationRoot(): ConfinedRoot;
  beforeSource(): void;
  beforeDestination(): void;
  hash(root: ConfinedRoot, path: string, side: 'source' | 'destination'): string;
}

const entriesAtOnce = 3_000;
/** Hashing this much counts as one entry more. */
const bytesPerEntry = 64 * 1024;

type Mutable<Of> = { -readonly [Key in keyof Of]: Of[Key] extends readonly (infer Item)[] ? Item[] : Of[Key] };

export function compareTasks(input: CompareInput, tools: CompareTools): Compared {
  const stack = [...input.tasks];
  const result: Mutable<Compared> = {
    files: 0,
    bytes: 0,
    same: 0,
    sameBytes: 0,
    sameFiles: [],
    differing: [],
    folders: [],
    symlinks: [],
    specials: [],
    refused: [],
    rest: [],
  };
  const walk = createWalk(input, tools, result, stack);
  for (let budget = entriesAtOnce; budget > 0; ) {
    const task = stack.pop();
    if (task === undefined) break;
    budget -= 1;
    try {
      budget -= walk(task, budget);
    } catch (error) {
      const fault = errnoFault(error, { operation: 'list', path: task.source, place: task.root });
      // Of a place that is away nothing can be said of any file: the whole is looked at again later.
      if (fault.code === 'interrupted' || fault.meaning.retry === 'transient' || task.name === '') throw fault;
      // A folder that was removed since it was named is no trouble: it is not there to be copied.
      if (fault.code === 'not_found') continue;
      result.refused.push({ root: task.root, path: task.source, destination: task.destination, fault: fault.report() });
    }
  }
  result.rest = stack;
  return result;
}

function createWalk(input: CompareInput, tools: CompareTools, result: Mutable<Compared>, stack: CompareTask[]) {
  const selection = createSelection(input.include, input.exclude);

  /** Returns how much of the budget it took. */
  return (task: CompareTask, budget: number): number => {
    const root = tools.sourceRoot(task.root);
    const folder = root.openFolder(task.source);
    let names = task.names;
    if (names === undefined) {
      tools.beforeSource();
      names = namesIn(folder);
    }
    const most = Math.max(1, budget);
    for (let at = most; at < names.length; at += entriesAtOnce) {
      stack.push({ ...task, names: names.slice(at, at + entriesAtOnce) });
    }
    names = names.slice(0, most);
    const target = targetOf(task, names.length);
    const lookAt = lookIn(folder, names.length);
    let taken = names.length;
    for (const name of names) {
      tools.beforeSource();
      const stats = lookAt(name);
      if (stats === undefined) continue;
      taken += look({ task, root, folder, name, source: joinPath(task.source, name), stats, target });
    }
    return taken;
  };

  /** The destination's folder; undefined where it is not there, or not any more. */
  function targetOf(task: CompareTask, count: number): Target | undefined {
    if (!task.there) return undefined;
    try {
      const folder = tools.destinationRoot().openFolder(task.destination);
      return { folder, look: lookIn(folder, count) };
    } catch (error) {
      if (error instanceof Fault && error.code === 'not_found') return undefined;
      throw error;
    }
  }

  interface Target {
    readonly folder: ConfinedFolder;
    readonly look: (name: string) => FileFacts | undefined;
  }

  interface Found {
    readonly task: CompareTask;
    readonly root: ConfinedRoot;
    readonly folder: ConfinedFolder;
    readonly name: string;
    /** Below the task's root. */
    readonly source: string;
    readonly stats: FileFacts;
    readonly target: Target | undefined;
  }

  function look(found: Found): number {
    const { task, name, stats } = found;
    const path = joinPath(task.name, name);
    if (stats.isDirectory()) {
      if (selection.enters(path)) enter(found, path);
      return 0;
    }
    if (!selection.takes(path, name)) return 0;
    if (stats.isFile()) return compareFile(found);
    if (!stats.isSymbolicLink()) result.specials.push(path);
    else if (input.symlinks === 'follow') follow(found, path);
    else keepSymlink(found);
    return 0;
  }

  function existingAt({ target, name }: Found): FileFacts | undefined {
    if (target === undefined) return undefined;
    tools.beforeDestination();
    return target.look(name);
  }

  function enter(found: Found, path: string): void {
    const { task, source, stats } = found;
    const destination = joinPath(task.destination, found.name);
    const there = existingAt(found);
    if (there !== undefined && !there.isDirectory()) {
      result.refused.push({
        root: task.root,
        path: source,
        destination,
        fault: inTheWay(destination, input.destinationRoot, there),
      });
      return;
    }
    result.folders.push({
      path: destination,
      mtimeMs: stats.mtimeMs,
      mode: stats.mode & 0o7777,
      there: there !== undefined,
      same: there !== undefined && sameTime(there, stats) && (there.mode & 0o7777) === (stats.mode & 0o7777),
    });
    stack.push({
      root: task.root,
      source,
      name: path,
      destination,
      there: there !== undefined,
      followed: task.followed,
    });
  }

  function compareFile(found: Found): number {
    const { task, root, source, stats } = found;
    const destination = joinPath(task.destination, found.name);
    const there = existingAt(found);
    result.files += 1;
    result.bytes += stats.size;
    const { same, cost } = compareContent(root, source, stats, destination, there);
    if (same) {
      result.same += 1;
      result.sameBytes += stats.size;
      if (!input.wantSame) return cost;
    }
    const list = same ? result.sameFiles : result.differing;
    list.push({ entry: entryOf(source, stats), root: task.root, destination, existing: existingOf(there) });
    return cost;
  }

  function compareContent(
    root: ConfinedRoot,
    source: string,
    stats: FileFacts,
    destination: string,
    there: FileFacts | undefined,
  ) {
    if (there === undefined || !there.isFile() || there.size !== stats.size) return { same: false, cost: 0 };
    if (!input.checksum) return { same: sameTime(there, stats), cost: 0 };
    const same = tools.hash(root, source, 'source') === tools.hash(tools.destinationRoot(), destination, 'destination');
    return { same, cost: Math.ceil((2 * stats.size) / bytesPerEntry) };
  }

  function keepSymlink(found: Found): void {
    const { task, source, stats, folder, target, name } = found;
    const there = existingAt(found);
    tools.beforeSource();
    const linkTarget = pathFromBytes(readlinkSync(folder.at(name), 'buffer'));
    const same =
      there?.isSymbolicLink() === true &&
      target !== undefined &&
      pathFromBytes(readlinkSync(target.folder.at(name), 'buffer')) === linkTarget;
    result.symlinks.push({
      entry: { ...entryOf(source, stats), kind: 'symlink', linkTarget },
      root: task.root,
      destination: joinPath(task.destination, name),
      existing: existingOf(there),
      same,
    });
  }

  function follow(found: Found, path: string): void {
    const { task, source } = found;
    const file = found.folder.at(found.name);
    const destination = joinPath(task.destination, found.name);
    const refuse = (fault: Fault) =>
      result.refused.push({ root: task.root, path: source, destination, fault: fault.report() });
    try {
      tools.beforeSource();
      const real = pathFromBytes(realpathSync.native(file, 'buffer'));
      const stats = statSync(file);
      const slash = real.lastIndexOf('/');
      if (stats.isDirectory()) {
        const own = joinPath(task.root, task.source);
        if (task.followed.includes(real) || own === real || own.startsWith(`${real}/`)) {
          refuse(new Fault('name_unsafe', `${displayPath(source)} is a symlink that leads in a circle.`));
          return;
        }
        const there = existingAt(found);
        if (there !== undefined && !there.isDirectory()) {
          result.refused.push({
            root: task.root,
            path: source,
            destination,
            fault: inTheWay(destination, input.destinationRoot, there),
          });
          return;
        }
        result.folders.push({
          path: destination,
          mtimeMs: stats.mtimeMs,
          mode: stats.mode & 0o7777,
          there: there !== undefined,
          same: false,
        });
        stack.push({
          root: real,
          source: '',
          name: path,
          destination,
          there: there !== undefined,
          followed: [...task.followed, real],
        });
      } else if (stats.isFile()) {
        const root = real.slice(0, Math.max(1, slash));
        const name = real.slice(slash + 1);
        compareFile({
          ...found,
          task: { ...task, root, destination: task.destination },
          root: tools.sourceRoot(root),
          source: name,
          stats,
        });
      } else result.specials.push(path);
    } catch (error) {
      refuse(errnoFault(error, { operation: 'follow the symlink', path: source, place: task.root }));
    }
  }

  function sameTime(one: FileFacts, other: FileFacts): boolean {
    return Math.abs(one.mtimeMs - other.mtimeMs) <= input.precisionMs;
  }
}

function entryOf(path: string, stats: FileFacts): Entry {
  return { path, kind: 'file', sizeBytes: stats.size, mtimeMs: stats.mtimeMs, mode: stats.mode & 0o7777 };
}

function existingOf(stats: FileFacts | undefined): ComparedEntry['existing'] {
  if (stats === undefined) return null;
  const kind = stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : stats.isSymbolicLink() ? 'symlink' : 'other';
  return { kind, sizeBytes: stats.size, mtimeMs: stats.mtimeMs };
}

function inTheWay(path: string, root: string, stats: FileFacts): FaultReport {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  const what = stats.isSymbolicLink() ? 'a symlink' : 'a file';
  const text = `${place.path} in ${place.endpoint} is ${what}, and a folder is needed there.`;
  return new Fault(stats.isSymbolicLink() ? 'name_unsafe' : 'exists', text, { place }).report();
}

/** Names that are not UTF-8 show as U+FFFD; only then is the folder read a second time, as bytes. */
function namesIn(folder: ConfinedFolder): string[] {
  const names = readdirSync(folder.self);
  if (!names.some((name) => name.includes('\ufffd'))) return names;
  return readdirSync(folder.self, 'buffer').map((name) => pathFromBytes(name));
}
