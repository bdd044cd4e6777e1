// Where a row plays: folders, small disks, faulty file systems and daemons that are all taken down again, whatever happens.

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { type Daemon, type DaemonOptions, startDaemon } from '../support/daemon.ts';
import { type FaultFs, mountFaultFs } from '../support/fault-fs.ts';

export interface Stage {
  /** Makes a folder in the scratch folder. */
  folder(name: string): string;
  /** A faulty file system of that name; its files go through `mount`. */
  faultFs(name: string): Promise<FaultFs>;
  /** A file system in memory of that size. */
  tmpfs(name: string, size: string, inodes?: number): string;
  /** A file system of its own in an image. */
  disk(name: string, kind: 'ext4' | 'xfs', megabytes: number): Disk;
  daemon(name: string, options: DaemonOptions): Promise<Daemon>;
  /** Called when the row has ended, last one first. */
  atEnd(task: () => void | Promise<void>): void;
}

export interface Disk {
  readonly image: string;
  readonly mount: string;
  unmount(): void;
  remount(): void;
}

/** Plays, and takes everything down; mounts also where the process is ended in between. */
export async function onStage<Result>(scratch: string, play: (stage: Stage) => Promise<Result>): Promise<Result> {
  const tasks: (() => void | Promise<void>)[] = [];
  const mounts: string[] = [];
  const leave = (): void => {
    for (const mount of mounts.reverse()) spawnSync('umount', ['-l', mount], { stdio: 'ignore' });
  };
  process.once('exit', leave);
  const stage: Stage = {
    folder: (name) => {
      const path = join(scratch, name);
      mkdirSync(path, { recursive: true });
      return path;
    },
    faultFs: async (name) => {
      const fs = await mountFaultFs(stage.folder(name));
      tasks.push(() => fs.close());
      return fs;
    },
    tmpfs: (name, size, inodes) => {
      const mount = stage.folder(name);
      const limits = inodes === undefined ? `size=${size}` : `size=${size},nr_inodes=${inodes}`;
      execFileSync('mount', ['-t', 'tmpfs', '-o', limits, 'tmpfs', mount]);
      mounts.push(mount);
      return mount;
    },
    disk: (name, kind, megabytes) => {
      const mount = stage.folder(name);
      const image = `${mount}.img`;
      execFileSync('truncate', ['-s', `${megabytes}M`, image]);
      execFileSync(`mkfs.${kind}`, kind === 'ext4' ? ['-q', '-F', '-m', '0', image] : ['-q', image]);
      const remount = (): void => {
        execFileSync('mount', ['-o', 'loop', image, mount]);
      };
      remount();
      mounts.push(mount);
      return { image, mount, remount, unmount: () => void execFileSync('umount', [mount]) };
    },
    daemon: async (name, options) => {
      const daemon = await startDaemon(stage.folder(name), options);
      // One that hangs in the operating system goes when its mounts do.
      tasks.push(() => Promise.race([daemon.kill(), after(3_000)]));
      return daemon;
    },
    atEnd: (task) => void tasks.push(task),
  };
  try {
    return await play(stage);
  } finally {
    for (const task of tasks.reverse()) {
      try {
        await task();
      } catch {
        // What could not be taken down must not keep the rest up.
      }
    }
    leave();
    process.off('exit', leave);
  }
}

/** Looks again and again until there is an answer; undefined where there was none in time. */
export async function until<Answer>(
  look: () => Answer | undefined | Promise<Answer | undefined>,
  timeoutMs: number,
  everyMs = 50,
): Promise<Answer | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const answer = await look();
    if (answer !== undefined) return answer;
    if (performance.now() > deadline) return undefined;
    await after(everyMs);
  }
}
