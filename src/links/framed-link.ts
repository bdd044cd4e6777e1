// The link that runs over lanes: cuts frames into pieces, spreads them, asks for signs of life, and stops where the reader does.

import type { Clock } from '../model/clock.ts';
import { Inbox } from './inbox.ts';
import { costOfPiece, IncomingPieces } from './incoming-pieces.ts';
import type { Lane } from './lane.ts';
import {
  type Link,
  type LinkKind,
  type LinkPath,
  linkClosed,
  lostReason,
  maxFrameBytes,
  maxReasonLength,
  misbehavedReason,
  refuseTooLong,
} from './link.ts';
import { type LinkMessage, pieceHeaderBytes, readMessage, writeMessage } from './link-messages.ts';
import { Turns, Waiters } from './turns.ts';

export interface FramedLinkOptions {
  readonly peerId: string;
  readonly kind: LinkKind;
  readonly path: () => LinkPath;
  readonly clock: Clock;
  /** What may be sent and not read yet, and so what either side keeps in memory; both sides must name the same. Default is 4 MiB. */
  readonly windowBytes?: number;
  /** Default is 68 KiB: a chunk of the usual size goes with its header as one message. */
  readonly pieceBytes?: number;
  /** What all lanes together may hold before a frame waits. Default is 1 MiB, and 256 KiB more for each lane beside the first. */
  readonly laneBytes?: number;
  /** Called each time that it looks for signs of life. */
  readonly tick?: () => void;
  /** Called once, when nothing more comes or goes. */
  readonly ended?: () => void;
}

export const defaultWindowBytes = 4 * 1_048_576;
const defaultPieceBytes = 69_632;
const defaultLaneBytes = 1_048_576;
const moreLaneBytes = 262_144;

const tickMs = 2_000;
/**
 * A lane on which nothing came for that many ticks is dead; with the tick under way that is at most 14 s. Ticks are counted, not
 * time: a page that was asleep gives the other side its time when it wakes.
 */
const silentTicks = 6;
/** Who says goodbye waits that long for the answer. */
const goodbyeMs = 3_000;

interface OpenLane {
  readonly lane: Lane;
  silent: number;
}

export class FramedLink implements Link {
  readonly peerId: string;
  readonly kind: LinkKind;
  readonly closed: Promise<string>;
  readonly #options: FramedLinkOptions;
  readonly #windowBytes: number;
  /** What one lane may hold before it is passed over. */
  #laneBytes = 0;
  readonly #lanes: OpenLane[] = [];
  readonly #inbox: Inbox;
  readonly #pieces: IncomingPieces;
  readonly #turns = new Turns();
  /** Woken when there may be room, and when the link closes. */
  readonly #room = new Waiters();
  readonly #over = new AbortController();
  readonly #resolveClosed: (reason: string) => void;
  readonly #askedMs = new Map<number, number>();
  #asked = 0;
  #sentPieces = 0;
  #sentCost = 0;
  #sentBytes = 0;
  /** What the other side's reader has taken. */
  #readThere = 0;
  #receivedCost = 0;
  #receivedBytes = 0;
  #readHere = 0;
  #toldRead = 0;
  #roundTripMs: number | undefined;
  /** Why it closes, from the moment when either side says so. */
  #reason: string | undefined;
  #theirGoodbye: { readonly pieces: number; readonly hasAll: boolean } | undefined;
  #saidAll = false;
  /** The other side misbehaved: what it still says is not listened to. */
  #deaf = false;
  #ended = false;
  #heldByLanes = false;

  /** Lanes come by `addLane`; until the first one is there, `send` waits. */
  constructor(options: FramedLinkOptions) {
    this.#options = options;
    this.peerId = options.peerId;
    this.kind = options.kind;
    this.#windowBytes = Math.max(options.windowBytes ?? defaultWindowBytes, 2 * maxFrameBytes);
    this.#pieces = new IncomingPieces(this.#windowBytes);
    this.#inbox = new Inbox((costBytes) => this.#wasRead(costBytes));
    const { promise, resolve } = Promise.withResolvers<string>();
    this.closed = promise;
    this.#resolveClosed = resolve;
    void this.#watch();
  }

