// A guest kernel (User-Mode Linux) that writes to a disk image and is killed at a random moment: what a power cut leaves of it.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export type DiskKind = 'ext4' | 'xfs';

export interface Guest {
  readonly child: ChildProcess;
  /** Kills the guest with everything in it. Only what reached the image is left. */
  cut(): Promise<void>;
}

/** Makes a fresh disk image. */
export function makeDisk(image: string, kind: DiskKind, megabytes: number): void {
  execFileSync('rm', ['-f', image]);
  execFileSync('truncate', ['-s', `${megabytes}M`, image]);
  execFileSync(`mkfs.${kind}`, kind === 'ext4' ? ['-q', '-F', image] : ['-q', image]);
}

/** Shell words for a guest whose disk can lie: it says that it has written, and forgets. */
const lyingDisk = `
mkdir -p /run/kernel/lib
ln -s /usr/lib/uml/modules /run/kernel/lib/modules
modprobe -d /run/kernel -a dm-mod dm-flakey || exit 1
sectors=$(blockdev --getsz /dev/ubda)
dmsetup create disk --table "0 $sectors linear /dev/ubda 0"
dmsetup mknodes
turn() { dmsetup suspend --nolockfs disk; dmsetup load disk --table "$1"; dmsetup resume disk; }
lie() { turn "0 $sectors flakey /dev/ubda 0 0 999 1 drop_writes"; }
tell_the_truth() { turn "0 $sectors linear /dev/ubda 0"; }
`;

/**
 * Boots a guest on this machine's own root file system, with the image mounted at /run/disk, and runs a shell script in it.
 * The script's writes outside /run reach this machine at once, so it can tell what it has been told is done.
 * `lying`: the disk is /dev/mapper/disk and the script can say `lie` and `tell_the_truth`.
 */
export function startGuest(folder: string, image: string, script: string, options: { lying?: boolean } = {}): Guest {
  if (!existsSync('/usr/bin/linux.uml'))
    throw new Error('Power cuts need User-Mode Linux: apt-get install user-mode-linux');
  mkdirSync(folder, { recursive: true });
  const init = join(folder, 'init.sh');
  const disk = options.lying === true ? '/dev/mapper/disk' : '/dev/ubda';
  writeFileSync(
    init,
    `#!/bin/sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t tmpfs tmpfs /run
mkdir -p /run/disk /run/lock
${options.lying === true ? lyingDisk : ''}
mount ${disk} /run/disk || exit 1
${script}
sync
while :; do sleep 1; done
`,
  );
  chmodSync(init, 0o755);
  const child = spawn(
    'linux.uml',
    [
      'mem=1G',
      'rootfstype=hostfs',
      'rootflags=/',
      'rw',
      `init=${init}`,
      'con=null',
      'con0=null',
      'quiet',
      `umid=wherry${process.pid}${Date.now()}`,
      `ubd0=${image}`,
    ],
    { stdio: 'ignore', detached: true },
  );
  const ended = once(child, 'exit');
  return {
    child,
    cut: async () => {
      if (child.exitCode === null && child.signalCode === null) process.kill(-(child.pid ?? 0), 'SIGKILL');
      await ended;
    },
  };
}

/** Mounts what the cut left (the journal is recovered by that), lets somebody look, and unmounts it. */
export function lookAfterCut<Seen>(image: string, mount: string, look: (mount: string) => Seen): Seen {
  mkdirSync(mount, { recursive: true });
  execFileSync('mount', ['-o', 'loop', image, mount]);
  try {
    return look(mount);
  } finally {
    execFileSync('umount', [mount]);
  }
}
