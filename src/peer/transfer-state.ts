// How a transfer of a session stands: what both sides show of it, and what they are told from outside.

import { asFault, type Fault } from '../model/fault.ts';
import type { TransferPath } from './room-client.ts';

/** `waiting`: nobody to exchange bytes with at the moment. `checking`: all is there, the hashes are compared. */
export type SessionPhase = 'waiting' | 'moving' | 'checking' | 'paused' | 'done' | 'failed' | 'cancelled';
export type PausedBy = 'person' | 'system';

export interface SessionTransfer {
  readonly transferId: string;
  readonly phase: SessionPhase;
  readonly pausedBy: PausedBy | undefined;
  /** What the receiver has verified and written. */
  readonly bytesDone: number;
  readonly path: TransferPath | undefined;
  readonly problem: Fault | undefined;
  /** SHA-256 of the whole (hex), once both sides agree. */
  readonly sha256: string | undefined;
}

/** How it ended. Failed and cancelled ones carry the Fault that says why. */
export type Outcome =
  | { readonly kind: 'done'; readonly sha256: string }
  | { readonly kind: 'failed' | 'cancelled'; readonly fault: Fault };

/** The ends and pauses that both sides of a transfer have alike. */
export class TransferState {
  readonly transferId: string;
  /** Resolves once, however it ends. */
  readonly ended: Promise<Outcome>;
  readonly #end: (outcome: Outcome) => void;
  readonly #changed: () => void;
  #outcome: Outcome | undefined;
  #pausedHere: PausedBy | undefined;
  #pausedThere: PausedBy | undefined;
  #problem: Fault | undefined;

  /** `changed` is called after whatever a viewer would see. */
  constructor(transferId: string, changed: () => void) {
    this.transferId = transferId;
    this.#changed = changed;
    const { promise, resolve } = Promise.withResolvers<Outcome>();
    this.ended = promise;
    this.#end = resolve;
  }

  get outcome(): Outcome | undefined {
    return this.#outcome;
  }

  get pausedHere(): PausedBy | undefined {
    return this.#pausedHere;
  }

  /** By either side; a person's pause is shown before the system's. */
  get pausedBy(): PausedBy | undefined {
    return this.#pausedHere === 'person' || this.#pausedThere === 'person'
      ? 'person'
      : (this.#pausedHere ?? this.#pausedThere);
  }

  get mayMove(): boolean {
    return this.#outcome === undefined && this.#pausedHere === undefined && this.#pausedThere === undefined;
  }

  setPaused(side: 'here' | 'there', by: PausedBy | undefined): void {
    if (side === 'here') this.#pausedHere = by;
    else this.#pausedThere = by;
    this.#changed();
  }

  /** What stands in the way for the moment; undefined takes it away. */
  setProblem(problem: unknown): void {
    this.#problem = problem === undefined ? undefined : asFault(problem);
    this.#changed();
  }

  /** True where this ended it; false where it had ended already. */
  finish(outcome: Outcome): boolean {
    if (this.#outcome !== undefined) return false;
    this.#outcome = outcome;
    this.#end(outcome);
    this.#changed();
    return true;
  }

  view(moving: Pick<SessionTransfer, 'bytesDone' | 'path'> & { readonly phase: 'waiting' | 'moving' | 'checking' }) {
    const { outcome } = this;
    const phase: SessionPhase = outcome?.kind ?? (this.pausedBy === undefined ? moving.phase : 'paused');
    return {
      transferId: this.transferId,
      phase,
      pausedBy: phase === 'paused' ? this.pausedBy : undefined,
      bytesDone: moving.bytesDone,
      path: phase === 'moving' ? moving.path : undefined,
      problem: outcome === undefined || outcome.kind === 'done' ? this.#problem : outcome.fault,
      sha256: outcome?.kind === 'done' ? outcome.sha256 : undefined,
    } satisfies SessionTransfer;
  }
}
