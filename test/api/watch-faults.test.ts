// A watch whose destination turns full, read-only or silent, or whose source does: what the API and explain say of it and how soon, and that it goes on by itself.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/client.ts';
import type { TransferView } from '../../src/model/views.ts';
import type { StorageView, WatchView } from '../../src/model/watch-views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';
import { type FaultFs, mountFaultFs } from '../support/fault-fs.ts';
import { writeContent } from '../support/trees.ts';

const filmBytes = 40_000_000;
const patienceMs = 120_000;
const hour = 3_600_000;

let rig: ApiRig;
let client: Client;
let places: string;
const undo: (() => Promise<void> | void)[] = [];
beforeEach(async () => {
  places = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-places-')));
  rig = await openApiRig({ roots: [places] });
  client = createClient({ url: rig.url, token: adminToken });
});
afterEach(async () => {
  for (const back of undo.splice(0).reverse()) await back();
  await rig.close();
  rmSync(places, { recursive: true, force: true });
});

async function faulty(name: string): Promise<FaultFs> {
  const folder = join(places, name);
  mkdirSync(folder);
  const fs = await mountFaultFs(folder);
  undo.push(() => fs.close());
  return fs;
}

function smallDisk(name: string, size: string): string {
  const mount = join(places, name);
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', mount]);
  undo.push(() => void spawnSync('umount', ['-l', mount]));
  return mount;
}

async function watch(source: string, destinations: readonly string[]): Promise<WatchView> {
  mkdirSync(source, { recursive: true });
  return await client.call('createWatch', {
    body: {
      source,
      destinations: [...destinations],
      ...{ scanSeconds: 0.5, stableSeconds: 0.5, growthPollSeconds: 0.3, reserveBytes: 0 },
    },
  });
}

/**
 * The control: a plain copy beside it, begun by calling what it returns. True where it ended in time, said that all went well, and the copy is whole.
 * Its process is there beforehand: a new one would have to close our files on a share that hangs before it comes to anything.
 */
function preparedCopy(from: string, to: string): () => Promise<boolean> {
  const child = spawn('sh', ['-c', 'read -r go; cat "$0" > "$1"', from, to], { stdio: ['pipe', 'ignore', 'ignore'] });
  undo.push(() => void child.kill('SIGKILL'));
  return async () => {
    const ended = new Promise<boolean>((resolve) => child.once('exit', (code) => resolve(code === 0)));
    // One that hangs in the operating system cannot even be killed before the place answers.
    const late = new Promise<boolean>((resolve) => setTimeout(resolve, 3_000, false));
    child.stdin?.write('go\n');
    return (await Promise.race([ended, late])) && sameContent(from, to);
  };
}

const plainCopy = (from: string, to: string): Promise<boolean> => preparedCopy(from, to)();

const sameContent = (one: string, other: string): boolean => readFileSync(one).equals(readFileSync(other));

const rowTo = async (id: string, destination: string): Promise<TransferView | undefined> =>
  (await client.call('listTransfers', { query: { job: id } })).rows.findLast(
    (row) => row.destination.endpoint === destination,
  );
const placeOf = async (endpoint: string): Promise<StorageView | undefined> =>
  (await client.call('getStorage')).rows.find((row) => row.endpoint === endpoint);

/** How long it took until it was said, in milliseconds. */
async function told(look: () => Promise<boolean>, withinMs: number, what: string): Promise<number> {
  const begun = performance.now();
  await expect.poll(look, { timeout: withinMs, interval: 100, message: what }).toBe(true);
  return performance.now() - begun;
}

const completed = (id: string, destination: string) =>
  expect
    .poll(async () => (await rowTo(id, destination))?.state, { timeout: patienceMs - 30_000, interval: 200 })
    .toBe('completed');

const writing = (fs: FaultFs, bytes: number) =>
  expect
    .poll(() => fs.calls().reduce((sum, call) => sum + (call.operation === 'write' ? call.bytes : 0), 0), {
      timeout: 30_000,
      interval: 20,
    })
    .toBeGreaterThan(bytes);

