// Watched trees are scanned, looked at and heard of, in a thread of their own.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Mounts } from '../../../src/endpoints/mounts.ts';
import { testEvents } from '../../../src/engine/watch/folder-events.ts';
import type { SeenFile } from '../../../src/engine/watch/tree-snapshot.ts';
import { createWatchers, type WatchedTree, type Watchers } from '../../../src/engine/watch/watcher.ts';
import type { EventsTest } from '../../../src/engine/watch/watcher-messages.ts';
import { createWriterWatch } from '../../../src/engine/watch/writer-watch.ts';
import { systemClock } from '../../../src/model/clock.ts';

let root: string;
let watchers: Watchers;
let tree: WatchedTree;
let tested: Promise<EventsTest>;
const noticed: SeenFile[] = [];
const gone: string[] = [];
let wake: () => void = () => undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wherry-watch-'));
  noticed.length = 0;
  gone.length = 0;
  const mounts = { mountOf: () => ({ mountPoint: '/', type: 'ext4' }) } as unknown as Mounts;
  watchers = createWatchers({ mounts, clock: systemClock });
  tested = new Promise((resolve) => {
    tree = watchers.open(
      'w',
      { root, include: [], exclude: ['*.tmp'], symlinks: 'skip' },
      {
        events: resolve,
        noticed: (changed, removed) => {
          noticed.push(...changed);
          gone.push(...removed);
          wake();
        },
        overflow: () => wake(),
      },
    );
  });
});
afterEach(async () => {
  await watchers.close();
  rmSync(root, { recursive: true, force: true });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise<void>((resolve) => (wake = resolve));
}

test('a scan tells what is new, changed and gone, and passes over what is ignored', async () => {
  mkdirSync(join(root, 'a/b'), { recursive: true });
  writeFileSync(join(root, 'a/b/one.mov'), 'one');
  writeFileSync(join(root, 'two.mov'), 'two');
  writeFileSync(join(root, '.hidden'), 'x');
  writeFileSync(join(root, 'skip.tmp'), 'x');
  symlinkSync('/etc/passwd', join(root, 'link'));
  const first = await tree.scan();
  expect(first.changed.map((file) => file.path).sort()).toEqual(['a/b/one.mov', 'two.mov']);
  expect((await tree.scan()).changed).toEqual([]);
  writeFileSync(join(root, 'two.mov'), 'changed');
  rmSync(join(root, 'a'), { recursive: true });
  const third = await tree.scan();
  expect(third.changed.map((file) => [file.path, file.sizeBytes])).toEqual([['two.mov', 7]]);
  expect(third.gone).toEqual(['a/b/one.mov']);
  expect(third.files).toBe(1);
});

test('a name that is not UTF-8 is seen', async () => {
  writeFileSync(Buffer.concat([Buffer.from(`${root}/caf`), Buffer.from([0xe9])]), 'x');
  expect((await tree.scan()).changed.map((file) => file.path)).toEqual(['caf\udce9']);
});

test('a root that is not there is a failed scan, never an empty one', async () => {
  writeFileSync(join(root, 'a'), 'x');
  await tree.scan();
  renameSync(root, `${root}-away`);
  await expect(tree.scan()).rejects.toMatchObject({ code: 'not_found' });
  renameSync(`${root}-away`, root);
  expect(await tree.scan()).toMatchObject({ changed: [], gone: [], files: 1 });
});

test('events are tested, and then tell of files, new folders and removals', async () => {
  expect(await tested).toMatchObject({ inForce: true });
  await tree.scan();
  mkdirSync(join(root, 'new/deep'), { recursive: true });
  writeFileSync(join(root, 'new/deep/clip.mov'), 'clip');
  await until(() => noticed.some((file) => file.path === 'new/deep/clip.mov'));
  writeFileSync(join(root, 'new/deep/clip.mov'), 'clip grows');
  await until(() => noticed.some((file) => file.path === 'new/deep/clip.mov' && file.sizeBytes === 10));
  rmSync(join(root, 'new/deep/clip.mov'));
  await until(() => gone.includes('new/deep/clip.mov'));
});

test('a look says who is still being written to', async () => {
  writeFileSync(join(root, 'done.mov'), 'x');
  await tree.scan();
  const writer = spawn('sh', ['-c', `exec 3>>'${root}/open.mov'; echo data >&3; echo ready; read line`], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(writer.stdout, 'data');
  const seen = await tree.look(['done.mov', 'open.mov', 'missing.mov']);
  expect(seen.files.map((file) => file?.sizeBytes ?? null)).toEqual([1, 5, null]);
  expect(seen.openForWriting).toEqual(['open.mov']);
  writer.stdin.end('\n');
  await once(writer, 'exit');
  expect((await tree.look(['open.mov'])).openForWriting).toEqual([]);
});

test('our own descriptors do not count as writers', async () => {
  const file = openSync(join(root, 'mine.mov'), 'w');
  writeSync(file, 'x');
  expect((await tree.look(['mine.mov'])).openForWriting).toEqual([]);
  closeSync(file);
});

test('a look at writers that takes too long is given up, and nobody knows then', async () => {
  const asked = createWriterWatch({ clock: { ...systemClock, sleep: () => Promise.resolve() } });
  expect(await asked.ask(['/nowhere'])).toBeNull();
  expect(await asked.close()).toBe(true);
});

test('the events test leaves no file behind, and takes away what a process that died has left', async () => {
  await tested;
  expect(readdirSync(root)).toEqual([]);
  const [old, fresh] = ['.wherry-events-000000000000', '.wherry-events-111111111111'];
  for (const name of [old, fresh]) writeFileSync(join(root, name), '');
  utimesSync(join(root, old), 1, 1);
  expect(await testEvents(root)).toMatchObject({ inForce: true });
  // One that is being tested by another watch just now stays.
  expect(readdirSync(root)).toEqual([fresh]);
});
