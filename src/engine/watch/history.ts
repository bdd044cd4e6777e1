// Drops what a watch need not remember any longer: transfers that ended long ago and whose file stands nowhere any more.

import { asFault } from '../../model/fault.ts';
import type { Transfer } from '../../model/transfer.ts';
import type { ModeHost } from '../mode.ts';
import { resting } from './intake.ts';
import type { Tracker } from './tracker.ts';
import type { PreparedWatch } from './watch-mode.ts';

const firstMs = 60_000;
const everyMs = 6 * 3_600_000;
const dayMs = 24 * 3_600_000;
/** Rows that are looked at in one go, so that a share is not asked for a million files at once; the next go goes on behind them. */
const rowsAtOnce = 5_000;
const pageRows = 500;

export interface HistoryParts {
  readonly spec: PreparedWatch;
  readonly host: ModeHost;
  readonly tracker: Tracker;
  /** False while the source is away: then nobody knows which files stand there. */
  readonly isWell: () => boolean;
  /** Throws where a destination's share is not mounted: then nobody knows what stands there. */
  readonly mustBeMounted: (destination: string) => void;
}

/** Until the signal is aborted, a while after the start and then a few times a day. Never rejects. */
export async function keepHistory(parts: HistoryParts, signal: AbortSignal): Promise<void> {
  const { spec, host, isWell } = parts;
  let cursor: string | undefined;
  for (let waitMs = firstMs; ; waitMs = everyMs) {
    try {
      await host.clock.sleep(waitMs, signal);
    } catch {
      return;
    }
    try {
      if (isWell()) cursor = await prune(parts, host.clock.now() - spec.historyDays * dayMs, cursor, signal);
    } catch (error) {
      host.log.warn({ jobId: host.job.id, fault: asFault(error).report() }, 'Old history could not be looked through');
    }
  }
}

/** Where the next go begins; undefined for the beginning. */
async function prune(
  parts: HistoryParts,
  before: number,
  from: string | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const { host, tracker } = parts;
  let cursor = from;
  for (let looked = 0; looked < rowsAtOnce && !signal.aborted; looked += pageRows) {
    const query = { jobId: host.job.id, states: resting, limit: pageRows };
    const { rows, nextCursor } = await host.reader.transfers(cursor === undefined ? query : { ...query, cursor });
    const old = rows.filter((row) => (row.finishedAt ?? before) < before);
    const gone: Transfer[] = [];
    for (const row of old) if (!tracker.standsAs(row) && !(await isAtDestination(row, parts))) gone.push(row);
    if (gone.length > 0) await host.forget(gone.map((row) => row.id));
    for (const row of gone) tracker.forget(row.source.path);
    // Rows come in the order in which they were made: behind this one all are younger.
    if (nextCursor === null || (rows.at(-1)?.createdAt ?? 0) >= before) return undefined;
    cursor = nextCursor;
  }
  return cursor;
}

/** A receipt is kept as long as its file stands, and where nobody can tell. */
async function isAtDestination(row: Transfer, { host, mustBeMounted }: HistoryParts): Promise<boolean> {
  if (row.state !== 'completed') return false;
  try {
    mustBeMounted(row.destination.endpoint);
    const entry = await (await host.open(row.destination.endpoint)).stat(row.publishedPath ?? row.destination.path);
    return entry !== undefined && entry.sizeBytes === row.sizeBytes;
  } catch {
    return true;
  }
}
