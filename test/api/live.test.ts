// Live events while they are written: nothing missed, nothing doubled, slow readers kept, progress told last.

import { connect } from 'node:net';
import { io, type Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient, type LiveItem } from '../../src/api/client.ts';
import type { EventView, ProgressView } from '../../src/model/views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

/** Writes numbered events, in applies of different sizes, until told to stop; resolves with how many there were. */
function writing(run: string): { stop(): Promise<number> } {
  let on = true;
  let count = 0;
  const done = (async () => {
    while (on) {
      const size = 1 + (count % 7);
      await rig.store.apply(
        Array.from({ length: size }, () => ({
          kind: 'append_event' as const,
          event: { name: 'observation.storage.changed' as const, at: Date.now(), data: { run, n: count++ } },
        })),
      );
    }
    return count;
  })();
  return {
    stop: () => {
      on = false;
      return done;
    },
  };
}

async function append(run: string, count: number, padding = ''): Promise<void> {
  await rig.store.apply(
    Array.from({ length: count }, (_, n) => ({
      kind: 'append_event' as const,
      event: { name: 'observation.storage.changed' as const, at: Date.now(), data: { run, n, padding } },
    })),
  );
}

const numbersOf = (events: readonly EventView[], run: string) =>
  events.filter(({ data }) => data.run === run).map(({ data }) => data.n);
const upTo = (count: number) => Array.from({ length: count }, (_, n) => n);

/** Reads one connection's events until `enough`, then breaks it off. */
async function listen(headers: Record<string, string>, enough: (events: EventView[]) => boolean): Promise<EventView[]> {
  const stop = new AbortController();
  const response = await rig.ask('/api/v1/events', {
    headers: { accept: 'text/event-stream', ...headers },
    signal: stop.signal,
  });
  expect(response.headers.get('content-type')).toContain('text/event-stream');
  const events: EventView[] = [];
  const decoder = new TextDecoder();
  let rest = '';
  try {
    for await (const piece of response.body ?? []) {
      const blocks = (rest + decoder.decode(piece, { stream: true })).split('\n\n');
      rest = blocks.pop() ?? '';
      for (const block of blocks) {
        const data = /^data: (.*)$/m.exec(block)?.[1];
        const id = /^id: (.*)$/m.exec(block)?.[1];
        if (data === undefined || id === undefined) continue;
        const event = JSON.parse(data) as EventView;
        expect(event.cursor).toBe(id);
        events.push(event);
        if (enough(events)) return events;
      }
    }
  } finally {
    stop.abort();
  }
  return events;
}

test('SSE: who breaks off again and again and goes on by Last-Event-ID misses and doubles nothing', async () => {
  const start = await rig.store.eventCursor();
  const writer = writing('sse');
  const seen: EventView[] = [];
  let last = start;
  for (let round = 0; round < 12; round++) {
    const wanted = 1 + round * 13;
    const events = await listen({ 'last-event-id': last }, ({ length }) => length >= wanted);
    seen.push(...events);
    last = events.at(-1)?.cursor ?? last;
  }
  const total = await writer.stop();
  if (numbersOf(seen, 'sse').at(-1) !== total - 1) {
    seen.push(...(await listen({ 'last-event-id': last }, (events) => numbersOf(events, 'sse').at(-1) === total - 1)));
  }
  expect(numbersOf(seen, 'sse')).toEqual(upTo(total));
});

