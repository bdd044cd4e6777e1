// The manifest's diff: what it says must turn the one tree into the other, no more and no less.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diff, type Entry, type ManifestDiff, sameContent } from '../../src/model/manifest.ts';

const file = (path: string, content: string, mtimeMs = 1000): Entry => ({
  path,
  kind: 'file',
  sizeBytes: content.length,
  mtimeMs,
  hash: content,
});

const entries = fc
  .array(
    fc.record({
      path: fc.constantFrom('a', 'b', 'c', 'd/e', 'd/f', 'ü'),
      kind: fc.constantFrom<Entry['kind']>('file', 'file', 'file', 'folder', 'symlink'),
      content: fc.constantFrom('', 'x', 'y', 'xx'),
      mtimeMs: fc.constantFrom(1000, 2000),
    }),
    { maxLength: 8 },
  )
  .map((drafts) => {
    const byPath = new Map<string, Entry>();
    for (const { path, kind, content, mtimeMs } of drafts) {
      if (kind === 'file') byPath.set(path, file(path, content, mtimeMs));
      else if (kind === 'folder') byPath.set(path, { path, kind, sizeBytes: 0, mtimeMs });
      else byPath.set(path, { path, kind, sizeBytes: 0, mtimeMs, linkTarget: content });
    }
    return [...byPath.values()];
  });

function apply(before: readonly Entry[], changes: ManifestDiff): Entry[] {
  const tree = new Map(before.map((entry) => [entry.path, entry]));
  for (const entry of changes.deleted) expect(tree.delete(entry.path)).toBe(true);
  for (const { before: was } of changes.renamed) expect(tree.delete(was.path)).toBe(true);
  for (const { before: was, after } of changes.modified) {
    expect(tree.get(was.path)).toBe(was);
    tree.set(after.path, after);
  }
  for (const entry of [...changes.added, ...changes.renamed.map(({ after }) => after)]) {
    expect(tree.has(entry.path)).toBe(false);
    tree.set(entry.path, entry);
  }
  return [...tree.values()];
}

const sorted = (tree: readonly Entry[]) => [...tree].sort((a, b) => (a.path < b.path ? -1 : 1));

describe('diff', () => {
  test('applied to the first tree it gives the second', () => {
    fc.assert(
      fc.property(entries, entries, (before, after) => {
        const result = sorted(apply(before, diff(before, after)));
        const wanted = sorted(after);
        expect(result.map((entry) => entry.path)).toEqual(wanted.map((entry) => entry.path));
        for (const [index, entry] of result.entries()) {
          expect(sameContent(entry, wanted[index] as Entry)).toBe(true);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a tree differs from itself in nothing', () => {
    fc.assert(
      fc.property(entries, (tree) => {
        expect(diff(tree, tree)).toEqual({ added: [], modified: [], deleted: [], renamed: [] });
      }),
    );
  });

  test('the same content under another path is a rename, one to one', () => {
    const changes = diff([file('a', 'x'), file('b', 'x')], [file('c', 'x'), file('d', 'x'), file('e', 'x')]);
    expect(changes.renamed.map(({ before, after }) => `${before.path} ${after.path}`)).toEqual(['a c', 'b d']);
    expect(changes.added.map((entry) => entry.path)).toEqual(['e']);
    expect(changes.deleted).toEqual([]);
  });

  test('without hashes nothing is taken for a rename', () => {
    const bare = (path: string): Entry => ({ path, kind: 'file', sizeBytes: 1, mtimeMs: 1 });
    const changes = diff([bare('a')], [bare('b')]);
    expect([changes.renamed.length, changes.added.length, changes.deleted.length]).toEqual([0, 1, 1]);
  });

  test('times within the precision are equal, beyond it they are not', () => {
    const later = (ms: number) => diff([file('a', 'x', 1000)], [file('a', 'x', 1000 + ms)], { mtimePrecisionMs: 2000 });
    expect(later(2000).modified).toEqual([]);
    expect(later(2001).modified.length).toBe(1);
    expect(later(-2001).modified.length).toBe(1);
  });

  test('with checksum the hash decides, not the time', () => {
    expect(diff([file('a', 'x', 1)], [file('a', 'x', 9)], { checksum: true }).modified).toEqual([]);
    expect(diff([file('a', 'x', 1)], [file('a', 'y', 1)], { checksum: true }).modified.length).toBe(1);
  });

  test('a file that became a folder is modified', () => {
    const folder: Entry = { path: 'a', kind: 'folder', sizeBytes: 0, mtimeMs: 1000 };
    expect(diff([file('a', '')], [folder]).modified.length).toBe(1);
  });
});
