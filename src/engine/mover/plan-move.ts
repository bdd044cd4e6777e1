// First look at a move of one local file: the source's identity, what already has the name, what the journal promises, the room there is.

import { constants, lstatSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { createLeafHasher } from '../../endpoints/content-hash.ts';
import { checkStop } from '../../endpoints/control.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import type { Conflict } from '../../model/moving.ts';
import { baseName, displayPath, parsePartialName } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { readJournal } from './block-journal.ts';
import { BlockTable, blockLength, blockStates } from './block-table.ts';
import { type At, LaneFile, within } from './lane-file.ts';
import { identityOf, sameSource } from './source-identity.ts';

export interface PlanInput {
  readonly source: At;
  readonly destination: At;
  readonly conflict: Conflict;
  readonly journal: string;
  /** Differences of mtime up to this are none. */
  readonly mtimePrecisionMs: number;
}

/** What the source was when it was first looked at. */
export interface SourceFacts {
  readonly identity: SourceIdentity;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Bytes that its content takes up, less than the size where it has holes. */
  readonly allocatedBytes: number;
}

export interface Plan {
  readonly source: SourceFacts;
  /** The content is there already under the final name: its `xxh128-8m`. */
  readonly alreadyThere: string | null;
  /** Something has the final name and gives way by the conflict rule. */
  readonly replaces: boolean;
  /** An earlier attempt copied it while it grew. */
  readonly wasGrowing: boolean;
  /** Bytes that the journal says stand in the partial. */
  readonly journaledBytes: number;
  readonly freeBytes: number;
}

/** Throws `exists` where the conflict rule leaves what is there, `not_found`, `unsupported` (not a regular file), `invalid` (a copy onto itself). */
export function planMove(input: PlanInput, { control }: OperationContext): Plan {
  return within(control, sides.source, input.source.root, (confined) => {
    const file = LaneFile.open(confined, input.source.path, constants.O_RDONLY, sides.source, control);
    try {
      const facts = factsOf(file);
      const { identity } = facts;
      const journal = readJournal(input.journal, control);
      // What can be read under its final name while it grows is our own.
      const isExposed = journal !== undefined && parsePartialName(baseName(journal.head.partial.path)) === undefined;
      const existing = isExposed ? null : judgeExisting(input, file, identity, control);
      let journaledBytes = 0;
      for (const block of journal?.blocks.keys() ?? []) {
        if (block * blockBytes < identity.sizeBytes) journaledBytes += blockLength(block, identity.sizeBytes);
      }
      return {
        source: facts,
        wasGrowing: journal?.head.growing ?? false,
        alreadyThere: existing === 'replaced' ? null : existing,
        replaces: existing === 'replaced',
        journaledBytes,
        freeBytes: freeBytes(input.destination.root, control),
      };
    } finally {
      file.release();
    }
  });
}

function factsOf(file: LaneFile): SourceFacts {
  const identity = identityOf(file.stats, file.fd);
  const { mode, uid, gid, blocks } = file.stats;
  return { identity, mode: mode & 0o7777, uid, gid, allocatedBytes: Math.min(blocks * 512, identity.sizeBytes) };
}

export interface LookInput {
  readonly source: At;
}

/** What the source is now. */
export function lookAtSource({ source }: LookInput, { control }: OperationContext): SourceFacts {
  return within(control, sides.source, source.root, (confined) => {
    const file = LaneFile.open(confined, source.path, constants.O_RDONLY, sides.source, control);
    try {
      return factsOf(file);
    } finally {
      file.release();
    }
  });
}

/** The hash of what is there where it is the source's content; null where another name is taken or this one is free. */
function judgeExisting(
  { source, destination, conflict, mtimePrecisionMs }: PlanInput,
  file: LaneFile,
  identity: SourceIdentity,
  control: Control,
): string | 'replaced' | null {
  return inDestination(destination, control, (at) => {
    control.enter(sides.destination);
    const there = lstatSync(at, { throwIfNoEntry: false });
    if (there === undefined) return null;
    const name = `${displayPath(destination.path)} in ${displayPath(destination.root)}`;
    const place = { path: displayPath(destination.path), endpoint: displayPath(destination.root) };
    const refuse = (why: string): never => {
      throw new Fault('exists', `${name} ${why}.`, { place });
    };
    if (there.isFile() && String(there.dev) === identity.device && String(there.ino) === identity.inode) {
      if (source.root === destination.root && source.path === destination.path) {
        throw new Fault('invalid', `${name} cannot be copied onto itself.`, { place });
      }
    }
    if (conflict === 'fail') return refuse('is there already');
    if (conflict === 'overwrite')
      return there.isDirectory() ? refuse('is a folder, and a file is to take its name') : 'replaced';
    const same =
      there.isFile() && there.size === identity.sizeBytes ? sameContent(file, identity, destination, control) : null;
    if (same !== null) return same;
    if (conflict === 'rename') return null;
    if (conflict === 'skip') return refuse('has other content and was left as it is');
    if (there.isDirectory()) return refuse('is a folder, and a file is to take its name');
    return identity.mtimeMs > there.mtimeMs + mtimePrecisionMs ? 'replaced' : refuse('is newer and was left as it is');
  });
}

function inDestination(destination: At, control: Control, look: (at: string | Buffer) => string | null): string | null {
  try {
    return within(control, sides.destination, destination.root, (confined) => look(confined.file(destination.path)));
  } catch (error) {
    const fault = asFault(error);
    if (fault.code === 'not_found') return null;
    throw fault;
  }
}

/** Compares block by block and stops at the first difference. */
function sameContent(file: LaneFile, identity: SourceIdentity, destination: At, control: Control): string | null {
  return within(control, sides.destination, destination.root, (confined) => {
    const other = LaneFile.open(confined, destination.path, constants.O_RDONLY, sides.destination, control);
    try {
      const table = BlockTable.forSize(identity.sizeBytes);
      const buffer = Buffer.allocUnsafeSlow(256 * 1024);
      const digestOf = (from: LaneFile, block: number): Buffer => {
        const hasher = createLeafHasher();
        const end = block * blockBytes + blockLength(block, identity.sizeBytes);
        for (let at = block * blockBytes; at < end; ) {
          checkStop(control);
          const count = from.read(buffer, Math.min(buffer.length, end - at), at);
          if (count === 0) break;
          control.throttle(count);
          hasher.update(buffer.subarray(0, count));
          at += count;
        }
        return Buffer.from(hasher.digest());
      };
      for (let block = 0; block < table.count; block++) {
        const digest = digestOf(file, block);
        if (!digest.equals(digestOf(other, block))) return null;
        table.set(block, blockStates.done, digest);
      }
      return sameSource(identity, identityOf(file.statsNow(), file.fd)) ? table.contentHash() : null;
    } finally {
      other.release();
    }
  });
}

function freeBytes(root: string, control: Control): number {
  for (let folder = root; ; folder = dirname(folder)) {
    control.enter(sides.destination);
    try {
      const { bavail, bsize } = statfsSync(folder);
      return bavail * bsize;
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT' || folder === dirname(folder)) {
        throw errnoFault(error, { operation: 'ask for the free space of', path: '', place: root });
      }
    }
  }
}
