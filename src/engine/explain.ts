// Says where a path is, or why it is not there yet: from its transfers and the facts that touched them.

import type { StoredEvent } from '../model/event.ts';
import type { FaultReport } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';
import type { Explanation } from './engine.ts';

const mostTransfers = 20;

/**
 * `path` is a whole path or the end of one; `fromRuns` asks running jobs what they know of it that the ledger cannot. Never rejects for
 * a path that nobody knows: the summary says so.
 */
export async function explainPath(
  path: string,
  reader: StoreReader,
  fromRuns: () => Promise<readonly string[]>,
): Promise<Explanation> {
  const transfers = await reader.findByPath(path.replace(/\/+$/, ''), mostTransfers);
  const facts: Explanation['facts'][number][] = [];
  for (const transfer of transfers) {
    const { events } = await reader.events({ transferId: transfer.id, limit: 200 });
    facts.push(...events.map((event) => fact(event, transfer)));
    const receipts = await reader.receipts({ transferId: transfer.id });
    facts.push(...receipts.map((receipt) => proof(receipt)));
  }
  facts.sort((one, other) => other.at - one.at);
  const said = await fromRuns();
  return { path, summary: said.length > 0 ? said.join(' ') : summarise(path, transfers), transfers, facts };
}

function summarise(path: string, transfers: readonly Transfer[]): string {
  const shown = displayPath(path);
  const [newest] = transfers;
  if (newest === undefined) {
    return `No transfer has ever touched ${shown}. It may lie outside every job's source, be excluded, or not have been found yet.`;
  }
  const ways = newestWays(newest, transfers);
  if (ways.length === 1) return whereItIs(shown, newest);
  return ways.map((row) => `To ${displayPath(row.destination.endpoint)}: ${whereItIs(shown, row)}`).join(' ');
}

/** The newest transfer to each destination of a file that has several. */
function newestWays(newest: Transfer, transfers: readonly Transfer[]): readonly Transfer[] {
  const ways = new Map<string, Transfer>();
  for (const row of transfers) {
    const isSameFile = row.jobId === newest.jobId && row.source.path === newest.source.path;
    if (isSameFile && !ways.has(row.destination.endpoint)) ways.set(row.destination.endpoint, row);
  }
  return [...ways.values()].sort((one, other) => (one.destination.endpoint < other.destination.endpoint ? -1 : 1));
}

function whereItIs(shown: string, newest: Transfer): string {
  const where = `${displayPath(newest.destination.endpoint)}/${displayPath(newest.publishedPath ?? newest.destination.path)}`;
  const why = newest.error === null ? '' : ` ${newest.error.message}`;
  switch (newest.state) {
    case 'completed':
      return `${shown} arrived as ${where}${newest.finishedAt === null ? '' : ` at ${time(newest.finishedAt)}`} and is proven there.`;
    case 'transferring':
      return `${shown} is being copied to ${where}.`;
    case 'transferred':
    case 'processing':
      return `${shown} has arrived at ${where} and is being processed.`;
    case 'queued':
      return `${shown} is in the queue for ${where}.${why}`;
    case 'discovered':
      return `${shown} has been seen, but is not stable yet.`;
    case 'waiting':
      return `${shown} waits (${waitText(newest.waiting?.reason, newest.waiting?.until ?? null)}).${why}`;
    case 'paused':
      return `${shown} is paused.`;
    case 'failed':
      return `${shown} failed.${why}`;
    case 'cancelled':
      return `${shown} was cancelled.${why}`;
  }
}

function fact(event: StoredEvent, transfer: Transfer): Explanation['facts'][number] {
  const error = event.data.error as FaultReport | null | undefined;
  return {
    at: event.at,
    text: text(event, transfer),
    transferId: transfer.id,
    ...(error === null || error === undefined ? {} : { error }),
  };
}

function text(event: StoredEvent, transfer: Transfer): string {
  const { data } = event;
  const error = data.error as FaultReport | null | undefined;
  const why = error === null || error === undefined ? '' : `: ${error.message}`;
  switch (event.name) {
    case 'observation.transfer.discovered':
      return 'Seen for the first time.';
    case 'observation.transfer.queued':
      return data.recovered === true
        ? 'Put back into the queue after a break.'
        : `Queued for ${displayPath(transfer.destination.endpoint)}.`;
    case 'observation.transfer.download.started':
      return 'The copy began.';
    case 'observation.transfer.download.completed':
      return data.resumedBytes === undefined || data.resumedBytes === 0
        ? 'Verified and published under its final name.'
        : `Verified and published under its final name; ${data.resumedBytes} bytes were there from an earlier attempt.`;
    case 'observation.transfer.download.failed':
      return `Failed for good${why}`;
    case 'observation.transfer.processing.started':
      return 'Processing began.';
    case 'observation.transfer.processing.completed':
      return 'Processing is done.';
    case 'observation.transfer.processing.failed':
      return `Processing failed for good${why}`;
    case 'observation.transfer.retry_scheduled':
      return `Attempt ${data.attempt} broke off and is tried again at ${time(data.until)}${why}`;
    case 'observation.transfer.waiting':
      return `Waits for ${waitWords[String(data.reason)] ?? String(data.reason)}${why}`;
    case 'observation.transfer.paused':
      return 'Paused.';
    case 'observation.transfer.resumed':
      return 'Resumed.';
    case 'observation.transfer.cancelled':
      return data.reason === undefined ? 'Cancelled.' : `Cancelled (${String(data.reason)}).`;
    case 'observation.transfer.completed':
      return 'Completed.';
    default:
      return event.name;
  }
}

function proof(receipt: Receipt): Explanation['facts'][number] {
  const { destination, hash, sizeBytes } = receipt;
  const place = `${displayPath(destination.endpoint)}/${displayPath(destination.path)}`;
  return {
    at: receipt.at,
    text: `Receipt: ${sizeBytes} bytes at ${place}, ${hash.algorithm} ${hash.value}, proven by ${receipt.verify}.`,
    transferId: receipt.transferId,
  };
}

const waitWords: Readonly<Record<string, string>> = {
  backoff: 'its next attempt',
  space: 'room at the destination',
  permission: 'the right to read or write',
  device: 'its device',
  network: 'a place that does not answer',
  peer: 'its peer',
  consent: 'consent',
  schedule: 'its time',
  tool: 'a program that is missing or does not answer',
  bundle: 'the rest of its set',
};

function waitText(reason: string | undefined, until: number | null): string {
  const words = waitWords[reason ?? ''] ?? 'something';
  return until === null ? `for ${words}` : `for ${words}, looked at again at ${time(until)}`;
}

function time(at: unknown): string {
  return typeof at === 'number' ? new Date(at).toISOString() : 'an unknown time';
}