test('a full destination: it waits for room, the other one goes on, and it goes on by itself when there is room', async () => {
  const source = join(places, 'in');
  const full = smallDisk('small', '60m');
  const other = join(places, 'other');
  writeFileSync(join(full, 'filler'), Buffer.alloc(40_000_000));
  rig.engine.adjust({ retry: { checkMs: 2_000 } });
  const { id } = await watch(source, [join(full, 'out'), other]);
  writeContent(join(source, 'film.mov'), 3, filmBytes);
  await told(
    async () => {
      const row = await rowTo(id, join(full, 'out'));
      return row?.state === 'waiting' && row.waiting?.reason === 'space' && row.error?.code === 'space';
    },
    20_000,
    'waits for room',
  );
  await completed(id, other);
  const { summary } = await client.call('explain', { query: { path: join(source, 'film.mov') } });
  expect(summary).toMatch(/small\/out: .*waits.*room/);
  expect(summary).toMatch(/other: .*arrived/);
  expect(await placeOf(join(full, 'out'))).toMatchObject({ state: 'critical' });
  expect(existsSync(join(full, 'out/film.mov'))).toBe(false);
  const plain = join(full, 'plain.mov');
  expect(await plainCopy(join(source, 'film.mov'), plain)).toBe(false);
  for (const name of [plain, join(full, 'filler')]) rmSync(name);
  await completed(id, join(full, 'out'));
  expect(sameContent(join(source, 'film.mov'), join(full, 'out/film.mov'))).toBe(true);
}, 120_000);

test('a destination that turns read-only in mid copy is shown within 5 s, and written to again as soon as it can be', async () => {
  const source = join(places, 'in');
  const disk = await faulty('disk');
  const other = join(places, 'other');
  const destination = join(disk.mount, 'out');
  mkdirSync(join(disk.backing, 'out'));
  // Its own time to look again lies far ahead: what is seen of the place ends the wait.
  rig.engine.adjust({ retry: { checkMs: hour, mostCheckMs: hour } });
  disk.faults('slow 5000');
  const { id } = await watch(source, [destination, other]);
  expect((await client.call('checkStorage')).rows.find((row) => row.endpoint === destination)?.writable).toBe(true);
  writeContent(join(source, 'film.mov'), 3, filmBytes);
  await writing(disk, filmBytes / 4);
  disk.faults('read_only');
  const isTold = async () => {
    const row = await rowTo(id, destination);
    const place = await placeOf(destination);
    return row?.error?.code === 'read_only' && row.state === 'waiting' && place?.writable === false;
  };
  await told(isTold, 5_000, 'read-only, of the transfer and of the place');
  expect(await placeOf(destination)).toMatchObject({
    state: 'critical',
    reason: expect.stringMatching(/read-only|not be written/i),
  });
  await completed(id, other);
  const { summary } = await client.call('explain', { query: { path: join(source, 'film.mov') } });
  expect(summary).toMatch(/out: .*waits.*read-only/i);
  expect(await plainCopy(join(source, 'film.mov'), join(disk.mount, 'plain.mov'))).toBe(false);
  disk.faults();
  await completed(id, destination);
  expect(sameContent(join(source, 'film.mov'), join(disk.backing, 'out/film.mov'))).toBe(true);
}, 120_000);

test('a disk that is mounted read-only under a watch is found by the file that comes next', async () => {
  const source = join(places, 'in');
  const disk = smallDisk('disk', '100m');
  const { id } = await watch(source, [disk]);
  writeFileSync(join(source, 'first.txt'), 'first');
  await completed(id, disk);
  expect((await client.call('checkStorage')).rows.find((row) => row.endpoint === disk)?.writable).toBe(true);
  execFileSync('mount', ['-o', 'remount,ro', disk]);
  writeFileSync(join(source, 'second.txt'), 'second');
  const newest = async () => (await client.call('listTransfers', { query: { job: id, search: 'second' } })).rows[0];
  await expect.poll(async () => (await newest())?.error?.code, { timeout: 20_000 }).toBe('read_only');
  await told(async () => (await placeOf(disk))?.writable === false, 5_000, 'the place cannot be written to');
  expect(await plainCopy(join(source, 'second.txt'), join(disk, 'plain.txt'))).toBe(false);
  execFileSync('mount', ['-o', 'remount,rw', disk]);
  await expect.poll(async () => (await newest())?.state, { timeout: 60_000, interval: 200 }).toBe('completed');
  expect(readFileSync(join(disk, 'second.txt'), 'utf8')).toBe('second');
}, 120_000);

