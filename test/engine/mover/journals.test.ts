// Journals that were torn anywhere: what is read of them is what was written, never more.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newControl, openControl } from '../../../src/endpoints/control.ts';
import { JournalWriter, parseJournal } from '../../../src/engine/mover/block-journal.ts';
import { BlockTable, blockLength, blockStates } from '../../../src/engine/mover/block-table.ts';
import type { PackFile } from '../../../src/engine/mover/move.ts';
import { PackJournalWriter, packPartialPath, parsePackJournal } from '../../../src/engine/mover/pack-journal.ts';
import { Reservations } from '../../../src/engine/mover/reservations.ts';
import { grownFrom, sameSource } from '../../../src/engine/mover/source-identity.ts';
import { rangesOf } from '../../../src/engine/mover/verified-blocks.ts';
import { blockBytes } from '../../../src/model/hash.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-journals-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const control = openControl(newControl());
const path = fc.string({ minLength: 1, unit: 'binary' }).filter((text) => !text.includes('\0'));
const digest = fc.uint8Array({ minLength: 16, maxLength: 16 });
const head = fc.record({
  identity: fc.record({
    device: fc.stringMatching(/^\d{1,20}$/),
    inode: fc.stringMatching(/^\d{1,20}$/),
    sizeBytes: fc.nat(),
    mtimeMs: fc.double({ noNaN: true, min: 0, max: 4e12 }),
  }),
  growing: fc.boolean(),
  partial: fc.record({ root: path, path, device: fc.constant('1'), inode: fc.constant('2'), fence: fc.nat() }),
});

describe('a block journal', () => {
  it('gives back what was written, and of a torn one a beginning of it', () => {
    fc.assert(
      fc.property(head, fc.array(fc.tuple(fc.nat(1000), digest)), fc.nat(), (written, blocks, cut) => {
        const file = join(folder, 'j');
        const writer = JournalWriter.open(file, control, { fresh: true });
        writer.head(written);
        for (const [block, bytes] of blocks) writer.block(block, bytes);
        writer.close();
        const bytes = readFileSync(file);
        const whole = parseJournal(bytes.toString());
        expect(whole?.head).toMatchObject(JSON.parse(JSON.stringify(written)));
        expect(whole?.paths).toEqual([written.partial.path]);
        const expected = new Map(blocks.map(([block, value]) => [block, Buffer.from(value).toString('hex')]));
        expect(new Map(whole?.blocks)).toEqual(expected);
        const torn = parseJournal(bytes.subarray(0, cut % bytes.length).toString('latin1'));
        const values = new Set(blocks.map(([block, value]) => `${block} ${Buffer.from(value).toString('hex')}`));
        for (const [block, value] of torn?.blocks ?? []) expect(values).toContain(`${block} ${value}`);
      }),
      { numRuns: 60 },
    );
  });

  it('goes on after a torn line', () => {
    const file = join(folder, 'j');
    const identity = { sizeBytes: 1, mtimeMs: 1 };
    const partial = { root: '/', path: 'a', device: '1', inode: '2', fence: 1 };
    for (const fence of [1, 2]) {
      const writer = JournalWriter.open(file, control);
      writer.head({ identity, growing: false, partial: { ...partial, path: `a${fence}`, fence } });
      writer.block(fence, Buffer.alloc(16, fence));
      writer.close();
    }
    const text = readFileSync(file, 'utf8');
    const read = parseJournal(`${text}b 7 0011\nnonsense\n{"version":1\n${text}b 9 00`);
    expect(read?.head.partial.fence).toBe(2);
    expect(read?.paths).toEqual(['a2', 'a1']);
    expect([...(read?.blocks.keys() ?? [])]).toEqual([1, 2]);
  });

  it('says nothing where it has no head', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(parseJournal(`${text}\nb 1 ${'0'.repeat(32)}\n`)).toBeUndefined();
      }),
    );
    expect(parseJournal('')).toBeUndefined();
  });
});

