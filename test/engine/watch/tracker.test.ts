// What a watch decides about the files that it sees, without any I/O.

import { describe, expect, test } from 'vitest';
import { Tracker, type WatchAction } from '../../../src/engine/watch/tracker.ts';
import type { SeenFile } from '../../../src/engine/watch/tree-snapshot.ts';
import { watchSpecSchema } from '../../../src/model/specs.ts';
import type { Transfer, TransferState } from '../../../src/model/transfer.ts';

function tracker(more: object = {}): Tracker {
  return new Tracker(
    watchSpecSchema.parse({ kind: 'watch', source: '/in', destinations: ['/out'], growing: { minSize: 100 }, ...more }),
  );
}

function file(path: string, sizeBytes: number, more: Partial<SeenFile> = {}): SeenFile {
  return { path, sizeBytes, mtimeMs: sizeBytes, mode: 0o644, identity: `1:${path}`, ...more };
}

function row(path: string, state: TransferState, more: Partial<Transfer> = {}): Transfer {
  return {
    id: `row ${path}`,
    source: { endpoint: '/in', path },
    destination: { endpoint: '/out', path },
    state,
    sizeBytes: 10,
    mtimeMs: 10,
    fileMode: 0o644,
    waiting: null,
    ...more,
  } as Transfer;
}

/** Carries out what needs rows, as the run does. */
function discover(watch: Tracker, actions: readonly WatchAction[]): string[] {
  for (const action of actions)
    if (action.kind === 'discover') watch.setTransfers(action.path, [row(action.path, 'discovered')]);
  return actions.map((action) => `${action.kind} ${action.path}`);
}

const second = 1000;

test('a file is discovered, let go when it is stable, and not taken again when it has arrived', () => {
  const watch = tracker();
  expect(discover(watch, watch.see(file('a', 10), 0))).toEqual(['discover a']);
  expect(discover(watch, watch.settle())).toEqual([]);
  watch.see(file('a', 10), 30 * second);
  expect(watch.settle()).toEqual([{ kind: 'queue', path: 'a', growing: false }]);
  expect(watch.settle()).toEqual([]);
  watch.rest(row('a', 'completed'), { sizeBytes: 10, mtimeMs: 10 });
  expect(watch.see(file('a', 10), 40 * second)).toEqual([]);
  expect(discover(watch, watch.see(file('a', 11), 50 * second))).toEqual(['discover a']);
});

test('the very same file, back after a listing that ended early, is not taken again; another one of that name is', () => {
  const watch = tracker();
  const arrive = (path: string) => {
    discover(watch, watch.see(file(path, 10), 0));
    watch.see(file(path, 10), 30 * second);
    watch.settle();
    watch.rest(row(path, 'completed'), { sizeBytes: 10, mtimeMs: 10 });
    expect(watch.lose(path)).toEqual([]);
  };
  arrive('a');
  expect(watch.isTaken('a')).toBe(false);
  expect(watch.see(file('a', 10), 40 * second)).toEqual([]);
  expect(watch.isTaken('a')).toBe(true);
  watch.lose('a');
  expect(discover(watch, watch.see(file('a', 10, { identity: 'another' }), 50 * second))).toEqual(['discover a']);
  arrive('b');
  expect(discover(watch, watch.see(file('b', 11), 50 * second))).toEqual(['discover b']);
  const restarted = tracker();
  restarted.remember(row('c', 'completed'));
  restarted.see(file('c', 10), 0);
  restarted.lose('c');
  expect(restarted.see(file('c', 10), second)).toEqual([]);
});

test('a file that goes before its copy began is cancelled; one that comes back is new', () => {
  const watch = tracker();
  discover(watch, watch.see(file('a', 10), 0));
  expect(watch.lose('a')).toEqual([{ kind: 'cancel', path: 'a' }]);
  watch.rest(row('a', 'cancelled'), undefined);
  expect(discover(watch, watch.see(file('a', 10), second))).toEqual(['discover a']);
});

test('an empty file is not even discovered before emptySeconds', () => {
  const watch = tracker();
  expect(watch.see(file('a', 0), 0)).toEqual([]);
  expect(discover(watch, watch.see(file('a', 0), 300 * second))).toEqual(['discover a']);
  expect(watch.settle()).toMatchObject([{ kind: 'queue' }]);
});

describe('a growing file', () => {
  test('is let go while it grows, told of each rise, and ends', () => {
    const watch = tracker();
    discover(watch, watch.see(file('a', 200), 0));
    expect(watch.see(file('a', 300), 5 * second)).toEqual([{ kind: 'queue', path: 'a', growing: true }]);
    expect(watch.growth('a')).toMatchObject({ sizeBytes: 300, ended: false, bytesPerSecond: 20 });
    expect(watch.see(file('a', 400), 10 * second)).toEqual([{ kind: 'go_on', path: 'a' }]);
    expect(watch.underWay()).toEqual(['a']);
    watch.see(file('a', 400), 40 * second);
    expect(watch.growth('a')).toMatchObject({ sizeBytes: 400, ended: true });
    expect(watch.underWay()).toEqual([]);
  });

  test('that broke off with the daemon is watched again before anything is said of its end', () => {
    const watch = tracker();
    watch.remember(row('a', 'queued', { sizeBytes: null }));
    expect(watch.growth('a')).toBeUndefined();
    watch.see(file('a', 500), 0);
    expect(watch.growth('a')).toMatchObject({ ended: false });
    watch.see(file('a', 500), 30 * second);
    expect(watch.growth('a')).toMatchObject({ ended: true, sizeBytes: 500 });
  });
});

