// What `wherry copy` is asked for: flags and words as the request that the engine takes, and where the copy's own ledger is.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { xdgFolder } from '../config.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { CopyRequest } from '../model/specs.ts';
import type { Flags } from './command-line.ts';

/** Rejects with `invalid`. */
export function copyRequest(words: readonly string[], flags: Flags): CopyRequest {
  const sources = words.slice(0, -1).map(absolutePlace);
  const destination = words.at(-1);
  if (destination === undefined || sources.length === 0) {
    throw new Fault('invalid', 'wherry copy needs a source and a destination: wherry copy SRC… DST.');
  }
  return {
    kind: 'copy',
    sources,
    destination: absolutePlace(destination),
    checksum: flags.is('checksum'),
    move: flags.is('move'),
    ...movingWishes(flags),
  };
}

/** How a job's bytes are to move, as far as options say so. Rejects with `invalid`. */
export function movingWishes(flags: Flags) {
  const extras = (flags.text('preserve') ?? '').split(',').filter((word) => word !== '');
  const known = ['owner', 'xattrs', 'sparse', 'mtime', 'mode'];
  const strange = extras.find((word) => !known.includes(word));
  if (strange !== undefined) {
    throw new Fault('invalid', `--preserve takes ${known.join(', ')}; "${displayPath(strange)}" is none of them.`);
  }
  const symlinks = flags.choice('symlinks', ['skip', 'keep', 'follow']) ?? (flags.is('links') ? 'keep' : undefined);
  const conflict = flags.choice('conflict', ['overwrite', 'newer', 'skip', 'rename', 'fail']);
  const verify = flags.choice('verify', ['read-back', 'far-hash', 'size']);
  const hash = flags.choice('hash', ['xxh128-8m', 'sha256', 'blake3']);
  const transport = flags.choice('transport', ['auto', 'rsync', 'sftp', 'tar']);
  const transfers = flags.number('transfers', 1, 64);
  const bandwidth = flags.text('bwlimit');
  const reserveBytes = flags.sizeBytes('reserve');
  return {
    include: flags.list('include'),
    exclude: flags.list('exclude'),
    preserve: Object.fromEntries(extras.map((word) => [word, true])),
    ...(symlinks === undefined ? {} : { symlinks }),
    ...(conflict === undefined ? {} : { conflict }),
    ...(verify === undefined ? {} : { verify }),
    ...(hash === undefined ? {} : { hash }),
    ...(transport === undefined ? {} : { transport }),
    ...(transfers === undefined ? {} : { transfers }),
    ...(bandwidth === undefined ? {} : { bandwidth }),
    ...(reserveBytes === undefined ? {} : { reserveBytes }),
  };
}

/** A path as an absolute one, by its text alone; a slash at its end stays, for it says that a folder is meant. Addresses stay as they are. */
export function absolutePlace(text: string): string {
  if (text === '') throw new Fault('invalid', 'An empty path names no place.');
  if (/^[a-z][a-z0-9+.-]*:\/\//.test(text)) return text;
  const path = resolve(text);
  return text.endsWith('/') && path !== '/' ? `${path}/` : path;
}

/** What a copy's ledger says of itself. */
export interface CopyPair {
  readonly sources: readonly string[];
  readonly destination: string;
  /** All of them, where there are several. */
  readonly destinations?: readonly string[];
}

/** Where the ledgers of copies without a daemon are; below `data` where that is given. */
export function copyLedgers(data: string | undefined): string {
  return join(data === undefined ? xdgFolder('state') : resolve(data), 'copies');
}

/** The ledger of this pair: made where it is missing, and told what it is for. Rejects with `permission` where it cannot be made. */
export function copyLedger(base: string, pair: CopyPair): string {
  const plain = (place: string) => (place === '/' ? place : place.replace(/\/+$/, ''));
  return ownLedger(base, [pair.sources.map(plain), plain(pair.destination)], pair);
}

/** The ledger that this key names; like `copyLedger`. */
export function ownLedger(base: string, key: unknown, pair: CopyPair): string {
  const folder = join(base, createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 24));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    writeFileSync(join(folder, 'pair.json'), `${JSON.stringify(pair)}\n`, { mode: 0o600 });
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    throw new Fault('ledger', `Its own ledger cannot be kept in ${displayPath(folder)} (${code}).`, {
      cause: error,
    });
  }
  return folder;
}

/** The ledgers of all copies below `base`; none where there is no such folder. */
export function knownCopies(base: string): { readonly folder: string; readonly pair: CopyPair }[] {
  let names: string[];
  try {
    names = readdirSync(base).filter((name) => /^[0-9a-f]{24}$/.test(name));
  } catch {
    return [];
  }
  return names.flatMap((name) => {
    const folder = join(base, name);
    try {
      return [{ folder, pair: JSON.parse(readFileSync(join(folder, 'pair.json'), 'utf8')) as CopyPair }];
    } catch {
      return [];
    }
  });
}
