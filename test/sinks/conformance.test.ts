// The built-in sinks pass the public suite, each at the real thing; and each misbehaviour of a sink fails the check that is about it.

import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { workerModule } from '../../src/early-thread.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../src/endpoints/mounts.ts';
import { type SinkSubject, sinkChecks } from '../../src/sinks/conformance.ts';
import { jsonLinesSink } from '../../src/sinks/json-lines.ts';
import { postgresSink } from '../../src/sinks/postgres.ts';
import type { IngestSink } from '../../src/sinks/sink.ts';
import { webhookIngest } from '../../src/sinks/webhook-ingest.ts';
import { memorySink } from '../support/memory-sink.ts';
import { type Postgres, startPostgres } from '../support/postgres.ts';

describe('PostgreSQL', () => {
  let server: Postgres;
  let subjects = 0;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.close());

  for (const { name, run } of sinkChecks(async () => {
    const schema = `s${subjects++}`;
    const open = () => postgresSink({ url: server.url, schema });
    const sink = open();
    const ids = async (table: string) =>
      (await server.query<{ id: string }>(`SELECT id FROM ${schema}.${table}`)).map(({ id }) => id);
    return {
      sink,
      ids: () => ids('event'),
      summaries: () => ids('sync_run'),
      reopen: async () => open(),
      dispose: async () => sink.close?.(),
    };
  })) {
    test(name, run);
  }
});

describe('JSON lines', () => {
  let folder: string;
  let mounts: Mounts;
  let subjects = 0;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'wh-lines-'));
    mounts = openMounts({ modules: [workerModule('../src/sinks/json-lines-operations')], ownPath: folder });
  });
  afterAll(async () => {
    await mounts.close();
    rmSync(folder, { recursive: true });
  });

  for (const { name, run } of sinkChecks(async () => {
    const path = join(folder, `subject ${subjects++}`, 'ingest.jsonl');
    const open = () =>
      jsonLinesSink({ path, run: (place, operation, input) => mounts.pool(place).run(operation, input) });
    const rows = async () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as { id: string; eventType: string });
    const ids = async (isEnd: boolean) =>
      (await rows()).filter(({ eventType }) => (eventType === 'sync_complete') === isEnd).map(({ id }) => id);
    return { sink: open(), ids: () => ids(false), summaries: () => ids(true), reopen: async () => open() };
  })) {
    test(name, run);
  }
});

describe('webhook', () => {
  const secret = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
  for (const { name, run } of sinkChecks(async () => {
    // A receiver as it should be: it keeps what it has had by id.
    const held = new Map<string, 'file' | 'end'>();
    const server = createServer((request, response) => {
      let body = '';
      request.setEncoding('utf8').on('data', (piece: string) => {
        body += piece;
      });
      request.on('end', () => {
        const { type, data } = new Webhook(secret).verify(body, request.headers as Record<string, string>) as {
          type: string;
          data: { id: string; events?: { id: string }[] };
        };
        for (const { id } of data.events ?? [data]) held.set(id, type === 'sync_complete' ? 'end' : 'file');
        response.writeHead(204).end();
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const open = () => webhookIngest({ url: `http://127.0.0.1:${port}/`, secret, allowPrivate: true });
    const ids = async (kind: 'file' | 'end') => [...held].filter(([, one]) => one === kind).map(([id]) => id);
    return {
      sink: open(),
      ids: () => ids('file'),
      summaries: () => ids('end'),
      reopen: async () => open(),
      dispose: async () => {
        server.closeAllConnections();
        server.close();
      },
    };
  })) {
    test(name, run);
  }
});

describe('a sink that misbehaves', () => {
  const failing = async (change: (sink: IngestSink, subject: SinkSubject) => Partial<IngestSink>) => {
    const failed: string[] = [];
    for (const { name, run } of sinkChecks(async () => {
      const subject = memorySink();
      return { ...subject, sink: { ...subject.sink, ...change(subject.sink, subject) } };
    })) {
      await run().catch(() => failed.push(name));
    }
    return failed;
  };

  test('none does: all pass', async () => {
    expect(await failing(() => ({}))).toEqual([]);
  });

  test('it says that it took what it did not keep', async () => {
    expect(await failing(() => ({ onFileSynced: async () => true }))).toEqual(['takes one event, and holds it']);
  });

  test('it says that it took more than it was told', async () => {
    expect(
      await failing(({ onBatchSynced }) => ({
        onBatchSynced: async (events, call) => (await onBatchSynced(events, call)) + 1,
      })),
    ).toContain('takes 500 at once, in parts if it wants to, and says how many');
  });

  test('it adds a line for whatever it is told', async () => {
    const found = await failing((_sink, { ids }) => {
      const held = ids() as Promise<string[]>;
      return { onBatchSynced: async (events) => (await held).push(...events.map(({ id }) => id)) && events.length };
    });
    expect(found).toContain('holds once what it is told again');
    expect(found).toContain('holds once an event that stands twice in a batch');
  });

  test('it refuses the end of a run that failed', async () => {
    const found = await failing(({ onSyncComplete }) => ({
      onSyncComplete: async (syncId, summary, call) => summary.success && onSyncComplete(syncId, summary, call),
    }));
    expect(found).toEqual(['takes the end of a run, and holds it once']);
  });
});
