// The entries of one folder as one text: quick to write, to read, and to hold against a new listing.

import type { Entry } from './manifest.ts';

/** A file as it was when it was brought over. */
export interface KnownFile {
  readonly sizeBytes: number;
  /** Of the source, in milliseconds since 1970. */
  readonly mtimeMs: number;
  /** `algorithm:value`; '' where it is not known. */
  readonly hash: string;
}

/*
 * Four columns, `//` between them: names (`/` between them, which is in none), sizes, times and hashes (a space between them).
 * A name is never empty, so that no name makes a `//`.
 */
const columns = '//';

/** By name, in the map's order; the inverse of `unpackFolder`. */
export function packFolder(files: ReadonlyMap<string, KnownFile>): string {
  const values = [...files.values()];
  return [
    [...files.keys()].join('/'),
    values.map(({ sizeBytes }) => sizeBytes).join(' '),
    values.map(({ mtimeMs }) => mtimeMs).join(' '),
    values.map(({ hash }) => hash).join(' '),
  ].join(columns);
}

export function unpackFolder(text: string): Map<string, KnownFile> {
  const [names = '', sizes = '', times = '', hashes = ''] = text.split(columns);
  const files = new Map<string, KnownFile>();
  if (names === '') return files;
  const size = sizes.split(' ');
  const time = times.split(' ');
  const hash = hashes.split(' ');
  for (const [at, name] of names.split('/').entries()) {
    files.set(name, { sizeBytes: Number(size[at]), mtimeMs: Number(time[at]), hash: hash[at] ?? '' });
  }
  return files;
}

/** As the manifest has it. */
export function entryOf(path: string, { sizeBytes, mtimeMs, hash }: KnownFile): Entry {
  return { path, kind: 'file', sizeBytes, mtimeMs, ...(hash === '' ? {} : { hash }) };
}
