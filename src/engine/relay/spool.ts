// One upload's bytes between its sender and its receivers: a few blocks in memory, the rest encrypted on disk, nothing of what all have acknowledged.

import type { Clock } from '../../model/clock.ts';
import { Fault } from '../../model/fault.ts';
import type { SpoolFiles } from './spool-files.ts';
import { blockBytes, type SpoolMemory } from './spool-memory.ts';

/*
 * A spool is a pipe as long as its receivers keep up: what comes in waits in memory for their acknowledgement, and the sender is
 * held back for moments. Only where they do not (one is slow, away, or not there yet) blocks go to disk, up to the window.
 */

/** In memory for one spool. */
const mostBlocks = 8;
/** Without an acknowledgement for so long, blocks go to disk rather than the sender waits. */
const patienceMs = 50;
/** How often it is asked whether others have given back of what all may have on disk. */
const quotaLookMs = 200;

export interface SpoolParts {
  readonly sizeBytes: number;
  /** Readers get, and senders are told of, whole units only: frames of ciphertext, or 1. */
  readonly unitBytes: number;
  /** How far the sender may be ahead of the slowest receiver. */
  readonly windowBytes: () => number;
  readonly files: SpoolFiles;
  readonly memory: SpoolMemory;
  readonly clock: Clock;
  /** Whoever has to acknowledge. */
  readonly readers: Iterable<readonly [id: string, acknowledgedBytes: number]>;
  /** The one of them for whom nothing is held back. */
  readonly inspector?: string;
  /** Called once, when it cannot go on by itself: the disk is full, or gave back something else. */
  readonly onFailure: (fault: Fault) => void;
  /** Of an earlier process: blocks that were proven to be readable, from the one that holds the lowest acknowledged byte. */
  readonly stored?: readonly (readonly [index: number, sizeBytes: number])[];
}

/** Bytes of a spool, which stay what they are until they are released. */
export interface SpoolPiece {
  readonly bytes: Uint8Array;
  release(): void;
}

export interface Spool {
  /** Bytes that came in, to the last whole unit where no sender is at work. */
  readonly receivedBytes: number;
  /** What all readers have acknowledged. */
  readonly acknowledgedBytes: number;
  /** Why it cannot go on; undefined while it can. */
  readonly failure: Fault | undefined;
  /** Takes as many of the bytes as there is room for, and says how many. Throws `failure`. */
  append(bytes: Uint8Array): number;
  /** Resolves when `append` would take something. Rejects with `failure` or the signal's reason. */
  room(signal: AbortSignal): Promise<void>;
  /** The sender's request is over: what is no whole unit is let go. */
  trim(): void;
  /** So it does, for the sender may be away for long: all that came is on disk when it resolves, where there is room. */
  rest(): Promise<void>;
  /** What is there from an offset on; undefined where one has to wait (`ready`). Throws `failure`. */
  peek(reader: string, from: number): SpoolPiece | undefined;
  /** Resolves when `peek` would give something. Rejects with `failure` or the signal's reason. */
  ready(reader: string, from: number, signal: AbortSignal): Promise<void>;
  /** Readers get nothing from here on, but for the inspector. */
  hold(fromBytes: number): void;
  /** Where a reader that is being served is; undefined when it no longer is. What all have been given is the first to go to disk. */
  isAt(reader: string, position: number | undefined): void;
  /** Rejects with `invalid` beyond what could be read. Less than before changes nothing. */
  acknowledge(reader: string, offset: number): void;
  /** A reader says that it needs nothing from before an offset, which may not be there yet. */
  startAt(reader: string, offset: number): void;
  acknowledgedBy(reader: string): number | undefined;
  /** It no longer counts. */
  forget(reader: string): void;
  /** Ends every wait with `fault`. */
  fail(fault: Fault): void;
  /** Resolves when no call on its files is under way. */
  settled(): Promise<void>;
  /** Fails it and resolves when no call on its files is under way and its memory has been given back. */
  close(fault: Fault): Promise<void>;
}

