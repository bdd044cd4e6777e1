// Cleanup: whatever tree, receipts and later changes there are, only what may go goes; and a cleanup that trusts names does not pass.

import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import type { Call, Endpoint } from '../../../src/endpoints/endpoint.ts';
import { requireEndpoint } from '../../../src/endpoints/index.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import { type CleanupParts, cleanUp } from '../../../src/engine/cleanup/cleanup.ts';
import { wholePlace } from '../../../src/engine/cleanup/ways-to-say.ts';
import type { CleanupRequest } from '../../../src/model/cleanup-schema.ts';
import { idSource, systemClock, systemRandom } from '../../../src/model/clock.ts';
import { parseEndpoint } from '../../../src/model/endpoint-url.ts';
import type { EventDraft } from '../../../src/model/event.ts';
import { Fault } from '../../../src/model/fault.ts';
import type { Receipt } from '../../../src/model/receipt.ts';

const mounts = openMounts({ modules: [] });
afterAll(() => mounts.close());
const hourMs = 3_600_000;
let stages = 0;

/** A source and a home in memory, the receipts between them, and what was written down. */
async function openStage() {
  const name = `cleanup-${++stages}`;
  const receipts: Receipt[] = [];
  const events: EventDraft[] = [];
  const open = (address: string) => requireEndpoint(parseEndpoint(address), { mounts });
  const source = await open(`mem://${name}/out`);
  const home = await open(`mem://${name}-home/in`);
  await source.makeFolder?.('');
  await home.makeFolder?.('');
  const parts: CleanupParts = {
    clock: systemClock,
    mounts,
    newId: idSource(systemClock, systemRandom),
    open: async (address) => (address === source.name ? source : open(address)),
    reader: {
      receipts: async (query) => {
        const wanted = new Set(
          (query.sources ?? query.destinations ?? []).map(({ endpoint, path }) => `${endpoint}\n${path}`),
        );
        return receipts.filter((one) => {
          const { endpoint, path } = query.sources === undefined ? one.destination : one.source;
          return wanted.has(`${endpoint}\n${path}`);
        });
      },
    },
    write: async (changes) => {
      for (const change of changes) if (change.kind === 'append_event') events.push(change.event);
    },
  };
  const put = async (place: Endpoint, path: string, text: string, mtimeMs: number) => {
    await place.write(path, 0, new Blob([text]).stream());
    await place.setMetadata?.(path, { mtimeMs });
  };
  const copy = async (path: string, options: { to?: string; verify?: Receipt['verify'] } = {}) => {
    const entry = await source.stat(path);
    if (entry === undefined) throw new Error(`no ${path}`);
    const to = options.to ?? path;
    await home.write(to, 0, await source.read(path, 0));
    await home.setMetadata?.(to, { mtimeMs: entry.mtimeMs });
    const { sizeBytes, mtimeMs, device, inode } = entry;
    receipts.push({
      transferId: `t${receipts.length}`,
      jobId: 'j',
      source: { endpoint: source.name, path },
      sourceIdentity: {
        sizeBytes,
        mtimeMs,
        ...(device === undefined ? {} : { device }),
        ...(inode === undefined ? {} : { inode }),
      },
      destination: { endpoint: home.name, path: to },
      sizeBytes,
      hash: { algorithm: 'sha256', value: (await source.hash?.(path, 'sha256')) ?? '' },
      verify: options.verify ?? 'read-back',
      at: Date.now() + receipts.length,
    });
  };
  const names = async (place: Endpoint) => {
    const found: string[] = [];
    for await (const { path, kind } of place.list('')) if (kind === 'file') found.push(path);
    return found.sort();
  };
  const clean = (request: Partial<CleanupRequest> = {}) => cleanUp({ endpoint: source.name, ...request }, parts);
  return { source, home, receipts, events, parts, put, copy, names, clean, long: Date.now() - 48 * hourMs };
}
type Stage = Awaited<ReturnType<typeof openStage>>;

const later = [
  'nothing',
  'source longer',
  'source touched',
  'source replaced',
  'copy gone',
  'copy cut',
  'copy other',
  'copy touched',
] as const;
const fileArbitrary = fc.record({
  folder: fc.constantFrom('', 'txt2img', 'txt2img/2026-11-01', 'img2img/2026-11-02', 'keep'),
  text: fc.string({ minLength: 1, maxLength: 20 }),
  ageHours: fc.constantFrom(0.5, 23.9, 24.1, 500, -10),
  copied: fc.constantFrom('no', 'unread', 'well', 'well'),
  later: fc.constantFrom(...later),
  preserved: fc.boolean(),
});
type Made = (typeof fileArbitrary extends fc.Arbitrary<infer File> ? File : never) & { readonly path: string };

