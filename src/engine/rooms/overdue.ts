// When a transfer of a room ends because of time alone. Pure.

import type { RoomTransfer } from '../../model/room.ts';
import type { RoomsConfig } from '../../model/room-config.ts';

/** Durations in milliseconds; null where it does not apply now. */
export interface TransferTimes {
  /** Since it was offered. */
  readonly offeredMs: number;
  /** Since a byte of it moved, or since it could last begin to. */
  readonly stillMs: number;
  /** Since both sides were there and it had its turn, with nothing moving. */
  readonly silentMs: number | null;
  /** Since its sender went away. */
  readonly senderAwayMs: number | null;
}

/** What it ends with, `code: sentence`; undefined where its time has not come. */
export function overdue(
  row: Pick<RoomTransfer, 'state' | 'queued'>,
  { offeredMs, stillMs, silentMs, senderAwayMs }: TransferTimes,
  times: RoomsConfig['times'],
): string | undefined {
  const past = (ms: number | null, seconds: number) => ms !== null && ms >= seconds * 1000;
  if (past(senderAwayMs, times.senderSeconds)) {
    return `sender_gone: The sender was away for ${words(times.senderSeconds)}.`;
  }
  if (row.state === 'pending') {
    if (!past(offeredMs, times.offerSeconds)) return undefined;
    return `expired: Nobody accepted it within ${words(times.offerSeconds)}.`;
  }
  if (row.state === 'active' && row.queued) return undefined;
  if (row.state === 'active' && past(silentMs, times.silenceSeconds)) {
    return `timeout: Both were there, and nothing moved for ${words(times.silenceSeconds)}.`;
  }
  if (past(stillMs, times.idleSeconds)) return `expired: Nothing moved for ${words(times.idleSeconds)}.`;
  return undefined;
}

function words(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? 'an hour' : `${seconds / 3600} hours`;
  return seconds % 60 === 0 && seconds > 60 ? `${seconds / 60} minutes` : `${seconds} seconds`;
}
