// Deletes what is older than it is to be kept, a while after the start and then a few times a day.

import type { Clock } from '../model/clock.ts';
import { asFault } from '../model/fault.ts';
import type { EngineLimits, EngineLog } from './engine-parts.ts';
import type { Ledger } from './ledger.ts';

export interface Housekeeping {
  start(): void;
  stop(): void;
}

const firstMs = 60_000;
const everyMs = 6 * 3_600_000;
const dayMs = 24 * 3_600_000;

export function createHousekeeping(parts: {
  readonly clock: Clock;
  readonly ledger: Ledger;
  readonly log: EngineLog;
  readonly limits: EngineLimits;
}): Housekeeping {
  const { clock, ledger, log } = parts;
  const stopping = new AbortController();

  const clean = async () => {
    // Asked each time: they may have been adjusted.
    const { eventDays = 30, historyDays = null } = parts.limits;
    const now = clock.now();
    const before = historyDays === null ? 0 : now - historyDays * dayMs;
    await ledger.write([{ kind: 'delete_history', before, keepEventsAfter: now - eventDays * dayMs }]);
  };

  const run = async () => {
    for (let waitMs = firstMs; ; waitMs = everyMs) {
      try {
        await clock.sleep(waitMs, stopping.signal);
      } catch {
        return;
      }
      await clean().catch((error) => log.warn({ fault: asFault(error).report() }, 'Old history could not be deleted'));
    }
  };

  return {
    start: () => void run(),
    stop: () => stopping.abort(),
  };
}
