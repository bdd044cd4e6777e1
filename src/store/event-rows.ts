// Rows of events: one for each change that says something, with all its facts and what they are about.

import type { EventDraft, EventName, StoredEvent } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import type { Transfer } from '../model/transfer.ts';
import { unpackRows } from './pack-columns.ts';
import { columnAt, transferFrom } from './transfer-row.ts';

type Fact = readonly [name: EventName, at: number, data: EventDraft['data']];

/** Of one transfer, one job, or neither. */
interface SingleBody {
  readonly facts: readonly Fact[];
  readonly transfer?: Transfer;
  readonly job?: Job;
}

/** Of a pack: the same facts for each transfer that completed, others for each that did not. */
export interface PackBody {
  readonly completed: readonly Fact[];
  readonly failed: readonly Fact[];
  readonly pack: unknown;
}

const factOf = ({ name, at, data }: EventDraft): Fact => [name, at, data];

export function singleBody(events: readonly EventDraft[], about: { transfer?: Transfer; job?: Job }): string {
  return JSON.stringify({ facts: events.map(factOf), ...about } satisfies SingleBody);
}

/** `packed` is the text of pack-columns.ts; it is taken over as it is. */
export function packBody(completed: readonly EventDraft[], failed: readonly EventDraft[], packed: string): string {
  return `{"completed":${JSON.stringify(completed.map(factOf))},"failed":${JSON.stringify(failed.map(factOf))},"pack":${packed}}`;
}

/** A fact without its cursor. */
export type ExpandedFact = Omit<StoredEvent, 'cursor'>;

/** All facts of a row, in order; their number is the row's `facts`. */
export function expandEventRow(jobId: string | null, body: string): ExpandedFact[] {
  const parsed = JSON.parse(body) as SingleBody | PackBody;
  if ('facts' in parsed) {
    const { facts, transfer, job } = parsed;
    return facts.map(([name, at, data]) => ({
      name,
      at,
      data,
      transferId: transfer?.id ?? null,
      jobId,
      ...(transfer === undefined ? {} : { transfer }),
      ...(job === undefined ? {} : { job }),
    }));
  }
  return unpackRows(parsed.pack).flatMap((row) => {
    const transfer = transferFrom(row);
    const facts = row[columnAt.receipt_verify] === null ? parsed.failed : parsed.completed;
    return facts.map(([name, at, data]) => ({ name, at, data, transferId: transfer.id, jobId, transfer }));
  });
}