test('a destination that hangs is shown within 15 s, the other one goes on, and it goes on when it answers', async () => {
  const source = join(places, 'in');
  const share = await faulty('share');
  const other = join(places, 'other');
  const destination = join(share.mount, 'out');
  mkdirSync(join(share.backing, 'out'));
  const plain = preparedCopy(join(source, 'film.mov'), join(share.mount, 'plain.mov'));
  share.faults('slow 5000');
  const { id } = await watch(source, [destination, other]);
  await client.call('checkStorage');
  expect((await placeOf(destination))?.state).not.toBe('unreachable');
  writeContent(join(source, 'film.mov'), 3, filmBytes);
  await writing(share, filmBytes / 4);
  share.faults('stall');
  await told(
    async () => {
      const row = await rowTo(id, destination);
      return row?.error?.code === 'unreachable' && row.waiting?.reason === 'network';
    },
    15_000,
    'the transfer waits for the share',
  );
  await told(async () => (await placeOf(destination))?.state === 'unreachable', 12_000, 'the place does not answer');
  await completed(id, other);
  writeFileSync(join(source, 'after.txt'), 'came while it hung');
  await expect.poll(() => existsSync(join(other, 'after.txt')), { timeout: 15_000 }).toBe(true);
  // While a call may be spent on it the copy is tried; in between it says what it waits for.
  await told(
    async () => {
      const { summary } = await client.call('explain', { query: { path: join(source, 'film.mov') } });
      return /share\/mount\/out: .*waits.*(does not answer|has not answered)/.test(summary);
    },
    25_000,
    'explain names the share that does not answer',
  );
  // The control: whoever writes there himself hangs with it.
  expect(await plain()).toBe(false);
  share.faults();
  await completed(id, destination);
  expect(sameContent(join(source, 'film.mov'), join(share.backing, 'out/film.mov'))).toBe(true);
  await expect
    .poll(() => existsSync(join(share.backing, 'out/after.txt')), { timeout: 60_000, interval: 200 })
    .toBe(true);
  await expect.poll(async () => (await placeOf(destination))?.state, { timeout: 40_000 }).not.toBe('unreachable');
}, 180_000);

test('a source that hangs is shown within 15 s as what the watch waits for; nothing counts as removed, and it goes on', async () => {
  const card = await faulty('card');
  const source = join(card.mount, 'in');
  const destination = join(places, 'out');
  const { id } = await watch(source, [destination]);
  writeFileSync(join(card.backing, 'in/first.txt'), 'first');
  await completed(id, destination);
  const look = async () => await client.call('getWatch', { params: { id } });
  expect(await look()).toMatchObject({ state: 'running', status: { away: null } });
  card.faults('stall');
  await told(
    async () => {
      const { state, waiting, status } = await look();
      return state === 'waiting' && waiting?.reason === 'network' && status?.away !== null;
    },
    15_000,
    'the watch says that its source is away',
  );
  const { summary } = await client.call('explain', { query: { path: join(source, 'never.txt') } });
  expect(summary).toContain('nothing is seen at present');
  writeFileSync(join(card.backing, 'in/second.txt'), 'came while it hung');
  expect(await plainCopy(join(source, 'second.txt'), join(places, 'plain.txt'))).toBe(false);
  card.faults();
  await expect.poll(() => existsSync(join(destination, 'second.txt')), { timeout: 60_000, interval: 200 }).toBe(true);
  await expect.poll(async () => (await look()).state, { timeout: 20_000 }).toBe('running');
  const { rows } = await client.call('listTransfers', { query: { job: id } });
  expect(rows.filter(({ state }) => state !== 'completed' && state !== 'transferring')).toEqual([]);
}, 120_000);
