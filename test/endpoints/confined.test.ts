// Nothing that is asked for below a root, and no symlink on the way, leads out of it.

import { spawnSync } from 'node:child_process';
import {
  constants,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ConfinedRoot } from '../../src/endpoints/confined.ts';
import { type SystemCalls, systemCalls } from '../../src/endpoints/system-calls.ts';
import { Fault } from '../../src/model/fault.ts';
import { pathFromBytes } from '../../src/model/names.ts';

let folder: string;
let root: string;
let confined: ConfinedRoot;
let calls: SystemCalls | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-confined-'));
  root = join(folder, 'root');
  confined = ConfinedRoot.open(root, { create: true, calls });
});
afterEach(() => {
  confined.close();
  rmSync(folder, { recursive: true });
});

const create = constants.O_WRONLY | constants.O_CREAT;
function write(path: string, text: string): void {
  const { fd } = confined.openFile(path, create, { create: true });
  writeSync(fd, text);
  confined.closeFile(fd);
}
function codeOf(work: () => unknown): string {
  try {
    work();
    return 'done';
  } catch (error) {
    return error instanceof Fault ? error.code : String(error);
  }
}

const native = systemCalls() as SystemCalls;
const ways: [string, SystemCalls | undefined][] = [
  ['through /proc', undefined],
  ['by system calls', native],
  ['by system calls of a kernel without openat2', { ...native, openat2: undefined }],
];

describe.each(ways)('%s', (_name, way) => {
  beforeAll(() => {
    calls = way;
  });

  test('whatever path is asked for, nothing outside the root changes', () => {
    symlinkSync('..', join(root, 'up'));
    symlinkSync(folder, join(root, 'abs'));
    writeFileSync(join(folder, 'outside'), 'untouched');
    const part = fc.constantFrom(
      '..',
      '.',
      '',
      'up',
      'abs',
      'root',
      'outside',
      'a',
      'b\\..',
      '\0',
      '...',
      '/',
      'C:',
      'é',
    );
    fc.assert(
      fc.property(fc.array(part, { minLength: 1, maxLength: 6 }), (parts) => {
        codeOf(() => write(parts.join('/'), 'changed'));
        codeOf(() => confined.openFolder(parts.join('/'), { create: true }));
        expect(readdirSync(folder).sort()).toEqual(['outside', 'root']);
        expect(readFileSync(join(folder, 'outside'), 'utf8')).toBe('untouched');
      }),
      { numRuns: 300 },
    );
  });

  test('a symlink as folder or file is refused and said to be one', () => {
    mkdirSync(join(folder, 'outside'));
    writeFileSync(join(folder, 'outside', 'file'), 'untouched');
    symlinkSync('../outside', join(root, 'folder'));
    symlinkSync('../outside/file', join(root, 'file'));
    symlinkSync('../outside/new', join(root, 'dangling'));
    expect(codeOf(() => write('folder/new', 'x'))).toBe('name_unsafe');
    expect(codeOf(() => write('file', 'x'))).toBe('name_unsafe');
    expect(codeOf(() => write('dangling', 'x'))).toBe('name_unsafe');
    expect(() => confined.openFolder('folder/below', { create: true })).toThrow(/symlink/);
    expect(readdirSync(join(folder, 'outside'))).toEqual(['file']);
  });

  test('a folder that stands open is not led astray when its name is', () => {
    write('a/b/first', '1');
    mkdirSync(join(folder, 'outside'));
    renameSync(join(root, 'a'), join(root, 'moved'));
    symlinkSync('../outside', join(root, 'a'));
    write('a/b/second', '2');
    expect(readdirSync(join(root, 'moved', 'b')).sort()).toEqual(['first', 'second']);
    expect(readdirSync(join(folder, 'outside'))).toEqual([]);
    // Opened anew, the swap is seen.
    const fresh = ConfinedRoot.open(root, { calls });
    expect(codeOf(() => fresh.openFolder('a'))).toBe('name_unsafe');
    fresh.close();
  });

  test('the root itself may be reached by a symlink', () => {
    symlinkSync(root, join(folder, 'name'));
    const named = ConfinedRoot.open(join(folder, 'name'), { calls });
    named.closeFile(named.openFile('file', create).fd);
    named.close();
    expect(readdirSync(root)).toEqual(['file']);
    expect(codeOf(() => ConfinedRoot.open(join(folder, 'missing')))).toBe('not_found');
  });

  test('a FIFO, a socket and a device are no files, and are not waited for', () => {
    spawnSync('mkfifo', [join(root, 'fifo')]);
    symlinkSync('/dev/zero', join(root, 'device'));
    expect(codeOf(() => confined.openFile('fifo', constants.O_RDONLY))).toBe('unsupported');
    expect(codeOf(() => confined.openFile('fifo', constants.O_WRONLY))).toBe('unsupported');
    expect(codeOf(() => confined.openFile('device', constants.O_RDONLY))).toBe('name_unsafe');
  });

  test('folders in each other, deeper than are kept open, with names of any bytes', () => {
    const raw = pathFromBytes(Uint8Array.from([0x66, 0xff]));
    const deep = Array.from({ length: 300 }, (_, at) => `d${at}`).join('/');
    write(`${deep}/${raw}`, 'deep');
    const from = confined.locate(`${deep}/${raw}`);
    const to = confined.locate(`other/${deep}/${raw}`, { create: true });
    renameSync(from.folder.at(from.name), to.folder.at(to.name));
    expect(readFileSync(confined.file(`other/${deep}/${raw}`), 'utf8')).toBe('deep');
    confined.syncMade();
  });

  test('closes what it opened', () => {
    const before = readdirSync('/proc/self/fd').length;
    const other = ConfinedRoot.open(root, { calls });
    for (let at = 0; at < 500; at++) other.openFolder(`f${at}/g`, { create: true });
    expect(readdirSync('/proc/self/fd').length).toBeLessThan(before + 80);
    other.close();
    expect(readdirSync('/proc/self/fd').length).toBe(before);
  });

  test('calls back before each system call', () => {
    let called = 0;
    const watched = ConfinedRoot.open(root, { calls, beforeCall: () => void called++ });
    watched.openFolder('a/b', { create: true });
    expect(called).toBeGreaterThanOrEqual(7);
    const before = called;
    watched.openFolder('a/b');
    expect(called).toBe(before);
    watched.close();
  });
});

