// The last steps of a local move: metadata, durable content, the final name, and recognising one's own file after a crash.

import { constants, fchmodSync, fchownSync, ftruncateSync, lstatSync } from 'node:fs';
import type { ConfinedFolder, ConfinedRoot } from '../../endpoints/confined.ts';
import { createHasher } from '../../endpoints/content-hash.ts';
import { checkStop } from '../../endpoints/control.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { nameWhereFree } from '../../endpoints/free-name.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
import type { Preserve } from '../../model/moving.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath, parsePartialName } from '../../model/names.ts';
import type { Publishing, SourceIdentity } from '../../model/transfer.ts';
import { type Attributes, readAttributes, setAttributes } from './attributes.ts';
import { type At, type Inode, LaneFile, removeFile, replaced, within } from './lane-file.ts';
import type { SourceFacts } from './plan-move.ts';
import { identityOf, inodeOf, sameSource, sourceChanged } from './source-identity.ts';

/** Makes what has been written durable, so that it can be read back from the place itself. Throws `sync_failed`, `space`, `network`. */
export function syncPartial({ partial }: { partial: At }, { control }: OperationContext): void {
  within(control, sides.destination, partial.root, (confined) => {
    const file = LaneFile.open(confined, partial.path, constants.O_RDWR, sides.destination, control);
    try {
      file.sync();
      file.close();
    } finally {
      file.release();
    }
  });
}

export interface FinishInput {
  readonly source: At;
  readonly facts: SourceFacts;
  readonly partial: At;
  readonly inode: Inode;
  readonly preserve: Preserve;
}

/** Gives the partial its size, times and mode, makes it durable, and looks at the source a last time. Throws `source_changed`, `sync_failed`, `lease_lost`. */
export function finishPartial(input: FinishInput, { control }: OperationContext): Inode {
  const { source, facts, partial, preserve } = input;
  const { identity } = facts;
  const attributes = preserve.xattrs ? attributesOf(source, control) : undefined;
  const finished = within(control, sides.destination, partial.root, (confined) => {
    const file = LaneFile.open(confined, partial.path, constants.O_RDWR, sides.destination, control);
    try {
      const now = inodeOf(file.stats, file.fd);
      if (now.device !== input.inode.device || now.inode !== input.inode.inode) throw replaced(partial);
      // Holes at the end, or what an earlier and longer version left.
      if (file.stats.size !== identity.sizeBytes) file.call('cut', (fd) => ftruncateSync(fd, identity.sizeBytes));
      setMetadata(file, { ...facts, attributes }, preserve);
      file.sync();
      file.close();
      return now;
    } finally {
      file.release();
    }
  });
  if (!sameSource(identity, identityNow(source, control))) throw sourceChanged(source);
  return finished;
}

/** What `setMetadata` gives a file. */
export interface Metadata extends Omit<SourceFacts, 'allocatedBytes'> {
  /** Undefined where they are not to be kept. */
  readonly attributes: Attributes | undefined;
}

export function setMetadata(
  file: LaneFile,
  { identity, mode, uid, gid, attributes }: Metadata,
  preserve: Preserve,
): void {
  let isOwned = true;
  if (preserve.owner) {
    try {
      file.call('set the owner of', (fd) => fchownSync(fd, uid, gid));
    } catch (error) {
      if (asFault(error).code !== 'permission') throw error;
      isOwned = false;
    }
  }
  // A change of owner takes some away, and the mode may forbid to set them.
  if (attributes !== undefined) setAttributes(file, attributes);
  // Without its owner a set-user-ID program would run as somebody else.
  const bits = preserve.owner && isOwned ? mode & 0o7777 : mode & 0o1777;
  if (preserve.mode && (file.stats.mode & 0o7777) !== bits) file.call('set the mode of', (fd) => fchmodSync(fd, bits));
  if (preserve.mtime) file.setTime(identity.mtimeMs);
}

function identityNow(source: At, control: Control): SourceIdentity {
  return withSource(source, control, (file) => identityOf(file.stats, file.fd));
}

function attributesOf(source: At, control: Control): Attributes {
  return withSource(source, control, readAttributes);
}

function withSource<Result>(source: At, control: Control, look: (file: LaneFile) => Result): Result {
  return within(control, sides.source, source.root, (confined) => {
    const file = LaneFile.open(confined, source.path, constants.O_RDONLY, sides.source, control);
    try {
      return look(file);
    } finally {
      file.release();
    }
  });
}

export interface PublishInput {
  readonly partial: At;
  readonly finalPath: string;
  /** True where what has the final name is replaced, if it is a file. */
  readonly replace: boolean;
}

/** True where the file stands durably under its final name; false where the name is taken and nothing was done. */
export function publishPartial(input: PublishInput, { control }: OperationContext): boolean {
  const { partial, finalPath } = input;
  return within(control, sides.destination, partial.root, (confined) => {
    if (!giveName(confined, input, control)) return false;
    confined.syncMade();
    control.enter(sides.destination, 60_000);
    confined.syncFolder(parentPath(finalPath));
    return true;
  });
}

