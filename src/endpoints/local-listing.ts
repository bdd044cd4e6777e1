// One step of listing a local tree, inside a worker: a bounded part, so that no listing keeps other calls waiting.

import { readdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { type Fault, type FaultReport, faultFrom } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { isText, joinPath, parentPath, pathBytes, pathFromBytes } from '../model/names.ts';
import type { ConfinedFolder, ConfinedRoot, FilePath } from './confined.ts';
import { errnoFault } from './errno.ts';
import { readEntry } from './local-entry.ts';
import { type PackedEntries, packEntries } from './packed-entries.ts';

/** What is still to be listed: a whole folder, or some names of one. The last of a list comes first. */
export interface ListingTask {
  readonly folder: string;
  readonly names?: readonly string[];
}

export interface ListingStep {
  readonly entries: PackedEntries;
  readonly rest: readonly ListingTask[];
  /** Folders below the start that could not be read; the listing goes on and rejects at its end. */
  readonly troubles: readonly FaultReport[];
}

const entriesPerStep = 2_000;

/** Lists tasks until some 2,000 entries are found. `start` is the folder whose absence is a fault; others may go while they are listed. */
export function listStep(
  root: ConfinedRoot,
  start: string,
  tasks: readonly ListingTask[],
  beforeCall: () => void,
): ListingStep {
  const stack = [...tasks];
  const entries: Entry[] = [];
  const troubles: FaultReport[] = [];
  while (entries.length < entriesPerStep) {
    const task = stack.pop();
    if (task === undefined) break;
    try {
      const folder = root.openFolder(task.folder);
      if (task.names === undefined) {
        beforeCall();
        stack.push(...chunks(task.folder, namesIn(folder)));
      } else listNames(folder, task.names, stack, entries, beforeCall, root);
    } catch (error) {
      const fault = errnoFault(error, { operation: 'list', path: task.folder, place: root.root });
      if (task.folder === start) throw fault;
      if (fault.code === 'permission') troubles.push(fault.report());
      else if (!gone.has(fault.code)) throw fault;
    }
  }
  return { entries: packEntries(entries), rest: stack, troubles };
}

/** A folder that was removed, or replaced by something else, between its naming and its reading. */
const gone = new Set<string>(['not_found', 'exists', 'name_unsafe']);

/** Entries of `names` up to the first folder, which goes onto the stack before the rest of the names. */
function listNames(
  folder: ConfinedFolder,
  names: readonly string[],
  stack: ListingTask[],
  entries: Entry[],
  beforeCall: () => void,
  root: ConfinedRoot,
): void {
  const plain = plainFolder(folder, names.length, root, beforeCall);
  const before = entries.length;
  let next = names.length;
  let trouble: unknown;
  try {
    next = addEntries(plain?.at ?? folder.at, folder.path, names, entries, beforeCall);
  } catch (error) {
    trouble = error;
  }
  if (plain?.moved()) {
    entries.length = before;
    stack.push({ folder: folder.path, names });
    return;
  }
  if (trouble !== undefined) throw trouble;
  if (next === names.length) return;
  if (next + 1 < names.length) stack.push({ folder: folder.path, names: names.slice(next + 1) });
  stack.push({ folder: joinPath(folder.path, names[next] ?? '') });
}

/** Returns the place of the first folder among the names, whose entry is the last one added; their number where there is none. */
function addEntries(
  at: (name: string) => FilePath,
  folder: string,
  names: readonly string[],
  entries: Entry[],
  beforeCall: () => void,
): number {
  for (const [index, name] of names.entries()) {
    const entry = readEntry(at(name), joinPath(folder, name), beforeCall);
    if (entry === undefined) continue;
    entries.push(entry);
    if (entry.kind === 'folder') return index;
  }
  return names.length;
}

const fewNames = 32;
const longPathBytes = 3_500;
const deepest = 16;
/** More than one step of any kernel's clock for times of files. */
const settledMs = 100;

/**
 * Looking up many names by the folder's own path takes half the time of the walk through /proc. That is safe as long as nobody has
 * renamed anything on the way to it, which would show in the change times of the folders above it: nobody can set those, and they are
 * looked at only where they are old enough that a change now cannot leave them as they are. Where `moved` says otherwise, what was
 * read may come from elsewhere and is thrown away.
 */
function plainFolder(
  folder: ConfinedFolder,
  count: number,
  root: ConfinedRoot,
  beforeCall: () => void,
): { at: (name: string) => FilePath; moved: () => boolean } | undefined {
  const path = `${root.root}/${folder.path}`;
  if (count < fewNames || !isText(path) || path.length * 3 > longPathBytes) return undefined;
  // The folder itself must not be closed by the walk to those above it.
  if (folder.path.split('/').length > deepest) return undefined;
  const look = (file: FilePath) => {
    beforeCall();
    return statSync(file, { bigint: true, throwIfNoEntry: false });
  };
  const waysIn: FilePath[] = [dirname(root.root)];
  for (let above = folder.path; above !== ''; ) {
    above = parentPath(above);
    waysIn.push(root.openFolder(above).self);
  }
  const changeTimes = () => waysIn.map((way) => look(way)?.ctimeNs ?? 0n);
  const before = changeTimes();
  const settledNs = BigInt(Date.now() - settledMs) * 1_000_000n;
  if (before.some((time) => time > settledNs)) return undefined;
  const [opened, named] = [look(folder.self), look(path)];
  if (opened === undefined || opened.dev !== named?.dev || opened.ino !== named.ino) return undefined;
  return {
    at: (name) => (isText(name) ? `${path}/${name}` : folder.at(name)),
    moved: () => changeTimes().some((time, at) => time !== before[at]),
  };
}

function chunks(folder: string, names: readonly string[]): ListingTask[] {
  const tasks: ListingTask[] = [];
  for (let at = 0; at < names.length; at += entriesPerStep) {
    tasks.push({ folder, names: names.slice(at, at + entriesPerStep) });
  }
  return tasks.reverse();
}

/** In order of their bytes. Names that are not UTF-8 show as U+FFFD; only then is the folder read a second time, as bytes. */
function namesIn(folder: ConfinedFolder): string[] {
  let names: string[] = readdirSync(folder.self);
  if (names.some((name) => name.includes('\ufffd'))) {
    names = readdirSync(folder.self, 'buffer').map((name) => pathFromBytes(name));
  }
  // UTF-16 sorts as the bytes of UTF-8 do, except where surrogates come into it.
  if (names.some((name) => /[\ud800-\uffff]/.test(name))) {
    return names
      .map((name) => ({ name, bytes: pathBytes(name) }))
      .sort((a, b) => Buffer.compare(a.bytes, b.bytes))
      .map(({ name }) => name);
  }
  return names.sort();
}

/** A fault for a listing that left folders out. */
export function troubleFault(troubles: readonly FaultReport[]): Fault | undefined {
  const [first] = troubles;
  if (first === undefined) return undefined;
  const more = troubles.length > 1 ? ` So it is with ${troubles.length - 1} more folders.` : '';
  return faultFrom({ ...first, message: first.message + more });
}
