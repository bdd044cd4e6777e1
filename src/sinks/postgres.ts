// Ingest into PostgreSQL: a table of events, one of files and one of runs, written in batches, each row once by its id.

import { createHash } from 'node:crypto';
import type { Client } from 'pg';
import { asFault, Fault, type FaultCode } from '../model/fault.ts';
import type { IngestEvent } from '../model/ingest.ts';
import { displayPath } from '../model/names.ts';
import {
  findFile,
  putEvents,
  putFiles,
  putRun,
  schemaIsThere,
  schemaNamePattern,
  schemaStatements,
} from './postgres-schema.ts';
import { type IngestSink, Refused } from './sink.ts';

export interface PostgresOptions {
  /** `postgres://user@host:5432/database`, without a password. */
  readonly url: string;
  /** Left out: what libpq's own means give (PGPASSWORD, ~/.pgpass), or none. */
  readonly password?: string;
  /** The schema that holds the tables; made where it is missing. */
  readonly schema: string;
}

const connectMs = 10_000;
const statementMs = 60_000;
/** Any number, the same for all: only one at a time makes tables. */
const schemaLock = 773_401_557;

/** Rejects with `invalid`: the address or the schema's name is none. Connects when it is first told something, and again after each loss. */
export function postgresSink(options: PostgresOptions): IngestSink {
  const { schema } = options;
  const config = connectionOf(options);
  let connection: Promise<Client> | undefined;

  const connect = async (): Promise<Client> => {
    const { default: pg } = await import('pg');
    const client = new pg.Client(config);
    // A lost connection is met by the next statement; without a listener it would end the process.
    client.on('error', () => drop(client));
    try {
      await client.connect();
      const { rows } = await client.query<{ isThere: boolean }>(schemaIsThere(schema));
      if (rows[0]?.isThere !== true) {
        await inTransaction(client, async () => {
          await client.query(`SELECT pg_advisory_xact_lock(${schemaLock})`);
          await client.query(schemaStatements(schema));
        });
      }
      return client;
    } catch (error) {
      client.end().catch(() => undefined);
      throw error;
    }
  };

  let current: Client | undefined;
  const drop = (client: Client) => {
    if (current === client) {
      current = undefined;
      connection = undefined;
    }
    client.end().catch(() => undefined);
  };

  /** Runs on the one connection. After any trouble that is not of the rows themselves the next call makes a new one. */
  const using = async <Value>(signal: AbortSignal | undefined, work: (client: Client) => Promise<Value>) => {
    let client: Client | undefined;
    // Ends a statement that is under way, too.
    const cut = () => client !== undefined && drop(client);
    signal?.addEventListener('abort', cut);
    try {
      signal?.throwIfAborted();
      connection ??= connect();
      client = await connection;
      current = client;
      signal?.throwIfAborted();
      return await work(client);
    } catch (error) {
      if (client === undefined) connection = undefined;
      else drop(client);
      if (signal?.aborted === true) throw asFault(signal.reason);
      throw postgresFault(error, config.shownAddress);
    } finally {
      signal?.removeEventListener('abort', cut);
    }
  };

  const write = (events: readonly IngestEvent[], signal: AbortSignal) =>
    using(signal, async (client) => {
      const rows = lastById(events.map((event) => clean(event) as IngestEvent));
      const files = fileRows(rows);
      await inTransaction(client, async () => {
        await client.query(putEvents(schema), [JSON.stringify(rows)]);
        if (files.rows.length === 0) return;
        await client.query(putFiles(schema), [JSON.stringify(files.rows), JSON.stringify(files.fresh)]);
      });
    });

  return {
    onFileSynced: async (event, { signal }) => {
      await write([event], signal);
      return true;
    },
    onBatchSynced: async (events, { signal }) => {
      await write(events, signal);
      return events.length;
    },
    onSyncComplete: async (syncId, summary, { signal }) => {
      const row = clean({ ...summary, syncId });
      await using(signal, (client) => client.query(putRun(schema), [JSON.stringify([row])]));
      return true;
    },
    verifyFileExists: (path) =>
      using(undefined, async (client) => {
        const { rowCount } = await client.query(findFile(schema), [clean(path)]);
        return rowCount === 1;
      }),
    close: async () => {
      const open = connection;
      connection = undefined;
      current = undefined;
      const client = await open?.catch(() => undefined);
      await client?.end().catch(() => undefined);
    },
  };
}

interface FileRow {
  readonly id: string;
  readonly path: string;
  readonly size: number | null;
  readonly hash: string | null;
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly xmpPath: string | null;
  readonly thumbnailPath: string | null;
  readonly syncId: string;
  readonly syncedAt: string | null;
  readonly processedAt: string | null;
  readonly deletedAt: string | null;
}

