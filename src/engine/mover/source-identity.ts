// Which version of a source file is being moved, and when it is still that one.

import { fstatSync } from 'node:fs';
import type { OpenFacts } from '../../endpoints/system-calls.ts';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';

/** The identity of a file that stands open. */
export function identityOf(stats: OpenFacts, fd: number): SourceIdentity {
  const { device, inode } = inodeOf(stats, fd);
  return { device, inode, sizeBytes: stats.size, mtimeMs: stats.mtimeMs };
}

/** Device and inode as decimal strings; asked again exactly where they are too large for a double. */
export function inodeOf(stats: OpenFacts, fd: number): { device: string; inode: string } {
  if (Number.isSafeInteger(stats.ino) && Number.isSafeInteger(stats.dev)) {
    return { device: String(stats.dev), inode: String(stats.ino) };
  }
  const exact = fstatSync(fd, { bigint: true });
  return { device: String(exact.dev), inode: String(exact.ino) };
}

/** On a medium that comes and goes device and inode are others after each mount; its own name stays. */
export function onMedium(identity: SourceIdentity, medium: string | undefined): SourceIdentity {
  const { sizeBytes, mtimeMs } = identity;
  return medium === undefined ? identity : { device: medium, sizeBytes, mtimeMs };
}

/** True where both speak of the same version of the same file. */
export function sameSource(before: SourceIdentity, now: SourceIdentity): boolean {
  return sameFile(before, now) && before.sizeBytes === now.sizeBytes && before.mtimeMs === now.mtimeMs;
}

/** `sameSource` of two looks at one open descriptor. */
export function sameStats(before: OpenFacts, now: OpenFacts): boolean {
  return before.size === now.size && before.mtimeMs === now.mtimeMs;
}

/** True where `now` can be `before` with more written to it: a larger size and a newer mtime are no change. */
export function grownFrom(before: SourceIdentity, now: SourceIdentity): boolean {
  return sameFile(before, now) && now.sizeBytes >= before.sizeBytes;
}

function sameFile(before: SourceIdentity, now: SourceIdentity): boolean {
  return before.device === now.device && before.inode === now.inode && before.version === now.version;
}

export function sourceChanged({ root, path }: { readonly root: string; readonly path: string }): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  return new Fault('source_changed', `${place.path} in ${place.endpoint} changed while it was copied.`, { place });
}

/** Throws `source_changed` where it is no longer the version that is copied; `growing`: more may have been written to it. */
export function checkSource(
  at: { readonly root: string; readonly path: string },
  { identity, growing }: { readonly identity: SourceIdentity; readonly growing: boolean },
  now: SourceIdentity,
): void {
  if (!(growing ? grownFrom(identity, now) : sameSource(identity, now))) throw sourceChanged(at);
}

/** Of what a place says of a file that is not open here. */
export function identityOfEntry(entry: Entry): SourceIdentity {
  const { device, inode, version, sizeBytes, mtimeMs } = entry;
  return {
    sizeBytes,
    mtimeMs,
    ...(device === undefined ? {} : { device }),
    ...(inode === undefined ? {} : { inode }),
    ...(version === undefined ? {} : { version }),
  };
}