test('the client’s stream goes on by itself after the API was away', async () => {
  const stop = new AbortController();
  const port = Number(new URL(rig.url).port);
  const client = createClient({ url: rig.url, token: adminToken });
  const seen: EventView[] = [];
  const kinds = new Set<LiveItem['kind']>();
  let waiting: { count: number; resolve(): void } | undefined;
  const following = (async () => {
    for await (const item of client.live({ signal: stop.signal })) {
      kinds.add(item.kind);
      if (item.kind === 'ready') await append('client', 0);
      if (item.kind === 'event') seen.push(item.event);
      if (waiting !== undefined && (item.kind === 'ready' || numbersOf(seen, 'client').length >= waiting.count))
        waiting.resolve();
    }
  })();
  const until = (count: number) => new Promise<void>((resolve) => (waiting = { count, resolve }));
  await until(0);
  await append('client', 5);
  while (numbersOf(seen, 'client').length < 5) await until(5);
  await rig.restart({ listen: { host: '127.0.0.1', port } });
  await append('client', 5);
  while (numbersOf(seen, 'client').length < 10) await until(10);
  stop.abort();
  await following;
  expect(numbersOf(seen, 'client')).toEqual([...upTo(5), ...upTo(5)]);
  expect([...kinds].sort()).toEqual(['event', 'lost', 'ready']);
  const nobody = createClient({ url: rig.url, token: 'nobody' });
  await expect(async () => {
    for await (const _ of nobody.live({ signal: new AbortController().signal }));
  }).rejects.toMatchObject({ code: 'not_authenticated' });
});

function socketFrom(since: string | undefined, transports = ['websocket']): Socket {
  const auth = { token: adminToken, ...(since === undefined ? {} : { since }) };
  return io(`${rig.url}/events`, { transports, forceNew: true, reconnection: false, auth });
}

const once = <Value>(socket: Socket, name: string) => new Promise<Value>((resolve) => socket.once(name, resolve));

test.each([['websocket'], ['polling']])(
  'Socket.IO over %s: who comes again with a cursor misses and doubles nothing',
  async (transport) => {
    let last = await rig.store.eventCursor();
    const run = `socket ${transport}`;
    const writer = writing(run);
    const seen: EventView[] = [];
    const round = async (enough: (count: number) => boolean) => {
      const socket = socketFrom(last, [transport]);
      let count = 0;
      await new Promise<void>((resolve) => {
        socket.on('event', (event: EventView) => {
          if (!socket.connected) return;
          seen.push(event);
          last = event.cursor;
          count += 1;
          if (!enough(count)) return;
          socket.disconnect();
          resolve();
        });
      });
    };
    for (let i = 0; i < 8; i++) await round((count) => count >= 1 + i * 17);
    const total = await writer.stop();
    if (numbersOf(seen, run).at(-1) !== total - 1) await round(() => numbersOf(seen, run).at(-1) === total - 1);
    expect(numbersOf(seen, run)).toEqual(upTo(total));
  },
);

test('a listener that reads nothing for a while is behind, costs no memory, and gets everything in the end', async () => {
  const count = 2000;
  const since = await rig.store.eventCursor();
  const { port } = new URL(rig.url);
  const connection = connect({ host: '127.0.0.1', port: Number(port) });
  connection.write(
    `GET /api/v1/events HTTP/1.1\r\nhost: 127.0.0.1:${port}\r\nauthorization: Bearer ${adminToken}\r\naccept: text/event-stream\r\nlast-event-id: ${since}\r\n\r\n`,
  );
  connection.pause();
  const before = rig.eventsRead;
  for (let i = 0; i < 10; i++) await append('slow', count / 10, 'x'.repeat(16_000));
  const quick = listen({ 'last-event-id': since }, (events) => numbersOf(events, 'slow').length === count);
  expect(numbersOf(await quick, 'slow')).toHaveLength(count);
  // 32 MB: the quick one has read all of it; of the slow one's share only what sockets hold has left the ledger.
  expect(rig.eventsRead - before).toBeGreaterThanOrEqual(count);
  expect(rig.eventsRead - before).toBeLessThan(count * 1.8);
  connection.setEncoding('latin1');
  connection.resume();
  let seen = 0;
  let rest = '';
  await new Promise<void>((resolve) => {
    connection.on('data', (piece: string) => {
      const lines = (rest + piece).split('\n');
      rest = lines.pop() ?? '';
      seen += lines.filter((line) => line.startsWith('data: ')).length;
      if (seen >= count) resolve();
    });
  });
  connection.destroy();
  expect(seen).toBe(count);
});