describe('a pack journal', () => {
  const files: PackFile[] = ['x/a', 'b\udcff', 'c'].map((destinationPath, at) => ({
    transferId: `01JABCDEFGHJKMNPQRSTVWXY0${at}`,
    sourcePath: `from-${at}`,
    destinationPath,
    entry: { path: `from-${at}`, kind: 'file', sizeBytes: at, mtimeMs: at, mode: 0o644 },
  }));
  const source = { device: '5', inode: '6', sizeBytes: 3, mtimeMs: 4.5 };
  const staged = (at: number) => ({
    at,
    finalPath: at === 1 ? 'other' : '',
    device: '7',
    inode: `${at}`,
    source,
    hash: 'ff',
  });

  it('tells which partials may be there and which files may be published', () => {
    const file = join(folder, 'p');
    const writer = new PackJournalWriter(
      file,
      { version: 1, destination: '/to', fence: 3, algorithm: 'xxh128-8m', verify: 'read-back' },
      control,
      { durable: true },
    );
    writer.begin(files);
    writer.publishing(0, [staged(0), staged(1)], { durable: true });
    const open = parsePackJournal(readFileSync(file, 'utf8'));
    const partials = files.map((each) => packPartialPath(each, 3));
    expect(open?.partials).toEqual(partials);
    expect(open?.publishing).toMatchObject([
      {
        file: files[0],
        finalPath: 'x/a',
        partialPath: packPartialPath(files[0] as PackFile, 3),
        inode: '0',
        identity: source,
      },
      { file: files[1], finalPath: 'other', sizeBytes: 3, hash: { algorithm: 'xxh128-8m', value: 'ff' } },
    ]);
    writer.committed(0);
    writer.close();
    const text = readFileSync(file, 'utf8');
    expect(parsePackJournal(text)).toEqual({
      destination: '/to',
      partials,
      publishing: [],
    });
    for (let cut = 0; cut < text.length; cut++) {
      const torn = parsePackJournal(text.slice(0, cut));
      for (const record of torn?.publishing ?? []) expect(files).toContainEqual(record.file);
    }
  });
});

describe('a block table', () => {
  it('hands its blocks on to a longer one', () => {
    const table = BlockTable.forSize(2 * blockBytes + 5);
    expect(table.count).toBe(3);
    table.set(1, blockStates.done, Buffer.alloc(16, 9));
    const longer = BlockTable.forSize(9 * blockBytes, table);
    expect(longer.state(1)).toBe(blockStates.done);
    expect(Buffer.from(longer.digest(1)).equals(Buffer.alloc(16, 9))).toBe(true);
    expect(longer.bytesIn(blockStates.done, 9 * blockBytes)).toBe(blockBytes);
    expect(blockLength(2, 2 * blockBytes + 5)).toBe(5);
    expect(BlockTable.forSize(0).count).toBe(0);
  });

  it('calls for a checkpoint once in so many blocks', () => {
    const table = BlockTable.forSize(100 * blockBytes);
    const taken = Array.from({ length: 100 }, () => table.takesCheckpoint(32, 1000)).filter(Boolean);
    expect(taken).toHaveLength(3);
  });
});

describe('the identity of a source', () => {
  it('is the same, grown or another', () => {
    const one = { device: '1', inode: '2', sizeBytes: 10, mtimeMs: 5 };
    expect(sameSource(one, { ...one })).toBe(true);
    for (const change of [{ device: '9' }, { inode: '9' }, { sizeBytes: 11 }, { mtimeMs: 6 }, { version: 'x' }]) {
      expect(sameSource(one, { ...one, ...change })).toBe(false);
    }
    expect(grownFrom(one, { ...one, sizeBytes: 11, mtimeMs: 6 })).toBe(true);
    expect(grownFrom(one, { ...one, sizeBytes: 9 })).toBe(false);
    expect(grownFrom(one, { ...one, inode: '3' })).toBe(false);
  });
});

describe('room', () => {
  it('is promised once', () => {
    const rooms = new Reservations();
    const wanted = (bytes: number, freeBytes: number, reserveBytes = 0) => ({
      mountPoint: '/m',
      freeBytes,
      reserveBytes,
      remaining: () => bytes,
      path: 'a',
      place: '/m/to',
    });
    const release = rooms.take(wanted(60, 100));
    expect(rooms.byMount.get('/m')).toBe(60);
    expect(() => rooms.take(wanted(41, 100))).toThrow(/promised to files under way/);
    expect(() => rooms.take(wanted(40, 100, 1))).toThrow(/to remain free/);
    rooms.take(wanted(0, 0, 1000))();
    release();
    rooms.take(wanted(41, 100));
    expect(rooms.byMount.get('/m')).toBe(41);
  });
});

it('ranges of verified blocks hold every block once, in order, whatever order they came in', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(60)), fc.nat(40 * blockBytes), (blocks, sizeBytes) => {
      const ranges = rangesOf(blocks, sizeBytes);
      const inside = blocks.filter((block) => block * blockBytes < sizeBytes);
      const covered = ranges.flatMap(({ from, to }) =>
        Array.from({ length: Math.ceil((to - from) / blockBytes) }, (_, at) => from / blockBytes + at),
      );
      expect(covered).toEqual(inside.sort((one, other) => one - other));
      for (const [at, { from, to }] of ranges.entries()) {
        expect(to).toBeLessThanOrEqual(sizeBytes);
        expect(from).toBeGreaterThan(ranges[at - 1]?.to ?? -1);
      }
    }),
  );
});
