// The faulty file system makes the faults that it is asked for, and none otherwise.

import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { type FaultFs, mountFaultFs } from './fault-fs.ts';

let folder: string;
let fs: FaultFs;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-fault-'));
  fs = await mountFaultFs(folder);
});
afterEach(() => fs.faults());
afterAll(async () => {
  await fs.close();
  rmSync(folder, { recursive: true, force: true });
});

const at = (name: string): string => join(fs.mount, name);

test('passes everything through', () => {
  writeFileSync(at('a'), 'hello');
  expect(readFileSync(join(fs.backing, 'a'), 'utf8')).toBe('hello');
  renameSync(at('a'), at('b'));
  expect(statSync(at('b')).size).toBe(5);
});

test('fails the nth call of an operation', () => {
  fs.faults('fail write 5 2 1');
  const file = openSync(at('c'), 'w');
  expect(writeSync(file, 'one')).toBe(3);
  expect(() => writeSync(file, 'two')).toThrow(/EIO/);
  expect(writeSync(file, 'three')).toBe(5);
  closeSync(file);
});

test('fails fsync, and errors at close reach the caller', () => {
  fs.faults('fail fsync 5 1 0', 'fail flush 5 1 0');
  const file = openSync(at('d'), 'w');
  expect(() => fsyncSync(file)).toThrow(/EIO/);
  expect(() => closeSync(file)).toThrow(/EIO/);
});

test('turns bits over, on the way in and on the way out', () => {
  writeFileSync(at('e'), 'aaaa');
  fs.faults('flip_at read 1');
  expect(readFileSync(at('e'), 'utf8')).toBe('aeaa');
  fs.faults('flip_at write 2');
  writeFileSync(at('f'), 'aaaa');
  fs.faults();
  expect(readFileSync(at('f'), 'utf8')).toBe('aaea');
});

test('runs out of space, and turns read-only', () => {
  fs.faults('space 10000');
  expect(() => writeFileSync(at('g'), Buffer.alloc(20_000))).toThrow(/ENOSPC/);
  fs.faults('read_only');
  expect(() => writeFileSync(at('h'), 'x')).toThrow(/EROFS/);
});

test('forgets what was not synced, also when a failed fsync is repeated', () => {
  const put = (name: string): number => {
    const file = openSync(at(name), 'w');
    writeSync(file, 'abcd');
    return file;
  };
  const synced = put('synced');
  fsyncSync(synced);
  writeSync(synced, 'efgh');
  const again = put('again');
  fs.faults('fail fsync 5 1 1');
  expect(() => fsyncSync(again)).toThrow(/EIO/);
  fsyncSync(again);
  const mended = put('mended');
  fs.faults('fail fsync 5 1 1');
  expect(() => fsyncSync(mended)).toThrow(/EIO/);
  writeSync(mended, 'wxyz', 0);
  fsyncSync(mended);
  for (const file of [synced, again, mended]) closeSync(file);
  fs.loseUnsynced();
  expect(readFileSync(at('synced'), 'latin1')).toBe('abcd\0\0\0\0');
  expect(readFileSync(at('again'), 'latin1')).toBe('\0\0\0\0');
  expect(readFileSync(at('mended'), 'latin1')).toBe('wxyz');
});

test('keeps faults to the paths that are named, and tells every call', () => {
  fs.clearCalls();
  fs.faults('only bad', 'fail write 5 1 0');
  writeFileSync(at('good'), 'x');
  expect(() => writeFileSync(at('bad one'), 'x')).toThrow(/EIO/);
  const writes = fs.calls().filter(({ operation }) => operation === 'write');
  expect(writes.map(({ path, errno, bytes }) => ({ path, errno, bytes }))).toEqual([
    { path: '/good', errno: 0, bytes: 1 },
    { path: '/bad one', errno: 5, bytes: 1 },
  ]);
});

test('a file with two names is one file, and what is open stays readable when it is removed', () => {
  writeFileSync(at('first'), 'body');
  linkSync(at('first'), at('second'));
  expect(statSync(at('first')).ino).toBe(statSync(at('second')).ino);
  const file = openSync(at('first'), 'r');
  unlinkSync(at('first'));
  expect(readSync(file, Buffer.alloc(10))).toBe(4);
  closeSync(file);
  expect(readdirSync(fs.backing)).not.toContain('first');
});

test('tells of less than there is, without an error', () => {
  fs.faults('cut_listing 1');
  expect(readdirSync(fs.mount)).toHaveLength(1);
});

test('a quota is felt and not told', () => {
  const before = statfsSync(fs.mount).bavail;
  fs.faults('quota 10000');
  expect(() => writeFileSync(at('q'), Buffer.alloc(20_000))).toThrow(/ENOSPC/);
  expect(statfsSync(fs.mount).bavail).toBeGreaterThan(before / 2);
});

test('flips a bit as often as it is asked to', () => {
  fs.faults('flip_at write 1 1');
  writeFileSync(at('r'), 'aaaa');
  writeFileSync(at('s'), 'aaaa');
  expect(readFileSync(at('r'), 'utf8')).toBe('aeaa');
  expect(readFileSync(at('s'), 'utf8')).toBe('aaaa');
});
