// Between rooms and the relay: who may bring or fetch bytes of which transfer, and what the relay tells rooms of them.

import type { Fault } from '../../model/fault.ts';
import type { RoomInspection } from '../../model/room.ts';

/** What the relay has to know of a transfer for one upload or download. */
export interface RelayAdmission {
  readonly roomId: string;
  readonly transferId: string;
  /** Who asks. */
  readonly memberId: string;
  readonly senderId: string;
  /** All who must acknowledge a byte before it may be freed. */
  readonly receiverIds: readonly string[];
  /** Of the file itself, not of frames that hold it encrypted. */
  readonly sizeBytes: number;
  /** As the sender declared it. */
  readonly mimeType: string;
  /** Only for a room whose content the server may read; else null: names are none of the relay's business. */
  readonly filename: string | null;
  readonly inspection: RoomInspection;
  readonly chunkSizeBytes: number;
  /** Aborted, with a Fault as its reason, when the transfer is paused or has ended, or the member is gone for good. */
  readonly signal: AbortSignal;
  /** Resolves when so many more bytes may pass (the room's bandwidth). Rejects with the signal's reason. */
  pace(bytes: number): Promise<void>;
}

export interface RelayGate {
  /**
   * `token`: what came as `Authorization: Bearer` (a member's; an API token by `callerId`). Rejects with `not_authenticated`, `not_found` (also for
   * strangers), `not_authorised` (the other side's business, or a room without relay) and `state_conflict` (not active).
   */
  upload(asker: RelayAsker, transferId: string): RelayAdmission;
  download(asker: RelayAsker, transferId: string): RelayAdmission;
  /** For what belongs to a transfer beside its bytes (asking how far an upload is, acknowledging): either side, in any state. */
  look(asker: RelayAsker, transferId: string): Pick<RelayAdmission, 'roomId' | 'transferId' | 'memberId' | 'senderId'>;
  /** Called once for each transfer when it has ended, in whatever way, and when its room is closed: what is kept of it is to be removed within 1 s. */
  onEnded(listener: (transferId: string) => void): () => void;
  /** Transfers that have not ended, for the sweep at start: whatever else the relay holds is to be removed. */
  open(): ReadonlySet<string>;
}

/** Who comes: a room member by its own token, or a caller of the API that is a member. */
export type RelayAsker = { readonly memberToken: string } | { readonly callerId: string };

/** What the relay tells. None rejects; what is told of a transfer that is over is dropped. */
export interface RelayEvents {
  /** Bytes of the file that have come in up to now; counts as activity. */
  cameIn(transferId: string, bytes: number): void;
  /** Bytes of the file that have gone out up to now. */
  wentOut(transferId: string, bytes: number): void;
  /** It cannot go on: `space`, `corrupt`, `infected`, `type_refused`, `io`. Both sides are told. */
  failed(transferId: string, fault: Fault): void;
  /** An upload can be fetched: receivers are told by FILE_SHARE_RELAY with `data`. */
  offered(transferId: string, data: Readonly<Record<string, unknown>>): void;
}
