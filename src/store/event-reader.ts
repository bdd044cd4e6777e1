// Reads facts in the order of their commits, forwards from a cursor or backwards from the newest.

import { eventNameMatches, isAboutNeither, type StoredEvent } from '../model/event.ts';
import { type EventPosition, eventCursor, pageLimit, parseEventCursor } from './cursors.ts';
import { type ExpandedFact, expandEventRow } from './event-rows.ts';
import type { SqlValue, Statements } from './statements.ts';
import type { EventQuery } from './store.ts';

/** More is not counted: it takes a second. */
const mostCounted = 1_000_000;

export interface EventReader {
  read(query: EventQuery): { readonly events: readonly StoredEvent[]; readonly cursor: string };
  /** The place after the newest fact. */
  end(): EventPosition;
  /** Facts after a cursor ('': all). */
  count(since: string): number;
}

interface Numbered {
  readonly at: EventPosition;
  readonly fact: ExpandedFact;
}

export function eventReader(sql: Statements, ledgerId: string): EventReader {
  /** The row that was expanded last: a reader pages through a pack's row many times. */
  let kept: { readonly seq: number; readonly facts: readonly ExpandedFact[] } | undefined;

  const end = (): EventPosition => ({ seq: Number(sql.row('SELECT max(seq) FROM event')?.[0] ?? 0) + 1, index: 0 });

  function expanded(seq: number): readonly ExpandedFact[] {
    if (kept?.seq === seq) return kept.facts;
    const row = sql.row('SELECT job_id, body FROM event WHERE seq = ?', seq);
    if (row === undefined) return [];
    const [jobId = null, body = null] = row;
    const facts = expandEventRow(jobId === null ? null : String(jobId), String(body));
    kept = { seq, facts };
    return facts;
  }

  /** Numbers of the rows that may hold facts of the query, in the order of reading; `from` is the first (or last) that counts. */
  function rowNumbers(query: EventQuery, from: number, limit: number): number[] {
    const [order, compare] = query.before === undefined ? ['ASC', '>='] : ['DESC', '<='];
    const select = (where: string, ...values: SqlValue[]): number[] =>
      sql
        .rows(
          `SELECT seq FROM event WHERE ${where} seq ${compare} ? ORDER BY seq ${order} LIMIT ?`,
          ...values,
          from,
          limit,
        )
        .map(([seq]) => Number(seq));
    const { transferId, jobId } = query;
    if (transferId === undefined && jobId !== undefined) return select('job_id = ? AND', jobId);
    if (transferId === undefined) {
      return select(isAboutNeither(query.name ?? '') ? 'transfer_id IS NULL AND job_id IS NULL AND' : '');
    }
    const packs = [
      ...sql.rows('SELECT pack_seq FROM transfer WHERE id = ? AND pack_seq IS NOT NULL', transferId),
      ...sql.rows('SELECT seq FROM earlier_pack WHERE transfer_id = ?', transferId),
    ].map(([seq]) => Number(seq));
    const wanted = packs.filter((seq) => (query.before === undefined ? seq >= from : seq <= from));
    const all = new Set([...select('transfer_id = ? AND', transferId), ...wanted]);
    return [...all].sort((one, other) => (query.before === undefined ? one - other : other - one)).slice(0, limit);
  }

  function* facts(query: EventQuery, start: EventPosition, limit: number): Generator<Numbered> {
    const isBackwards = query.before !== undefined;
    let from = start.seq;
    for (;;) {
      const numbers = rowNumbers(query, from, limit);
      for (const seq of numbers) {
        const numbered = expanded(seq).map((fact, index) => ({ at: { seq, index }, fact }));
        if (isBackwards) numbered.reverse();
        for (const one of numbered) {
          if (seq === start.seq && (isBackwards ? one.at.index >= start.index : one.at.index < start.index)) continue;
          if (query.transferId !== undefined && one.fact.transferId !== query.transferId) continue;
          if (query.jobId !== undefined && one.fact.jobId !== query.jobId) continue;
          if (query.name !== undefined && !eventNameMatches(query.name, one.fact.name)) continue;
          yield one;
        }
      }
      const last = numbers.at(-1);
      if (numbers.length < limit || last === undefined) return;
      from = isBackwards ? last - 1 : last + 1;
    }
  }

  function read(query: EventQuery): { events: StoredEvent[]; cursor: string } {
    const limit = pageLimit(query.limit);
    const newest = end();
    const given = query.before ?? query.since;
    const start =
      given === undefined || given === ''
        ? query.before === undefined
          ? { seq: 0, index: 0 }
          : newest
        : parseEventCursor(ledgerId, given);
    const found: Numbered[] = [];
    for (const one of facts(query, start, limit)) {
      found.push(one);
      if (found.length === limit) break;
    }
    const after = ({ seq, index }: EventPosition): EventPosition => ({ seq, index: index + 1 });
    const isBackwards = query.before !== undefined;
    const last = found.at(-1);
    // A page that is not full has seen everything up to the newest (or oldest) fact, whatever the filter left out.
    const rest =
      found.length === limit && last !== undefined
        ? isBackwards
          ? last.at
          : after(last.at)
        : isBackwards
          ? { seq: 0, index: 0 }
          : newest;
    return {
      events: found.map(({ at, fact }) => ({ ...fact, cursor: eventCursor(ledgerId, after(at)) })),
      cursor: eventCursor(ledgerId, rest),
    };
  }

  function count(since: string): number {
    const { seq, index } = since === '' ? { seq: 0, index: 0 } : parseEventCursor(ledgerId, since);
    const [rows = 0, begun = 0] =
      sql.row(
        `SELECT sum(facts), sum(CASE WHEN seq = ? THEN ? END) FROM (SELECT seq, facts FROM event WHERE seq >= ? ORDER BY seq LIMIT ${mostCounted})`,
        seq,
        index,
        seq,
      ) ?? [];
    return Math.min(mostCounted, Math.max(0, Number(rows) - Number(begun)));
  }

  return { read: (query) => sql.together(() => read(query)), end, count };
}
