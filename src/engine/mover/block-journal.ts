// The block journal: an append-only file per transfer with the digest of each block that stands in the partial.

import { closeSync, constants, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import type { Control } from '../../endpoints/mounts.ts';
import { sides } from '../../endpoints/mounts.ts';
import { blockBytes } from '../../model/hash.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { type BlockTable, blockStates } from './block-table.ts';

/** Whose blocks the journal speaks of. A new one is written when the partial or the source's identity changes. */
export interface JournalHead {
  readonly version: 1;
  readonly blockBytes: number;
  readonly identity: SourceIdentity;
  /** The source grew when it was copied: blocks may have changed behind the copy. */
  readonly growing: boolean;
  /** `inode` is '' in a line that was written before the partial was made or renamed. */
  readonly partial: {
    readonly root: string;
    readonly path: string;
    readonly device: string;
    readonly inode: string;
    readonly fence: number;
  };
}

export interface Journal {
  /** The last one with an inode, else the last one. */
  readonly head: JournalHead;
  /** Where partials may stand, the latest first; below `head.partial.root`. */
  readonly paths: readonly string[];
  /** Digests by block, 32 hexadecimal digits; where a block was written again the last one counts. */
  readonly blocks: ReadonlyMap<number, string>;
}

/**
 * Reads a journal's text: lines of a head as JSON, `b INDEX DIGEST` for a block, `c` for a checkpoint, `x` where all blocks before it were given up. A line that is torn or
 * makes no sense is passed over: each block is proved by re-reading before it counts. Undefined where no head can be read.
 */
export function parseJournal(text: string): Journal | undefined {
  let head: JournalHead | undefined;
  const paths = new Set<string>();
  const blocks = new Map<number, string>();
  const lines = text.split('\n');
  // What comes after the last line's end was torn off while it was written.
  lines.pop();
  for (const line of lines) {
    const block = /^b (\d{1,12}) ([0-9a-f]{32})$/.exec(line);
    if (block !== null) blocks.set(Number(block[1]), block[2] as string);
    else if (line === 'x') blocks.clear();
    else if (line.startsWith('{')) {
      const next = parseHead(line);
      if (next === undefined) continue;
      paths.add(next.partial.path);
      if (head === undefined || head.partial.inode === '' || next.partial.inode !== '') head = next;
    }
  }
  return head === undefined ? undefined : { head, paths: [...paths].reverse(), blocks };
}

function parseHead(line: string): JournalHead | undefined {
  try {
    const head = JSON.parse(line) as JournalHead;
    return head.version === 1 &&
      head.blockBytes === blockBytes &&
      typeof head.partial.path === 'string' &&
      typeof head.partial.root === 'string'
      ? head
      : undefined;
  } catch {
    return undefined;
  }
}

export const blockLine = (block: number, digest: Uint8Array): string =>
  `b ${block} ${Buffer.from(digest).toString('hex')}\n`;

/** Undefined where there is none. Throws `permission`, `io`. */
export function readJournal(path: string, control: Control): Journal | undefined {
  control.enter(sides.own);
  try {
    return parseJournal(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw errnoFault(error, { operation: 'read the journal', path });
  } finally {
    control.enter(sides.none);
  }
}

/** Marks what the journal holds as claimed. */
export function claimBlocks(journal: Journal, table: BlockTable): void {
  for (const [block, digest] of journal.blocks) {
    if (block < table.count) table.set(block, blockStates.claimed, Buffer.from(digest, 'hex'));
  }
}

/** An open journal; each line is one write at the file's end, so that lanes do not mix their lines. */
export class JournalWriter {
  readonly #path: string;
  readonly #control: Control;
  readonly #fd: number;

  private constructor(path: string, control: Control, fd: number) {
    this.#path = path;
    this.#control = control;
    this.#fd = fd;
  }

  /** `fresh` empties it. Throws `space`, `permission`, `io`. */
  static open(path: string, control: Control, options: { fresh?: boolean } = {}): JournalWriter {
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT;
    control.enter(sides.own);
    try {
      return new JournalWriter(path, control, openSync(path, options.fresh ? flags | constants.O_TRUNC : flags, 0o600));
    } catch (error) {
      throw errnoFault(error, { operation: 'open the journal', path });
    }
  }

  head(head: Omit<JournalHead, 'version' | 'blockBytes'>): void {
    // A torn line before it must not swallow it.
    this.#append(`\n${JSON.stringify({ version: 1, blockBytes, ...head } satisfies JournalHead)}\n`);
  }

  block(block: number, digest: Uint8Array): void {
    this.#append(blockLine(block, digest));
  }

  /** Called after the partial has been made durable: what stands here so far survives a power cut. */
  checkpoint(): void {
    this.#append('c\n');
    this.#control.enter(sides.own, 60_000);
    try {
      fdatasyncSync(this.#fd);
    } catch (error) {
      throw errnoFault(error, { operation: 'make durable the journal', path: this.#path });
    }
  }

  /** The blocks so far stand for nothing any more. */
  giveUp(): void {
    this.#append('\nx\n');
  }

  close(): void {
    this.#control.enter(sides.own);
    closeSync(this.#fd);
    this.#control.enter(sides.none);
  }

  #append(line: string): void {
    this.#control.enter(sides.own);
    try {
      writeSync(this.#fd, line);
    } catch (error) {
      throw errnoFault(error, { operation: 'write the journal', path: this.#path });
    }
    this.#control.enter(sides.none);
  }
}

/** What is not there is removed already. */
export function removeJournal(path: string, control: Control): void {
  control.enter(sides.own);
  try {
    rmSync(path, { force: true });
  } catch (error) {
    throw errnoFault(error, { operation: 'remove the journal', path });
  }
  control.enter(sides.none);
}
