// The mounts of this machine, found by text alone: asking never touches a mount, so it cannot hang.

import { readFileSync } from 'node:fs';

export interface Mount {
  readonly mountPoint: string;
  /** The file system's type as the kernel names it: `ext4`, `nfs4`, `fuse.sshfs`; `unknown` where it cannot be told. */
  readonly type: string;
}

export interface MountTable {
  /** The mount that holds an absolute path; of mounts over one another the uppermost. */
  find(path: string): Mount;
}

const whole: Mount = { mountPoint: '/', type: 'unknown' };
const rereadAfterMs = 100;

/** Reads `source` (/proc/self/mountinfo) again when it may have changed. Where it cannot be read everything is one mount. */
export function openMountTable(source = '/proc/self/mountinfo'): MountTable {
  let text = '';
  let mounts: Mount[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  return {
    find(path) {
      if (performance.now() - readAt > rereadAfterMs) {
        const now = readText(source);
        if (now !== text) {
          text = now;
          mounts = parseMountInfo(text);
        }
        readAt = performance.now();
      }
      return mounts.find((mount) => holds(mount.mountPoint, path)) ?? whole;
    },
  };
}

/** The mounts of a mountinfo file, longest mount point first, what is mounted over another without the other. */
export function parseMountInfo(text: string): Mount[] {
  return parseMountLines(text).map(({ mountPoint, type }) => ({ mountPoint, type }));
}

export interface MountLine extends Mount {
  /** `major:minor` of the device that it is on. */
  readonly device: string;
  /** What was mounted, as whoever did it called it: `/dev/sdb1`. */
  readonly source: string;
  /** The folder of the file system that stands at the mount point; `/` but for bind mounts. */
  readonly root: string;
}

/** As `parseMountInfo`, with all that is told of a mount (proc_pid_mountinfo(5)). */
export function parseMountLines(text: string): MountLine[] {
  const byPoint = new Map<string, MountLine>();
  for (const line of text.split('\n')) {
    const fields = line.split(' ');
    const mountPoint = fields[4];
    const dash = fields.indexOf('-', 6);
    const type = fields[dash + 1];
    if (mountPoint === undefined || type === undefined) continue;
    const [, , device = '', root = ''] = fields;
    const plain = unescapeOctal(mountPoint);
    const source = unescapeOctal(fields[dash + 2] ?? '');
    byPoint.set(plain, { mountPoint: plain, type, device, source, root: unescapeOctal(root) });
  }
  return [...byPoint.values()].sort((a, b) => b.mountPoint.length - a.mountPoint.length);
}

/** File systems of disks in this machine: their calls may be slow under load, but do not hang with a network. */
export function isLocalDisk(type: string): boolean {
  return localDisks.has(type);
}

const localDisks = new Set(
  'ext2 ext3 ext4 xfs btrfs zfs f2fs bcachefs jfs reiserfs tmpfs ramfs overlay vfat msdos exfat ntfs ntfs3 hfsplus udf iso9660'.split(
    ' ',
  ),
);

function holds(mountPoint: string, path: string): boolean {
  if (!path.startsWith(mountPoint)) return false;
  return mountPoint.endsWith('/') || path.length === mountPoint.length || path[mountPoint.length] === '/';
}

/** The mounts as they are now; none where they cannot be read. Never touches a mount. */
export function mountsNow(source = '/proc/self/mountinfo'): MountLine[] {
  return parseMountLines(readText(source));
}

/** The kernel writes space, tab, newline and backslash as \040, \011, \012 and \134. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

function readText(source: string): string {
  try {
    return readFileSync(source, 'utf8');
  } catch {
    return '';
  }
}
