// What may go wrong at the relay: connections that break, a daemon that is stopped or killed, a full disk, receivers that stop reading.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import * as tusClient from 'tus-js-client';
import { afterEach, expect, test, vi } from 'vitest';
import { newBandwidth, setBandwidth } from '../../src/endpoints/bandwidth.ts';
import { problemSchema } from '../../src/model/views.ts';
import { endWithUs } from '../support/children.ts';
import { freePort } from '../support/daemon.ts';
import { openRelayRig, type RelayRig, roomId, wireContent } from '../support/relay-rig.ts';
import { linkTo } from '../support/tcp-link.ts';

const mebibyte = 2 ** 20;
const patiently = { timeout: 30_000, interval: 20 };
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const ends: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function scratch(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'wherry-relay-')));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function rigWith(options: Parameters<typeof openRelayRig>[0]): Promise<RelayRig> {
  const rig = await openRelayRig(options);
  ends.push(() => rig.close());
  return rig;
}

/** The reference client, as anybody would use it. */
function upload(endpoint: string, content: Uint8Array) {
  const done = Promise.withResolvers<void>();
  const retried: number[] = [];
  const uploading = new tusClient.Upload(Buffer.from(content.buffer), {
    endpoint,
    headers: { authorization: 'Bearer token-anna' },
    metadata: { transfer_id: 't1', first_frame: '0' },
    retryDelays: Array.from({ length: 200 }, () => 50),
    onShouldRetry: (_error, attempt) => {
      retried.push(attempt);
      return true;
    },
    onSuccess: () => done.resolve(),
    onError: done.reject,
  });
  uploading.start();
  return { done: done.promise, retried, url: () => new URL(uploading.url ?? 'http://nowhere/').pathname };
}

/** Reads from the relay at a port, and once more from where it was whenever the connection or the daemon is gone. */
function receiver(port: number, path: () => string, sizeBytes: number) {
  const pieces: Uint8Array[] = [];
  let at = 0;
  let asked = 0;
  const headers = { authorization: 'Bearer token-ben' };
  const acknowledge = () =>
    fetch(`http://127.0.0.1:${port}${path()}/acknowledged`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: JSON.stringify({ offset: at }),
    });
  const run = async (to: number) => {
    while (at < to) {
      try {
        asked += 1;
        const answer = await fetch(`http://127.0.0.1:${port}${path()}`, {
          headers: { ...headers, range: `bytes=${at}-` },
        });
        if (!answer.ok) throw new Error(`${answer.status}`);
        let told = at;
        for await (const piece of answer.body as ReadableStream<Uint8Array>) {
          pieces.push(piece);
          at += piece.length;
          if (at - told > mebibyte || at >= to) {
            await acknowledge();
            told = at;
          }
          if (at >= to && to < sizeBytes) break;
        }
      } catch {
        await after(20);
      }
    }
  };
  return { to: run, all: () => run(sizeBytes), got: () => Buffer.concat(pieces), at: () => at, asked: () => asked };
}

test('the reference client goes on after its connection was cut, byte for byte', async () => {
  const rig = await rigWith({});
  const sizeBytes = 12 * mebibyte;
  const content = wireContent(sizeBytes);
  rig.gate.add({ id: 't1', sizeBytes });
  const port = Number(new URL(rig.url).port);
  const link = await linkTo(port);
  ends.push(() => link.close());
  const cut = link.cut(5 * mebibyte);
  const sending = upload(rig.endpoint.replace(String(port), String(link.port)), content);
  await cut;
  await vi.waitFor(() => expect(sending.url()).not.toBe('/'), patiently);
  const reading = receiver(port, sending.url, content.length);
  await Promise.all([reading.all(), sending.done]);
  expect(sha(reading.got())).toBe(sha(content));
  expect(sending.retried.length).toBeGreaterThan(0);
  // What had come before the cut was not sent again, but for what was on its way.
  expect(link.bytes.up).toBeLessThan(content.length + 6 * mebibyte);
});

async function startChild(folder: string, port: number, sizeBytes: number, state = 'active'): Promise<ChildProcess> {
  const script = resolve(import.meta.dirname, '../support/relay-child.ts');
  const child = endWithUs(
    spawn(process.execPath, [script, folder, String(port), String(sizeBytes), state], {
      detached: true,
      stdio: ['ignore', 'pipe', 'inherit'],
    }),
  );
  await once(child.stdout as NodeJS.ReadableStream, 'data');
  return child;
}

test.each(['SIGTERM', 'SIGKILL'] as const)(
  'an upload of the reference client goes on after %s of the daemon; on its disk nothing can be read; the last start sweeps',
  async (signal) => {
    const folder = scratch();
    const port = await freePort();
    const sizeBytes = 20 * mebibyte;
    const content = wireContent(sizeBytes);
    const first = await startChild(folder, port, sizeBytes);
    const sending = upload(`http://127.0.0.1:${port}/api/v1/rooms/${roomId}/relay`, content);
    await vi.waitFor(() => expect(sending.url()).not.toBe('/'), patiently);
    const reading = receiver(port, sending.url, content.length);
    await reading.to(3 * mebibyte);
    const own = join(folder, 'relay', sending.url().split('/').at(-1) ?? '');
    const blocks = () => readdirSync(own).filter((name) => /^\d+$/.test(name));
    await vi.waitFor(() => expect(blocks().length).toBeGreaterThan(2), patiently);
    // At rest it is neither the content nor the key.
    const seen = blocks().map((name) => readFileSync(join(own, name)));
    const probe = Buffer.from(content.subarray(Number(blocks()[0]) * mebibyte, Number(blocks()[0]) * mebibyte + 64));
    expect(seen.some((bytes) => bytes.includes(probe))).toBe(false);
    // The control: the content does have it.
    expect(Buffer.from(content).includes(probe)).toBe(true);
    first.kill(signal);
    await once(first, 'exit');
    const second = await startChild(folder, port, sizeBytes);
    await Promise.all([reading.all(), sending.done]);
    expect(sha(reading.got())).toBe(sha(content));
    second.kill('SIGKILL');
    await once(second, 'exit');
    // Its transfer is over meanwhile: nothing of it stays.
    mkdirSync(join(folder, 'relay', 'left-by-nobody'), { recursive: true });
    const third = await startChild(folder, port, sizeBytes, 'over');
    expect(readdirSync(join(folder, 'relay'))).toEqual([]);
    third.kill('SIGTERM');
    await once(third, 'exit');
  },
);