async function arrange(stage: Stage, files: readonly Made[]): Promise<void> {
  const now = Date.now();
  for (const { path, text, ageHours, copied } of files) {
    await stage.put(stage.source, path, text, now - ageHours * hourMs);
    if (copied !== 'no') await stage.copy(path, { verify: copied === 'unread' ? 'size' : 'read-back' });
  }
  for (const { path, text, ageHours, later: what, copied } of files) {
    const mtimeMs = now - ageHours * hourMs;
    const place = what.startsWith('source') ? stage.source : stage.home;
    if (what === 'nothing' || (copied === 'no' && place === stage.home)) continue;
    if (what === 'source longer') await stage.put(place, path, `${text}more`, mtimeMs);
    if (what.endsWith('touched')) await place.setMetadata?.(path, { mtimeMs: mtimeMs - 5 * hourMs });
    if (what === 'source replaced') {
      // Another file of the same size and time.
      await place.remove(path);
      await stage.put(place, path, '#'.repeat(new TextEncoder().encode(text).length), mtimeMs);
    }
    if (what === 'copy gone') await place.remove(path);
    if (what === 'copy cut') await stage.put(place, path, '', mtimeMs);
    if (what === 'copy other')
      await stage.put(place, path, '#'.repeat(new TextEncoder().encode(text).length), mtimeMs - 1);
  }
}

function mayGo({ copied, ageHours, later: what, preserved, text, folder }: Made): boolean {
  if (copied !== 'well' || preserved || folder === 'keep' || ageHours < 24) return false;
  const isHashes = /^#+$/.test(text);
  return (
    what === 'nothing' || what === 'copy touched' || (isHashes && (what === 'source replaced' || what === 'copy other'))
  );
}

const tree = fc.array(fileArbitrary, { maxLength: 14 }).map((files) =>
  files.map(
    (file, at): Made => ({
      ...file,
      path: `${file.folder === '' ? '' : `${file.folder}/`}${at}${file.preserved ? '.fav' : ''}.png`,
    }),
  ),
);

const request = { preservePatterns: ['*.FAV.*', 'keep'] };

describe('whatever there is', () => {
  test('only what may go goes, a dry run says just that, and all of it is on record', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(tree, async (files) => {
        const stage = await openStage();
        await arrange(stage, files);
        const before = await stage.names(stage.source);
        const homeBefore = await stage.names(stage.home);
        const gone = files
          .filter(mayGo)
          .map(({ path }) => path)
          .sort();
        const dry = await stage.clean({ ...request, dryRun: true });
        expect(await stage.names(stage.source)).toEqual(before);
        expect(stage.events).toEqual([]);
        const wet = await stage.clean(request);
        const { dryRun: _, ...said } = dry;
        expect(wet).toMatchObject({ ...said, dryRun: false, filesScanned: files.length });
        expect(wet.files.map(({ path }) => path).sort()).toEqual(gone);
        expect(await stage.names(stage.source)).toEqual(before.filter((path) => !gone.includes(path)));
        expect(await stage.names(stage.home)).toEqual(homeBefore);
        const written = stage.events.filter(({ name }) => name === 'observation.sync.file_deleted');
        expect(written.map(({ data }) => data.path).sort()).toEqual(gone);
        const sum = Object.values(wet.kept).reduce((all, count) => all + count, wet.filesDeleted);
        expect(sum).toBe(files.length);
      }),
      { numRuns: 120 },
    );
  });

  test('control: a cleanup that trusts names deletes what is not proven', async () => {
    const naive = async (stage: Stage) => {
      for (const path of await stage.names(stage.source)) {
        const entry = await stage.source.stat(path);
        const isOld = entry !== undefined && entry.mtimeMs <= Date.now() - 24 * hourMs;
        if (isOld && (await stage.home.stat(path)) !== undefined) await stage.source.remove(path);
      }
    };
    const checked = await fc.check(
      fc.asyncProperty(tree, async (files) => {
        const stage = await openStage();
        await arrange(stage, files);
        const before = await stage.names(stage.source);
        await naive(stage);
        const left = await stage.names(stage.source);
        return before.every((path) => left.includes(path) || files.some((file) => file.path === path && mayGo(file)));
      }),
      { numRuns: 120 },
    );
    expect(checked.failed).toBe(true);
  });
});

