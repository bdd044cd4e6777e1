// The faulty file system makes the faults that it is asked for, and none otherwise.

import {
  closeSync,
  fsyncSync,
  mkdtempSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
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
