// Looks twice a second at everything that moves: counts its bytes, writes that it lives, and ends what has gone silent.

import { stopControl } from '../endpoints/control.ts';
import { stopReasons } from '../endpoints/mounts.ts';
import { Fault } from '../model/fault.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Holding, Holdings } from './holdings.ts';
import type { Live } from './live.ts';

export interface WatchdogParts extends Pick<EngineParts, 'clock' | 'log'> {
  readonly holdings: Holdings;
  readonly live: Live;
  readonly stallMs: number;
  readonly heartbeatMs: number;
  readonly hungMs: number;
  readonly heartbeat: (holding: Holding) => Promise<void>;
  /** Gives up on a call that does not come back. */
  readonly leaveBehind: (holding: Holding, fault: Fault) => Promise<void>;
}

/**
 * Alive is what moves bytes or beats: a worker that waits for bandwidth, or reads back what it wrote, beats. What waits at the write
 * head of its source (`parked`) has nobody to beat for it, and is no stall; nor is processing that says nothing for long (`steady`).
 */
export async function lookAfter(parts: WatchdogParts): Promise<void> {
  const { clock, holdings, live } = parts;
  const at = clock.monotonic();
  for (const holding of holdings.all) {
    const { bytesDone: bytes, beats } = holding.control;
    const { seen } = holding;
    if (bytes === seen.bytes && beats === seen.beats && !holding.parked && !holding.steady) {
      await lookForStall(holding, at, parts);
      continue;
    }
    if (bytes > holding.countedBytes) {
      live.moved(holding.jobId, holding.slots, bytes - holding.countedBytes);
      holding.countedBytes = bytes;
    }
    holding.seen = { bytes, beats, at };
    if (at - holding.heartbeatAt < parts.heartbeatMs) continue;
    holding.heartbeatAt = at;
    await parts.heartbeat(holding);
  }
  live.refresh();
}

async function lookForStall(holding: Holding, at: number, parts: WatchdogParts): Promise<void> {
  const { jobId, transferIds } = holding;
  const stillMs = at - holding.seen.at;
  if (holding.intent === undefined && holding.stalledAt === undefined && stillMs >= parts.stallMs) {
    holding.stalledAt = at;
    stopControl(holding.control.memory, stopReasons.stall);
    parts.log.warn({ jobId, transferIds }, 'No byte has moved for too long; the attempt is ended');
  } else if (holding.stalledAt !== undefined && at - holding.stalledAt >= parts.hungMs) {
    const seconds = Math.round(stillMs / 1000);
    const text = `A call has hung in the operating system for ${seconds} s and was left behind.`;
    await parts.leaveBehind(holding, new Fault('stalled', text));
  }
}
