// Files that come home while the daemon, PostgreSQL, or both are killed: the table has each once. A runner that moves its cursor first loses some.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { itemsOf } from '../../src/engine/ingest-items.ts';
import { systemClock } from '../../src/model/clock.ts';
import { ingestTypes } from '../../src/model/ingest.ts';
import { postgresSink } from '../../src/sinks/postgres.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import { type Daemon, startDaemon } from '../support/daemon.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';

/** What is killed, and when: database before the files come or meanwhile, daemon while it copies or once it has. */
const rounds = [
  { database: 'before', killed: 'meanwhile' },
  { database: null, killed: 'after' },
  { database: 'meanwhile', killed: null },
  { database: null, killed: 'meanwhile' },
  { database: 'before', killed: 'after' },
  { database: 'meanwhile', killed: 'meanwhile' },
] as const;
const filesARound = 40;

let folder: string;
let server: Postgres;
let sshd: Sshd;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wh-ingest-killed-'));
  [server, sshd] = await Promise.all([startPostgres({ password: 'let me in' }), startSshd()]);
}, 60_000);
afterAll(async () => {
  await Promise.all([server.close(), sshd.close()]);
  rmSync(folder, { recursive: true, force: true });
});

test('daemon, database, or both are killed again and again: each file stands in the table once, each run has its end', async () => {
  const lines = join(folder, 'ingest.jsonl');
  const url = server.url.replace('rig@', 'guarded@');
  const sinks = [
    { name: 'db', kind: 'postgres', url, passwordEnv: 'TEST_DB_PASSWORD' },
    { name: 'log', kind: 'json-lines', file: lines },
  ];
  const { identityFile, knownHosts } = sshd;
  const ssh = { hosts: { '127.0.0.1': { identityFile, knownHosts, agent: false } } };
  const config = `roots: [${folder}]\nlogs: {level: warn}\nssh: ${JSON.stringify(ssh)}\nsinks: ${JSON.stringify(sinks)}\n`;
  const start = () => startDaemon(join(folder, 'daemon'), { config, env: { TEST_DB_PASSWORD: 'let me in' } });
  const source = sshd.address();
  for (let at = 0; at < filesARound; at++)
    writeFileSync(join(sshd.files, `frame ${at}.png`), Buffer.alloc(500 + at, at));
  let daemon: Daemon = await start();
  const wanted: string[] = [];
  try {
    for (const [round, { database, killed }] of rounds.entries()) {
      const to = join(folder, `to ${round}`);
      for (let at = 0; at < filesARound; at++) wanted.push(join(to, `frame ${at}.png`));
      if (database === 'before') await server.kill();
      const job = await daemon.client.call('createJob', {
        body: { kind: 'sync', source, destinations: [to] },
      });
      if (database === 'meanwhile') await server.kill();
      if (killed === 'after') {
        const state = async () => (await daemon.client.call('getJob', { params: { id: job.id } })).state;
        await expect.poll(state, { timeout: 30_000, interval: 5 }).toBe('completed');
      }
      if (killed !== null) {
        await daemon.kill();
        daemon = await start();
      }
      const sink = async () => (await daemon.client.call('listSinks')).rows.find(({ name }) => name === 'db');
      if (database === 'before') {
        await expect.poll(async () => (await sink())?.state, { timeout: 60_000 }).toBe('failing');
        expect((await sink())?.lastError?.code).toMatch(/^(network|unreachable)$/);
      }
      if (database !== null) {
        await server.start();
        await daemon.client.call('retrySink', { params: { id: (await sink())?.id ?? '' } });
      }
    }
    const atRest = async () => {
      const jobs = await daemon.client.call('listJobs', { query: { state: ['pending', 'running', 'waiting'] } });
      const { rows } = await daemon.client.call('listSinks');
      return jobs.rows.length + rows.filter(({ state }) => state !== 'up-to-date').length;
    };
    await expect.poll(atRest, { timeout: 120_000, interval: 100 }).toBe(0);
    const rows = await server.query<{ file_path: string }>(
      `SELECT file_path FROM wherry.event WHERE event_type = 'file_synced' ORDER BY file_path`,
    );
    expect(rows.map(({ file_path }) => file_path)).toEqual(wanted.toSorted());
    const files = await server.query<{ path: string; size: string; hash: string }>(
      'SELECT path, size, hash FROM wherry.file WHERE deleted_at IS NULL',
    );
    expect(files.map(({ path }) => path).sort()).toEqual(wanted.toSorted());
    expect(files.every(({ hash }) => /^(xxh128-8m|sha256):[0-9a-f]{32,64}$/.test(hash))).toBe(true);
    const runs = await server.query('SELECT sync_id FROM wherry.sync_run WHERE success AND files_transferred = $1', [
      filesARound,
    ]);
    expect(runs).toHaveLength(rounds.length);
    await daemon.stop();

    const told = readFileSync(lines, 'utf8')
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { id: string; eventType: string; filePath?: string });
    expect(new Set(told.map(({ id }) => id)).size).toBe(told.length);
    const paths = told.filter(({ eventType }) => eventType === 'file_synced').map(({ filePath }) => filePath);
    expect(paths.sort()).toEqual(wanted.toSorted());
  } finally {
    await daemon.kill();
  }
}, 240_000);

test('the control: one that moves its cursor before the rows are there loses those of the moment', async () => {
  const store = await openSqliteStore({ folder: join(folder, 'daemon', 'data'), clock: systemClock });
  const sink = postgresSink({ url: server.url, schema: 'control' });
  const lookup = { reader: store, syncIdOf: async (id: string) => id };
  const signal = new AbortController().signal;
  try {
    let cursor = '';
    let seen = 0;
    for (let page = 0; ; page++) {
      const { events, cursor: next } = await store.events({ since: cursor, limit: 100 });
      if (events.length === 0) break;
      const items = (
        await Promise.all(events.map((event) => itemsOf(event, { types: ingestTypes, jobs: ['sync'] }, lookup)))
      ).flat();
      const files = items.flatMap((item) => (item.kind === 'file' ? [item.event] : []));
      seen += files.length;
      cursor = next;
      if (page === 2) await server.kill();
      await sink.onBatchSynced(files, { signal }).catch(() => 0);
      if (page === 2) await server.start();
    }
    const [row] = await server.query<{ count: string }>('SELECT count(*) FROM control.event');
    expect(seen).toBeGreaterThanOrEqual(rounds.length * filesARound);
    expect(Number(row?.count)).toBeLessThan(rounds.length * filesARound);
  } finally {
    await sink.close?.();
    await store.close();
  }
}, 120_000);
