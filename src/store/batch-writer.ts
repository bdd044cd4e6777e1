// Writes runs of like changes: each row by itself, their facts as one row for all.

import { packBody } from './event-rows.ts';
import { type EventWriter, latest } from './event-writer.ts';
import type { BatchedChange } from './ledger-messages.ts';
import { packRows, unpackRows } from './pack-columns.ts';
import type { ChangeResult } from './store.ts';
import type { FlatTransfer } from './transfer-row.ts';

/** Writes one row of a batch; `packSeq` is the number that the batch's row of facts will have, null where it has none. */
export type WriteOne = (flat: FlatTransfer, index: number, packSeq: number | null) => ChangeResult;

/** A result for each row, in order. */
export function writeBatch(events: EventWriter, change: BatchedChange, write: WriteOne): ChangeResult[] {
  const rows = unpackRows(JSON.parse(change.text));
  const packSeq = change.events.length === 0 ? null : events.nextSeq;
  const results = rows.map((flat, index) => write(flat, index, packSeq));
  const written = rows.filter((_, index) => results[index]?.applied === true);
  if (packSeq !== null && written.length > 0) {
    const text = written.length === rows.length ? change.text : packRows(written);
    const facts = written.length * change.events.length;
    // No row of a batch brings a receipt, and those without one have the second list's facts.
    events.appendPack(latest(change.events), change.jobId, facts, packBody([], change.events, text));
  }
  return results;
}