/** What the events, in order, say of each file in the end; `fresh` are those that arrived anew. */
function fileRows(events: readonly IngestEvent[]): { readonly rows: FileRow[]; readonly fresh: string[] } {
  const rows = new Map<string, FileRow>();
  const fresh = new Set<string>();
  for (const { eventType, timestamp, syncId, filePath, fileSize, fileHash, metadata, ...made } of events) {
    // A file that was cleaned away where it came from is still here.
    if (eventType === 'file_deleted' && metadata.at !== 'destination') continue;
    const id = createHash('sha256').update(filePath).digest('hex');
    const hasArrived = eventType === 'file_synced';
    if (hasArrived) fresh.add(id);
    const known = rows.get(id);
    const isNew = hasArrived && (known?.deletedAt !== null || known.hash !== fileHash);
    const before = isNew ? undefined : known;
    rows.set(id, {
      id,
      path: filePath,
      size: fileSize ?? before?.size ?? null,
      // The one that proved the copy, by which it is known again.
      hash: before?.hash ?? fileHash,
      metadata: { ...before?.metadata, ...metadata },
      xmpPath: made.xmpPath ?? before?.xmpPath ?? null,
      thumbnailPath: made.thumbnailPath ?? before?.thumbnailPath ?? null,
      syncId,
      syncedAt: hasArrived ? timestamp : (before?.syncedAt ?? null),
      processedAt: eventType === 'file_processed' ? timestamp : (before?.processedAt ?? null),
      deletedAt: eventType === 'file_deleted' ? timestamp : null,
    });
  }
  return { rows: [...rows.values()], fresh: [...fresh] };
}

/** One statement may write a row only once. */
function lastById(events: readonly IngestEvent[]): IngestEvent[] {
  return [...new Map(events.map((event) => [event.id, event])).values()];
}

/** PostgreSQL holds neither NUL nor halves of characters. */
function clean(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('\0', '').toWellFormed();
  if (Array.isArray(value)) return value.map(clean);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), clean(inner)]));
}

async function inTransaction(client: Client, work: () => Promise<void>): Promise<void> {
  await client.query('BEGIN');
  await work();
  // Where anything before it rejects the connection is given up, and the transaction with it.
  await client.query('COMMIT');
}

export function connectionOf({ url: text, password, schema }: PostgresOptions) {
  if (!schemaNamePattern.test(schema)) {
    throw new Fault('invalid', `"${displayPath(schema)}" is no name for a schema: write small letters, digits and _.`);
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['postgres:', 'postgresql:'].includes(url.protocol)) {
    throw new Fault('invalid', `"${displayPath(text)}" is no address of a database; write postgres://user@host/name.`);
  }
  if (url.password !== '' || url.searchParams.has('password')) {
    throw new Fault('invalid', 'The address of a database holds no password here; name a passwordFile or passwordEnv.');
  }
  return {
    connectionString: password === undefined ? text : withPassword(text, password),
    connectionTimeoutMillis: connectMs,
    statement_timeout: statementMs,
    // The server may be gone without a word.
    query_timeout: statementMs + 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    application_name: 'wherry',
    shownAddress: `${url.host}${url.pathname}`,
  };
}

/** What stands beside an address is overruled by it, also where it holds no password. */
function withPassword(address: string, password: string): string {
  return `${address}${address.includes('?') ? '&' : '?'}password=${encodeURIComponent(password)}`;
}

const codesByClass: Readonly<Record<string, FaultCode>> = {
  '08': 'network',
  '28': 'not_authorised',
  '40': 'busy',
  '53': 'unreachable',
  '55': 'busy',
  '3D': 'not_found',
};
const codesByState: Readonly<Record<string, FaultCode>> = {
  '42501': 'permission',
  '53100': 'space',
  '57014': 'timeout',
  '57P01': 'network',
  '57P02': 'network',
  '57P03': 'unreachable',
};

/** By SQLSTATE where the server spoke, else the connection is to blame. */
function postgresFault(error: unknown, address: string): Fault {
  if (error instanceof Fault) return error;
  const { code, message } = error as { code?: unknown; message?: string };
  const said = displayPath(message || String(code ?? error)).slice(0, 500);
  const place = { endpoint: displayPath(address) };
  const text = `PostgreSQL at ${displayPath(address)}: ${said}`;
  const state = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
  if (state === undefined) return new Fault('network', text, { cause: error, place });
  // Data that a column or a constraint does not take: the same row would be refused again.
  if (state.startsWith('22') || state.startsWith('23'))
    return new Refused(`${text} (${state})`, { cause: error, place });
  const kind = codesByState[state] ?? codesByClass[state.slice(0, 2)] ?? 'not_taken';
  return new Fault(kind, `${text} (${state})`, { cause: error, place });
}
