// The one place where SQL meets SQLite: statements prepared once for each text, names bound as text or bytes.

import type { Database, Statement } from 'better-sqlite3';
import { pathBytes, pathFromBytes } from '../model/names.ts';

export type SqlValue = string | number | bigint | null | Uint8Array;
export type Row = SqlValue[];

export interface Statements {
  readonly database: Database;
  /** Prepared at its first use and kept. Rows come as arrays. */
  rows(sql: string, ...values: SqlValue[]): Row[];
  /** One by one, for scans that may stop early. The statement is busy until the loop ends. */
  each(sql: string, ...values: SqlValue[]): IterableIterator<Row>;
  /** Undefined where there is no row. */
  row(sql: string, ...values: SqlValue[]): Row | undefined;
  /** How many rows it changed. */
  run(sql: string, ...values: SqlValue[]): number;
  /** How many rows it added, and the number of the last one. */
  insert(sql: string, ...values: SqlValue[]): { readonly changes: number; readonly lastInsertRowid: number | bigint };
  /** Reads that must see one state of the ledger together. */
  together<Result>(read: () => Result): Result;
}

export function statementsOf(database: Database): Statements {
  const readers = new Map<string, Statement<SqlValue[], Row>>();
  const writers = new Map<string, Statement<SqlValue[]>>();
  const reader = (sql: string): Statement<SqlValue[], Row> => {
    let statement = readers.get(sql);
    if (statement === undefined) {
      statement = database.prepare<SqlValue[], Row>(sql).raw();
      readers.set(sql, statement);
    }
    return statement;
  };
  const writer = (sql: string): Statement<SqlValue[]> => {
    let statement = writers.get(sql);
    if (statement === undefined) {
      statement = database.prepare<SqlValue[]>(sql);
      writers.set(sql, statement);
    }
    return statement;
  };
  return {
    database,
    rows: (sql, ...values) => reader(sql).all(...values),
    each: (sql, ...values) => reader(sql).iterate(...values),
    row: (sql, ...values) => reader(sql).get(...values),
    run: (sql, ...values) => writer(sql).run(...values).changes,
    insert: (sql, ...values) => writer(sql).run(...values),
    together: (read) => {
      if (database.inTransaction) return read();
      writer('BEGIN').run();
      try {
        return read();
      } finally {
        writer('COMMIT').run();
      }
    },
  };
}

/** A name as it is bound: TEXT where it is well formed, else its bytes. Rejects with `invalid`: it stands for no bytes. */
export function nameToSql(name: string): SqlValue {
  return name.isWellFormed() ? name : Buffer.from(pathBytes(name));
}

export function nameFromSql(value: SqlValue | undefined): string {
  return value instanceof Uint8Array ? pathFromBytes(value) : String(value);
}

/** `?, ?, ?` for so many values. */
export function places(count: number): string {
  return Array.from({ length: count }, () => '?').join(', ');
}
