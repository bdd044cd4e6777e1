// The PostgreSQL sink: a row for each file as it is now, and what is said where the database is not as it should be.

import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { FileIngestType, IngestEvent } from '../../src/model/ingest.ts';
import { postgresSink } from '../../src/sinks/postgres.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';

let server: Postgres;
beforeAll(async () => {
  server = await startPostgres();
}, 60_000);
afterAll(() => server.close());

const signal = new AbortController().signal;
let count = 0;
const event = (eventType: FileIngestType, filePath: string, more: Partial<IngestEvent> = {}): IngestEvent => ({
  ...{ id: `e${count++}`, eventType, filePath, syncId: 's', fileSize: 1, fileHash: 'sha256:00', metadata: {} },
  ...{ timestamp: new Date(Date.UTC(2026, 0, 1, 0, 0, count)).toISOString(), xmpPath: null, thumbnailPath: null },
  ...more,
});
const fileAt = async (schema: string, path: string) =>
  (await server.query<Record<string, unknown>>(`SELECT * FROM ${schema}.file WHERE path = $1`, [path]))[0];

test('a file is one row: arrived, processed, deleted, and arrived again with nothing left of before', async () => {
  const sink = postgresSink({ url: server.url, schema: 'rows' });
  const path = '/home/a.png';
  await sink.onFileSynced(event('file_synced', path, { fileSize: 10, metadata: { source: 'x' } }), { signal });
  const processed = { fileSize: null, xmpPath: `${path}.xmp`, metadata: { width: 64 } };
  await sink.onFileSynced(event('file_processed', path, processed), { signal });
  expect(await fileAt('rows', path)).toMatchObject({
    ...{ size: '10', xmp_path: `${path}.xmp`, metadata: { source: 'x', width: 64 }, deleted_at: null },
  });
  await sink.onFileSynced(event('file_deleted', path, { metadata: { at: 'source' } }), { signal });
  expect(await sink.verifyFileExists?.(path)).toBe(true);
  await sink.onFileSynced(event('file_deleted', path, { metadata: { at: 'destination' } }), { signal });
  expect(await sink.verifyFileExists?.(path)).toBe(false);
  // In one batch, in order.
  await sink.onBatchSynced(
    [
      event('file_synced', path, { fileSize: 20, metadata: { source: 'y' } }),
      event('file_processed', path, { thumbnailPath: `${path}.jpg`, metadata: { height: 9 } }),
      event('file_synced', '/home/b.png'),
      event('file_deleted', '/home/b.png', { metadata: { at: 'destination' } }),
    ],
    { signal },
  );
  const row = await fileAt('rows', path);
  expect(row).toMatchObject({ xmp_path: null, thumbnail_path: `${path}.jpg`, deleted_at: null });
  expect(row?.metadata).toEqual({ source: 'y', height: 9 });
  // The same content comes again under its name: what is known of it holds. Another does not.
  await sink.onFileSynced(event('file_synced', path, { fileSize: 20 }), { signal });
  expect(await fileAt('rows', path)).toMatchObject({ thumbnail_path: `${path}.jpg`, metadata: { height: 9 } });
  await sink.onFileSynced(event('file_synced', path, { fileHash: 'sha256:11' }), { signal });
  expect(await fileAt('rows', path)).toMatchObject({ thumbnail_path: null, metadata: {}, hash: 'sha256:11' });
  expect(await sink.verifyFileExists?.('/home/b.png')).toBe(false);
  expect(await server.query('SELECT 1 FROM rows.file')).toHaveLength(2);
  await sink.close?.();
});

test('what is wrong with the database is told by its code, without its password, and the next call tries anew', async () => {
  const refusal = async (url: string, more: { password?: string; schema?: string } = {}) => {
    const sink = postgresSink({ url, schema: 'x', ...more });
    const fault = await sink.onFileSynced(event('file_synced', '/a'), { signal }).then(
      () => undefined,
      (error: { code: string; message: string }) => error,
    );
    await sink.close?.();
    return fault;
  };
  const { port } = server;
  expect(await refusal('postgres://rig@127.0.0.1:1/postgres', { password: 'hush' })).toMatchObject({
    ...{ code: 'network', message: expect.not.stringContaining('hush') },
  });
  expect(await refusal(`postgres://rig@127.0.0.1:${port}/none`)).toMatchObject({ code: 'not_found' });
  expect(await refusal(`postgres://nobody@127.0.0.1:${port}/postgres`)).toMatchObject({ code: 'not_authorised' });
  await server.query('CREATE ROLE writer LOGIN');
  const asWriter = `postgres://writer@127.0.0.1:${port}/postgres`;
  expect(await refusal(asWriter, { schema: 'granted' })).toMatchObject({ code: 'permission' });
  // Somebody else makes the tables; to write to them is enough.
  const owner = postgresSink({ url: server.url, schema: 'granted' });
  await owner.onFileSynced(event('file_synced', '/a'), { signal });
  await owner.close?.();
  await server.query('GRANT USAGE ON SCHEMA granted TO writer');
  await server.query('GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA granted TO writer');
  expect(await refusal(asWriter, { schema: 'granted' })).toBeUndefined();
  for (const url of ['http://x', 'postgres://a:b@c/d', 'postgres://a@c/d?password=x', 'nonsense']) {
    expect(() => postgresSink({ url, schema: 'x' })).toThrow();
  }
  expect(() => postgresSink({ url: server.url, schema: 'x"; DROP SCHEMA y' })).toThrow(/no name for a schema/);
});