describe('a listing that fails', () => {
  const breaking = (source: Endpoint, after: number, fault: Fault): Endpoint => ({
    ...source,
    async *list(prefix: string, call?: Call) {
      let count = 0;
      for await (const entry of source.list(prefix, call)) {
        if (count++ >= after) throw fault;
        yield entry;
      }
      throw fault;
    },
  });

  test.each([
    ['at once', 0, 'unreachable'],
    ['in the middle', 3, 'network'],
    ['at its end, as a folder may not be read', 99, 'permission'],
  ] as const)('%s: nothing is deleted', async (_, after, code) => {
    const stage = await openStage();
    for (const at of [1, 2, 3, 4, 5]) {
      await stage.put(stage.source, `${at}.png`, 'x', stage.long);
      await stage.copy(`${at}.png`);
    }
    const open = (address: string) =>
      address === stage.source.name
        ? Promise.resolve(breaking(stage.source, after, new Fault(code, 'it broke off')))
        : stage.parts.open(address);
    const result = await cleanUp({ endpoint: stage.source.name }, { ...stage.parts, open });
    expect(result).toMatchObject({ filesDeleted: 0, errors: [{ code }] });
    expect(await stage.names(stage.source)).toHaveLength(5);
    expect(await stage.clean()).toMatchObject({ filesDeleted: 5, errors: [] });
  });

  test('a chosen folder that is not there is none, a place that is not there is trouble', async () => {
    const stage = await openStage();
    await stage.put(stage.source, 'a/1.png', 'x', stage.long);
    await stage.copy('a/1.png');
    expect(await stage.clean({ folders: ['a', 'WAN'] })).toMatchObject({ filesDeleted: 1, errors: [] });
    const nowhere = await cleanUp({ endpoint: 'mem://cleanup-nowhere/out' }, stage.parts);
    expect(nowhere).toMatchObject({ filesScanned: 0, errors: [{ code: 'not_found' }] });
  });
});

