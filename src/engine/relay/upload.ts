// One upload through the relay: who sends it, who reads it, its spool, and what became of it.

import type { Clock } from '../../model/clock.ts';
import { Fault } from '../../model/fault.ts';
import type { RelayUploadView } from './relay-gate.ts';
import type { Spool } from './spool.ts';

/** What is noted on disk, for a later process to go on. */
export interface UploadFacts {
  readonly roomId: string;
  readonly senderId: string;
  /** Transfer by its receiver. */
  readonly transfers: readonly (readonly [receiverId: string, transferId: string])[];
  readonly sizeBytes: number;
  readonly firstFrame: number;
  readonly isEncrypted: boolean;
  /** As the sender gave it, to be given back. */
  readonly metadata: string;
  readonly acknowledged: readonly (readonly [receiverId: string, offset: number])[];
}

export interface Upload extends RelayUploadView {
  readonly facts: Omit<UploadFacts, 'acknowledged'>;
  readonly spool: Spool;
  /** By receiver; shrinks as transfers end. */
  readonly transfers: Map<string, string>;
  /** The request that brings bytes now. */
  sending: Turn | undefined;
  /** The request that is given bytes now, by receiver. */
  readonly reading: Map<string, Turn>;
  /** By the clock that only goes forward: when bytes last moved. */
  movedAtMs: number;
}

/** A request's turn at an upload, which a later one of the same member takes over. */
export interface Turn {
  readonly signal: AbortSignal;
  stop(why: Fault): void;
  /** Resolves when it touches the spool no more. */
  readonly over: Promise<void>;
  end(): void;
}

export function newTurn(): Turn {
  const stopping = new AbortController();
  const ended = Promise.withResolvers<void>();
  return {
    signal: stopping.signal,
    stop: (why) => stopping.abort(why),
    over: ended.promise,
    end: ended.resolve,
  };
}

/** Ends the turn that is under way, if any, and begins another. */
export async function takeTurn(known: () => Turn | undefined, begin: (turn: Turn) => void): Promise<Turn> {
  for (let other = known(); other !== undefined; other = known()) {
    other.stop(new Fault('interrupted', 'Another request of the same member has taken over.'));
    await other.over;
  }
  const turn = newTurn();
  begin(turn);
  return turn;
}

const tellEveryMs = 1000;

/** True where it is time to tell that it moves. */
export function hasMoved(upload: Upload, clock: Clock): boolean {
  const now = clock.monotonic();
  if (now - upload.movedAtMs < tellEveryMs) return false;
  upload.movedAtMs = now;
  return true;
}