/** Names the partial; it keeps no other name. False where the name is taken. */
export function giveName(
  confined: ConfinedRoot,
  { partial, finalPath, replace }: PublishInput,
  control: Control,
): boolean {
  // Both lie in one folder.
  const { folder, name: to } = confined.locate(finalPath);
  const from = baseName(partial.path);
  const fault = (error: unknown) =>
    errnoFault(error, {
      operation: `give the final name ${displayPath(finalPath)} to`,
      path: partial.path,
      place: partial.root,
    });
  try {
    if (!replace) {
      return nameWhereFree({ folder, name: from }, { folder, name: to }, () => control.enter(sides.destination));
    }
    control.enter(sides.destination);
    folder.rename(from, to);
    return true;
  } catch (error) {
    if (!replace || !nameless.has(errnoOf(error) ?? '') || !linkToFree(folder, from, to, control)) throw fault(error);
  }
  removeFile(confined, partial.path, control);
  return true;
}

/** Errors of rename(2) after which a link may still do. */
const nameless = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'EINVAL', 'EXDEV']);

function linkToFree(folder: ConfinedFolder, from: string, to: string, control: Control): boolean {
  try {
    control.enter(sides.destination);
    folder.link(from, to);
    return true;
  } catch (error) {
    if (errnoOf(error) === undefined) throw error;
    return false;
  }
}

export interface RecoverInput {
  readonly root: string;
  readonly publishing: Publishing;
}

/**
 * True where the file that was being published when an attempt broke off stands under its final name; its folder is durable then.
 * It is known by its inode, or, where the partial is gone, by its content (inode numbers change when some shares are mounted again).
 */
export function recoverPartial({ root, publishing }: RecoverInput, { control }: OperationContext): boolean {
  try {
    return within(control, sides.destination, root, (confined) => recoverInside(confined, publishing, control));
  } catch (error) {
    if (asFault(error).code === 'not_found') return false;
    throw error;
  }
}

export function recoverInside(confined: ConfinedRoot, publishing: Publishing, control: Control): boolean {
  const there = look(confined, publishing.finalPath, control);
  if (there === undefined || there.sizeBytes !== publishing.sizeBytes) return false;
  const isMarked = parsePartialName(baseName(publishing.partialPath)) === undefined;
  const partial = isMarked ? undefined : look(confined, publishing.partialPath, control);
  const isOurs = there.device === publishing.device && there.inode === publishing.inode;
  if (partial !== undefined && (!isOurs || partial.inode !== there.inode)) return false;
  if (!isOurs && !hasHash(confined, publishing, control)) return false;
  if (partial !== undefined || isMarked) removeFile(confined, publishing.partialPath, control);
  confined.syncFolder(parentPath(publishing.finalPath));
  return true;
}

function look(confined: ConfinedRoot, path: string, control: Control): (Inode & { sizeBytes: number }) | undefined {
  const file = confined.file(path);
  control.enter(sides.destination);
  try {
    const stats = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    if (stats === undefined || !stats.isFile()) return undefined;
    return { device: String(stats.dev), inode: String(stats.ino), sizeBytes: Number(stats.size) };
  } catch (error) {
    throw errnoFault(error, { operation: 'look at', path, place: confined.root });
  }
}

function hasHash(confined: ConfinedRoot, { finalPath, sizeBytes, hash }: Publishing, control: Control): boolean {
  const file = LaneFile.open(confined, finalPath, constants.O_RDONLY, sides.destination, control);
  try {
    const hasher = createHasher(hash.algorithm);
    const buffer = Buffer.allocUnsafeSlow(1024 * 1024);
    for (let at = 0; at < sizeBytes; ) {
      checkStop(control);
      const count = file.read(buffer, Math.min(buffer.length, sizeBytes - at), at);
      if (count === 0) return false;
      hasher.update(buffer.subarray(0, count));
      at += count;
    }
    return hasher.digest() === hash.value;
  } finally {
    file.release();
  }
}

export interface FreeNameInput {
  readonly root: string;
  readonly path: string;
}

/** The first name of `a`, `a (1)`, `a (2)`, … that nothing has. */
export function freeName({ root, path }: FreeNameInput, { control }: OperationContext): string {
  return within(control, sides.destination, root, (confined) => {
    for (let n = 0; ; n++) {
      checkStop(control);
      const candidate = n === 0 ? path : joinPath(parentPath(path), numberedName(baseName(path), n));
      const file = confined.file(candidate);
      control.enter(sides.destination);
      try {
        if (lstatSync(file, { throwIfNoEntry: false }) === undefined) return candidate;
      } catch (error) {
        throw errnoFault(error, { operation: 'look at', path: candidate, place: root });
      }
    }
  });
}
