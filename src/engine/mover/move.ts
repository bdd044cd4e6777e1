// The mover's contract: what moving one file, a pack, or one reading to several destinations takes and gives.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { Fault } from '../../model/fault.ts';
import type { ContentHash, HashAlgorithm, Verify } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import type { Conflict, Preserve, Transport } from '../../model/moving.ts';
import type { Publishing, SourceIdentity, Transfer } from '../../model/transfer.ts';
import type { VerifiedBlocks } from './verified-blocks.ts';

export interface MoveOptions {
  readonly conflict: Conflict;
  readonly verify: Verify;
  /** Null: the fast hash for local targets, SHA-256 where a far side must agree. */
  readonly algorithm: HashAlgorithm | null;
  readonly preserve: Preserve;
  /** How files of a host are reached. Default is `auto`. */
  readonly transport?: Transport;
  /** Free space that must remain at the destination, in bytes. */
  readonly reserveBytes: number;
}

/** How far a growing source may be read, told anew for each `move` of it. Absent for a source that stands still. */
export interface Growth {
  /** Copy at most up to here (the write head less the safety margin), in bytes. */
  readonly limitBytes: number;
  /** True once the writer is done: copy the rest, seal (hash the whole source against the journal, copy changed blocks again), verify, publish. */
  readonly ended: boolean;
  /** Publish under the final name from the first byte, with a `.growing` marker beside it. */
  readonly readable: boolean;
}

export interface MoveHooks {
  /** Writes *publishing* durably, under the transfer's fence. Rejects with `lease_lost` where the fence is no longer ours; then nothing is published. */
  publishing(record: Publishing): Promise<void>;
  /** Bytes that stand verified or written so far, the resumed ones included. */
  progress(bytesDone: number): void;
  /** The attempt starts again from zero, and why (source changed, sync failed, journal disagreed). */
  restarted(reason: Fault): void;
}

export interface MoveRequest {
  /** As claimed: its lease and fence are this attempt's. */
  readonly transfer: Transfer;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly options: MoveOptions;
  readonly growth?: Growth;
  /** The shared flag, counters and heartbeat of this attempt (endpoints/mounts.ts, Control). */
  readonly control: SharedArrayBuffer;
  readonly hooks: MoveHooks;
}

export type MoveOutcome =
  | {
      /** Verified and under its final name, durable (file, folder entry). */
      readonly kind: 'published';
      readonly publishedPath: string;
      readonly sizeBytes: number;
      readonly hash: ContentHash;
      readonly verify: Verify;
      readonly identity: SourceIdentity;
      /** Bytes that this attempt moved, and bytes it took over from an earlier one. */
      readonly movedBytes: number;
      readonly resumedBytes: number;
      /** True where it was already there (conflict `skip`, or its own earlier publishing was adopted). */
      readonly alreadyThere: boolean;
    }
  /** A growing source: the limit is reached and the slot can go to somebody else; journal and partial stay. */
  | { readonly kind: 'caught_up'; readonly bytesDone: number }
  /** The stop flag was set: pause keeps partial and journal, cancel has removed both. */
  | { readonly kind: 'stopped'; readonly reason: 'pause' | 'cancel' | 'fence' | 'stall' | 'shutdown' };

/** A small file of a pack. It may or may not have a row in the ledger yet; `transferId` names its partial either way. */
export interface PackFile {
  readonly transferId: string;
  /** Relative to the pack's source and destination endpoints. */
  readonly sourcePath: string;
  readonly destinationPath: string;
  readonly entry: Entry;
}

export interface PackRequest {
  /** Names the pack's journal; also after a crash. */
  readonly packId: string;
  readonly fence: number;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly files: readonly PackFile[];
  readonly options: MoveOptions;
  readonly control: SharedArrayBuffer;
  /** Called once for each group whose files are durable under their final names; the ledger commits them, then resolves. */
  readonly finished: (results: readonly PackFileResult[]) => Promise<void>;
  /** Rejects with `lease_lost`; asked right before each group is published. */
  readonly checkFence: () => Promise<void>;
}

export type PackFileResult = { readonly file: PackFile } & (
  | {
      readonly kind: 'published';
      readonly publishedPath: string;
      readonly sizeBytes: number;
      readonly hash: ContentHash;
      readonly verify: Verify;
      readonly identity: SourceIdentity;
      readonly alreadyThere: boolean;
    }
  /** Try it again alone or later, as its fault's retry class says. */
  | { readonly kind: 'failed'; readonly fault: Fault }
);

export interface PackOutcome {
  /** Files that were not begun because the stop flag was set. */
  readonly left: readonly PackFile[];
  readonly stopped: 'pause' | 'cancel' | 'fence' | 'stall' | 'shutdown' | null;
}

/** The only thing in Wherry that moves bytes of files. */
export interface Mover {
  /** Rejects with a Fault; partial and journal are kept where they are of use to the next attempt. */
  move(request: MoveRequest): Promise<MoveOutcome>;
  /** One reading of one source for several destinations; each settles on its own. A destination that falls behind, fails or stops leaves the reading. */
  moveTogether(requests: readonly MoveRequest[]): readonly Promise<MoveOutcome>[];
  movePack(request: PackRequest): Promise<PackOutcome>;
  /** Where an attempt broke off in *publishing*: adopts its own file under the final name, or says that it was not published. */
  recoverPublishing(transfer: Transfer, destination: Endpoint): Promise<MoveOutcome | undefined>;
  /** What packs that a crash broke off have published but not yet committed; each is to be committed, then `forgetPack`. */
  recoverPacks(
    open: (endpoint: string) => Promise<Endpoint>,
  ): AsyncIterable<{ readonly packId: string; readonly results: readonly PackFileResult[] }>;
  forgetPack(packId: string): Promise<void>;
  /** What stands verified of a transfer that is not yet whole; undefined where nothing of it was begun, or it is over. Rejects with `permission`, `io`. */
  verified(transferId: string): Promise<VerifiedBlocks | undefined>;
  /** Removes partial and journal of a transfer that is cancelled or gone. */
  discard(transfer: Transfer, destination: Endpoint): Promise<void>;
  /** Removes journals, with the partials that they speak of, and partials that lie directly in the given folders, of transfers that `isAlive` does not know. Resolves with how many. */
  sweep(
    folders: readonly { readonly destination: Endpoint; readonly folder: string }[],
    isAlive: (transferId: string) => Promise<boolean>,
  ): Promise<number>;
  /** Bytes that attempts under way have still to write, by destination mount; counted against free space. */
  readonly reservedBytes: ReadonlyMap<string, number>;
}
