// Appends rows of events with rising numbers.

import type { EventDraft } from '../model/event.ts';
import type { Job } from '../model/job.ts';
import type { Transfer } from '../model/transfer.ts';
import { singleBody } from './event-rows.ts';
import type { Statements } from './statements.ts';

export interface EventWriter {
  /** The number that the next row will have. */
  readonly nextSeq: number;
  /** One row for all facts of a change; none where there are no facts. */
  append(events: readonly EventDraft[], about: { transfer?: Transfer; job?: Job }, jobId: string | null): void;
  /** A pack's row; returns its number. */
  appendPack(atMs: number, jobId: string, facts: number, body: string): number;
  /** After a transaction that was taken back. */
  resetTo(seq: number): void;
}

export function eventWriter(sql: Statements): EventWriter {
  let nextSeq = Number(sql.row('SELECT max(seq) FROM event')?.[0] ?? 0) + 1;

  function insert(at: number, transferId: string | null, jobId: string | null, facts: number, body: string): number {
    const seq = nextSeq;
    sql.run(
      'INSERT INTO event (seq, at, transfer_id, job_id, facts, body) VALUES (?, ?, ?, ?, ?, ?)',
      seq,
      at,
      transferId,
      jobId,
      facts,
      body,
    );
    nextSeq += 1;
    return seq;
  }

  return {
    get nextSeq() {
      return nextSeq;
    },
    append: (events, about, jobId) => {
      if (events.length === 0) return;
      insert(latest(events), about.transfer?.id ?? null, jobId, events.length, singleBody(events, about));
    },
    appendPack: (atMs, jobId, facts, body) => insert(atMs, null, jobId, facts, body),
    resetTo: (seq) => {
      nextSeq = seq;
    },
  };
}

export function latest(events: readonly EventDraft[]): number {
  return events.reduce((at, event) => Math.max(at, event.at), 0);
}
