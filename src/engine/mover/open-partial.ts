// Opens the partial of a local move: a new one, or the one that an earlier attempt left, taken over under the new fence.

import { constants, fchmodSync, lstatSync, renameSync, unlinkSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { claimBlocks, type Journal, JournalWriter, readJournal } from './block-journal.ts';
import { BlockTable, blockStates } from './block-table.ts';
import { type At, LaneFile, within } from './lane-file.ts';
import { grownFrom, inodeOf, sameSource } from './source-identity.ts';

/** One inode, on one device, as decimal strings. */
export interface Inode {
  readonly device: string;
  readonly inode: string;
}

export interface OpenInput {
  /** Its path is that of the partial under this attempt's fence. */
  readonly partial: At;
  readonly fence: number;
  readonly journal: string;
  readonly identity: SourceIdentity;
  /** True where a larger size and a newer mtime of the source are no change. */
  readonly growing: boolean;
  /** Where an old partial is put whose holder may still write to it; its blocks are then copied. Null: no holder can be alive. */
  readonly asidePath: string | null;
  /** The partial that this process wrote and knows block by block: what its table says is done needs no proof again. */
  readonly known: Inode | null;
  /** Permission bits of a new partial. */
  readonly mode: number;
  /** A BlockTable's memory; blocks that the journal holds become `claimed`. */
  readonly table: SharedArrayBuffer;
}

export interface OpenedPartial extends Inode {
  /** The old partial whose blocks are to be copied, and removed then; its path below the root. */
  readonly oldPath: string | null;
  /** Why what an earlier attempt left could not be used; null where it was, or there was none. */
  readonly restarted: 'source_changed' | 'partial_gone' | null;
}

/** Throws `exists`, `permission`, `space`, `read_only`, `name_unsafe`, `io`. */
export function openPartial(input: OpenInput, { control }: OperationContext): OpenedPartial {
  const { partial } = input;
  const table = new BlockTable(input.table);
  const journal = readJournal(input.journal, control);
  const open = (confined: ConfinedRoot): OpenedPartial => {
    confined.locate(partial.path, { create: true });
    confined.syncMade();
    const fits = journal !== undefined && fitsSource(input, journal);
    const old = fits ? takeOver(confined, input, journal, control) : undefined;
    if (old === undefined) {
      if (journal !== undefined) removeFile(confined, journal.head.partial.path, control);
      for (let block = 0; block < table.count; block++) table.set(block, blockStates.none);
      const fresh = createPartial(confined, input, control);
      note(input, fresh, control, { fresh: true });
      return {
        ...fresh,
        oldPath: null,
        restarted: journal === undefined ? null : fits ? 'partial_gone' : 'source_changed',
      };
    }
    const isKnown = old.device === input.known?.device && old.inode === input.known.inode;
    if (!isKnown || input.asidePath !== null) {
      for (let block = 0; block < table.count; block++) table.set(block, blockStates.none);
      claimBlocks(journal as Journal, table);
    }
    if (input.asidePath === null) {
      note(input, old, control, { fresh: false });
      return { ...old, oldPath: null, restarted: null };
    }
    rename(confined, partial.path, input.asidePath, control);
    const fresh = createPartial(confined, input, control);
    note(input, fresh, control, { fresh: true });
    return { ...fresh, oldPath: input.asidePath, restarted: null };
  };
  return within(control, sides.destination, partial.root, open, { create: true });
}

function fitsSource({ growing, identity }: OpenInput, { head }: Journal): boolean {
  return growing ? grownFrom(head.identity, identity) : sameSource(head.identity, identity);
}

/** Brings the old partial under the new fence's name; undefined where it is gone or is not the file that the journal speaks of. */
function takeOver(
  confined: ConfinedRoot,
  { partial }: OpenInput,
  { head }: Journal,
  control: Control,
): Inode | undefined {
  control.enter(sides.destination);
  const there = lstatSync(confined.file(head.partial.path), { throwIfNoEntry: false });
  if (there === undefined || !there.isFile()) return undefined;
  rename(confined, head.partial.path, partial.path, control);
  try {
    const file = LaneFile.open(confined, partial.path, constants.O_RDONLY, sides.destination, control);
    try {
      const now = inodeOf(file.stats, file.fd);
      // Device numbers may change when a share is mounted again. Every block is proved by re-reading, so the inode is enough to go by.
      if (now.inode !== head.partial.inode) return undefined;
      // An attempt that broke off right before publishing has given it its final mode, which may forbid writing.
      if ((file.stats.mode & 0o600) !== 0o600) file.call('make writable', (fd) => fchmodSync(fd, 0o600));
      return now;
    } finally {
      file.release();
    }
  } catch (error) {
    if (asFault(error).code === 'permission') return undefined;
    throw error;
  }
}

function createPartial(confined: ConfinedRoot, { partial, mode }: OpenInput, control: Control): Inode {
  // Whatever has this name is a leftover of this very attempt.
  removeFile(confined, partial.path, control);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  const file = LaneFile.open(confined, partial.path, flags, sides.destination, control, { mode });
  try {
    return inodeOf(file.stats, file.fd);
  } finally {
    file.close();
  }
}

function note(input: OpenInput, inode: Inode, control: Control, options: { fresh: boolean }): void {
  const journal = JournalWriter.open(input.journal, control, options);
  try {
    const { identity, fence, partial } = input;
    journal.head({ identity, partial: { path: partial.path, ...inode, fence } });
  } finally {
    journal.close();
  }
}

function rename(confined: ConfinedRoot, from: string, to: string, control: Control): void {
  if (from === to) return;
  try {
    const source = confined.file(from);
    const target = confined.file(to);
    control.enter(sides.destination);
    renameSync(source, target);
  } catch (error) {
    throw errnoFault(error, { operation: 'take over', path: from, place: confined.root });
  }
}

/** What is not there is removed already. */
export function removeFile(confined: ConfinedRoot, path: string, control: Control): void {
  try {
    const file = confined.file(path);
    control.enter(sides.destination);
    unlinkSync(file);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || asFault(error).code === 'not_found') return;
    throw errnoFault(error, { operation: 'remove', path, place: confined.root });
  }
}
