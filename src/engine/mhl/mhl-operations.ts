// Writes and checks ASC MHL histories inside a mount pool's workers.

import { constants, readdirSync, readSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { createDigest, type DigestName, digestOf } from '../../endpoints/digest.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { MhlFormat } from '../../model/hash.ts';
import { baseName, displayPath, joinPath, pathFromBytes } from '../../model/names.ts';
import { within } from '../mover/lane-file.ts';
import { workRoot } from '../process/process-operations.ts';
import { writeWholeFile } from '../process/whole-file.ts';
import { statAt } from '../process/work-tree.ts';
import { createSelection, type Selection } from '../selection.ts';
import { createFolderHasher, type FolderDigests } from './folder-hash.ts';
import {
  canBeNamed,
  type FileHash,
  type FolderHash,
  type HashAction,
  type HashEntry,
  type HashList,
  readHashList,
  writeChain,
  writeHashList,
} from './hash-list.ts';
import { chainFile, generationsIn, type History, historyFolder, readHistory, readText } from './history.ts';

export interface AppendInput {
  /** Absolute. */
  readonly root: string;
  readonly format: MhlFormat;
  readonly process: 'in-place' | 'transfer';
  readonly host: string;
  readonly tool: { readonly name: string; readonly version: string };
  /** Milliseconds since 1970. */
  readonly now: number;
}

export interface Appended {
  /** Its name in the folder `ascmhl`. */
  readonly file: string;
  readonly number: number;
  readonly files: number;
  readonly bytes: number;
  /** Not what earlier generations say. */
  readonly failed: readonly string[];
  /** In earlier generations, and no longer there. */
  readonly missing: readonly string[];
  /** Left out: XML cannot hold their names. */
  readonly unnamed: readonly string[];
  /** What is wrong with the generations that were there. */
  readonly problems: readonly string[];
}

export type MhlVerdict = 'ok' | 'changed' | 'missing' | 'new' | 'unreadable';

/** What is told of one file while a folder is checked. */
export interface MhlFinding {
  readonly path: string;
  readonly verdict: MhlVerdict;
  readonly why: string;
  readonly bytes: number;
}

export interface MhlChecked {
  readonly generations: number;
  readonly problems: readonly string[];
}

export const operations = {
  'mhl.append': append,
  'mhl.check': check,
  'mhl.isThere': isThere,
};

/** As the reference implementation has them, and what is never a file of anybody's. */
const ignored = ['.DS_Store', historyFolder, `${historyFolder}/`, workRoot, `${workRoot}/`, '.*.partial'];

/** True where the folder has a history; false where it is none, or no folder. */
function isThere({ root }: { readonly root: string }, { control }: OperationContext): boolean {
  try {
    return within(control, sides.source, root, (confined) => {
      const chain = statAt(confined, joinPath(historyFolder, chainFile));
      if (chain !== undefined) return true;
      return (
        statAt(confined, historyFolder)?.isDirectory() === true && generationsIn(confined, historyFolder).length > 0
      );
    });
  } catch (error) {
    if (['not_found', 'exists'].includes(asFault(error).code)) return false;
    throw error;
  }
}

/** A new generation with every file of the folder as it is now. */
function append(input: AppendInput, { control }: OperationContext): Appended {
  return within(control, sides.source, input.root, (confined) => {
    const hasChain = statAt(confined, joinPath(historyFolder, chainFile)) !== undefined;
    if (!hasChain) removeUnfinished(confined, 1, input.tool.name, undefined);
    const history = readHistory(confined, '');
    const ignore = [...new Set([...(history?.ignore ?? []), ...ignored])];
    const hashes: (FileHash | FolderHash)[] = [];
    const result = { files: 0, bytes: 0, failed: [] as string[], unnamed: [] as string[] };
    const seen = new Set<string>();
    const date = new Date(input.now).toISOString();
    const walkFolder = (folder: string): FolderDigests => {
      const hasher = createFolderHasher(input.format);
      for (const { path, stats } of entriesIn(confined, folder, createSelection([], ignore))) {
        if (!canBeNamed(path)) {
          result.unnamed.push(path);
          continue;
        }
        const modified = new Date(Number(stats.mtimeMs)).toISOString();
        if (stats.isDirectory()) {
          const digests = walkFolder(path);
          hasher.folder(baseName(path), digests);
          hashes.push({ kind: 'folder', path, modified, ...folderEntries(input.format, digests, date) });
          continue;
        }
        const known = history?.files.get(path);
        const formats = new Set<DigestName>([input.format]);
        // In a format that is known, too: it says whether the file is still what it was.
        if (known !== undefined && !known.entries.has(input.format)) {
          const [first] = known.entries.keys();
          if (first !== undefined) formats.add(first);
        }
        const { values, bytes } = digestFile(confined, path, [...formats], control);
        const isSame = [...formats].every((format) => {
          const before = known?.entries.get(format);
          return before === undefined || before.value === values[format];
        });
        const action: HashAction = known === undefined ? 'original' : isSame ? 'verified' : 'failed';
        if (!isSame) result.failed.push(path);
        result.files += 1;
        result.bytes += bytes;
        seen.add(path);
        hasher.file(baseName(path), values[input.format] ?? '');
        const entries = [...formats].map((format) => ({ format, value: values[format] ?? '', action, date }));
        hashes.push({ kind: 'file', path, sizeBytes: bytes, modified, entries, previousPath: null });
      }
      return hasher.digests();
    };
    const root = folderEntries(input.format, walkFolder(''), date);
    const { process, host, tool } = input;
    const number = (history?.links.at(-1)?.number ?? 0) + 1;
    const file = `${String(number).padStart(4, '0')}_${fileStem(input.root)}_${fileTime(date)}.mhl`;
    const xml = writeHashList({ created: date, host, tool, process, root, ignore, hashes });
    removeUnfinished(confined, number, tool.name, history);
    writeWholeFile(confined, joinPath(historyFolder, file), xml, control);
    const links = [...(history?.links ?? []), { number, file, c4: digestOf('c4', Buffer.from(xml)) }];
    writeWholeFile(confined, joinPath(historyFolder, chainFile), writeChain(links), control);
    confined.syncMade();
    const missing = [...(history?.files.keys() ?? [])].filter((path) => !seen.has(path));
    return { file, number, ...result, missing, problems: history?.problems ?? [] };
  });
}

/** Every file against what its history says of it last; those of a history of its own further down against that. */
function check({ root }: { readonly root: string }, { control, emit }: OperationContext): MhlChecked {
  return within(control, sides.source, root, (confined) => {
    const problems: string[] = [];
    let generations = 0;
    const tell = (finding: MhlFinding) => emit(finding);
    const checkHistory = (folder: string, history: History) => {
      problems.push(...history.problems);
      generations += history.links.length;
      const seen = new Set<string>();
      const selection = createSelection([], [...new Set([...history.ignore, ...ignored])]);
      const below = (path: string) => (folder === '' ? path : path.slice(folder.length + 1));
      const walkFolder = (at: string) => {
        for (const { path, stats } of entriesIn(confined, at, selection)) {
          if (stats.isDirectory()) {
            const inner = readHistory(confined, path);
            // What the outer one knows of it stays the outer one's.
            if (inner !== undefined && ![...history.files.keys()].some((file) => file.startsWith(`${below(path)}/`))) {
              checkHistory(path, inner);
            } else walkFolder(path);
            continue;
          }
          seen.add(below(path));
          tell(judge(confined, path, Number(stats.size), history, below(path), control));
        }
      };
      walkFolder(folder);
      for (const path of history.files.keys()) {
        if (!seen.has(path)) tell({ path: joinPath(folder, path), verdict: 'missing', why: '', bytes: 0 });
      }
    };
    const history = readHistory(confined, '');
    if (history === undefined) throw new Fault('not_found', `${displayPath(root)} has no ASC MHL history.`);
    checkHistory('', history);
    return { generations, problems };
  });
}

function judge(
  confined: ConfinedRoot,
  path: string,
  bytes: number,
  history: History,
  name: string,
  control: Control,
): MhlFinding {
  const known = history.files.get(name);
  const [entry] = known?.entries.values() ?? [];
  if (known === undefined || entry === undefined) return { path, verdict: 'new', why: '', bytes: 0 };
  if (known.sizeBytes !== null && known.sizeBytes !== bytes) {
    return { path, verdict: 'changed', why: `it has ${bytes} bytes and had ${known.sizeBytes}`, bytes: 0 };
  }
  try {
    const formats = [...known.entries.keys()];
    const { values } = digestFile(confined, path, formats, control);
    const other = formats.find((format) => values[format] !== known.entries.get(format)?.value);
    if (other === undefined) return { path, verdict: 'ok', why: '', bytes };
    const why = `its ${other} is ${values[other]} and was ${known.entries.get(other)?.value}`;
    return { path, verdict: 'changed', why, bytes };
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === 'interrupted') throw fault;
    return { path, verdict: 'unreadable', why: fault.message, bytes: 0 };
  }
}