test('a server that is killed in the middle of batches loses and doubles nothing; one that is told to stop comes back', async () => {
  const sink = postgresSink({ url: server.url, schema: 'killed' });
  const events = Array.from({ length: 600 }, (_, at) => event('file_synced', `/k/${at}`));
  let taken = 0;
  let failures = 0;
  const killed = new Set<number>();
  while (taken < events.length) {
    const round = Math.floor(taken / 150);
    const working = sink.onBatchSynced(events.slice(taken, taken + 50), { signal }).catch(() => {
      failures += 1;
      return 0;
    });
    if (round < 3 && !killed.has(round)) {
      killed.add(round);
      await server.kill();
      await server.start();
    }
    taken += await working;
  }
  expect(killed.size).toBe(3);
  expect(failures).toBeGreaterThan(0);
  expect(await server.query('SELECT 1 FROM killed.event')).toHaveLength(600);
  // Somebody holds the table: what waits for it ends when it is told to.
  const holder = new pg.Client({ connectionString: server.url });
  await holder.connect();
  await holder.query('BEGIN');
  await holder.query('LOCK TABLE killed.event IN ACCESS EXCLUSIVE MODE');
  const ending = new AbortController();
  const blocked = sink.onFileSynced(event('file_synced', '/late'), { signal: ending.signal });
  const waits = `SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'wherry'`;
  await expect.poll(() => server.query(waits), { timeout: 20_000 }).toHaveLength(1);
  const ended = expect(blocked).rejects.toThrow('stopped');
  ending.abort(new Error('stopped'));
  await ended;
  await holder.end();
  expect(await sink.onFileSynced(event('file_synced', '/after'), { signal })).toBe(true);
  await sink.close?.();
}, 60_000);

test('a row that a constraint or a type does not take is refused for good; a table that is away is not', async () => {
  const sink = postgresSink({ url: server.url, schema: 'strict' });
  const told = (filePath: string) =>
    sink.onFileSynced(event('file_synced', filePath), { signal }).then(
      () => 'taken',
      (error: { isFinal?: boolean; message: string }) => error.isFinal === true && error.message,
    );
  expect(await told('/a')).toBe('taken');
  await server.query(`ALTER TABLE strict.event ADD CONSTRAINT plain CHECK (file_path NOT LIKE '%odd%')`);
  expect(await told('/odd')).toMatch(/plain.*23514/);
  expect(await told('/b')).toBe('taken');
  await server.query('ALTER TABLE strict.event RENAME TO elsewhere');
  expect(await told('/c')).toBe(false);
  await sink.close?.();
});

test('over TLS with a password: only to the server whose certificate the named authority has signed', async () => {
  const password = `tell & nobody %41='?`;
  const guarded = await startPostgres({ password, tls: true });
  try {
    const { right, wrong } = guarded.authorities;
    const attempt = async (query: string, more: { host?: string; password?: string } = {}) => {
      const url = `postgres://guarded@${more.host ?? '127.0.0.1'}:${guarded.port}/postgres${query}`;
      const sink = postgresSink({ url, schema: 'safe', password: more.password ?? password });
      const outcome = await sink.onFileSynced(event('file_synced', '/a'), { signal }).then(
        () => 'taken',
        ({ code, message }: { code: string; message: string }) => `${code}: ${message}`,
      );
      await sink.close?.();
      expect(outcome).not.toContain(password);
      return outcome;
    };
    expect(await attempt(`?sslmode=verify-full&sslrootcert=${wrong}`)).toMatch(/certificate/);
    expect(await attempt('?sslmode=verify-full')).toMatch(/certificate/);
    // The certificate says 127.0.0.1.
    expect(await attempt(`?sslmode=verify-full&sslrootcert=${right}`, { host: 'localhost' })).toMatch(/altnames/);
    expect(await attempt('?sslmode=disable')).toMatch(/^not_authorised/);
    expect(await attempt(`?sslmode=verify-full&sslrootcert=${right}`, { password: 'wrong' })).toMatch(
      /^not_authorised/,
    );
    expect(await guarded.query(`SELECT 1 FROM pg_namespace WHERE nspname = 'safe'`)).toEqual([]);
    expect(await attempt(`?sslmode=verify-full&sslrootcert=${right}`)).toBe('taken');
    expect(await guarded.query('SELECT path FROM safe.file')).toEqual([{ path: '/a' }]);
  } finally {
    await guarded.close();
  }
}, 60_000);
