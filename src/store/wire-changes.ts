// Makes changes ready for the ledger's thread: packs, and runs of like changes, cross as compact text.

import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { BatchedChange, Pack, WireChange } from './ledger-messages.ts';
import { packRows } from './pack-columns.ts';
import type { Change } from './store.ts';
import { columnAt, type FlatTransfer, flattenTransfer } from './transfer-row.ts';

type Alike = Extract<Change, { kind: 'insert_transfer' | 'update_transfer' }>;

/** Fewer changes of one kind in a row are written one by one, each with its own row of facts. */
const batchLeast = 8;
const batchMost = 1000;

/** Order is kept; a batch stands for as many results as it has transfers. */
export function toWire(changes: readonly Change[]): WireChange[] {
  const wire: WireChange[] = [];
  for (let at = 0; at < changes.length; ) {
    const change = changes[at];
    if (change === undefined) break;
    const run = changes.length - at < batchLeast ? [] : runFrom(changes, at);
    if (run.length >= batchLeast) {
      wire.push(batchOf(run));
      at += run.length;
    } else {
      wire.push(change.kind === 'finish_pack' ? packed(change) : change);
      at += 1;
    }
  }
  return wire;
}

/** The longest run of inserts, or of updates without receipts, for one job and with the same facts. */
function runFrom(changes: readonly Change[], from: number): Alike[] {
  const first = changes[from];
  if (first === undefined || !canBatch(first)) return [];
  const facts = JSON.stringify(first.events);
  const run: Alike[] = [];
  for (const change of changes.slice(from, from + batchMost)) {
    if (!canBatch(change) || change.kind !== first.kind || change.transfer.jobId !== first.transfer.jobId) break;
    if (change.events !== first.events && JSON.stringify(change.events) !== facts) break;
    run.push(change);
  }
  return run;
}

function canBatch(change: Change): change is Alike {
  return (
    change.kind === 'insert_transfer' ||
    (change.kind === 'update_transfer' && change.receipt === undefined && change.also === undefined)
  );
}

function batchOf(run: readonly Alike[]): BatchedChange {
  const text = packRows(run.map(({ transfer }) => flattenTransfer(transfer, null)));
  const jobId = run[0]?.transfer.jobId ?? '';
  const events = run[0]?.events ?? [];
  const expects = run.flatMap((change) => (change.kind === 'update_transfer' ? [change.expect] : []));
  return expects.length === 0
    ? { kind: 'insert_transfers', jobId, text, events }
    : { kind: 'update_transfers', jobId, text, events, expects };
}

function packed(change: Extract<Change, { kind: 'finish_pack' }>): WireChange {
  const { transfers, receipts, completedEvents, failedEvents, expectStates } = change;
  const byJob = Map.groupBy(
    transfers.map((transfer, index) => ({ transfer, receipt: receipts[index] ?? null })),
    ({ transfer }) => transfer.jobId,
  );
  const packs = [...byJob].map(([jobId, files]) => packOf(jobId, files));
  return { kind: 'finish_pack', packs, completedEvents, failedEvents, expectStates };
}

function packOf(jobId: string, files: readonly { transfer: Transfer; receipt: Receipt | null }[]): Pack {
  const rows: FlatTransfer[] = files.map(({ transfer, receipt }) => flattenTransfer(transfer, receipt));
  const tally = new Map<string, { mode: string; state: string; count: number }>();
  for (const { transfer } of files) {
    const { mode, state } = transfer;
    const tallied = tally.get(`${mode} ${state}`);
    if (tallied === undefined) tally.set(`${mode} ${state}`, { mode, state, count: 1 });
    else tallied.count += 1;
  }
  return {
    jobId,
    text: packRows(rows),
    ids: rows.map((row) => String(row[columnAt.id])),
    tally: [...tally.values()],
    arrived: files.filter(({ receipt }) => receipt !== null).length,
  };
}