/** Files and folders directly in a folder, sorted by their names; nothing else counts. */
function* entriesIn(confined: ConfinedRoot, folder: string, selection: Selection) {
  let names: string[];
  try {
    names = readdirSync(confined.openFolder(folder).self, 'buffer').map((name) => pathFromBytes(name));
  } catch (error) {
    throw errnoFault(error, { operation: 'list', path: folder, place: confined.root });
  }
  for (const name of names.sort()) {
    const path = joinPath(folder, name);
    const stats = statAt(confined, path);
    if (stats?.isDirectory() === true ? selection.enters(path) : stats?.isFile() === true && selection.takes(path)) {
      if (stats !== undefined) yield { path, stats };
    }
  }
}

const chunkBytes = 1024 * 1024;

function digestFile(confined: ConfinedRoot, path: string, formats: readonly DigestName[], control: Control) {
  const digests = formats.map((format) => ({ format, digest: createDigest(format) }));
  const { fd } = confined.openFile(path, constants.O_RDONLY);
  const buffer = Buffer.allocUnsafe(chunkBytes);
  let bytes = 0;
  try {
    for (;;) {
      if (control.stop !== 0) throw new Fault('interrupted', 'It was stopped.');
      control.enter(sides.source);
      const count = readSync(fd, buffer, 0, buffer.length, null);
      if (count === 0) break;
      for (const { digest } of digests) digest.update(buffer.subarray(0, count));
      bytes += count;
      control.addBytes(count);
    }
  } catch (error) {
    throw errnoFault(error, { operation: 'read', path, place: confined.root, offsetBytes: bytes });
  } finally {
    confined.closeFile(fd);
  }
  const values: Partial<Record<DigestName, string>> = {};
  for (const { format, digest } of digests) values[format] = digest.digest();
  return { values, bytes };
}

