// Rooms as the API sees them: a handful of verbs, what each member hears, and the relay's door.

import type { FaultReport } from '../../model/fault.ts';
import type { RoomTransferState } from '../../model/room.ts';
import type { RoomsConfig } from '../../model/room-config.ts';
import type { ContractTransfer, OfferBody, RoomMessage, RoomTransferView } from '../../model/room-contract.ts';
import type { RoomFailCode } from '../../model/room-socket.ts';
import type {
  CreateRoomBody,
  JoinedView,
  JoinRoomBody,
  MemberView,
  RoomDetailView,
  RoomView,
  SetMemberBody,
} from '../../model/room-views.ts';
import type { RelayGate } from '../relay/relay-gate.ts';
import type { IceServerSettings } from './ice-servers.ts';

/** The configuration's, with what its files hold in place of their names. */
export type RoomsSettings = Omit<RoomsConfig, 'iceServers'> & { readonly iceServers: readonly IceServerSettings[] };

/** Who asks: a member by its own token (its id here), or whoever the API knows, by the credential's id. */
export type RoomAsker = { readonly memberId: string } | { readonly callerId: string };

/** How a member hears of things. */
export interface RoomListener {
  message(message: RoomMessage): void;
  /** Nothing more comes: removed, the room is closed, or another connection of the same member has taken over. */
  ended(why: FaultReport): void;
}

export interface RoomConnection {
  readonly memberId: string;
  readonly roomId: string;
  readonly room: RoomDetailView;
  /** Messages after `after`, in order; the listener hears what comes later. */
  readonly missed: readonly RoomMessage[];
  /** True where some of those are no longer kept. */
  readonly gap: boolean;
  /** The member is still there. */
  heard(): void;
  /** May be called twice. */
  close(): void;
}

/**
 * Verbs resolve once durable. All reject with `not_found` for what the asker may not know of, `not_authorised` for what a member may not, and
 * `state_conflict` where it does not go in the present state.
 */
export interface Rooms {
  readonly settings: RoomsSettings;
  /** The relay's door. */
  readonly gate: RelayGate;
  /** Takes up what the ledger holds. To be called once, before anything else. */
  start(): Promise<void>;
  stop(): Promise<void>;
  adjust(settings: RoomsSettings): void;
  /** Who holds this token; undefined where nobody does. */
  memberByToken(token: string): { readonly memberId: string; readonly roomId: string } | undefined;
  /** Rejects with `exists`, `limit_reached`, `invalid`. */
  create(body: CreateRoomBody, host: { readonly callerId: string; readonly name: string }): Promise<JoinedView>;
  /** Rejects with `not_found` (no such room, or the wrong key), `rate_limited`, `room_full`. */
  join(
    roomId: string,
    body: JoinRoomBody,
    from: { readonly address: string; readonly callerId: string | null },
  ): Promise<JoinedView>;
  leave(roomId: string, asker: RoomAsker): Promise<void>;
  list(asker: RoomAsker): readonly RoomView[];
  get(roomId: string, asker: RoomAsker): RoomDetailView;
  /** By a host. */
  close(roomId: string, asker: RoomAsker): Promise<void>;
  setMember(roomId: string, asker: RoomAsker, memberId: string, wish: SetMemberBody): Promise<MemberView>;
  removeMember(roomId: string, asker: RoomAsker, memberId: string): Promise<void>;

  /** Rejects with `invalid` (size, type), `name_unsafe`, `state_conflict` (offered already), `rate_limited`, `limit_reached`. */
  offer(roomId: string, asker: RoomAsker, body: OfferBody): Promise<ContractTransfer>;
  accept(roomId: string, asker: RoomAsker, transferId: string): Promise<ContractTransfer>;
  reject(roomId: string, asker: RoomAsker, transferId: string, reason: string | null): Promise<ContractTransfer>;
  pause(roomId: string, asker: RoomAsker, transferId: string): Promise<ContractTransfer>;
  resume(roomId: string, asker: RoomAsker, transferId: string): Promise<ContractTransfer>;
  cancel(roomId: string, asker: RoomAsker, transferId: string): Promise<ContractTransfer>;
  transfer(roomId: string, asker: RoomAsker, transferId: string): RoomTransferView;
  /** The same with the contract's fields alone. */
  contract(roomId: string, asker: RoomAsker, transferId: string): ContractTransfer;
  /** The asker's own, of all rooms it is in. */
  transfers(asker: RoomAsker, status?: RoomTransferState): readonly ContractTransfer[];
  /** So many chunks have arrived, or were sent; less than before or more than there are is `invalid`. What has arrived only the receiver says. */
  progress(
    memberId: string,
    transferId: string,
    counts: { readonly received?: number | undefined; readonly sent?: number | undefined },
  ): RoomTransferView;
  /** The sender's checksum; completes where the receiver's is there and equal, fails where it is another. */
  declare(memberId: string, transferId: string, checksum: string): Promise<RoomTransferView>;
  /** The receiver's. */
  complete(memberId: string, transferId: string, checksum: string): Promise<RoomTransferView>;
  fail(memberId: string, transferId: string, code: RoomFailCode, reason: string | null): Promise<RoomTransferView>;
  /** A chunk of the contract: checked, then given to `deliver`, which resolves when the receiver has acknowledged it. */
  chunk(
    memberId: string,
    frame: Uint8Array,
    deliver: (receiverId: string, frame: Uint8Array) => Promise<void>,
  ): Promise<RoomTransferView>;
  /** For a sealed signal to another member of the room. Rejects with `not_found`, and `not_authorised` where nothing goes directly. */
  admitSignal(memberId: string, otherId: string): void;
  /** For a frame of a websocket link; resolves when its bytes may pass. Rejects as `admitSignal`, and with `rate_limited`. */
  admitFrame(memberId: string, otherId: string, bytes: number): Promise<void>;
  /** Counts one thing that a member says. Rejects with `rate_limited`. */
  said(memberId: string): void;

  connect(
    asker: RoomAsker,
    options: { readonly roomId?: string; readonly after?: number },
    listener: RoomListener,
  ): RoomConnection;
  /** For metrics. */
  figures(): {
    readonly rooms: number;
    readonly present: number;
    readonly members: number;
    readonly transfers: Readonly<Record<RoomTransferState, number>>;
    readonly refusedJoins: number;
    readonly passedBytes: number;
  };
}