/** A copy slow enough to be watched; resolves with its only transfer once the ledger has it. */
async function slowCopy(): Promise<{ jobId: string; transferId: string }> {
  rig.engine.setBandwidth('1M');
  const { id } = await rig.engine.submit(rig.newCopy(64 * 1024 * 1024));
  for (;;) {
    const [transfer] = (await rig.store.transfers({ jobId: id })).rows;
    if (transfer !== undefined) return { jobId: id, transferId: transfer.id };
  }
}

test('progress has no number, rises, and is not told after its transfer came to rest', async () => {
  const since = await rig.store.eventCursor();
  const { jobId, transferId } = await slowCopy();
  const stop = new AbortController();
  const client = createClient({ url: rig.url, token: adminToken });
  const told: number[] = [];
  let restsAt: number | undefined;
  for await (const item of client.live({ since, signal: stop.signal })) {
    if (item.kind === 'progress' && item.progress.transfer?.transferId === transferId) {
      expect(restsAt).toBeUndefined();
      told.push(item.progress.transfer.bytesDone);
      if (told.length === 2) await rig.engine.cancel({ jobId });
    }
    if (item.kind !== 'event') continue;
    if (item.event.transfer?.state === 'cancelled') {
      restsAt = told.length;
      await append('after', 1);
    }
    if (item.event.data.run === 'after') stop.abort();
  }
  expect(restsAt).toBeGreaterThanOrEqual(2);
  expect([...told].sort((a, b) => a - b)).toEqual(told);
});

test('Socket.IO: ready, progress, commands acknowledged or refused, and an end with the token', async () => {
  const { id, token } = (await (
    await rig.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'desk', scopes: ['management', 'write'] }),
    })
  ).json()) as { id: string; token: string };
  const socket = io(`${rig.url}/events`, {
    transports: ['websocket'],
    forceNew: true,
    reconnection: false,
    auth: { token },
  });
  expect(await once(socket, 'ready')).toEqual({ cursor: await rig.store.eventCursor() });
  const progress = once<ProgressView>(socket, 'progress');
  const { jobId, transferId } = await slowCopy();
  expect((await progress).name).toMatch(/^observation\.(job|transfer\.download)\.progress$/);
  const data = { id: transferId };
  expect(await socket.emitWithAck('command.transfer.pause', data)).toMatchObject({
    ok: true,
    transfer: { state: 'paused' },
  });
  expect(await socket.emitWithAck('command.transfer.pause', data)).toMatchObject({
    ok: false,
    problem: { code: 'state_conflict', status: 409 },
  });
  expect(await socket.emitWithAck('command.transfer.pause', 'nonsense')).toMatchObject({
    ok: false,
    problem: { code: 'invalid' },
  });
  expect(await socket.emitWithAck('command.transfer.fly', data)).toMatchObject({
    ok: false,
    problem: { code: 'unsupported' },
  });
  socket.emit('command.transfer.pause');
  await rig.engine.cancel({ jobId });
  const ended = once(socket, 'disconnect');
  await rig.ask(`/api/v1/tokens/${id}`, { method: 'DELETE' });
  await ended;
  const listener = socketFrom('made-up');
  expect(await once(listener, 'problem')).toMatchObject({ code: 'invalid' });
  listener.disconnect();
});

test('a revoked token ends its stream', async () => {
  const { id, token } = (await (
    await rig.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'stream', scopes: ['management'] }),
    })
  ).json()) as { id: string; token: string };
  const response = await rig.ask('/api/v1/events', {
    headers: { accept: 'text/event-stream', authorization: `Bearer ${token}` },
  });
  await rig.ask(`/api/v1/tokens/${id}`, { method: 'DELETE' });
  for await (const _ of response.body ?? []);
  expect(rig.errors).toEqual([]);
});
