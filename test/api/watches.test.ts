// Watches and the places they use over the API: created, changed, paused, removed, tested, and seen at work.

import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, createClient } from '../../src/api/client.ts';
import type { Fault } from '../../src/model/fault.ts';
import type { TransferView } from '../../src/model/views.ts';
import type { WatchView } from '../../src/model/watch-views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
let client: Client;
let made = 0;

beforeAll(async () => {
  rig = await openApiRig();
  client = createClient({ url: rig.url, token: adminToken });
});
afterAll(() => rig.close());

/** A new folder to be watched and a destination, quick to see. */
function quickWatch() {
  made += 1;
  const source = join(rig.root, `in-${made}`);
  mkdirSync(source);
  return {
    source,
    destinations: [join(rig.root, `out-${made}`)],
    scanSeconds: 0.1,
    stableSeconds: 0.2,
    growthPollSeconds: 0.1,
  };
}

async function until<Value>(look: () => Promise<Value | undefined | null | false>): Promise<Value> {
  for (;;) {
    const value = await look();
    if (value !== undefined && value !== null && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

const refusal = (asked: Promise<unknown>): Promise<Fault> =>
  asked.then(
    () => Promise.reject(new Error('It was not refused.')),
    (fault: Fault) => fault,
  );

const seen = (id: string, is: (watch: WatchView) => boolean) =>
  until(async () => {
    const watch = await client.call('getWatch', { params: { id } });
    return is(watch) && watch;
  });

test('a watch is created, says how it is, and moves what is dropped', async () => {
  const body = quickWatch();
  const watch = await client.call('createWatch', { body: { ...body, after: 'delete' } });
  expect(watch).toMatchObject({ source: body.source, destinations: body.destinations, fromConfig: false });
  writeFileSync(join(body.source, 'clip.mxf'), 'pictures');
  await until(async () => existsSync(join(body.destinations[0] ?? '', 'clip.mxf')));
  await until(async () => !existsSync(join(body.source, 'clip.mxf')));
  const later = await seen(watch.id, ({ status, counts }) => status?.underWay === 0 && counts.completed === 1);
  expect(later.status?.events?.reason).toEqual(expect.any(String));
  expect(later.status?.lastScanAt).not.toBeNull();
  expect(later.actions).toEqual(['pause', 'edit', 'remove']);
  const { rows } = await client.call('listWatches');
  expect(rows.map(({ id }) => id)).toContain(watch.id);
});

test('pausing, changing, going on and removing', async () => {
  const body = quickWatch();
  const { id } = await client.call('createWatch', { body });
  expect((await client.call('pauseWatch', { params: { id } })).actions).toEqual(['resume', 'edit', 'remove']);
  const other = join(rig.root, 'elsewhere');
  const edited = await client.call('editWatch', { params: { id }, body: { ...body, destinations: [other] } });
  expect(edited).toMatchObject({ state: 'paused', destinations: [other] });
  await client.call('resumeWatch', { params: { id } });
  writeFileSync(join(body.source, 'a.wav'), 'sound');
  await until(async () => existsSync(join(other, 'a.wav')));
  await client.call('removeWatch', { params: { id } });
  expect((await client.call('listWatches')).rows.map((row) => row.id)).not.toContain(id);
  expect((await refusal(client.call('getWatch', { params: { id } }))).code).toBe('not_found');
  // What is removed watches no more: its folder is free for another.
  await client.call('createWatch', { body });
});

test('what a view tells of the wishes can be sent back as it is', async () => {
  const body = quickWatch();
  const rules = [{ match: '*.mxf', to: '{date}/{name}' }];
  const made = await client.call('createWatch', { body: { ...body, rules, growing: { minSize: '5MB' } } });
  const again = await client.call('editWatch', { params: { id: made.id }, body: made.spec as typeof body });
  expect(again.spec).toEqual(made.spec);
  expect(again.spec).toMatchObject({ rules, growing: { minSize: 5_000_000 } });
});

test('refused: folders outside the roots, folders in one another, a folder that is not there, one that is watched', async () => {
  const body = quickWatch();
  const codeOf = async (changes: object) =>
    (await refusal(client.call('createWatch', { body: { ...body, ...changes } }))).code;
  expect(await codeOf({ source: '/etc' })).toBe('outside_roots');
  expect(await codeOf({ destinations: ['/etc/x'] })).toBe('outside_roots');
  expect(await codeOf({ after: 'move-to', moveTo: '/etc/done' })).toBe('outside_roots');
  expect(await codeOf({ symlinks: 'follow' })).toBe('outside_roots');
  expect(await codeOf({ destinations: [join(body.source, 'inside')] })).toBe('invalid');
  expect(await codeOf({ source: join(rig.root, 'nowhere') })).toBe('not_found');
  expect(await codeOf({ rules: [{ match: '*', to: '../{name}' }] })).toBe('invalid');
  await client.call('createWatch', { body });
  expect(await codeOf({})).toBe('busy');
  const second = quickWatch();
  const { id } = await client.call('createWatch', { body: second });
  const fault = await refusal(client.call('editWatch', { params: { id }, body: { ...second, source: body.source } }));
  expect(fault.code).toBe('busy');
});

test('rules are tried on names, with the number of the rule or why not', async () => {
  const { rows } = await client.call('testRules', {
    body: {
      rules: [
        { match: '*.mxf', to: 'video/{stem}.{ext}' },
        { regex: '^(?<camera>[A-Z]+)/', to: '{camera}/{name}' },
      ],
      names: ['day1/A.mxf', 'CAM/b.wav', 'other.txt', '.hidden', 'x.tmp'],
      exclude: ['*.tmp'],
    },
  });
  expect(rows.map(({ name, to, rule, ignored }) => [name, to?.path ?? ignored, rule])).toEqual([
    ['day1/A.mxf', 'video/A.mxf', 1],
    ['CAM/b.wav', 'CAM/b.wav', 2],
    ['other.txt', expect.stringMatching(/^OTHER\/\d{4}-\d\d-\d\d\/other\.txt$/), null],
    ['.hidden', 'ignored: its name begins with a dot', null],
    ['x.tmp', "ignored by exclude '*.tmp'", null],
  ]);
});

test('a rule that is none is refused, and one that would never end is cut short', async () => {
  const asked = (rule: object, name = 'a') =>
    refusal(client.call('testRules', { body: { rules: [rule as { to: string }], names: [name] } }));
  expect((await asked({ match: '*', to: '{nonsense}' })).message).toContain('{nonsense}');
  expect((await asked({ regex: '(', to: '{name}' })).code).toBe('invalid');
  const endless = await asked({ regex: '^(a+)+$', to: '{name}' }, `${'a'.repeat(64)}b`);
  expect(endless.message).toContain('too long');
  // A name that no destination can have is refused for itself.
  const rules = [{ regex: '^(.*)-x$', to: '{1}/{name}' }];
  const { rows } = await client.call('testRules', { body: { rules, names: ['..-x', 'a-x'], include: ['*'] } });
  expect(rows.map(({ to, ignored }) => to?.path ?? ignored)).toEqual([expect.stringContaining('dot'), 'a/a-x']);
});

test('a growing file shows its head, and how far the copy is behind', async () => {
  const body = { ...quickWatch(), growing: { minSize: 0, safetyMargin: 1000, idleSeconds: 2 } };
  await client.call('createWatch', { body });
  const file = join(body.source, 'live.ts');
  writeFileSync(file, Buffer.alloc(20_000_000, 1));
  let written = 20_000_000;
  const growing: TransferView = await until(async () => {
    appendFileSync(file, Buffer.alloc(100_000, 2));
    written += 100_000;
    const { rows } = await client.call('listTransfers', { query: { search: 'live.ts' } });
    const row = rows[0];
    return row?.head && row.head.bytesPerSecond !== null && row.bytesDone > 0 && row;
  });
  expect(growing.head?.sizeBytes).toBeLessThanOrEqual(written);
  expect(growing.bytesDone).toBeLessThan(growing.head?.sizeBytes ?? 0);
  expect(growing.eta?.cause).toBe('source is still growing');
  const blocks = await client.call('getTransferBlocks', { params: { id: growing.id } });
  expect(blocks.ranges).toEqual([{ from: 0, to: expect.any(Number) }]);
  expect(blocks.verifiedBytes).toBeGreaterThanOrEqual(growing.bytesDone);
  expect(blocks.sizeBytes).toBeGreaterThanOrEqual(growing.head?.sizeBytes ?? Number.POSITIVE_INFINITY);
  const { summary } = await client.call('explain', { query: { path: file } });
  expect(summary).toMatch(/still growing.* behind the writer/);
  // What a copy that goes on finds done has not moved now.
  await rig.engine.pause({ transferId: growing.id });
  await rig.engine.resume({ transferId: growing.id });
  let fastest = 0;
  for (const end = performance.now() + 2_000; performance.now() < end; ) {
    appendFileSync(file, Buffer.alloc(50_000, 2));
    written += 50_000;
    fastest = Math.max(fastest, rig.engine.snapshot().bytesPerSecond);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  // Rates look back five seconds: no more than all there is can have moved in them.
  expect(fastest).toBeLessThan(written / 5 + 300_000);
  const target = join(body.destinations[0] ?? '', 'live.ts');
  await until(async () => existsSync(target));
  expect(readFileSync(target)).toHaveLength(written);
  const done = await until(async () => {
    const [row] = (await client.call('listTransfers', { query: { search: 'live.ts' } })).rows;
    return row?.state === 'completed' && row;
  });
  expect(done.head).toBeNull();
}, 60_000);

test('explain says why a file of a watched folder is not there', async () => {
  const body = { ...quickWatch(), stableSeconds: 60, exclude: ['*.tmp'], growing: { minSize: '1GB' } };
  await client.call('createWatch', { body });
  for (const name of ['.hidden', 'x.tmp', 'fresh.mov']) writeFileSync(join(body.source, name), 'data');
  writeFileSync(join(body.source, 'empty.mov'), '');
  const summaryOf = async (name: string) =>
    (await client.call('explain', { query: { path: join(body.source, name) } })).summary;
  const fresh = await until(async () => {
    const said = await summaryOf('fresh.mov');
    return said.includes('waits until') && said;
  });
  expect(fresh).toMatch(/waits until it has not changed for 60 s \(\d+ s left\)/);
  expect(await summaryOf('.hidden')).toContain('ignored: its name begins with a dot');
  expect(await summaryOf('x.tmp')).toContain("ignored by exclude '*.tmp'");
  expect(await summaryOf('empty.mov')).toContain('seen, but empty');
  expect(await summaryOf('never.mov')).toContain('it is not there now');
  expect((await client.call('explain', { query: { path: 'fresh.mov' } })).summary).toContain('60 s');
});

test('storage tells of both places, with room and history', async () => {
  const body = quickWatch();
  await client.call('createWatch', { body });
  const { rows } = await client.call('checkStorage');
  const own = rows.filter(({ endpoint }) => [body.source, ...body.destinations].includes(endpoint));
  expect(own.map(({ role }) => role)).toEqual(['destination', 'source']);
  for (const row of own) {
    expect(row).toMatchObject({ state: expect.stringMatching(/ok|warning|critical/), freeBytes: expect.any(Number) });
    expect(row.history).toHaveLength(1);
  }
  expect((await client.call('getStorage')).rows.map(({ endpoint }) => endpoint)).toEqual(
    rows.map(({ endpoint }) => endpoint),
  );
});

test('who may only read may look at watches and change none', async () => {
  const { token } = await client.call('createToken', { body: { name: 'reader', scopes: ['read'] } });
  const reader = createClient({ url: rig.url, token });
  expect((await reader.call('listWatches')).rows.length).toBeGreaterThan(0);
  expect((await refusal(reader.call('createWatch', { body: quickWatch() }))).code).toBe('not_authorised');
  expect((await refusal(reader.call('checkStorage'))).code).toBe('not_authorised');
});
