// Deletes what is older than it is to be kept, a bounded part at a time.

import { deleteOldDeliveries } from './delivery-rows.ts';
import type { Statements } from './statements.ts';
import { flatFrom, transferColumns } from './transfer-row.ts';
import type { TransferWriter } from './transfer-writer.ts';

/** Rows and event rows that one part takes, so that nobody waits long behind it. */
const rowsAtOnce = 1000;
const eventRowsAtOnce = 200;

/**
 * Transfers and jobs that ended before `before`, with their receipts, but those of a watch that goes on (by its receipts it knows what it has
 * taken, and it keeps its own history); jobs only once they have no transfers; event rows, and messages to webhooks that are at
 * rest, of before `keepEventsAfter`. True where there is more. Runs within a transaction.
 */
export function deleteHistoryPart(
  sql: Statements,
  transfers: TransferWriter,
  before: number,
  keepEventsAfter: number,
): boolean {
  const ended = sql.rows(
    `SELECT ${transferColumns.join(', ')}, seq FROM transfer WHERE finished_at < ? AND state IN ('completed', 'failed', 'cancelled')
       AND job_id NOT IN (SELECT id FROM job WHERE kind = 'watch' AND finished_at IS NULL) ORDER BY finished_at LIMIT ${rowsAtOnce}`,
    before,
  );
  for (const row of ended)
    transfers.remove({ seq: Number(row[transferColumns.length]), flat: flatFrom(row), packSeq: null });
  transfers.removedAll();
  // The newest row always stays, so that its number is never given out again.
  const events = sql.run(
    `DELETE FROM event WHERE seq IN (SELECT seq FROM event WHERE at < ? AND seq < (SELECT max(seq) FROM event) ORDER BY at LIMIT ${eventRowsAtOnce})`,
    keepEventsAfter,
  );
  if (deleteOldDeliveries(sql, keepEventsAfter)) return true;
  if (ended.length === rowsAtOnce || events === eventRowsAtOnce) return true;
  const jobs = sql.rows(
    `SELECT id FROM job WHERE finished_at < ? AND state IN ('completed', 'partial', 'failed', 'cancelled')
       AND NOT EXISTS (SELECT 1 FROM transfer WHERE transfer.job_id = job.id) LIMIT ${rowsAtOnce}`,
    before,
  );
  transfers.writeCounts();
  for (const [id = null] of jobs) {
    sql.run('DELETE FROM job WHERE id = ?', id);
    sql.run('DELETE FROM transfer_count WHERE job_id = ?', id);
  }
  return jobs.length === rowsAtOnce;
}
