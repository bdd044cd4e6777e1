// Webhooks of a daemon that is killed between the commit of an event and its delivery: every event arrives, under one id.

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { EventView } from '../../src/model/views.ts';
import { wants } from '../../src/model/webhook.ts';
import { type Daemon, startDaemon } from '../support/daemon.ts';
import { randomFrom } from '../torture/row.ts';

const kills = 8;
const events = ['observation.transfer.*', 'observation.job.*'];

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-webhooks-killed-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Arrival {
  readonly webhookId: string;
  readonly at: number;
  /** False where the daemon was gone before the answer. */
  answered: boolean;
}

test('a daemon that is killed eight times delivers each event at least once, under one id, and loses none', async () => {
  const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
  const arrivals = new Map<string, Arrival[]>();
  const refused: string[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (piece: string) => {
      body += piece;
    });
    request.on('end', () => {
      try {
        const { data } = new Webhook(secret).verify(body, request.headers as Record<string, string>) as {
          data: EventView;
        };
        const arrival = { webhookId: String(request.headers['webhook-id']), at: Date.now(), answered: false };
        arrivals.set(data.cursor, [...(arrivals.get(data.cursor) ?? []), arrival]);
        // Slow enough that messages are always under way.
        setTimeout(() => {
          if (response.destroyed) return;
          arrival.answered = true;
          response.writeHead(204).end();
        }, 15);
      } catch (error) {
        refused.push(String(error));
        response.writeHead(400).end();
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const secretFile = join(folder, 'secret');
  writeFileSync(secretFile, secret, { mode: 0o600 });
  const url = `http://127.0.0.1:${port}/hook`;
  const webhook = { name: 'desk', url, events, allowPrivate: true, secretFile };
  const config = `roots: [${folder}]\nlogs: {level: warn}\nwebhooks: [${JSON.stringify(webhook)}]\n`;
  const source = join(folder, 'from');
  mkdirSync(source);
  for (let at = 0; at < 30; at++) writeFileSync(join(source, `clip ${at}.mov`), Buffer.alloc(2_000, at));
  const random = randomFrom(4);
  const killedAt: number[] = [];
  let daemon: Daemon | undefined;
  try {
    for (let round = 0; round < kills; round++) {
      daemon = await startDaemon(join(folder, 'daemon'), { config });
      await daemon.client.call('createJob', {
        body: { kind: 'copy', sources: [source], destination: join(folder, `to ${round}`) },
      });
      const seen = arrivals.size;
      const enough = Math.floor(random() * 60);
      await expect.poll(() => arrivals.size, { timeout: 30_000, interval: 1 }).toBeGreaterThan(seen + enough);
      await daemon.kill();
      killedAt.push(Date.now());
    }
    daemon = await startDaemon(join(folder, 'daemon'), { config });
    const { client } = daemon;
    const nothingLeft = async () => {
      const [jobs, hooks] = await Promise.all([
        client.call('listJobs', { query: { state: ['pending', 'running', 'waiting'] } }),
        client.call('listWebhooks'),
      ]);
      return jobs.rows.length + (hooks.rows[0]?.counts.pending ?? 1);
    };
    await expect.poll(nothingLeft, { timeout: 90_000, interval: 200 }).toBe(0);
    const wanted: EventView[] = [];
    for (let since = ''; ; ) {
      const page = await client.call('listEvents', { query: { limit: 1000, ...(since === '' ? {} : { since }) } });
      wanted.push(...page.rows.filter(({ name }) => wants({ events }, name)));
      if (page.rows.length === 0) break;
      since = page.cursor;
    }
    expect(refused).toEqual([]);
    expect(wanted.length).toBeGreaterThan(kills * 30);
    expect(wanted.filter(({ cursor }) => !arrivals.has(cursor)).map(({ name }) => name)).toEqual([]);
    expect(new Set(arrivals.keys())).toEqual(new Set(wanted.map(({ cursor }) => cursor)));
    const ids = [...arrivals.values()].map((each) => [...new Set(each.map(({ webhookId }) => webhookId))]);
    expect(ids.filter((each) => each.length !== 1)).toEqual([]);
    expect(new Set(ids.flat()).size).toBe(wanted.length);

    // The control: one that keeps no messages loses what had happened, and had not arrived, when it was killed.
    const wouldBeLost = wanted.filter(({ at, cursor }) => {
      const first = Math.min(...(arrivals.get(cursor) ?? []).map((one) => one.at));
      return killedAt.some((moment) => Date.parse(at) < moment && first > moment);
    });
    expect(wouldBeLost.length).toBeGreaterThan(kills);
    const severed = [...arrivals.values()].flat().filter(({ answered }) => !answered);
    expect(severed.length).toBeGreaterThan(0);
  } finally {
    await daemon?.kill();
    server.closeAllConnections();
    server.close();
  }
}, 240_000);
