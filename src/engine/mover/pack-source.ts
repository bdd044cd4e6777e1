// Where a pack's worker has its files from: a folder of this machine, or one stream of many files that comes through shared memory.

import { constants } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { checkStop } from '../../endpoints/control.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { isWholeBy, ringHeadBytes, ringHeadFrom, ringTailBytes } from '../../endpoints/ring-files.ts';
import { RingReader } from '../../endpoints/write-ring.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { type Attributes, readAttributes } from './attributes.ts';
import { LaneFile } from './lane-file.ts';
import type { PackFile } from './move.ts';
import { identityOf, sameStats } from './source-identity.ts';

/** One file that is being read, from its beginning on. */
export interface PackReading {
  readonly stats: {
    readonly size: number;
    readonly mtimeMs: number;
    /** With the bits of its kind, or without. */
    readonly mode: number;
    readonly uid: number;
    readonly gid: number;
  };
  /** It can be read again, and from anywhere; else each byte once and in order. */
  readonly isLasting: boolean;
  /** Fewer than `length` only at its end. */
  read(buffer: Uint8Array, length: number, position: number): number;
  /** After the last byte: it is still what it was when it was opened, as far as this end can tell. */
  isSame(): boolean;
  identity(): SourceIdentity;
  /** Of a file of this machine. */
  attributes(): Attributes | undefined;
  release(): void;
}

export interface NextFile {
  /** Its position in the pack. */
  readonly at: number;
  /** Throws what opening it throws. */
  open(): PackReading;
}

export interface PackSource {
  /** Shown in faults. */
  readonly name: string;
  /** No file comes any more. */
  readonly isOver: boolean;
  /**
   * Undefined where none comes any more, none has come by `until` (milliseconds of performance.now()), or while none came `isCalled`
   * became true. Throws `interrupted` on a stop.
   */
  next(until: number, isCalled: () => boolean): NextFile | undefined;
  close(): void;
}

/** The files of a folder, in the pack's order. */
export class FolderSource implements PackSource {
  readonly #confined: ConfinedRoot;
  readonly #files: readonly PackFile[];
  readonly #control: Control;
  #at = 0;

  constructor(confined: ConfinedRoot, files: readonly PackFile[], control: Control) {
    this.#confined = confined;
    this.#files = files;
    this.#control = control;
  }

  get name(): string {
    return this.#confined.root;
  }

  get isOver(): boolean {
    return this.#at >= this.#files.length;
  }

  next(): NextFile | undefined {
    const at = this.#at;
    const file = this.#files[at];
    if (file === undefined) return undefined;
    this.#at = at + 1;
    const open = () =>
      new FileReading(LaneFile.open(this.#confined, file.sourcePath, constants.O_RDONLY, sides.source, this.#control));
    return { at, open };
  }

  close(): void {
    this.#confined.close();
  }
}

class FileReading implements PackReading {
  readonly isLasting = true;
  readonly #file: LaneFile;

  constructor(file: LaneFile) {
    this.#file = file;
  }

  get stats(): LaneFile['stats'] {
    return this.#file.stats;
  }

  read(buffer: Uint8Array, length: number, position: number): number {
    return this.#file.read(buffer, length, position);
  }

  isSame(): boolean {
    return sameStats(this.#file.stats, this.#file.statsNow());
  }

  identity(): SourceIdentity {
    return identityOf(this.#file.stats, this.#file.fd);
  }

  attributes(): Attributes {
    return readAttributes(this.#file);
  }

  release(): void {
    this.#file.release();
  }
}

const neverCalled = () => false;

/** The files of a stream, in the order in which they come. */
export class StreamSource implements PackSource {
  readonly name: string;
  readonly #ring: RingReader;
  readonly #files: readonly PackFile[];
  readonly #control: Control;
  readonly #head = Buffer.alloc(ringHeadBytes);
  #piece: Uint8Array = new Uint8Array(0);
  #used = 0;
  isOver = false;

  constructor(memory: SharedArrayBuffer, name: string, files: readonly PackFile[], control: Control) {
    this.name = name;
    this.#ring = new RingReader(memory);
    this.#files = files;
    this.#control = control;
  }

  next(until: number, isCalled: () => boolean): NextFile | undefined {
    if (this.isOver || !this.#fill(until, isCalled)) return undefined;
    this.take(this.#head, ringHeadBytes);
    const { at, sizeBytes } = ringHeadFrom(this.#head);
    const file = this.#files[at];
    if (file === undefined) throw new Fault('internal', `A stream told of file ${at} of a pack that has no such file.`);
    const reading = new StreamReading(this, file, sizeBytes);
    return { at, open: () => reading };
  }

  /** Fills `length` bytes of `buffer`, or passes over them where there is none. */
  take(buffer: Uint8Array | undefined, length: number): void {
    for (let done = 0; done < length; ) {
      if (this.#used === this.#piece.length && !this.#fill(Number.POSITIVE_INFINITY, neverCalled)) {
        throw new Fault('interrupted', 'The stream of a pack ended within a file.');
      }
      const part = this.#piece.subarray(this.#used, this.#used + length - done);
      buffer?.set(part, done);
      done += part.length;
      this.#used += part.length;
    }
    // Whoever fills the memory is not kept waiting for what has been used.
    if (this.#used === this.#piece.length) this.#ring.release();
  }

  close(): void {
    this.isOver = true;
  }

  #fill(until: number, isCalled: () => boolean): boolean {
    while (this.#used === this.#piece.length) {
      checkStop(this.#control);
      this.#control.enter(sides.none);
      const piece = this.#ring.next();
      if (piece !== undefined) {
        this.#piece = piece;
        this.#used = 0;
      } else if (this.#ring.isOver) {
        this.isOver = true;
        return false;
      } else if (performance.now() >= until || isCalled()) return false;
      else this.#ring.sleep();
    }
    return true;
  }
}

/** As the pack was told of it: where the stream differs, or the file has changed, the end that feeds the stream says so. */
class StreamReading implements PackReading {
  readonly isLasting = false;
  readonly stats: PackReading['stats'];
  readonly #stream: StreamSource;
  readonly #file: PackFile;
  #done = 0;
  #ended = false;

  constructor(stream: StreamSource, file: PackFile, sizeBytes: number) {
    const { mtimeMs, mode = 0o644 } = file.entry;
    this.#stream = stream;
    this.#file = file;
    // Who owns a file elsewhere says nothing here, so that it is given to nobody and runs as nobody.
    this.stats = { size: sizeBytes, mtimeMs, mode: mode & 0o1777, uid: -1, gid: -1 };
  }

  read(buffer: Uint8Array, length: number, position: number): number {
    if (position !== this.#done) {
      const shown = displayPath(this.#file.sourcePath);
      throw new Fault(
        'internal',
        `${shown} in ${displayPath(this.#stream.name)} comes by a stream and is read in order.`,
      );
    }
    const count = Math.min(length, this.stats.size - this.#done);
    this.#stream.take(buffer, count);
    this.#done += count;
    return count;
  }

  isSame(): boolean {
    const tail = new Uint8Array(ringTailBytes);
    this.#stream.take(tail, ringTailBytes);
    this.#ended = true;
    return isWholeBy(tail);
  }

  identity(): SourceIdentity {
    return { sizeBytes: this.stats.size, mtimeMs: this.stats.mtimeMs };
  }

  attributes(): undefined {
    return undefined;
  }

  release(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stream.take(undefined, this.stats.size - this.#done + ringTailBytes);
  }
}
