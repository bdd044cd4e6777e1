// The relay over HTTP: what goes in comes out while it comes in, to whom it belongs, and nothing stays behind.

import { createHash } from 'node:crypto';
import { afterAll, afterEach, expect, test, vi } from 'vitest';
import { wireBytes, wireFrameBytes } from '../../src/engine/relay/relay-gate.ts';
import { problemSchema } from '../../src/model/views.ts';
import { metadataOf, openRelayRig, type RelayRig, roomId, tus, wireContent } from '../support/relay-rig.ts';

let rig: RelayRig | undefined;
let shared: RelayRig | undefined;
afterEach(async () => {
  if (rig !== shared) await rig?.close();
  rig = undefined;
});
afterAll(() => shared?.close());

/** For tests that want nothing special: one for all of them, with transfers that are over. */
async function usualRig(): Promise<RelayRig> {
  shared ??= await openRelayRig();
  for (const id of ['t1', 't2']) {
    shared.gate.add({ id, sizeBytes: 0 });
    shared.gate.setState(id, 'over');
  }
  const here = shared;
  await vi.waitFor(() => expect(here.onDisk().names).toEqual([]), patiently);
  return shared;
}

const mebibyte = 2 ** 20;
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const patiently = { timeout: 20_000, interval: 10 };

/** Reads on, acknowledging as it goes, until the answer ends. */
async function readAll(
  relay: RelayRig,
  path: string,
  options: { readonly member?: string; readonly from?: number; readonly acknowledges?: boolean } = {},
): Promise<Uint8Array> {
  const { member = 'ben', from = 0, acknowledges = true } = options;
  const answer = await relay.read(path, member, from);
  expect(answer.status).toBe(206);
  const pieces: Uint8Array[] = [];
  let at = from;
  let told = from;
  for await (const piece of answer.body as ReadableStream<Uint8Array>) {
    pieces.push(piece);
    at += piece.length;
    if (!acknowledges || at - told < 2 * mebibyte) continue;
    told = at;
    expect((await relay.acknowledge(path, at, member)).status).toBe(200);
  }
  if (acknowledges) await relay.acknowledge(path, at, member);
  return Buffer.concat(pieces);
}

test('a receiver reads an upload while it comes in, byte for byte, and nothing of it is left', async () => {
  rig = await usualRig();
  const content = wireContent(16 * mebibyte);
  rig.gate.add({ id: 't1', sizeBytes: 16 * mebibyte });
  const path = await rig.create(['t1'], content.length);
  const reading = readAll(rig, path);
  const half = Math.floor(content.length / 2);
  const first = await rig.patch(path, 0, content.subarray(0, half));
  expect([first.status, first.headers.get('tus-resumable')]).toEqual([204, '1.0.0']);
  // Cut inside a frame: told is the frame's beginning.
  const from = Number(first.headers.get('upload-offset'));
  expect([from % wireFrameBytes, from <= half, half - from < wireFrameBytes]).toEqual([0, true, true]);
  expect(await rig.offset(path)).toBe(from);
  const second = await rig.patch(path, from, content.subarray(from));
  expect(second.headers.get('upload-offset')).toBe(String(content.length));
  expect(sha(await reading)).toBe(sha(content));
  await vi.waitFor(() => expect(rig?.onDisk().names).toEqual([]), patiently);
  expect(path.endsWith(rig.gate.openedUploads.at(-1) ?? '-')).toBe(true);
  rig.gate.setState('t1', 'over');
  expect((await rig.read(path)).status).toBe(404);
});

test('a sender is held back at the window; what is acknowledged goes from the disk while the rest comes', async () => {
  const window = 12 * mebibyte;
  rig = await openRelayRig({ config: { window } });
  const here = rig;
  const content = wireContent(24 * mebibyte);
  rig.gate.add({ id: 't1', sizeBytes: 24 * mebibyte });
  const path = await rig.create(['t1'], content.length);
  const sending = rig.patch(path, 0, content);
  const upload = rig.relay.find(roomId, 'anna', path.split('/').at(-1) ?? '');
  // Nobody reads: on disk is what is no longer in memory, and all that came is the window.
  await vi.waitFor(() => expect(upload.spool.receivedBytes).toBeGreaterThanOrEqual(window), patiently);
  await vi.waitFor(() => expect(here.onDisk().bytes).toBeGreaterThan(mebibyte), patiently);
  expect(upload.spool.receivedBytes).toBeLessThanOrEqual(window + mebibyte);
  const before = rig.onDisk();
  expect(before.names).toContain(`${upload.id}/0`);
  // The control: without an acknowledgement it stays, however much is read.
  const early = await rig.read(path);
  const reader = (early.body as ReadableStream<Uint8Array>).getReader();
  const got: Uint8Array[] = [];
  let at = 0;
  while (at < 3 * mebibyte) {
    const { value = new Uint8Array() } = await reader.read();
    got.push(value);
    at += value.length;
  }
  expect(rig.onDisk().names).toContain(`${upload.id}/0`);
  await rig.acknowledge(path, at);
  await vi.waitFor(() => expect(here.onDisk().names).not.toContain(`${upload.id}/0`), patiently);
  expect(upload.spool.receivedBytes).toBeLessThan(content.length);
  await reader.cancel();
  const rest = await readAll(rig, path, { from: at });
  expect((await sending).status).toBe(204);
  expect(sha(Buffer.concat([...got, rest]))).toBe(sha(content));
});