describe('what is looked at', () => {
  test('folders: only those that were chosen, by their whole names', async () => {
    const stage = await openStage();
    for (const path of ['a/1.png', 'a b/2.png', 'ab/3.png', 'c/a/4.png']) {
      await stage.put(stage.source, path, 'x', stage.long);
      await stage.copy(path);
    }
    expect((await stage.clean({ folders: ['a'] })).files).toEqual([{ path: 'a/1.png', sizeBytes: 1 }]);
    expect((await stage.clean({ path: 'c', folders: ['a', 'a/x'] })).files).toEqual([
      { path: 'c/a/4.png', sizeBytes: 1 },
    ]);
    await expect(stage.clean({ folders: ['../x'] })).rejects.toMatchObject({ code: 'name_unsafe' });
    await expect(stage.clean({ ageHours: -1 })).rejects.toMatchObject({ code: 'invalid' });
  });

  test('receipts of a copy from a folder above or below count', async () => {
    const stage = await openStage();
    await stage.put(stage.source, 'a/b/1.png', 'x', stage.long);
    await stage.copy('a/b/1.png');
    const [receipt] = stage.receipts;
    if (receipt === undefined) throw new Error('no receipt');
    const { endpoint } = receipt.source;
    for (const [root, path] of [
      [endpoint.replace(/\/out$/, '/'), 'out/a/b/1.png'],
      [`${endpoint}/a/b`, '1.png'],
    ] as const) {
      stage.receipts.splice(0, 1, { ...receipt, source: { endpoint: root, path } });
      expect(wholePlace({ endpoint: root, path })).toBe(wholePlace(receipt.source));
      expect(await stage.clean({ dryRun: true })).toMatchObject({ filesDeleted: 1 });
    }
    stage.receipts.splice(0, 1, { ...receipt, source: { endpoint, path: 'b/1.png' } });
    expect(await stage.clean()).toMatchObject({ filesDeleted: 0, kept: { unproven: 1 } });
  });

  test('a copy that another source has written over since, of the same size and time, proves nothing', async () => {
    const stage = await openStage();
    await stage.put(stage.source, 'a/1.png', 'one', stage.long);
    await stage.put(stage.source, 'b/1.png', 'two', stage.long);
    await stage.copy('a/1.png', { to: '1.png' });
    await stage.copy('b/1.png', { to: '1.png' });
    expect((await stage.clean()).files).toEqual([{ path: 'b/1.png', sizeBytes: 3 }]);
  });

  test('as many copies as are asked for, and with `checksum` each read again', async () => {
    const stage = await openStage();
    await stage.put(stage.source, '1.png', 'one', stage.long);
    await stage.copy('1.png');
    expect(await stage.clean({ copies: 2 })).toMatchObject({ filesDeleted: 0, kept: { unproven: 1 } });
    await stage.copy('1.png', { to: 'second/1.png' });
    await stage.put(stage.home, 'second/1.png', 'oNe', stage.long);
    expect(await stage.clean({ copies: 2, checksum: true })).toMatchObject({
      filesDeleted: 0,
      kept: { copyMissing: 1 },
    });
    await stage.put(stage.home, 'second/1.png', 'one', stage.long);
    expect(await stage.clean({ copies: 2, checksum: true })).toMatchObject({ filesDeleted: 1, errors: [] });
  });

  test('dated folders go when their last file has gone; others and those with something in them stay', async () => {
    const stage = await openStage();
    for (const path of ['t/2026-11-01/1.png', 't/2026-11-02/1.png', 't/other/1.png', 't/2026-11-32/1.png']) {
      await stage.put(stage.source, path, 'x', stage.long);
      await stage.copy(path);
    }
    await stage.put(stage.source, 't/2026-11-02/notes.txt', 'mine', stage.long);
    await stage.source.makeFolder?.('t/2026-11-03');
    expect(await stage.clean({ dryRun: true })).toMatchObject({ filesDeleted: 4, foldersRemoved: 1 });
    expect(await stage.clean()).toMatchObject({ filesDeleted: 4, foldersRemoved: 1 });
    const folders: string[] = [];
    for await (const { path, kind } of stage.source.list('')) if (kind === 'folder') folders.push(path);
    expect(folders).toEqual(['t', 't/2026-11-02', 't/2026-11-03', 't/2026-11-32', 't/other']);
  });
});

describe('two ways to one place, and clocks', () => {
  test('a copy that is the file itself, reached by another way, is none', async () => {
    const stage = await openStage();
    await stage.put(stage.source, 'a/1.png', 'x', stage.long);
    await stage.copy('a/1.png');
    const [receipt] = stage.receipts;
    if (receipt === undefined) throw new Error('no receipt');
    // A "host" whose files are those of the source.
    const other = 'mem://elsewhere/x';
    stage.receipts.splice(0, 1, { ...receipt, destination: { endpoint: other, path: 'a/1.png' } });
    const open = (address: string) => stage.parts.open(address === other ? stage.source.name : address);
    const result = await cleanUp({ endpoint: stage.source.name }, { ...stage.parts, open });
    expect(result).toMatchObject({ filesDeleted: 0, kept: { failed: 1 }, errors: [{ code: 'exists' }] });
    expect(await stage.names(stage.source)).toEqual(['a/1.png']);
  });

  test('our clock jumps two years ahead: what the source’s clock calls new stays', async () => {
    const stage = await openStage();
    await stage.put(stage.source, 'new.png', 'x', Date.now() - hourMs);
    await stage.put(stage.source, 'old.png', 'x', stage.long);
    await stage.copy('new.png');
    await stage.copy('old.png');
    const ahead = { ...systemClock, now: () => systemClock.now() + 2 * 365 * 24 * hourMs };
    const result = await cleanUp({ endpoint: stage.source.name }, { ...stage.parts, clock: ahead });
    expect(result).toMatchObject({ filesDeleted: 1, kept: { young: 1 } });
    expect(await stage.names(stage.source)).toEqual(['new.png']);
    const behind = { ...systemClock, now: () => systemClock.now() - 2 * 365 * 24 * hourMs };
    await stage.put(stage.source, 'old.png', 'x', stage.long);
    await stage.copy('old.png');
    const none = await cleanUp({ endpoint: stage.source.name }, { ...stage.parts, clock: behind });
    expect(none).toMatchObject({ filesDeleted: 0, kept: { young: 2 } });
  });
});