describe('what the ledger remembers', () => {
  test('is not taken a second time', () => {
    const watch = tracker();
    watch.remember(row('a', 'completed'));
    watch.remember(row('b', 'failed'));
    expect(watch.see(file('a', 10), 0)).toEqual([]);
    expect(watch.see(file('b', 10), 0)).toEqual([]);
  });

  test('goes on from where it was', () => {
    const watch = tracker();
    watch.remember(row('a', 'discovered'));
    expect(watch.see(file('a', 10), 0)).toEqual([]);
    watch.see(file('a', 10), 30 * second);
    expect(watch.settle()).toEqual([{ kind: 'queue', path: 'a', growing: false }]);
  });
});

describe('a done-marker', () => {
  test('lets its file go at once and goes last itself', () => {
    const watch = tracker({ doneMarker: '{name}.done' });
    discover(watch, watch.see(file('clip.mov', 10), 0));
    watch.see(file('clip.mov', 10), 100 * second);
    expect(watch.settle()).toEqual([{ kind: 'hold', path: 'clip.mov' }]);
    discover(watch, watch.see(file('clip.mov.done', 0), 101 * second));
    watch.see(file('clip.mov', 10), 101 * second);
    expect(watch.settle().filter((action) => action.kind === 'queue')).toEqual([
      { kind: 'queue', path: 'clip.mov', growing: false },
    ]);
    watch.rest(row('clip.mov', 'completed'), { sizeBytes: 10, mtimeMs: 10 });
    expect(watch.settle()).toEqual([{ kind: 'queue', path: 'clip.mov.done', growing: false }]);
  });
});

test('a file that grows is ended by its marker and not by silence', () => {
  const watch = tracker({ doneMarker: '{name}.done' });
  discover(watch, watch.see(file('clip', 200), 0));
  watch.see(file('clip', 300), 5 * second);
  watch.see(file('clip', 300), 500 * second);
  expect(watch.growth('clip')).toMatchObject({ ended: false });
  expect(watch.underWay()).toEqual(['clip']);
  watch.see(file('clip.done', 0), 501 * second);
  expect(watch.growth('clip')).toMatchObject({ ended: true });
});

describe('a bundle', () => {
  test('goes as a whole, in order, when all of it is stable', () => {
    const watch = tracker({ bundle: 'folder' });
    discover(watch, watch.see(file('card/b', 10), 0));
    watch.see(file('card/b', 10), 30 * second);
    discover(watch, watch.see(file('card/a', 10), 30 * second));
    expect(watch.settle()).toEqual([{ kind: 'hold', path: 'card/b' }]);
    watch.see(file('card/a', 10), 60 * second);
    expect(watch.settle().map((action) => `${action.kind} ${action.path}`)).toEqual(['queue card/a', 'queue card/b']);
  });

  test('does not hold files beside it', () => {
    const watch = tracker({ bundle: 'folder' });
    discover(watch, [...watch.see(file('card/a', 10), 0), ...watch.see(file('single', 10), 0)]);
    watch.see(file('single', 10), 30 * second);
    expect(watch.settle()).toEqual([{ kind: 'queue', path: 'single', growing: false }]);
  });
});

test('a file that was copied otherwise than it was last seen is to be looked at once more: what was seen may be older or newer', () => {
  for (const now of [10, 12]) {
    const watch = tracker();
    discover(watch, watch.see(file('a', 10), 0));
    watch.see(file('a', 10), 30 * second);
    watch.settle();
    // Growing: the mover may see the end first. Changed: the scan may.
    watch.see(file('a', now === 10 ? 8 : 12), 31 * second);
    expect(watch.rest(row('a', 'completed'), { sizeBytes: 10, mtimeMs: 10 })).toBe(true);
    expect(watch.see(file('a', now), 32 * second).map(({ kind }) => kind)).toEqual(now === 10 ? [] : ['discover']);
  }
  expect(tracker().rest(row('b', 'completed'), { sizeBytes: 10, mtimeMs: 10 })).toBe(false);
});

test('small files that are let go without rows are not discovered again while they travel', () => {
  const watch = tracker();
  watch.see(file('a', 10), 0);
  watch.see(file('a', 10), 30 * second);
  expect(watch.settle()).toEqual([{ kind: 'queue', path: 'a', growing: false }]);
  expect(watch.see(file('a', 10), 31 * second)).toEqual([]);
  watch.rest(row('a', 'completed'), { sizeBytes: 10, mtimeMs: 10 });
  expect(watch.tracked.size).toBe(0);
  expect(watch.isTaken('a')).toBe(true);
});