test('several receivers read one upload; only what all of them have is let go', async () => {
  rig = await usualRig();
  const here = rig;
  const content = wireContent(20 * mebibyte);
  rig.gate.add({ id: 't1', sizeBytes: 20 * mebibyte });
  rig.gate.add({ id: 't2', sizeBytes: 20 * mebibyte, receiverId: 'cleo' });
  const path = await rig.create(['t1', 't2'], content.length);
  const sending = rig.patch(path, 0, content);
  expect(sha(await readAll(rig, path))).toBe(sha(content));
  await sending;
  const upload = rig.relay.find(roomId, 'cleo', path.split('/').at(-1) ?? '');
  expect(upload.spool.acknowledgedBytes).toBe(0);
  expect(sha(await readAll(rig, path, { member: 'cleo' }))).toBe(sha(content));
  await vi.waitFor(() => expect(here.onDisk().names).toEqual([]), patiently);
});

test('a file of no bytes goes through, too', async () => {
  rig = await usualRig();
  rig.gate.add({ id: 't1', sizeBytes: 0 });
  const path = await rig.create(['t1'], 0);
  expect(await rig.offset(path)).toBe(0);
  const answer = await rig.read(path);
  expect([answer.status, await answer.text()]).toEqual([200, '']);
});

test('strangers learn nothing, and members only what is theirs', async () => {
  rig = await usualRig();
  const here = rig;
  rig.gate.add({ id: 't1', sizeBytes: 100_000 });
  const path = await rig.create(['t1'], wireBytes(100_000));
  const patch = {
    method: 'PATCH',
    headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: 'x',
  };
  const ways: readonly [string, RequestInit & { headers?: Record<string, string> }][] = [
    [path, {}],
    [path, { method: 'HEAD', headers: tus }],
    [path, patch],
    [path, { method: 'DELETE', headers: tus }],
    [`${path}/acknowledged`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"offset":0}' }],
    [
      new URL(here.endpoint).pathname,
      {
        method: 'POST',
        headers: { ...tus, 'upload-length': '1', 'upload-metadata': metadataOf({ transfer_id: 't1' }) },
      },
    ],
  ];
  for (const [at, init] of ways) {
    const statusOf = async (member: string | null) => (await here.ask(at, member, init)).status;
    expect([init.method ?? 'GET', await statusOf(null)]).toEqual([init.method ?? 'GET', 401]);
    expect([init.method ?? 'GET', await statusOf('mallory')]).toEqual([init.method ?? 'GET', 404]);
    // Of the room, and neither sender nor receiver.
    expect([init.method ?? 'GET', await statusOf('cleo')]).toEqual([init.method ?? 'GET', 404]);
  }
  // Each side by its own way only.
  const statuses = await Promise.all(
    [
      rig.ask(path, 'ben', patch),
      rig.ask(path, 'ben', { method: 'DELETE', headers: tus }),
      rig.read(path, 'anna'),
      rig.acknowledge(path, 0, 'anna'),
    ].map(async (answer) => (await answer).status),
  );
  expect(statuses).toEqual([403, 403, 403, 403]);
  expect(rig.relay.find(roomId, 'anna', path.split('/').at(-1) ?? '').spool.receivedBytes).toBe(0);
});

