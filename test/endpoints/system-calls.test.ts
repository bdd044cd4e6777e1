// System calls that Node has no names for do what their manual pages say, and fail as Node's own calls do.

import {
  closeSync,
  constants,
  fstatSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { errnoFault, errnoOf } from '../../src/endpoints/errno.ts';
import { type SystemCalls, systemCalls } from '../../src/endpoints/system-calls.ts';
import { pathBytes, pathFromBytes } from '../../src/model/names.ts';

const calls = systemCalls() as SystemCalls;
const openat2 = calls.openat2 as NonNullable<SystemCalls['openat2']>;
const raw = pathFromBytes(Uint8Array.from([0x66, 0xff, 0xc3, 0xa9]));

let folder: string;
let at: number;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-calls-'));
  at = openSync(folder, constants.O_RDONLY | constants.O_DIRECTORY);
});
afterEach(() => {
  closeSync(at);
  rmSync(folder, { recursive: true });
});

function errno(work: () => unknown): string | undefined {
  try {
    work();
    return undefined;
  } catch (error) {
    return errnoOf(error);
  }
}

describe('names below an open folder', () => {
  it('are made, opened, linked, renamed and removed', () => {
    for (const name of ['plain', 'é ü', raw]) {
      calls.close(calls.openat(at, name, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL, 0o640));
      expect(readdirSync(folder, 'buffer').map(String)).toEqual([String(Buffer.from(pathBytes(name)))]);
      calls.linkat(at, name, at, `${name}2`);
      calls.renameat2(at, `${name}2`, at, `${name}3`);
      const fd = calls.openat(at, `${name}3`, constants.O_RDONLY, 0);
      expect(fstatSync(fd)).toMatchObject({ nlink: 2, size: 0 });
      expect(fstatSync(fd).mode & 0o777).toBe(0o640);
      closeSync(fd);
      calls.unlinkat(at, name);
      calls.unlinkat(at, `${name}3`);
    }
    calls.mkdirat(at, raw, 0o700);
    expect(statSync(Buffer.concat([Buffer.from(`${folder}/`), pathBytes(raw)])).isDirectory()).toBe(true);
  });

  it('fail with the errors of Node, under their own names', () => {
    writeFileSync(join(folder, 'file'), 'x');
    mkdirSync(join(folder, 'made'));
    symlinkSync('file', join(folder, 'link'));
    const create = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    expect(errno(() => calls.openat(at, 'missing', constants.O_RDONLY, 0))).toBe('ENOENT');
    expect(errno(() => calls.openat(at, 'file', create, 0o600))).toBe('EEXIST');
    expect(errno(() => calls.openat(at, 'link', constants.O_RDONLY | constants.O_NOFOLLOW, 0))).toBe('ELOOP');
    expect(errno(() => calls.openat(at, 'a'.repeat(256), constants.O_RDONLY, 0))).toBe('ENAMETOOLONG');
    expect(errno(() => calls.openat(at, 'file\0more', constants.O_RDONLY, 0))).toBe('EINVAL');
    expect(errno(() => calls.openat(-1, 'file', constants.O_RDONLY, 0))).toBe('EBADF');
    expect(errno(() => calls.mkdirat(at, 'made', 0o700))).toBe('EEXIST');
    expect(errno(() => calls.unlinkat(at, 'missing'))).toBe('ENOENT');
    expect(errno(() => calls.unlinkat(at, 'made'))).toBe('EISDIR');
    expect(errno(() => calls.linkat(at, 'file', at, 'made'))).toBe('EEXIST');
    expect(errno(() => calls.renameat2(at, 'missing', at, 'file'))).toBe('ENOENT');
    try {
      calls.openat(at, 'missing', constants.O_RDONLY, 0);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'openat' });
      expect(errnoFault(error, { operation: 'open', path: 'missing' }).code).toBe('not_found');
    }
  });

  it('a rename that keeps what is there replaces nothing, and a plain one does', () => {
    writeFileSync(join(folder, 'new'), 'new');
    writeFileSync(join(folder, 'there'), 'there');
    expect(errno(() => calls.renameat2(at, 'new', at, 'there', { keep: true }))).toBe('EEXIST');
    expect(readFileSync(join(folder, 'there'), 'utf8')).toBe('there');
    calls.renameat2(at, 'new', at, 'free', { keep: true });
    calls.renameat2(at, 'free', at, 'there');
    expect(readFileSync(join(folder, 'there'), 'utf8')).toBe('new');
  });

  it('open descriptors that no started program inherits', () => {
    writeFileSync(join(folder, 'file'), 'x');
    for (const fd of [calls.openat(at, 'file', constants.O_RDONLY, 0), openat2(at, 'file', constants.O_RDONLY, 0)]) {
      const flags = /flags:\s+(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';
      expect(Number.parseInt(flags, 8) & 0o2000000).toBe(0o2000000);
      closeSync(fd);
    }
  });
});

describe('openat2', () => {
  it('opens a whole path below the folder, and nothing that leads out of it or through a symlink', () => {
    mkdirSync(join(folder, 'a/b'), { recursive: true });
    writeFileSync(join(folder, 'a/b/file'), 'inside');
    symlinkSync('a/b', join(folder, 'inner'));
    symlinkSync('/etc', join(folder, 'outer'));
    const fd = openat2(at, 'a/b/file', constants.O_RDONLY, 0);
    expect(readFileSync(fd, 'utf8')).toBe('inside');
    closeSync(fd);
    const refused = (path: string) => errno(() => openat2(at, path, constants.O_RDONLY, 0));
    expect(refused('inner/file')).toBe('ELOOP');
    expect(refused('outer/passwd')).toBe('ELOOP');
    expect(refused('../outside')).toBe('EXDEV');
    expect(refused('/etc/passwd')).toBe('EXDEV');
    expect(refused('a/missing')).toBe('ENOENT');
    // The control: openat(2), which nothing confines, goes out.
    calls.close(calls.openat(at, 'outer/passwd', constants.O_RDONLY, 0));
  });
});

