// What the store and its threads say to each other; plain data only.

import type { EventDraft } from '../model/event.ts';
import type { FaultReport } from '../model/fault.ts';
import type { TransferState } from '../model/transfer.ts';
import type { EventPosition } from './cursors.ts';
import type { ReadName } from './ledger-reader.ts';
import type { Change, ChangeResult } from './store.ts';

type FinishPack = Extract<Change, { kind: 'finish_pack' }>;

/** The files of a pack that belong to one job. They cross to the thread as text, with what it must know without reading it. */
export interface Pack {
  readonly jobId: string;
  /** As pack-columns.ts writes it. */
  readonly text: string;
  readonly ids: readonly string[];
  readonly tally: readonly { readonly mode: string; readonly state: string; readonly count: number }[];
  /** How many have a receipt. */
  readonly arrived: number;
}

export interface PackedChange {
  readonly kind: 'finish_pack';
  readonly packs: readonly Pack[];
  readonly completedEvents: FinishPack['completedEvents'];
  readonly failedEvents: FinishPack['failedEvents'];
  readonly expectStates: readonly TransferState[];
}

/** A run of like changes for one job and with the same facts, as one text; a result for each transfer. */
export type BatchedChange = {
  readonly jobId: string;
  readonly text: string;
  readonly events: readonly EventDraft[];
} & (
  | { readonly kind: 'insert_transfers' }
  | {
      readonly kind: 'update_transfers';
      readonly expects: readonly { readonly state: TransferState; readonly fence: number }[];
    }
);

export type WireChange = Exclude<Change, FinishPack> | PackedChange | BatchedChange;

export type Role = 'writer' | 'reader';

export interface ThreadStart {
  readonly role: Role;
  readonly folder: string;
  readonly nowMs: number;
  /** The process holds the folder's lock already. */
  readonly isLocked?: boolean;
  /** The thread says when it is loaded, and opens the ledger when it is sent anything. */
  readonly waits?: boolean;
}

export type Request =
  | { readonly kind: 'apply'; readonly calls: readonly (readonly WireChange[])[] }
  /** One bounded part of deleting history; asked again while it says `more`. */
  | { readonly kind: 'delete_history'; readonly before: number; readonly keepEventsAfter: number }
  | { readonly kind: 'read'; readonly name: ReadName; readonly input: readonly unknown[] }
  /** Gives folded packs their rows (pack-writer.ts), a bounded part of those in event rows up to this number. */
  | { readonly kind: 'unfold'; readonly upTo: number }
  | { readonly kind: 'close' };

/** How one call of a group ended. */
export type CallOutcome = { readonly results: readonly ChangeResult[] } | { readonly fault: FaultReport };

export interface ApplyReply {
  readonly outcomes: readonly CallOutcome[];
  /** Where a reader that has seen all events stands, when the group wrote any. */
  readonly newest: EventPosition | null;
  readonly foldedPacks: number;
}

export interface UnfoldReply {
  /** True where packs up to the asked number are left. */
  readonly more: boolean;
  readonly foldedPacks: number;
}

export type ThreadMessage =
  | { readonly kind: 'loaded' }
  | { readonly kind: 'ready'; readonly ledgerId: string; readonly foldedPacks: number }
  | { readonly kind: 'refused'; readonly fault: FaultReport }
  | { readonly kind: 'done'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly fault: FaultReport };

export type NumberedRequest = Request & { readonly id: number };