test('where there is no /proc, real paths are compared before and after', () => {
  mkdirSync(join(folder, 'outside', 'b'), { recursive: true });
  writeFileSync(join(folder, 'outside', 'file'), 'untouched');
  const script = `
    import { closeSync, constants, renameSync, symlinkSync } from 'node:fs';
    import { ConfinedRoot } from ${JSON.stringify(new URL('../../src/endpoints/confined.ts', import.meta.url).href)};
    const [folder, root] = ${JSON.stringify([folder, root])};
    const confined = ConfinedRoot.open(root);
    const attempt = (path) => {
      try {
        closeSync(confined.openFile(path, constants.O_WRONLY | constants.O_CREAT, { create: true }).fd);
        return 'done';
      } catch (error) {
        return error.code;
      }
    };
    const codes = [attempt('a/b/file'), attempt('../out'), attempt('a/b/file/below')];
    symlinkSync('../outside', root + '/folder');
    symlinkSync('../outside/file', root + '/file');
    codes.push(attempt('folder/new'), attempt('file'), attempt('a/b/other'));
    renameSync(root + '/a', root + '/moved');
    symlinkSync('../outside', root + '/a');
    codes.push(attempt('a/b/new'), attempt('moved/b/new'));
    confined.close();
    console.log(codes.join(' '));
  `;
  const hidden = 'mount -t tmpfs none /proc && exec "$@"';
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', hidden, 'sh', ...node], { encoding: 'utf8' });
  expect([stdout.trim(), stderr]).toEqual([
    'done name_unsafe exists name_unsafe name_unsafe done name_unsafe done',
    '',
  ]);
  expect(readdirSync(join(folder, 'outside')).sort()).toEqual(['b', 'file']);
  expect(readdirSync(join(folder, 'outside', 'b'))).toEqual([]);
});
