// Reads the history of a folder from its `ascmhl` folder, and says what of it cannot be trusted.

import { readdirSync, readFileSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { type DigestName, digestOf } from '../../endpoints/digest.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath, joinPath, pathFromBytes } from '../../model/names.ts';
import { statAt } from '../process/work-tree.ts';
import { type ChainLink, type HashEntry, type HashList, readChain, readHashList } from './hash-list.ts';

export const historyFolder = 'ascmhl';
export const chainFile = 'ascmhl_chain.xml';

/** What is known of one file from all generations. */
export interface KnownFile {
  readonly sizeBytes: number | null;
  /** The newest of each format that did not fail. */
  readonly entries: ReadonlyMap<DigestName, HashEntry>;
}

export interface History {
  readonly links: readonly ChainLink[];
  readonly files: ReadonlyMap<string, KnownFile>;
  readonly ignore: readonly string[];
  /** Generations that are missing, changed, unreadable or not in the chain; one sentence each. */
  readonly problems: readonly string[];
}

/** `folder` lies below the root; '' is the root. Undefined where it has no history. Throws `corrupt` where the chain cannot be read. */
export function readHistory(confined: ConfinedRoot, folder: string): History | undefined {
  const place = joinPath(folder, historyFolder);
  const chainPath = joinPath(place, chainFile);
  if (statAt(confined, place)?.isDirectory() !== true) return undefined;
  const problems: string[] = [];
  const present = generationsIn(confined, place);
  if (statAt(confined, chainPath)?.isFile() !== true) {
    if (present.length === 0) return undefined;
    throw new Fault(
      'corrupt',
      `${displayPath(chainPath)} is missing; there are ${present.length} generations without it.`,
    );
  }
  const links = readChain(readText(confined, chainPath), chainPath);
  const files = new Map<string, { sizeBytes: number | null; entries: Map<DigestName, HashEntry> }>();
  let ignore: readonly string[] = [];
  for (const [at, link] of links.entries()) {
    const path = joinPath(place, link.file);
    const shown = displayPath(path);
    if (link.number !== at + 1) problems.push(`The chain has no generation ${at + 1} before ${link.number}.`);
    if (!present.includes(link.file)) {
      problems.push(`${shown}, generation ${link.number}, is missing.`);
      continue;
    }
    const bytes = readFileSync(confined.file(path));
    if (digestOf('c4', bytes) !== link.c4) problems.push(`${shown} is not what the chain says: its C4 ID is another.`);
    let list: HashList;
    try {
      list = readHashList(bytes.toString('utf8'), path);
    } catch (error) {
      problems.push(asFault(error).message);
      continue;
    }
    ignore = list.ignore;
    for (const hash of list.hashes) {
      if (hash.kind !== 'file') continue;
      if (hash.previousPath !== null) files.delete(hash.previousPath);
      const known = files.get(hash.path) ?? { sizeBytes: null, entries: new Map() };
      for (const entry of hash.entries) {
        if (entry.action === 'failed') continue;
        known.entries.set(entry.format, entry);
        known.sizeBytes = hash.sizeBytes;
      }
      files.set(hash.path, known);
    }
  }
  for (const name of present) {
    if (!links.some(({ file }) => file === name))
      problems.push(`${displayPath(joinPath(place, name))} is not in the chain.`);
  }
  return { links, files, ignore, problems };
}

/** Names of generation files. */
export function generationsIn(confined: ConfinedRoot, place: string): string[] {
  return readdirSync(confined.openFolder(place).self, 'buffer')
    .map((name) => pathFromBytes(name))
    .filter((name) => name.endsWith('.mhl') && !name.startsWith('.'))
    .sort();
}

export function readText(confined: ConfinedRoot, path: string): string {
  try {
    return readFileSync(confined.file(path), 'utf8');
  } catch (error) {
    throw errnoFault(error, { operation: 'read', path, place: confined.root });
  }
}