interface Block {
  readonly index: number;
  sizeBytes: number;
  memory: ArrayBuffer | undefined;
  view: Uint8Array;
  /** Of `sizeBytes`, how many are on disk; -1 where it has no record there. */
  storedBytes: number;
  /** The call on its file that is under way; while it is loaded, its memory holds nothing yet. */
  busy: 'storing' | 'loading' | undefined;
  pins: number;
  gone: boolean;
}

export function createSpool(parts: SpoolParts): Spool {
  const { sizeBytes, unitBytes, files, memory, clock } = parts;
  const blocks = new Map<number, Block>();
  const acknowledged = new Map(parts.readers);
  const positions = new Map<string, number>();
  const underWay = new Set<Promise<void>>();
  let received = 0;
  let heldFrom = Number.POSITIVE_INFINITY;
  let freedBlocks = 0;
  let inMemory = 0;
  let progressAt = Number.NEGATIVE_INFINITY;
  let failure: Fault | undefined;
  let waiting: PromiseWithResolvers<void> | undefined;

  const stir = () => {
    waiting?.resolve();
    waiting = undefined;
  };
  const wholeUnits = (bytes: number) => (bytes >= sizeBytes ? bytes : bytes - (bytes % unitBytes));
  const readable = (reader: string) =>
    reader === parts.inspector ? received : Math.min(wholeUnits(received), heldFrom);
  const lowest = () => {
    let low = received;
    for (const offset of acknowledged.values()) low = Math.min(low, offset);
    return low;
  };
  const track = (call: Promise<void>): Promise<void> => {
    underWay.add(call);
    const over = () => {
      underWay.delete(call);
      stir();
    };
    call.then(over, over);
    return call;
  };
  const settled = async (): Promise<void> => {
    while (underWay.size > 0) await Promise.allSettled(underWay);
  };
  const fail = (fault: Fault) => {
    failure ??= fault;
    stir();
  };
  const failByItself = (fault: Fault) => {
    if (failure !== undefined) return;
    fail(fault);
    parts.onFailure(fault);
  };

  /** Until something has changed, or `ms` have passed. */
  const change = async (signal: AbortSignal, ms?: number): Promise<void> => {
    signal.throwIfAborted();
    waiting ??= Promise.withResolvers<void>();
    const changed = waiting.promise;
    const stop = Promise.withResolvers<void>();
    const timer = ms === undefined ? undefined : setTimeout(stop.resolve, ms);
    signal.addEventListener('abort', stop.resolve as () => void, { once: true });
    await Promise.race([changed, stop.promise]);
    signal.removeEventListener('abort', stop.resolve as () => void);
    clearTimeout(timer);
    signal.throwIfAborted();
  };

  const dropMemory = (block: Block) => {
    if (block.memory === undefined || block.pins > 0) return;
    memory.give(block.memory);
    block.memory = undefined;
    inMemory -= 1;
    stir();
  };
  const hold = (block: Block): void => {
    block.memory = memory.take();
    block.view = new Uint8Array(block.memory);
    inMemory += 1;
  };
  const newBlock = (index: number, size = 0, stored = -1): Block => {
    const block: Block = {
      ...{ index, sizeBytes: size, storedBytes: stored, memory: undefined, view: new Uint8Array(0) },
      ...{ busy: undefined, pins: 0, gone: false },
    };
    blocks.set(index, block);
    return block;
  };
  const removeRecords = (indices: readonly number[]) => {
    if (indices.length === 0) return;
    files.give(indices.length * blockBytes);
    // What cannot be removed now goes with its folder.
    track(files.remove(indices).catch(() => undefined));
  };
  /** Lets go of a block for good, once nobody reads or writes it any more. */
  const discard = (block: Block) => {
    blocks.delete(block.index);
    block.gone = true;
    if (block.busy === undefined) dropMemory(block);
  };
  const isClean = (block: Block) => block.storedBytes === block.sizeBytes;

  const internal = (error: unknown) =>
    error instanceof Fault ? error : new Fault('internal', String(error), { cause: error });
  /** After a call on the file of a block that may have been let go meanwhile. */
  const settle = (block: Block) => {
    block.busy = undefined;
    if (!block.gone) return;
    if (block.storedBytes >= 0) removeRecords([block.index]);
    dropMemory(block);
  };
  const store = (block: Block): Promise<void> => {
    const size = block.sizeBytes;
    if (block.memory === undefined) return Promise.resolve();
    block.busy = 'storing';
    return track(
      files.store(block.index, block.view.subarray(0, size)).then(
        () => {
          block.storedBytes = size;
          settle(block);
        },
        (error: unknown) => {
          if (block.storedBytes < 0) files.give(blockBytes);
          settle(block);
          failByItself(internal(error));
        },
      ),
    );
  };
  const load = (block: Block): void => {
    hold(block);
    block.busy = 'loading';
    void track(
      files.load(block.index, block.view.subarray(0, block.sizeBytes)).then(
        () => settle(block),
        (error: unknown) => {
          settle(block);
          failByItself(internal(error));
        },
      ),
    );
  };

  /** Blocks that nobody needs in memory at this moment, oldest first. */
  const idle = (needed: number): Block[] =>
    [...blocks.values()]
      .filter(({ memory: held, pins, busy }) => held !== undefined && pins === 0 && busy === undefined)
      .filter(({ index }) => index !== needed && index !== headIndex())
      .sort((a, b) => a.index - b.index);
  /** One step towards memory for one more block; false where only time helps. */
  const makeRoom = (needed: number): boolean => {
    const fit = idle(needed);
    const clean = fit.filter(isClean);
    // What every reader has passed, else what they come to last.
    const passed = Math.min(...positions.values(), received);
    const dropped = clean.find(({ index }) => (index + 1) * blockBytes <= passed) ?? clean.at(-1);
    if (dropped !== undefined) {
      dropMemory(dropped);
      return true;
    }
    if (underWay.size > 1) return false;
    // The oldest first: after a crash, what is on disk is worth something only without a gap.
    const dirty = fit[0];
    if (dirty === undefined || (dirty.storedBytes < 0 && !files.take(blockBytes))) return false;
    void store(dirty);
    return false;
  };

  const free = () => {
    const low = lowest();
    // The last block is not full, and yet over.
    const whole = low >= sizeBytes ? Math.ceil(sizeBytes / blockBytes) : Math.floor(low / blockBytes);
    const records: number[] = [];
    for (; freedBlocks < whole; freedBlocks++) {
      const block = blocks.get(freedBlocks);
      if (block === undefined) continue;
      const isRecord = block.storedBytes >= 0 && block.busy === undefined;
      discard(block);
      if (isRecord) records.push(block.index);
    }
    removeRecords(records);
    progressAt = clock.monotonic();
    stir();
  };

  const headIndex = () => Math.floor(received / blockBytes);
  const canTake = (): boolean => {
    if (received >= sizeBytes || received - lowest() >= parts.windowBytes()) return false;
    const head = blocks.get(headIndex());
    return head === undefined ? inMemory < mostBlocks : head.memory !== undefined && head.busy !== 'loading';
  };

  const cut = (to: number) => {
    if (to === received) return;
    received = to;
    for (const block of [...blocks.values()]) {
      const start = block.index * blockBytes;
      if (start >= to) {
        const isRecord = block.storedBytes >= 0 && block.busy === undefined;
        discard(block);
        if (isRecord) removeRecords([block.index]);
      } else if (start + block.sizeBytes > to) {
        block.sizeBytes = to - start;
        if (block.storedBytes > block.sizeBytes) block.storedBytes = block.sizeBytes;
      }
    }
  };

  received = Math.min(...acknowledged.values());
  for (const [index, size] of parts.stored ?? []) {
    newBlock(index, size, size);
    files.take(blockBytes);
    received = Math.max(received, index * blockBytes + size);
  }
  cut(wholeUnits(Math.min(received, sizeBytes)));
  freedBlocks = Math.floor(lowest() / blockBytes);
  const blockAt = (reader: string, from: number): Block | undefined => {
    if (failure !== undefined) throw failure;
    if (from < freedBlocks * blockBytes)
      throw new Fault('state_conflict', `Byte ${from} has been acknowledged, and is no longer here.`);
    return from < readable(reader) ? blocks.get(Math.floor(from / blockBytes)) : undefined;
  };

  return {
    get receivedBytes() {
      return received;
    },
    get acknowledgedBytes() {
      return lowest();
    },
    get failure() {
      return failure;
    },
    append(bytes) {
      if (failure !== undefined) throw failure;
      let taken = 0;
      while (taken < bytes.length && canTake()) {
        const index = headIndex();
        const block = blocks.get(index) ?? newBlock(index);
        if (block.memory === undefined) hold(block);
        const at = received - index * blockBytes;
        const count = Math.min(bytes.length - taken, blockBytes - at, sizeBytes - received);
        block.view.set(bytes.subarray(taken, taken + count), at);
        block.sizeBytes = at + count;
        received += count;
        taken += count;
      }
      if (taken > 0) stir();
      return taken;
    },
    async room(signal) {
      for (;;) {
        if (failure !== undefined) throw failure;
        if (canTake()) return;
        const head = blocks.get(headIndex());
        if (received - lowest() >= parts.windowBytes() || head?.busy === 'loading') {
          await change(signal);
          continue;
        }
        if (head !== undefined && inMemory < mostBlocks) {
          // It was put on disk while the sender was away.
          load(head);
          continue;
        }
        const leftMs = positions.size === 0 ? 0 : progressAt + patienceMs - clock.monotonic();
        if (leftMs > 0) {
          await change(signal, Math.ceil(leftMs));
          continue;
        }
        if (!makeRoom(head?.index ?? -1)) await change(signal, quotaLookMs);
      }
    },
    trim: () => cut(wholeUnits(received)),
    async rest() {
      cut(wholeUnits(received));
      for (const block of [...blocks.values()]) {
        while (block.busy !== undefined) await Promise.race(underWay);
        if (failure !== undefined) return;
        if (block.gone || isClean(block) || block.memory === undefined) continue;
        if (block.storedBytes < 0 && !files.take(blockBytes)) return;
        await store(block);
      }
    },
    peek(reader, from) {
      const block = blockAt(reader, from);
      if (block?.memory === undefined || block.busy === 'loading') return undefined;
      const start = block.index * blockBytes;
      block.pins += 1;
      let isReleased = false;
      return {
        bytes: block.view.subarray(from - start, Math.min(block.sizeBytes, readable(reader) - start)),
        release() {
          if (isReleased) return;
          isReleased = true;
          block.pins -= 1;
          if (block.gone && block.busy === undefined) dropMemory(block);
          else if (block.pins === 0) stir();
        },
      };
    },
    async ready(reader, from, signal) {
      for (;;) {
        const block = blockAt(reader, from);
        if (block === undefined || block.busy === 'loading') await change(signal);
        else if (block.memory !== undefined) return;
        else if (inMemory <= mostBlocks || makeRoom(block.index)) load(block);
        else await change(signal, quotaLookMs);
      }
    },
    hold(fromBytes) {
      heldFrom = fromBytes;
      stir();
    },
    isAt(reader, position) {
      if (position === undefined) positions.delete(reader);
      else positions.set(reader, position);
    },
    acknowledge(reader, offset) {
      const before = acknowledged.get(reader);
      if (before === undefined || offset <= before) return;
      const most = readable(reader);
      if (offset > most) {
        throw new Fault('invalid', `Byte ${offset} was acknowledged, and ${most} could be read so far.`);
      }
      acknowledged.set(reader, offset);
      free();
    },
    startAt(reader, offset) {
      const before = acknowledged.get(reader);
      if (before === undefined || offset <= before) return;
      acknowledged.set(reader, offset);
      free();
    },
    acknowledgedBy: (reader) => acknowledged.get(reader),
    forget(reader) {
      positions.delete(reader);
      if (acknowledged.delete(reader) && acknowledged.size > 0) free();
    },
    fail,
    settled,
    async close(fault) {
      fail(fault);
      await settled();
      let records = 0;
      for (const block of blocks.values()) {
        if (block.storedBytes >= 0) records += 1;
        block.gone = true;
        dropMemory(block);
      }
      files.give(records * blockBytes);
      blocks.clear();
    },
  };
}