  get path(): LinkPath {
    return this.#options.path();
  }

  /** How long it waits before it looks for signs of life again. */
  get tickMs(): number {
    return tickMs;
  }

  /** Whether, since it was asked last, a frame had to wait because the lanes were full, and not for its reader. */
  wasHeldByLanes(): boolean {
    const held = this.#heldByLanes;
    this.#heldByLanes = false;
    return held;
  }

  /** The line is known to be gone. */
  lose(): void {
    this.#end(this.#reason ?? lostReason);
  }

  /** How many lanes there are. */
  get lanes(): number {
    return this.#lanes.length;
  }

  /** A lane that is open on this side. It does not matter in which order the sides add theirs, nor whether one sends before the other has added it. */
  addLane(lane: Lane): void {
    if (this.#ended) {
      lane.close();
      return;
    }
    const open: OpenLane = { lane, silent: 0 };
    this.#lanes.push(open);
    const count = this.#lanes.length;
    this.#laneBytes = (this.#options.laneBytes ?? defaultLaneBytes + (count - 1) * moreLaneBytes) / count;
    for (const each of this.#lanes) each.lane.lowBytes = this.#laneBytes / 2;
    lane.listen({
      message: (bytes) => {
        open.silent = 0;
        this.#take(open, bytes);
      },
      misbehaved: () => this.#misbehaved(),
      drained: () => this.#room.wake(),
      lost: () => this.#end(this.#reason ?? lostReason),
    });
    this.#room.wake();
  }

  async send(frame: Uint8Array, signal?: AbortSignal): Promise<void> {
    refuseTooLong(frame, this.peerId);
    const done = await this.#turns.take(signal);
    try {
      let at = 0;
      do {
        // A frame that has begun goes on: the other side waits for its end.
        const { lane } = await this.#roomFor(frame.length - at, at === 0 ? signal : undefined);
        const most = Math.min(this.#options.pieceBytes ?? defaultPieceBytes, lane.mostMessageBytes) - pieceHeaderBytes;
        const bytes = frame.subarray(at, at + most);
        at += bytes.length;
        const cost = costOfPiece(bytes.length);
        lane.send(writeMessage({ kind: 'piece', number: this.#sentPieces, last: at === frame.length, bytes }));
        this.#sentPieces = (this.#sentPieces + 1) >>> 0;
        this.#sentCost += cost;
      } while (at < frame.length);
      this.#sentBytes += frame.length;
    } finally {
      done();
    }
  }

  /** The lane that holds least, once the other side has room for a piece of so much that is left. */
  async #roomFor(leftBytes: number, signal: AbortSignal | undefined): Promise<OpenLane> {
    for (;;) {
      if (this.#reason !== undefined) throw linkClosed(this.peerId, this.#reason);
      const pieceBytes = Math.min(leftBytes, this.#options.pieceBytes ?? defaultPieceBytes);
      const open = this.#emptiest();
      const fits = this.#sentCost + costOfPiece(pieceBytes) - this.#readThere <= this.#windowBytes;
      if (open !== undefined && fits && open.lane.bufferedBytes < this.#laneBytes) return open;
      this.#heldByLanes ||= fits && open !== undefined;
      await this.#room.wait(signal);
    }
  }

  #emptiest(): OpenLane | undefined {
    let emptiest: OpenLane | undefined;
    for (const open of this.#lanes) {
      if (emptiest === undefined || open.lane.bufferedBytes < emptiest.lane.bufferedBytes) emptiest = open;
    }
    return emptiest;
  }

  frames(): AsyncIterableIterator<Uint8Array> {
    return this.#inbox.frames();
  }

  traffic() {
    return { sentBytes: this.#sentBytes, receivedBytes: this.#receivedBytes, roundTripMs: this.#roundTripMs };
  }

  async close(reason: string): Promise<void> {
    if (this.#reason === undefined) this.#leave(reason.slice(0, maxReasonLength), false);
    await this.closed;
  }

  /** From now on nothing new is sent; ends when both sides have said that they have all, or when the time for it is up. */
  #leave(reason: string, hasAll: boolean): void {
    this.#reason = reason;
    this.#room.wake();
    this.#tell({ kind: 'bye', pieces: this.#sentPieces, hasAll, reason });
    const over = this.#over.signal;
    this.#options.clock.sleep(goodbyeMs, over).then(
      () => this.#end(reason),
      () => undefined,
    );
  }

  #tell(message: LinkMessage): void {
    this.#emptiest()?.lane.send(writeMessage(message));
  }

  #take(from: OpenLane, bytes: Uint8Array): void {
    if (this.#ended) return;
    const message = readMessage(bytes);
    if (this.#deaf) {
      if (message?.kind === 'bye') this.#end(misbehavedReason);
      return;
    }
    if (message === undefined || !this.#understood(from, message)) this.#misbehaved();
  }

  /** False for what no honest link says at this point. */
  #understood(from: OpenLane, message: LinkMessage): boolean {
    switch (message.kind) {
      case 'piece': {
        this.#receivedCost += costOfPiece(message.bytes.length);
        const whole = this.#pieces.add(message.number, message.last, message.bytes);
        if (whole === undefined || this.#receivedCost - this.#readHere > this.#windowBytes) return false;
        for (const frame of whole) {
          this.#receivedBytes += frame.bytes.length;
          this.#inbox.put(frame.bytes, frame.costBytes);
        }
        this.#answerGoodbye();
        return true;
      }
      case 'read':
        if (message.costBytes > this.#sentCost) return false;
        // It may have been overtaken on another lane.
        this.#readThere = Math.max(this.#readThere, message.costBytes);
        this.#room.wake();
        return true;
      case 'ask':
        from.lane.send(writeMessage({ kind: 'answer', id: message.id }));
        return true;
      case 'answer': {
        const askedMs = this.#askedMs.get(message.id);
        this.#askedMs.delete(message.id);
        if (askedMs !== undefined) this.#roundTripMs = this.#options.clock.monotonic() - askedMs;
        return true;
      }
      case 'bye':
        this.#theirGoodbye = { pieces: message.pieces, hasAll: message.hasAll || this.#theirGoodbye?.hasAll === true };
        if (this.#reason === undefined) this.#leave(message.reason, this.#hasAll());
        this.#answerGoodbye();
        return true;
    }
  }

  #hasAll(): boolean {
    return this.#theirGoodbye?.pieces === this.#pieces.next;
  }

  #answerGoodbye(): void {
    if (this.#reason === undefined || this.#theirGoodbye === undefined) return;
    if (this.#hasAll() && !this.#saidAll) {
      this.#saidAll = true;
      this.#tell({ kind: 'bye', pieces: this.#sentPieces, hasAll: true, reason: this.#reason });
    }
    // That word may be lost with the lanes; what the other side then sees is their end, and it needs no more.
    if (this.#saidAll && this.#theirGoodbye.hasAll) this.#end(this.#reason);
  }

  #misbehaved(): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#reason = undefined;
    this.#leave(misbehavedReason, true);
  }

  #wasRead(costBytes: number): void {
    this.#readHere += costBytes;
    if (this.#reason !== undefined || this.#readHere - this.#toldRead < this.#windowBytes / 8) return;
    this.#toldRead = this.#readHere;
    this.#tell({ kind: 'read', costBytes: this.#readHere });
  }

  async #watch(): Promise<void> {
    const { clock, tick } = this.#options;
    try {
      for (;;) {
        await clock.sleep(tickMs, this.#over.signal);
        for (const open of this.#lanes) {
          if (open.silent++ >= silentTicks) return this.#end(this.#reason ?? lostReason);
          this.#asked = (this.#asked + 1) >>> 0;
          this.#askedMs.set(this.#asked, clock.monotonic());
          open.lane.send(writeMessage({ kind: 'ask', id: this.#asked }));
        }
        tick?.();
      }
    } catch (error) {
      if (!this.#over.signal.aborted) throw error;
    }
  }

  #end(reason: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reason = reason;
    this.#over.abort();
    this.#inbox.end();
    this.#room.wake();
    for (const { lane } of this.#lanes) lane.close();
    this.#resolveClosed(reason);
    this.#options.ended?.();
  }
}