function folderEntries(format: MhlFormat, { content, structure }: FolderDigests, date: string) {
  const entry = (value: string): HashEntry => ({ format, value, action: null, date });
  return { content: [entry(content)], structure: [entry(structure)] } satisfies NonNullable<HashList['root']>;
}

/** The folder's own name, as far as a file may be named after it. */
function fileStem(root: string): string {
  const stem = baseName(root)
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .slice(0, 100);
  return stem === '' ? 'root' : stem;
}

/** As the specification's examples have it, in UTC. */
function fileTime(date: string): string {
  return `${date.slice(0, 10)}_${date.slice(11, 19).replaceAll(':', '')}Z`;
}

/** A generation of our own that was written just before a crash never came into the chain. */
function removeUnfinished(confined: ConfinedRoot, number: number, tool: string, history: History | undefined): void {
  if (statAt(confined, historyFolder)?.isDirectory() !== true) return;
  const prefix = `${String(number).padStart(4, '0')}_`;
  for (const name of generationsIn(confined, historyFolder)) {
    if (!name.startsWith(prefix) || history?.links.some(({ file }) => file === name)) continue;
    const path = joinPath(historyFolder, name);
    if (readHashList(readText(confined, path), path).tool.name !== tool) continue;
    const { folder, name: last } = confined.locate(path);
    folder.unlink(last);
  }
}
