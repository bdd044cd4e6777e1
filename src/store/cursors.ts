// Opaque cursors: where a reader of events or of a list stands.

import { Fault } from '../model/fault.ts';
import type { Page } from './store.ts';

/** The next fact to read: `index` counts inside one row of events. */
export interface EventPosition {
  readonly seq: number;
  readonly index: number;
}

/** `ledgerId` keeps a cursor of one ledger from being used on another. */
export function eventCursor(ledgerId: string, { seq, index }: EventPosition): string {
  return Buffer.from(`e1:${ledgerId}:${seq}:${index}`).toString('base64url');
}

/** Rejects with `invalid`: not a cursor of this ledger's events. */
export function parseEventCursor(ledgerId: string, cursor: string): EventPosition {
  const match = /^e1:([^:]*):(\d{1,15}):(\d{1,9})$/.exec(Buffer.from(cursor, 'base64url').toString('latin1'));
  if (match === null) throw new Fault('invalid', 'The event cursor is not one that this Wherry gave out.');
  if (match[1] !== ledgerId) {
    throw new Fault(
      'invalid',
      'The event cursor belongs to another ledger; leave it out to read from the oldest event.',
    );
  }
  return { seq: Number(match[2]), index: Number(match[3]) };
}

/** The last id that a page showed. */
export function pageCursor(id: string): string {
  return Buffer.from(`p1:${id}`).toString('base64url');
}

/** Of rows that begin with what is shown and the id that they are in order of; one more than `most` says that there is another page. */
export function pageOf<Row extends readonly unknown[], Shown>(
  rows: readonly Row[],
  most: number,
  read: (row: Row) => Shown,
): Page<Shown> {
  const last = rows[most - 1];
  return {
    rows: rows.slice(0, most).map((row) => read(row)),
    nextCursor: rows.length > most && last !== undefined ? pageCursor(String(last[1])) : null,
  };
}

/** Rejects with `invalid`: not a cursor of a list. */
export function parsePageCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString();
  if (!text.startsWith('p1:')) throw new Fault('invalid', 'The list cursor is not one that this Wherry gave out.');
  return text.slice(3);
}

/** Rejects with `invalid`: no whole number from 1 to 1000. */
export function pageLimit(limit = 100): number {
  if (!Number.isInteger(limit) || limit < 1 || limit > 1000) {
    throw new Fault('invalid', 'The limit of a page is a whole number from 1 to 1000.');
  }
  return limit;
}