test('a disk that is full ends the transfer with `space`, for the sender, the receiver and the room', async () => {
  const folder = scratch();
  const small = join(folder, 'relay');
  mkdirSync(small);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=3m', 'tmpfs', small]);
  ends.push(() => execFileSync('umount', ['-l', small]));
  const rig = await rigWith({ folder });
  const sizeBytes = 16 * mebibyte;
  const content = wireContent(sizeBytes);
  rig.gate.add({ id: 't1', sizeBytes });
  const path = await rig.create(['t1'], content.length);
  const answer = await rig.patch(path, 0, content);
  expect(problemSchema.parse(await answer.json())).toMatchObject({ status: 507, code: 'space' });
  const told = await rig.read(path);
  expect(problemSchema.parse(await told.json())).toMatchObject({ status: 507, code: 'space' });
  expect(rig.gate.failures.map(({ transferId, fault }) => [transferId, fault.code])).toEqual([['t1', 'space']]);
  await vi.waitFor(() => expect(rig.onDisk().names).toEqual([]), patiently);
  // The control: with room on the same disk it goes through.
  execFileSync('mount', ['-o', 'remount,size=64m', small]);
  rig.gate.add({ id: 't2', sizeBytes });
  const other = await rig.create(['t2'], content.length);
  const reading = receiver(Number(new URL(rig.url).port), () => other, content.length);
  const [sent] = await Promise.all([rig.patch(other, 0, content), reading.all()]);
  expect([sent.status, sha(reading.got())]).toEqual([204, sha(content)]);
});

test('a receiver that stops reading is waited for: its bytes are neither pushed nor piled up', async () => {
  const rig = await rigWith({ config: { window: 12 * mebibyte } });
  const sizeBytes = 24 * mebibyte;
  const content = wireContent(sizeBytes);
  rig.gate.add({ id: 't1', sizeBytes });
  const path = await rig.create(['t1'], content.length);
  const { spool, id } = rig.relay.find(roomId, 'anna', path.split('/').at(-1) ?? '');
  const sending = rig.patch(path, 0, content);
  const stuck = connect(Number(new URL(rig.url).port), '127.0.0.1').pause();
  stuck.on('error', () => undefined);
  stuck.write(`GET ${path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Bearer token-ben\r\nrange: bytes=0-\r\n\r\n`);
  await vi.waitFor(() => expect(spool.receivedBytes).toBeGreaterThanOrEqual(12 * mebibyte), patiently);
  const held = spool.receivedBytes;
  expect(held).toBeLessThan(14 * mebibyte);
  // Another transfer goes by meanwhile.
  rig.gate.add({ id: 't2', sizeBytes: 8 * mebibyte, receiverId: 'cleo' });
  const other = wireContent(8 * mebibyte, 2);
  const otherPath = await rig.create(['t2'], other.length);
  const [read] = await Promise.all([rig.read(otherPath, 'cleo'), rig.patch(otherPath, 0, other)]);
  expect(sha(new Uint8Array(await read.arrayBuffer()))).toBe(sha(other));
  expect(spool.receivedBytes).toBe(held);
  expect(rig.onDisk().names.filter((name) => name.startsWith(`${id}/`)).length).toBeLessThan(16);
  stuck.destroy();
  // It comes back, and asks anew from where it was.
  const reading = receiver(Number(new URL(rig.url).port), () => path, content.length);
  const [sent] = await Promise.all([sending, reading.all()]);
  expect([sent.status, sha(reading.got())]).toEqual([204, sha(content)]);
});

test('a room’s bandwidth holds for what it sends through the relay', async () => {
  const rig = await rigWith({});
  const content = wireContent(mebibyte);
  rig.gate.limit = newBandwidth();
  setBandwidth(rig.gate.limit, 64 * 1024);
  rig.gate.add({ id: 't1', sizeBytes: mebibyte });
  const path = await rig.create(['t1'], content.length);
  const sending = rig.patch(path, 0, content);
  const { spool } = rig.relay.find(roomId, 'anna', path.split('/').at(-1) ?? '');
  await vi.waitFor(() => expect(spool.receivedBytes).toBeGreaterThan(0), patiently);
  // At that rate it takes sixteen seconds; lifted, it is through.
  expect(spool.receivedBytes).toBeLessThan(content.length);
  setBandwidth(rig.gate.limit, null);
  expect((await sending).status).toBe(204);
  expect(rig.gate.movedTransfers.length).toBeLessThan(20);
});