test.each([
  ['another offset', 409, undefined, { 'upload-offset': '5' }],
  ['an offset that is none', 400, undefined, { 'upload-offset': '-1' }],
  ['another type of body', 415, undefined, { 'content-type': 'text/plain' }],
  ['no version of tus', 412, undefined, { 'tus-resumable': '0.2.2' }],
  ['a transfer that is paused', 409, 'paused' as const, {}],
])('bytes are refused with %s', async (_, status, state, headers) => {
  rig = await usualRig();
  rig.gate.add({ id: 't1', sizeBytes: 100_000 });
  const path = await rig.create(['t1'], wireBytes(100_000));
  if (state !== undefined) rig.gate.setState('t1', state);
  const send = (more: object) =>
    (rig as RelayRig).ask(path, 'anna', {
      method: 'PATCH',
      headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream', ...more },
      body: new Uint8Array(10),
    });
  const answer = await send(headers);
  expect(answer.status).toBe(status);
  expect(problemSchema.parse(await answer.json()).status).toBe(status);
  // The control: without it they are taken.
  if (state !== undefined) rig.gate.setState('t1', 'active');
  expect((await send({})).status).toBe(204);
});

test('the same bytes a second time are refused: the offset is no longer theirs', async () => {
  rig = await usualRig();
  rig.gate.add({ id: 't1', sizeBytes: 10 * 65_536 });
  const content = wireContent(10 * 65_536);
  const path = await rig.create(['t1'], content.length);
  const piece = content.subarray(0, 3 * wireFrameBytes);
  expect((await rig.patch(path, 0, piece)).status).toBe(204);
  expect((await rig.patch(path, 0, piece)).status).toBe(409);
  expect((await rig.patch(path, 5 * wireFrameBytes, piece)).status).toBe(409);
  expect(await rig.offset(path)).toBe(3 * wireFrameBytes);
});

test.each([
  ['a file name', { transfer_id: 't1', filename: 'secret-plans.pdf' }, 100, /nothing about the file/],
  ['no transfer', { first_frame: '0' }, 100, /transfer_id/],
  ['more bytes than were offered', { transfer_id: 't1' }, wireBytes(100_000) + 1, /offer leaves/],
  ['a frame beyond the end', { transfer_id: 't1', first_frame: '9' }, 1, /offer leaves/],
])('an upload with %s is refused', async (_, metadata, length, words) => {
  rig = await usualRig();
  rig.gate.add({ id: 't1', sizeBytes: 100_000 });
  const create = (values: Record<string, string>, bytes: number) =>
    (rig as RelayRig).ask(new URL((rig as RelayRig).endpoint).pathname, 'anna', {
      method: 'POST',
      headers: { ...tus, 'upload-length': String(bytes), 'upload-metadata': metadataOf(values) },
    });
  const answer = await create(metadata, length);
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
    400,
    expect.stringMatching(words),
  ]);
  expect(rig.onDisk().names).toEqual([]);
  // The control.
  expect((await create({ transfer_id: 't1' }, wireBytes(100_000))).status).toBe(201);
});

test('what the sender cannot be stopped from saying is stopped: more bytes than the upload has', async () => {
  rig = await usualRig();
  rig.gate.add({ id: 't1', sizeBytes: 70_000 });
  const path = await rig.create(['t1'], wireBytes(70_000));
  const answer = await rig.patch(path, 0, new Uint8Array(wireBytes(70_000) + 1));
  expect(answer.status).toBe(400);
});

test('pausing ends both requests, resuming goes on where they were, and the end leaves nothing', async () => {
  rig = await openRelayRig({ config: { window: 12 * mebibyte } });
  const here = rig;
  rig.gate.add({ id: 't1', sizeBytes: 24 * mebibyte });
  const content = wireContent(24 * mebibyte);
  const path = await rig.create(['t1'], content.length);
  const sending = rig.patch(path, 0, content);
  const answer = await rig.read(path);
  rig.gate.setState('t1', 'paused');
  expect((await sending).status).toBe(409);
  await expect(answer.arrayBuffer()).rejects.toThrow();
  expect((await rig.read(path)).status).toBe(409);
  rig.gate.setState('t1', 'active');
  const from = await rig.offset(path);
  const [bytes] = await Promise.all([readAll(rig, path), rig.patch(path, from, content.subarray(from))]);
  expect(sha(bytes)).toBe(sha(content));
  // A second one is cancelled with bytes on disk.
  rig.gate.add({ id: 't2', sizeBytes: 24 * mebibyte });
  const other = await rig.create(['t2'], content.length);
  const stopped = rig.patch(other, 0, content);
  await vi.waitFor(() => expect(here.onDisk().bytes).toBeGreaterThan(mebibyte), patiently);
  rig.gate.setState('t2', 'over');
  expect((await stopped).status).toBe(404);
  await vi.waitFor(() => expect(here.onDisk().names).toEqual([]), patiently);
});
