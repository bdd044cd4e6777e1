// Ends the waits whose reason is gone: the time has come, there is room again, the place answers.

import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import type { Clock } from '../model/clock.ts';
import { parseEndpoint } from '../model/endpoint-url.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Store } from '../store/store.ts';
import type { Ledger } from './ledger.ts';
import type { Mover } from './mover/move.ts';
import type { Places } from './places.ts';

export interface WaitParts {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly places: Places;
  readonly mounts: Mounts;
  readonly mover: Mover;
  /** True where the device that a place is on is away; its coming back ends the wait. */
  readonly isDeviceAway?: (endpoint: string) => boolean;
  /** Free space that must remain at the transfer's destination, in bytes. */
  readonly reserveOf: (row: Transfer) => number;
}

/** Reasons that the engine ends by itself; others are ended by whoever caused them. */
const own = new Set(['backoff', 'space', 'permission', 'device', 'network', 'tool']);
const atOnce = 500;
const lookAgainMs = 30_000;
const reasons: Readonly<Record<Exclude<Which, 'due'>, ReadonlySet<string>>> = {
  'all-timed': own,
  'back-off': new Set(['backoff']),
  space: new Set(['space', 'network']),
};

/**
 * `due`: whose time has come. `all-timed`: also those whose time lies ahead (the clock was set back). `back-off`: all that wait for their
 * next attempt (after a start). `space`: all that wait for room or for a place that did not answer.
 */
export type Which = 'due' | 'all-timed' | 'back-off' | 'space';

/** What a place that has become well again may have refused; who is in it can be anybody else's affair too, so only its own are tried. */
const refusals: ReadonlySet<string> = new Set(['permission', 'device']);

/**
 * How many it has put back into the queue, and how many it left waiting. `recovered` are places that have just become well: with `space`
 * also the waits that they may have caused by refusing are ended.
 */
export async function endWaits(
  parts: WaitParts,
  which: Which,
  recovered: ReadonlySet<string> = new Set(),
): Promise<{ readonly ended: number; readonly left: number }> {
  const room = createRoom(parts);
  let ended = 0;
  let left = 0;
  for await (const rows of which === 'due' ? dueRows(parts) : waitingRows(parts, reasons[which], recovered)) {
    const well: Transfer[] = [];
    const later: Transfer[] = [];
    for (const row of rows) {
      const reason = row.waiting?.reason;
      if (reason === undefined || !own.has(reason)) continue;
      if (reason === 'space' && !(await room.takes(row))) later.push(row);
      else if (reason === 'network' && isAway(row, parts.mounts)) later.push(row);
      else if (reason === 'device' && parts.isDeviceAway?.(row.source.endpoint) === true) later.push(row);
      else well.push(row);
    }
    const queued = await parts.ledger.advanceAll(well.map((transfer) => ({ transfer, inputs: 'queue' as const })));
    ended += queued.filter((row) => row !== undefined).length;
    left += later.length;
    await putOff(later, parts);
  }
  return { ended, left };
}

/** Looked at again later, without a fact each time: nothing has changed. */
async function putOff(rows: readonly Transfer[], { ledger, clock }: WaitParts): Promise<void> {
  const now = clock.now();
  const due = rows.filter((row) => (row.waiting?.until ?? 0) <= now);
  await Promise.all(
    due.map((row) =>
      row.waiting === null ? undefined : ledger.note(row, { waiting: { ...row.waiting, until: now + lookAgainMs } }),
    ),
  );
}

/** What is put back or put off is no longer due, so that the next page is another. */
async function* dueRows({ store, clock }: WaitParts): AsyncGenerator<readonly Transfer[]> {
  for (;;) {
    const rows = await store.due(clock.now(), atOnce);
    yield rows.filter((row) => row.waiting !== null && own.has(row.waiting.reason));
    // Waits of others may be due too; theirs to end, they would come again and again.
    if (rows.length < atOnce || !rows.every((row) => row.waiting !== null && own.has(row.waiting.reason))) return;
  }
}

async function* waitingRows(
  { store }: WaitParts,
  wanted: ReadonlySet<string>,
  recovered: ReadonlySet<string>,
): AsyncGenerator<readonly Transfer[]> {
  const isWanted = ({ waiting, source, destination }: Transfer): boolean => {
    if (waiting === null) return false;
    if (wanted.has(waiting.reason)) return true;
    return refusals.has(waiting.reason) && (recovered.has(source.endpoint) || recovered.has(destination.endpoint));
  };
  let cursor: string | undefined;
  do {
    const page = await store.transfers({
      states: ['waiting'],
      limit: 1000,
      ...(cursor === undefined ? {} : { cursor }),
    });
    yield page.rows.filter(isWanted);
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** Free space by destination, asked once and then counted down by what is let in. */
function createRoom(parts: WaitParts): { takes(row: Transfer): Promise<boolean> } {
  const left = new Map<string, number | undefined>();
  return {
    takes: async (row) => {
      const address = row.destination.endpoint;
      if (!left.has(address)) left.set(address, await freeBytes(address, parts));
      const free = left.get(address);
      // Who cannot say how much room there is can only be tried.
      if (free === undefined) return true;
      const needs = Math.max(1, (row.sizeBytes ?? 0) - row.bytesDone);
      if (free < needs + parts.reserveOf(row)) return false;
      left.set(address, free - needs);
      return true;
    },
  };
}

async function freeBytes(address: string, { places, mounts, mover }: WaitParts): Promise<number | undefined> {
  let endpoint: Endpoint;
  try {
    endpoint = await places.open(address);
    if (endpoint.space === undefined) return undefined;
    const { freeBytes: free } = await endpoint.space();
    const local = endpoint.localPath?.('');
    const reserved = local === undefined ? 0 : (mover.reservedBytes.get(mounts.mountOf(local).mountPoint) ?? 0);
    return free - reserved;
  } catch {
    return 0;
  }
}

/** True while a mount that the transfer touches hangs: its own probe says when it is back. */
function isAway(row: Transfer, mounts: Mounts): boolean {
  const away = mounts.health().filter((health) => health.state === 'unreachable');
  if (away.length === 0) return false;
  return [row.source.endpoint, row.destination.endpoint].some((address) => {
    const { scheme, path } = parseEndpoint(address);
    return scheme === 'file' && away.some((health) => health.mountPoint === mounts.mountOf(path).mountPoint);
  });
}
