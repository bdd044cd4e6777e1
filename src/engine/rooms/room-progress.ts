// How far transfers are: counted as it comes, told to both sides now and then, written down more seldom.

import type { Clock } from '../../model/clock.ts';
import { Fault } from '../../model/fault.ts';
import { type ChunkCounts, chunksOf, partyOf, type RoomTransfer } from '../../model/room.ts';
import { roomTransferView } from '../../model/room-contract.ts';
import type { RoomBook } from './room-book.ts';

/** Told after so long, or after so many points, whichever is first; and always at the end. */
const toldMs = 1_000;
const toldPoints = 5;
/** What a restart may forget. */
const keptMs = 5_000;

export interface RoomProgress {
  /** What a member says. Rejects with `state_conflict`, `not_authorised`, and `invalid` for what cannot be. */
  said(
    row: RoomTransfer,
    memberId: string,
    given: { readonly received?: number | undefined; readonly sent?: number | undefined },
  ): void;
  /** What is known to be so. */
  known(row: RoomTransfer, counts: ChunkCounts): void;
  forget(transferId: string): void;
}

export function createRoomProgress(parts: {
  readonly clock: Clock;
  readonly book: RoomBook;
  readonly moved: (transferId: string) => void;
  readonly onTrouble: (error: unknown) => void;
}): RoomProgress {
  const { clock, book } = parts;
  const told = new Map<string, { readonly at: number; readonly percent: number; readonly keptAt: number }>();

  const known = (row: RoomTransfer, counts: ChunkCounts): void => {
    book.count(row.id, counts);
    parts.moved(row.id);
    const now = clock.monotonic();
    const total = chunksOf(row);
    const percent = total === 0 ? 100 : (counts.received / total) * 100;
    const last = told.get(row.id) ?? { at: Number.NEGATIVE_INFINITY, percent: 0, keptAt: now };
    const isDue = now - last.at >= toldMs || percent - last.percent >= toldPoints || counts.received === total;
    if (!isDue) return;
    const keeps = now - last.keptAt >= keptMs;
    told.set(row.id, { at: now, percent, keptAt: keeps ? now : last.keptAt });
    book
      .change(row.roomId, (draft) => {
        const current = draft.transfers.get(row.id);
        if (current === undefined) return;
        if (keeps) draft.putTransfer(current);
        draft.say({
          ...{ type: 'FILE_SHARE_PROGRESS', senderId: row.receiverId, to: [row.senderId, row.receiverId] },
          ...{ isLive: true, payload: roomTransferView(current, book.counts(row.id)) },
        });
      })
      .catch(parts.onTrouble);
  };

  return {
    known,
    said(row, memberId, { received, sent }) {
      if (row.state !== 'active' || row.queued) {
        throw new Fault('state_conflict', `Nothing of it may move now: it is ${row.queued ? 'queued' : row.state}.`);
      }
      if (received !== undefined && partyOf(row, memberId) !== 'receiver') {
        throw new Fault('not_authorised', 'What has arrived only its receiver knows.');
      }
      const before = book.counts(row.id);
      const total = chunksOf(row);
      const next = { received: received ?? before.received, sent: Math.max(sent ?? before.sent, received ?? 0) };
      if (next.received < before.received || next.received > total || next.sent < before.sent || next.sent > total) {
        throw new Fault(
          'invalid',
          `That cannot be: ${before.received} of ${total} chunks have arrived, and this says ${next.received} (${next.sent} sent).`,
        );
      }
      if (next.received > before.received) known(row, next);
      else book.count(row.id, next);
    },
    forget: (id) => void told.delete(id),
  };
}
