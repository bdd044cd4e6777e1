// Opens the partial of a local move: a new one, or the one that an earlier attempt left, taken over under the new fence.

import { constants, fchmodSync, lstatSync, renameSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault } from '../../endpoints/errno.ts';
import { type Control, type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
import { baseName, parsePartialName } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { claimBlocks, type Journal, JournalWriter, readJournal } from './block-journal.ts';
import { BlockTable, blockStates } from './block-table.ts';
import { removePartial } from './exposed-partial.ts';
import { type At, type Inode, LaneFile, removeFile, within } from './lane-file.ts';
import { grownFrom, inodeOf, sameSource } from './source-identity.ts';

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
  /** Where it stands, below the root. */
  readonly path: string;
  /** It stands under its final name already, with a marker beside it. */
  readonly isExposed: boolean;
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
    if (journal === undefined || old === undefined) {
      if (journal !== undefined) for (const path of journal.paths) removePartial(confined, path, journal.head, control);
      clearTable(table);
      const fresh = createPartial(confined, input, control);
      return {
        ...fresh,
        path: partial.path,
        isExposed: false,
        oldPath: null,
        restarted: journal === undefined ? null : fits ? 'partial_gone' : 'source_changed',
      };
    }
    const isKnown = old.device === input.known?.device && old.inode === input.known.inode;
    if (!isKnown || input.asidePath !== null) {
      clearTable(table);
      claimBlocks(journal, table);
    }
    // One that others read already stays where it is: a late write of the old holder brings what was there before.
    const isExposed = old.path !== partial.path;
    if (input.asidePath === null || isExposed) {
      note(input, old.path, old, control);
      return { ...old, isExposed, oldPath: null, restarted: null };
    }
    note(input, input.asidePath, unknownInode, control);
    rename(confined, partial.path, input.asidePath, control);
    const fresh = createPartial(confined, input, control);
    return { ...fresh, path: partial.path, isExposed: false, oldPath: input.asidePath, restarted: null };
  };
  return within(control, sides.destination, partial.root, open, { create: true });
}

function clearTable(table: BlockTable): void {
  for (let block = 0; block < table.count; block++) table.set(block, blockStates.none);
}

function fitsSource({ growing, identity }: OpenInput, { head }: Journal): boolean {
  return growing ? grownFrom(head.identity, identity) : sameSource(head.identity, identity);
}

/** Brings the old partial under the new fence's name; undefined where it is gone or is not the file that the journal speaks of. */
function takeOver(
  confined: ConfinedRoot,
  input: OpenInput,
  { head, paths }: Journal,
  control: Control,
): (Inode & { path: string }) | undefined {
  const { partial } = input;
  const from = paths.find((path) => {
    const file = confined.file(path);
    control.enter(sides.destination);
    const there = lstatSync(file, { bigint: true, throwIfNoEntry: false });
    return there?.isFile() === true && String(there.ino) === head.partial.inode;
  });
  if (from === undefined) return undefined;
  const isExposed = parsePartialName(baseName(from)) === undefined;
  const path = isExposed ? from : partial.path;
  if (from !== path) {
    note(input, partial.path, unknownInode, control);
    rename(confined, from, partial.path, control);
  }
  try {
    const file = LaneFile.open(confined, path, constants.O_RDONLY, sides.destination, control);
    try {
      const now = inodeOf(file.stats, file.fd);
      // Device numbers may change when a share is mounted again. Every block is proved by re-reading, so the inode is enough to go by.
      if (now.inode !== head.partial.inode) return undefined;
      // An attempt that broke off right before publishing has given it its final mode, which may forbid writing.
      if ((file.stats.mode & 0o600) !== 0o600) file.call('make writable', (fd) => fchmodSync(fd, 0o600));
      return { ...now, path };
    } finally {
      file.release();
    }
  } catch (error) {
    if (asFault(error).code === 'permission') return undefined;
    throw error;
  }
}

const unknownInode: Inode = { device: '', inode: '' };

/** The journal knows its name before it is there, so that it can always be found and removed. */
function createPartial(confined: ConfinedRoot, input: OpenInput, control: Control): Inode {
  const { partial, mode } = input;
  note(input, partial.path, unknownInode, control, { fresh: input.asidePath === null });
  // Whatever has this name is a leftover of this very attempt.
  removeFile(confined, partial.path, control);
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL;
  const file = LaneFile.open(confined, partial.path, flags, sides.destination, control, { mode });
  try {
    const inode = inodeOf(file.stats, file.fd);
    note(input, partial.path, inode, control);
    return inode;
  } finally {
    file.close();
  }
}

function note(
  input: OpenInput,
  path: string,
  { device, inode }: Inode,
  control: Control,
  options: { fresh?: boolean } = {},
): void {
  const journal = JournalWriter.open(input.journal, control, options);
  try {
    const { identity, growing, fence, partial } = input;
    journal.head({ identity, growing, partial: { root: partial.root, path, device, inode, fence } });
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
