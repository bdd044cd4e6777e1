// Mounts the faulty file system (fault-fs.c) over a folder and switches its faults while it runs. Needs root, FUSE 3 and a C compiler.

import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';

const source = resolve(import.meta.dirname, 'fault-fs.c');

/** One call that reached the faulty file system. `errno` is 0 where it succeeded; renames and links tell their new path. */
export interface FaultFsCall {
  readonly operation: string;
  readonly errno: number;
  readonly inode: string;
  readonly offset: number;
  readonly bytes: number;
  /** Below the mount, with a leading slash. */
  readonly path: string;
}

export interface FaultFs {
  /** Where the files really are; faults do not apply here. */
  readonly backing: string;
  readonly mount: string;
  /** Replaces all faults; see fault-fs.c for the words. Without any, all is well again. */
  faults(...lines: string[]): void;
  /** What every call has been since the last `clearCalls`. */
  calls(): FaultFsCall[];
  clearCalls(): void;
  /** As after a power cut: what no successful fsync has covered becomes zeros. */
  loseUnsynced(): void;
  close(): Promise<void>;
}

/** Compiled once for each version of the source. */
function program(): string {
  const path = join(
    tmpdir(),
    `wherry-fault-fs-${createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16)}`,
  );
  if (!existsSync(path)) {
    const flags = execFileSync('pkg-config', ['fuse3', '--cflags', '--libs'], { encoding: 'utf8' }).trim().split(/\s+/);
    const fresh = `${path}.${process.pid}`;
    execFileSync('gcc', ['-O2', '-o', fresh, source, ...flags, '-lpthread']);
    renameSync(fresh, path);
  }
  return path;
}

export async function mountFaultFs(folder: string): Promise<FaultFs> {
  const backing = join(folder, 'backing');
  const mount = join(folder, 'mount');
  const control = join(folder, 'faults');
  const log = join(folder, 'calls');
  mkdirSync(backing, { recursive: true });
  mkdirSync(mount, { recursive: true });
  writeFileSync(control, '');
  const outside = statSync(mount).dev;
  const child: ChildProcess = spawn(
    program(),
    [mount, '-f', '-o', 'allow_other,default_permissions,attr_timeout=0,entry_timeout=0,negative_timeout=0'],
    {
      env: { ...process.env, FAULT_ROOT: backing, FAULT_CONTROL: control, FAULT_LOG: log },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  let words = '';
  child.stderr?.on('data', (piece) => {
    words += piece;
  });
  const faults = (...lines: string[]): void => {
    writeFileSync(`${control}.new`, `${lines.join('\n')}\n`);
    renameSync(`${control}.new`, control);
  };
  while (statSync(mount).dev === outside) {
    if (child.exitCode !== null) throw new Error(`The faulty file system did not start: ${words}`);
    await after(5);
  }
  // Whatever ends this process, no mount and no file system process stays behind.
  const leave = (): void => {
    faults();
    spawnSync('umount', ['-l', mount]);
    child.kill('SIGKILL');
  };
  process.once('exit', leave);
  return {
    backing,
    mount,
    faults,
    calls: () => (existsSync(log) ? readFileSync(log, 'utf8').split('\n').filter(Boolean).map(readCall) : []),
    clearCalls: () => {
      if (existsSync(log)) truncateSync(log);
    },
    loseUnsynced: () => {
      faults('lose_unsynced');
      // The control file is looked at by the next call; nothing here is cached.
      statSync(mount);
      faults();
    },
    close: async () => {
      process.off('exit', leave);
      faults();
      const ended = child.exitCode === null ? new Promise((done) => child.once('exit', done)) : Promise.resolve();
      execFileSync('umount', ['-l', mount]);
      await Promise.race([ended, after(2_000)]);
      if (child.exitCode === null) child.kill('SIGKILL');
      for (const path of [control, log]) rmSync(path, { force: true });
    },
  };
}

function readCall(line: string): FaultFsCall {
  const [operation = '', errno = '0', inode = '0', offset = '0', bytes = '0', ...path] = line.split(' ');
  return {
    operation,
    errno: Number(errno),
    inode,
    offset: Number(offset),
    bytes: Number(bytes),
    path: path.join(' '),
  };
}
