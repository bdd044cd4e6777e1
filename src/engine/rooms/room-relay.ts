// The relay's door: which bytes may go through this server for which transfer, and what the relay tells of them.

import { newBandwidth, setBandwidth } from '../../endpoints/bandwidth.ts';
import { asFault, Fault, type FaultCode } from '../../model/fault.ts';
import { hasEnded, type RoomTransfer } from '../../model/room.ts';
import { roomTransferView } from '../../model/room-contract.ts';
import type { RelayGate, RelayTransfer } from '../relay/relay-gate.ts';
import type { RoomBook } from './room-book.ts';
import { stop, type TransferMeans } from './room-transfers.ts';

/** Bytes a second of words between members where no content may go through the server. */
const wordsPerSecond = 2 ** 20;

/** In place of messages that name folders of the server. */
const relayWords: Partial<Record<FaultCode, string>> = {
  internal: 'The relay made a mistake.',
  space: 'There is no room left on the server.',
  io: 'The server could not keep its bytes.',
};

export interface RoomRelay {
  readonly gate: RelayGate;
  /** Memory of the room's limit; undefined where there is none. */
  bandwidth(roomId: string): SharedArrayBuffer | undefined;
  /** Tells the relay of what has become of a transfer. */
  changed(transferId: string): void;
  forgetRoom(roomId: string): void;
}

export function createRoomRelay(parts: {
  readonly book: RoomBook;
  readonly allowed: () => boolean;
  readonly memberOf: (roomId: string, bearer: string) => string | undefined;
  readonly roomOf: (transferId: string) => string | undefined;
  readonly moved: (transferId: string) => void;
  readonly means: () => TransferMeans;
  readonly onTrouble: (error: unknown) => void;
}): RoomRelay {
  const { book } = parts;
  const listeners = new Set<(transferId: string) => void>();
  const limits = new Map<string, { readonly memory: SharedArrayBuffer; readonly bytesPerSecond: number }>();

  const bandwidth = (roomId: string) => {
    const room = book.room(roomId)?.room;
    const bytesPerSecond =
      room?.relay === true && parts.allowed() ? room.limits.bandwidthBytesPerSecond : wordsPerSecond;
    if (bytesPerSecond === null) return undefined;
    let limit = limits.get(roomId);
    if (limit?.bytesPerSecond !== bytesPerSecond) {
      limit = { memory: newBandwidth(), bytesPerSecond };
      setBandwidth(limit.memory, bytesPerSecond);
      limits.set(roomId, limit);
    }
    return limit.memory;
  };
  const change = (transferId: string, work: (row: RoomTransfer, roomId: string) => Promise<unknown>) => {
    const roomId = parts.roomOf(transferId);
    const row = roomId === undefined ? undefined : book.room(roomId)?.transfers.get(transferId);
    if (roomId === undefined || row === undefined || hasEnded(row.state)) return;
    work(row, roomId).catch(parts.onTrouble);
  };

  return {
    bandwidth,
    changed(transferId) {
      for (const listener of [...listeners]) listener(transferId);
    },
    forgetRoom: (roomId) => void limits.delete(roomId),
    gate: {
      memberOf: async (roomId, bearer) => parts.memberOf(roomId, bearer),
      transfer(roomId, transferId) {
        const held = book.room(roomId);
        const row = held?.transfers.get(transferId);
        return held === undefined || row === undefined ? undefined : relayTransfer(row, held.room.inspection);
      },
      admits(roomId) {
        const room = book.room(roomId)?.room;
        if (room?.relay === true && parts.allowed()) return;
        throw new Fault(
          'not_authorised',
          'Nothing may go through the server for this room; only the direct way is left.',
        );
      },
      bandwidth,
      opened: ({ id }, upload) =>
        change(id, ({ senderId, receiverId }, roomId) =>
          book.change(roomId, (draft) => {
            const row = draft.transfers.get(id);
            if (row === undefined) return;
            const payload = { ...roomTransferView(row, book.counts(id)), upload: { ...upload } };
            draft.say({ type: 'FILE_SHARE_RELAY', senderId, to: [receiverId], payload });
          }),
        ),
      moved: parts.moved,
      failed: (transferId, fault) =>
        change(transferId, (_, roomId) =>
          book.change(roomId, (draft) => {
            const row = draft.transfers.get(transferId);
            if (row === undefined || hasEnded(row.state)) return;
            const { code, message } = asFault(fault);
            const words = relayWords[code] ?? message;
            stop(draft, row, row.state === 'pending' ? 'cancel' : 'fail', `${code}: ${words}`, parts.means());
          }),
        ),
      onChange(listener) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    },
  };
}

function relayTransfer(row: RoomTransfer, inspection: RelayTransfer['inspection']): RelayTransfer {
  const { id, roomId, senderId, receiverId, sizeBytes, filename, mimeType } = row;
  const state =
    row.state === 'active'
      ? row.queued
        ? 'paused'
        : 'active'
      : row.state === 'pending' || row.state === 'paused'
        ? row.state
        : 'over';
  return { id, roomId, senderId, receiverId, sizeBytes, fileName: filename, mimeType, inspection, state };
}
