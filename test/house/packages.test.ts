// What is installed is pinned: exact versions, a lock that holds every platform's package and names no server.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { repository } from './sources.ts';

interface Locked {
  readonly version?: string;
  readonly integrity?: string;
  readonly resolved?: string;
  readonly optional?: boolean;
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly name?: string;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

const read = (name: string) => JSON.parse(readFileSync(join(repository, name), 'utf8'));
const manifest = read('package.json');
const locked = read('package-lock.json').packages as Readonly<Record<string, Locked>>;

/** Where Node, and npm, would find a package from inside of another. */
function found(from: string, name: string): Locked | undefined {
  for (let at = from; ; at = at.slice(0, Math.max(0, at.lastIndexOf('/node_modules/')))) {
    const entry = locked[`${at === '' ? '' : `${at}/`}node_modules/${name}`];
    if (entry !== undefined || at === '') return entry;
    if (!at.includes('/node_modules/')) at = '';
  }
}

describe('the packages', () => {
  test('are named by exact version, and the lock has that version', () => {
    for (const kind of ['dependencies', 'devDependencies', 'optionalDependencies']) {
      for (const [name, version] of Object.entries(manifest[kind] as Record<string, string>)) {
        expect(version, name).toMatch(/^\d+\.\d+\.\d+$/);
        expect(locked[`node_modules/${name}`]?.version, name).toBe(version);
        expect(locked[`node_modules/${name}`]?.name, name).toBeUndefined();
      }
    }
  });

  test('come from wherever npm is told to look: the lock names no server', () => {
    for (const [path, entry] of Object.entries(locked)) expect(entry.resolved, path).toBeUndefined();
  });

  test('have a checksum, but for those of platforms that are not tested', () => {
    const bare = Object.entries(locked).filter(([path, entry]) => path !== '' && entry.integrity === undefined);
    const wrong = bare.filter(([, entry]) => !entry.optional || entry.cpu === undefined);
    expect(wrong.map(([path]) => path)).toEqual([]);
  });

  test('include every platform’s, else npm ci refuses the lock', () => {
    const missing = Object.entries(locked).flatMap(([path, entry]) =>
      Object.keys(entry.optionalDependencies ?? {})
        .filter((name) => found(path, name) === undefined)
        .map((name) => `${path} needs ${name}`),
    );
    expect(missing).toEqual([]);
  });
});
