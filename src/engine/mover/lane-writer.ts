// One output of a lane: the partial that its blocks are written to, read back from, and noted in the journal of.

import { constants } from 'node:fs';
import { ConfinedRoot } from '../../endpoints/confined.ts';
import { type ContentHasher, createLeafHasher } from '../../endpoints/content-hash.ts';
import { openControl } from '../../endpoints/control.ts';
import { type Control, type StopReason, sides, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import { displayPath } from '../../model/names.ts';
import { JournalWriter } from './block-journal.ts';
import { BlockTable, blockLength, blockStates } from './block-table.ts';
import { type At, type Inode, LaneFile, replaced } from './lane-file.ts';
import { inodeOf } from './source-identity.ts';

/** One partial that a lane writes to. */
export interface LaneOutput {
  readonly partial: At;
  readonly inode: Inode;
  readonly journal: string;
  readonly table: SharedArrayBuffer;
  /** The old partial whose claimed blocks are copied; null: claimed blocks stand in the partial itself. */
  readonly oldPath: string | null;
  /** Read back each buffer at once, from the page cache. False where that proves nothing: the mover reads it all again after the fsync. */
  readonly readBack: boolean;
  /** Make the partial durable every 256 MiB or 5 s. False for memory. */
  readonly checkpoints: boolean;
  /** Leave holes where the content is zero and nothing else has been written. */
  readonly sparse: boolean;
  /** Its own stop flag and byte count. */
  readonly control: SharedArrayBuffer;
}

export interface LaneOutputResult {
  readonly movedBytes: number;
  readonly resumedBytes: number;
  readonly stopped: StopReason;
  readonly fault: FaultReport | null;
}

const bufferBytes = 256 * 1024;
const zeros = Buffer.alloc(bufferBytes);
const checkpointBlocks = 32;
const checkpointSeconds = 5;

interface OpenOutput {
  readonly root: ConfinedRoot;
  readonly writing: LaneFile;
  /** Opened anew, so that it shares nothing with the descriptor that writes. */
  readonly reading: LaneFile;
  readonly old: LaneFile | null;
  readonly journal: JournalWriter;
}

/** Its faults end it and not the lane: they stand in its result. */
export class LaneWriter {
  readonly #given: LaneOutput;
  readonly #endBytes: number;
  /** Of the worker: where it is, and how fast it may go. */
  readonly #lane: Control;
  readonly #own: Control;
  readonly #table: BlockTable;
  readonly #written = createLeafHasher();
  readonly #buffer = Buffer.allocUnsafeSlow(bufferBytes);
  #files: OpenOutput | undefined;
  #wholeBlock: Buffer | undefined;
  #movedBytes = 0;
  #resumedBytes = 0;
  #stopped: StopReason = stopReasons.run;
  #fault: Fault | null = null;

  constructor(given: LaneOutput, endBytes: number, lane: Control) {
    this.#given = given;
    this.#endBytes = endBytes;
    this.#lane = lane;
    this.#own = given.control === lane.memory ? lane : openControl(given.control);
    this.#table = new BlockTable(given.table);
  }

  open(): void {
    this.#guarded(() => {
      const { partial, inode, oldPath, journal } = this.#given;
      const root = ConfinedRoot.open(partial.root, { beforeCall: () => this.#lane.enter(sides.destination) });
      const opened: LaneFile[] = [];
      const open = (path: string, flags: number): LaneFile => {
        const file = LaneFile.open(root, path, flags, sides.destination, this.#lane);
        opened.push(file);
        return file;
      };
      try {
        const writing = open(partial.path, constants.O_WRONLY);
        const reading = open(partial.path, constants.O_RDONLY);
        for (const file of [writing, reading]) if (!isInode(file, inode)) throw replaced(partial);
        const old = oldPath === null ? null : open(oldPath, constants.O_RDONLY);
        this.#files = { root, writing, reading, old, journal: JournalWriter.open(journal, this.#lane) };
      } catch (error) {
        for (const file of opened) file.release();
        root.close();
        throw error;
      }
    });
  }

  /** Looks at the stop flag. */
  isActive(): boolean {
    if (this.#stopped === stopReasons.run) this.#stopped = this.#own.stop;
    return this.#stopped === stopReasons.run && this.#fault === null;
  }

  /** Shows whoever looks at its own control that somebody is at work. */
  beat(): void {
    if (this.#own !== this.#lane) this.#own.enter(sides.none);
  }

  needs(block: number): boolean {
    return this.#table.state(block) === blockStates.none;
  }

  /** True where the block stands in the partial now, proved by re-reading; then it has gone to `hash` too. */
  prove(block: number, hash: ContentHasher | null): boolean {
    if (this.#table.state(block) !== blockStates.claimed) return false;
    return (
      this.#guarded(({ reading, writing, old, journal }) => {
        const length = blockLength(block, this.#endBytes);
        const start = block * blockBytes;
        // The hash is fed only with what has been proved.
        if (hash !== null) this.#wholeBlock ??= Buffer.allocUnsafeSlow(blockBytes);
        const leaf = createLeafHasher();
        this.#written.reset();
        for (let at = 0; at < length; ) {
          if (!this.isActive()) return false;
          const count = Math.min(bufferBytes, length - at);
          const got = (old ?? reading).read(this.#buffer, count, start + at);
          if (got < count) break;
          const chunk = this.#buffer.subarray(0, count);
          leaf.update(chunk);
          if (hash !== null) this.#wholeBlock?.set(chunk, at);
          if (old !== null) {
            writing.write(chunk, count, start + at);
            this.#readBack(reading, count, start + at);
          }
          at += count;
        }
        const digest = Buffer.from(leaf.digest());
        const isProved =
          digest.equals(this.#table.digest(block)) &&
          (old === null || !this.#given.readBack || digest.equals(this.#written.digest()));
        this.#table.set(block, isProved ? blockStates.done : blockStates.none);
        if (!isProved) return false;
        if (old !== null) journal.block(block, digest);
        if (hash !== null && this.#wholeBlock !== undefined) hash.update(this.#wholeBlock.subarray(0, length));
        this.#resumedBytes += length;
        this.#own.addBytes(length);
        return true;
      }) === true
    );
  }

  begin(block: number, again: boolean): void {
    this.#written.reset();
    if (again) this.#own.addBytes(-blockLength(block, this.#endBytes));
  }

  write(chunk: Buffer, from: number): void {
    this.#guarded(({ writing, reading }) => {
      const isHole = this.#given.sparse && chunk.equals(zeros.subarray(0, chunk.length));
      if (!isHole) writing.write(chunk, chunk.length, from);
      if (this.#given.readBack) {
        if (isHole) this.#written.update(chunk);
        else this.#readBack(reading, chunk.length, from);
      }
      this.#movedBytes += chunk.length;
      this.#own.addBytes(chunk.length);
      this.beat();
    });
  }

  /** True where the block came back as it was read, or is not read back here; then it is noted as done. */
  settle(block: number, digest: Buffer): boolean {
    return (
      this.#guarded(({ writing, journal }) => {
        if (this.#given.readBack && !digest.equals(this.#written.digest())) return false;
        this.#table.set(block, blockStates.done, digest);
        journal.block(block, digest);
        if (this.#given.checkpoints && this.#table.takesCheckpoint(checkpointBlocks, checkpointSeconds)) {
          writing.sync();
          journal.checkpoint();
        }
        return true;
      }) !== false
    );
  }

  /** The block would not come back as it was written. */
  refuse(block: number): void {
    const { root, path } = this.#given.partial;
    const offsetBytes = block * blockBytes;
    const place = { path: displayPath(path), endpoint: displayPath(root), offsetBytes, operation: 'read back' };
    const message = `${place.path} in ${place.endpoint} reads back other than it was written, in the 8 MiB at ${offsetBytes}.`;
    this.#fault ??= new Fault('corrupt', message, { place });
  }

  /** Closes: a share may say only now that it lost something. */
  finish(): void {
    this.#guarded(({ writing }) => writing.close());
  }

  release(): void {
    if (this.#files === undefined) return;
    const { root, writing, reading, old, journal } = this.#files;
    this.#files = undefined;
    for (const file of [writing, reading, old]) file?.release();
    journal.close();
    root.close();
  }

  result(): LaneOutputResult {
    return {
      movedBytes: this.#movedBytes,
      resumedBytes: this.#resumedBytes,
      stopped: this.#stopped,
      fault: this.#fault?.report() ?? null,
    };
  }

  #readBack(reading: LaneFile, count: number, from: number): void {
    if (!this.#given.readBack) return;
    const got = reading.read(this.#buffer, count, from);
    this.#written.update(this.#buffer.subarray(0, got));
  }

  #guarded<Result>(work: (files: OpenOutput) => Result): Result | undefined {
    if (this.#fault !== null) return undefined;
    try {
      return work(this.#files as OpenOutput);
    } catch (error) {
      this.#fault = asFault(error);
      return undefined;
    }
  }
}

function isInode(file: LaneFile, { device, inode }: Inode): boolean {
  const now = inodeOf(file.stats, file.fd);
  return now.inode === inode && now.device === device;
}
