// What ends in rooms by time alone: looked at each second, by a clock that only goes forward.

import type { Clock } from '../../model/clock.ts';
import { hasEnded, type Room, type RoomTransfer } from '../../model/room.ts';
import type { RoomsConfig } from '../../model/room-config.ts';
import { overdue, type TransferTimes } from './overdue.ts';
import type { RoomBook } from './room-book.ts';
import { closeRoom } from './room-members.ts';
import type { RoomPresence } from './room-presence.ts';
import { stop, type TransferMeans } from './room-transfers.ts';

const tickMs = 1_000;
/** Looked at this seldom: messages that are no longer kept, rooms that nobody comes to. */
const tidyTicks = 15;
const dayMs = 24 * 3_600_000;

export interface RoomTiming {
  /** A row has been written. */
  noted(row: RoomTransfer, before: RoomTransfer | undefined): void;
  /** A row from the ledger that has not ended. */
  takenUp(row: RoomTransfer): void;
  moved(transferId: string): void;
  forget(transferId: string): void;
  start(): void;
  stop(): Promise<void>;
}

export function createRoomTiming(parts: {
  readonly clock: Clock;
  readonly book: RoomBook;
  readonly presence: Pick<RoomPresence<unknown>, 'awaySince' | 'isPresent'>;
  readonly settings: () => Pick<RoomsConfig, 'times' | 'relay'>;
  readonly means: () => TransferMeans;
  readonly lookWhoIsThere: () => void;
  readonly onTrouble: (error: unknown) => void;
}): RoomTiming {
  const { clock, book, presence, settings, means, onTrouble } = parts;
  const times = () => settings().times;
  /** Monotonic: since when a transfer has stood still, and when it was offered. */
  const stillSince = new Map<string, number>();
  const offered = new Map<string, number>();
  const stopping = new AbortController();
  let ticking: Promise<void> | undefined;

  function timesOf(row: RoomTransfer): TransferTimes {
    const now = clock.monotonic();
    const offeredAt = offered.get(row.id) ?? now;
    const still = now - (stillSince.get(row.id) ?? offeredAt);
    const senderAway = presence.awaySince(row.senderId);
    return {
      offeredMs: now - offeredAt,
      stillMs: still,
      silentMs: row.state === 'active' && !row.queued ? still : null,
      senderAwayMs: senderAway === undefined ? null : now - senderAway,
    };
  }

  /** Where a scanner has the last word, nothing moves while it looks. */
  function timesIn({ inspection }: Room): RoomsConfig['times'] {
    const { scan } = settings().relay;
    if (inspection === 'none' || scan === null) return times();
    return { ...times(), silenceSeconds: times().silenceSeconds + scan.quietSeconds };
  }

  function endOverdue(): void {
    for (const { room, transfers } of book.rooms()) {
      const inForce = timesIn(room);
      for (const row of transfers.values()) {
        if (hasEnded(row.state) || overdue(row, timesOf(row), inForce) === undefined) continue;
        book
          .change(room.id, (draft) => {
            const current = draft.transfers.get(row.id);
            if (current === undefined || hasEnded(current.state)) return;
            const why = overdue(current, timesOf(current), inForce);
            if (why !== undefined) stop(draft, current, 'cancel', why, means());
          })
          .catch(onTrouble);
      }
    }
  }

  async function tidy(): Promise<void> {
    await book.forgetMessages(times().replaySeconds * 1000);
    const before = clock.now() - times().forgetDays * dayMs;
    for (const { room, members } of [...book.rooms()]) {
      if ([...members.keys()].some((memberId) => presence.isPresent(memberId))) {
        // Noted now and then: that is as exact as days need.
        if (clock.now() - room.usedAt > dayMs / 4) {
          await book.change(room.id, (draft) => draft.putRoom({ ...draft.room, usedAt: clock.now() }));
        }
      } else if (room.usedAt < before) await book.change(room.id, (draft) => closeRoom(draft, null));
    }
  }

  async function tick(): Promise<void> {
    for (let ticks = 1; ; ticks++) {
      try {
        await clock.sleep(tickMs, stopping.signal);
      } catch {
        return;
      }
      parts.lookWhoIsThere();
      endOverdue();
      if (ticks % tidyTicks === 0) await tidy().catch(onTrouble);
      await book.settled();
    }
  }

  return {
    noted(row, before) {
      if (before === undefined) offered.set(row.id, clock.monotonic());
      // The time to be silent begins anew whenever it may move again.
      const moves = row.state === 'active' && !row.queued;
      if (moves && (before?.state !== 'active' || before.queued)) stillSince.set(row.id, clock.monotonic());
    },
    takenUp(row) {
      // What is left of an offer's hour; a clock that was set meanwhile gives it no more than that.
      const waitedMs = Math.max(0, Math.min(clock.now() - row.createdAt, times().offerSeconds * 1000));
      offered.set(row.id, clock.monotonic() - waitedMs);
      if (row.state !== 'pending') stillSince.set(row.id, clock.monotonic());
    },
    moved(id) {
      if (stillSince.has(id)) stillSince.set(id, clock.monotonic());
    },
    forget(id) {
      stillSince.delete(id);
      offered.delete(id);
    },
    start: () => {
      ticking = tick();
    },
    async stop() {
      stopping.abort();
      await ticking;
    },
  };
}
