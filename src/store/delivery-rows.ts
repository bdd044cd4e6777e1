// Messages to webhooks in the ledger: written by id, read by webhook.

import { type Delivery, type DeliveryState, deliveryStates } from '../model/webhook.ts';
import { pageLimit, pageOf, parsePageCursor } from './cursors.ts';
import { places, type SqlValue, type Statements } from './statements.ts';
import type { DeliveryQuery, Page } from './store.ts';

/** Inserts it or replaces the one with its id; false where `expect` is not its state. */
export function putDelivery(
  sql: Statements,
  delivery: Delivery,
  expect: DeliveryState | 'absent' | undefined,
): boolean {
  const { id, webhookId, state, dueAt, createdAt } = delivery;
  const old = expect === undefined ? undefined : sql.row('SELECT state FROM delivery WHERE id = ?', id);
  if (expect !== undefined && (old?.[0] ?? 'absent') !== expect) return false;
  sql.run(
    `INSERT INTO delivery (id, webhook_id, state, due_at, created_at, body) VALUES (?, ?, ?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE SET state = excluded.state, due_at = excluded.due_at, body = excluded.body`,
    id,
    webhookId,
    state,
    dueAt,
    createdAt,
    JSON.stringify(delivery),
  );
  return true;
}

export function deleteDeliveries(sql: Statements, webhookId: string): void {
  sql.run('DELETE FROM delivery WHERE webhook_id = ?', webhookId);
}

/** A bounded part of those that have come to rest before; true where there is more. */
export function deleteOldDeliveries(sql: Statements, before: number): boolean {
  const most = 1000;
  const where = `created_at < ? AND state <> 'pending'`;
  return (
    sql.run(`DELETE FROM delivery WHERE seq IN (SELECT seq FROM delivery WHERE ${where} LIMIT ${most})`, before) ===
    most
  );
}

const read = ([body]: SqlValue[]): Delivery => JSON.parse(String(body)) as Delivery;

export function listDeliveries(sql: Statements, { webhookId, state, cursor, limit }: DeliveryQuery): Page<Delivery> {
  const most = pageLimit(limit);
  const conditions = ['webhook_id = ?'];
  const values: SqlValue[] = [webhookId];
  if (state !== undefined) {
    conditions.push('state = ?');
    values.push(state);
  }
  if (cursor !== undefined) {
    conditions.push('seq < ?');
    values.push(Number(parsePageCursor(cursor)));
  }
  const rows = sql.rows(
    `SELECT body, seq FROM delivery WHERE ${conditions.join(' AND ')} ORDER BY seq DESC LIMIT ?`,
    ...values,
    most + 1,
  );
  return pageOf(rows, most, read);
}

export function dueDeliveries(sql: Statements, webhookId: string, now: number, limit: number): Delivery[] {
  return sql
    .rows(
      `SELECT body FROM delivery WHERE state = 'pending' AND webhook_id = ? AND due_at <= ? ORDER BY due_at, seq LIMIT ?`,
      webhookId,
      now,
      limit,
    )
    .map(read);
}

export function countDeliveries(
  sql: Statements,
  webhookId: string,
  only: DeliveryState | undefined,
): Record<DeliveryState, number> {
  const counts = Object.fromEntries(deliveryStates.map((state) => [state, 0])) as Record<DeliveryState, number>;
  const states = only === undefined ? deliveryStates : [only];
  for (const [state, count] of sql.rows(
    `SELECT state, count(*) FROM delivery WHERE webhook_id = ? AND state IN (${places(states.length)}) GROUP BY state`,
    webhookId,
    ...states,
  )) {
    counts[String(state) as DeliveryState] = Number(count);
  }
  return counts;
}

export function findDelivery(sql: Statements, id: string): Delivery | undefined {
  const row = sql.row('SELECT body FROM delivery WHERE id = ?', id);
  return row === undefined ? undefined : read(row);
}