describe('an open file', () => {
  it('keeps times to the nanosecond, also before 1970', () => {
    const fd = openSync(join(folder, 'file'), 'w');
    for (const ns of [1_700_000_000_123_456_789n, 5_000_000_000_000_000_001n, -1_500_000_001n, 0n]) {
      const below = ((ns % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
      calls.futimens(fd, Number((ns - below) / 1_000_000_000n), Number(below));
      expect(fstatSync(fd, { bigint: true })).toMatchObject({ mtimeNs: ns, atimeNs: ns });
    }
    closeSync(fd);
    expect(errno(() => calls.futimens(fd, 0, 0))).toBe('EBADF');
  });

  it('is looked at as fstat does, on devices of any number', () => {
    for (const path of [join(folder, 'file'), '/dev/null', '/proc/self/status']) {
      writeFileSync(join(folder, 'file'), 'some content', { mode: 0o640 });
      const fd = openSync(path, 'r');
      const { dev, ino, uid, gid, size, mode, mtimeMs, blocks } = fstatSync(fd);
      expect(calls.fstat(fd)).toMatchObject({ dev, ino, uid, gid, size, mode, mtimeMs, blocks });
      closeSync(fd);
      expect(errno(() => calls.fstat(fd))).toBe('EBADF');
    }
  });

  it('is written and read at any place, beyond 4 GiB too', () => {
    const fd = openSync(join(folder, 'file'), 'w+');
    const text = Buffer.from('0123456789');
    expect(calls.pwrite(fd, text, 0, 10, 5_000_000_000)).toBe(10);
    expect(calls.pwrite(fd, text, 7, 3, 2)).toBe(3);
    const back = Buffer.alloc(12, '.');
    expect(calls.pread(fd, back, 1, 4, 5_000_000_006)).toBe(4);
    expect(calls.pread(fd, back, 6, 3, 2)).toBe(3);
    expect(back.toString()).toBe('.6789.789...');
    expect(calls.pread(fd, back, 0, 12, 5_000_000_010)).toBe(0);
    closeSync(fd);
    expect(errno(() => calls.pread(fd, back, 0, 12, 0))).toBe('EBADF');
    expect(errno(() => calls.pwrite(fd, back, 0, 12, 0))).toBe('EBADF');
  });

  it('keeps extended attributes of any name and value', () => {
    const fd = openSync(join(folder, 'file'), 'w');
    expect(calls.flistxattr(fd).filter((name) => name.startsWith('user.'))).toEqual([]);
    expect(calls.fgetxattr(fd, 'user.none')).toBeUndefined();
    const values = new Map<string, Buffer>([
      ['user.empty', Buffer.alloc(0)],
      [`user.${raw}`, Buffer.from([0, 255, 10])],
      ['user.long', Buffer.alloc(3_000, 'x')],
    ]);
    for (const [name, value] of values) calls.fsetxattr(fd, name, value);
    const names = calls.flistxattr(fd).filter((name) => name.startsWith('user.'));
    expect(names.sort()).toEqual([...values.keys()].sort());
    for (const [name, value] of values) expect(calls.fgetxattr(fd, name)).toEqual(value);
    calls.fremovexattr(fd, 'user.long');
    calls.fremovexattr(fd, 'user.long');
    expect(calls.fgetxattr(fd, 'user.long')).toBeUndefined();
    expect(errno(() => calls.fsetxattr(fd, 'nonsense', Buffer.alloc(1)))).toBe('ENOTSUP');
    closeSync(fd);
  });

  it('has its file system made durable', () => {
    calls.syncfs(at);
    expect(errno(() => calls.syncfs(-1))).toBe('EBADF');
  });
});

describe('statx', () => {
  it('says what lstat says, of large, old, strangely named and missing files, folders and symlinks', () => {
    const names = ['large', 'before-1970', 'folder', 'link', raw];
    writeFileSync(join(folder, 'large'), '');
    truncateSync(join(folder, 'large'), 5_000_000_001);
    writeFileSync(join(folder, 'before-1970'), 'old', { mode: 0o640 });
    utimesSync(join(folder, 'before-1970'), -12.25, -12.25);
    mkdirSync(join(folder, 'folder'));
    symlinkSync('large', join(folder, 'link'));
    const bytesOf = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), pathBytes(name)]);
    writeFileSync(bytesOf(raw), 'raw');
    for (const name of names) {
      const stats = lstatSync(bytesOf(name));
      const facts = calls.statx(at, name);
      expect(facts, name).toMatchObject({ size: stats.size, mode: stats.mode, mtimeMs: stats.mtimeMs });
      expect([facts?.isFile(), facts?.isDirectory(), facts?.isSymbolicLink()]).toEqual([
        stats.isFile(),
        stats.isDirectory(),
        stats.isSymbolicLink(),
      ]);
    }
    expect(calls.statx(at, 'missing')).toBeUndefined();
    expect(errno(() => calls.statx(at, 'large/below'))).toBe('ENOTDIR');
  });
});
