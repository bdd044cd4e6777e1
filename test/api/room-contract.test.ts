// The outside contract of rooms, field by field: offers, answers, progress, messages and chunks between real clients.

import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { contractTransferSchema } from '../../src/model/room-contract.ts';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';
import { chunkOf, type Guest, hexHash, openRoom, type RoomScene } from '../support/room-guests.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

const url = () => rig.url;
const movie = { filename: 'rushes/day 1.mov', file_size: 10_485_760, mime_type: 'video/quicktime' };

async function scene(): Promise<{ room: RoomScene; anna: Guest; ben: Guest }> {
  const room = await openRoom(url);
  return { room, anna: await room.join('Anna'), ben: await room.join('Ben') };
}

test('an offer is the transfer object, with every field of the contract and no other', async () => {
  const { room, anna, ben } = await scene();
  const { status, body } = await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie });
  expect(status).toBe(200);
  expect(body).toEqual({
    transfer_id: expect.stringMatching(/^[0-9A-Z]{26}$/),
    room_id: room.id,
    sender_id: anna.id,
    receiver_id: ben.id,
    ...movie,
    chunk_size: 65_536,
    total_chunks: 160,
    chunks_sent: 0,
    chunks_received: 0,
    status: 'pending',
    progress_percent: 0,
    bytes_transferred: 0,
    started_at: null,
    completed_at: null,
    checksum: null,
    error: null,
  });
});

test('accept, progress of 85 of 160 chunks, pause, resume and cancel', async () => {
  const { anna, ben } = await scene();
  const [sender, receiver] = await Promise.all([anna.connect(), ben.connect()]);
  const { transfer_id: id } = (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie })).body;
  expect((await anna.file('POST', `${id}/accept`)).status).toBe(403);
  const accepted = await ben.file('POST', `${id}/accept`);
  expect([accepted.status, accepted.body.status]).toEqual([200, 'active']);
  expect(accepted.body.started_at).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  expect((await ben.file('POST', `${id}/accept`)).status).toBe(409);
  expect(await receiver.emit('progress', { transfer_id: id, chunks_received: 85 })).toMatchObject({ ok: true });
  const half = await anna.file('GET', `${id}/progress`);
  expect(half.body).toMatchObject({
    ...{
      chunks_sent: 85,
      chunks_received: 85,
      progress_percent: 53.13,
      bytes_transferred: 5_570_560,
      status: 'active',
    },
  });
  contractTransferSchema.strict().parse(half.body);
  expect((await sender.message('FILE_SHARE_PROGRESS')).payload).toMatchObject({
    transfer_id: id,
    progress_percent: 53.13,
  });
  expect((await receiver.message('FILE_SHARE_PROGRESS')).payload).toMatchObject({ chunks_received: 85 });
  expect((await anna.file('POST', `${id}/pause`)).body.status).toBe('paused');
  expect((await anna.file('POST', `${id}/pause`)).status).toBe(409);
  const late = await receiver.emit('progress', { transfer_id: id, chunks_received: 86 });
  expect(late).toMatchObject({ ok: false, problem: { code: 'state_conflict', status: 409 } });
  expect((await ben.file('POST', `${id}/resume`)).body.status).toBe('active');
  expect((await ben.file('POST', `${id}/resume`)).status).toBe(409);
  const cancelled = await ben.file('DELETE', id);
  expect([cancelled.status, cancelled.body.status, cancelled.body.error]).toEqual([
    ...[200, 'cancelled', 'cancelled: By the receiver.'],
  ]);
  for (const verb of ['accept', 'reject', 'pause', 'resume']) {
    expect((await ben.file('POST', `${id}/${verb}`)).status).toBe(409);
  }
  expect((await ben.file('DELETE', id)).status).toBe(409);
  for (const one of [sender, receiver]) one.close();
});

test('a rejected offer is cancelled, with the reason as its error; only its sender hears of it', async () => {
  const { room, anna, ben } = await scene();
  const [sender, third] = await Promise.all([anna.connect(), room.host.connect()]);
  const { transfer_id: id } = (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie })).body;
  const rejected = await ben.file('POST', `${id}/reject`, { reason: 'too late' });
  expect([rejected.status, rejected.body.status, rejected.body.error]).toEqual([
    200,
    'cancelled',
    'rejected: too late',
  ]);
  const heard = await sender.message('FILE_SHARE_REJECT');
  expect(heard).toMatchObject({
    room_id: room.id,
    sender_id: ben.id,
    payload: { transfer_id: id, status: 'cancelled' },
  });
  await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie });
  await third.message('FILE_SHARE_OFFER', (message) => message.payload.transfer_id !== id);
  expect(third.messages.map(({ type }) => type)).not.toContain('FILE_SHARE_REJECT');
  sender.close();
  third.close();
});

test('offers and ends go to the receiver in full and to the room without names; a completed file has the checksum of both sides', async () => {
  const { room, anna, ben } = await scene();
  const [sender, receiver, third] = await Promise.all([anna.connect(), ben.connect(), room.host.connect()]);
  const { transfer_id: id } = (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie })).body;
  expect((await receiver.message('FILE_SHARE_OFFER')).payload).toMatchObject({ transfer_id: id, ...movie });
  const seen = await third.message('FILE_SHARE_OFFER');
  expect(seen.payload).toMatchObject({ transfer_id: id, file_size: movie.file_size });
  await ben.file('POST', `${id}/accept`);
  expect(await sender.message('FILE_SHARE_ACCEPT')).toMatchObject({ sender_id: ben.id, payload: { status: 'active' } });
  const sum = hexHash(randomBytes(8));
  expect(await sender.emit('end', { transfer_id: id, checksum: sum })).toMatchObject({
    transfer: { status: 'active' },
  });
  expect(await sender.emit('complete', { transfer_id: id, checksum: sum })).toMatchObject({ problem: { status: 403 } });
  const done = await receiver.emit('complete', { transfer_id: id, checksum: sum });
  expect(done).toMatchObject({
    transfer: { status: 'completed', checksum: sum, progress_percent: 100, bytes_transferred: movie.file_size },
  });
  expect((await receiver.message('FILE_SHARE_COMPLETE')).payload).toMatchObject({ filename: movie.filename });
  const ended = await third.message('FILE_SHARE_COMPLETE');
  expect(ended.payload).toMatchObject({ transfer_id: id, status: 'completed' });
  expect(JSON.stringify(third.messages)).not.toMatch(/day 1|quicktime/);
  const { body } = await ben.file('GET', `${id}/progress`);
  expect(body.completed_at).toMatch(/Z$/);
  const numbers = receiver.messages.map(({ seq }) => seq);
  expect(numbers).toEqual([...new Set(numbers)].sort((one, other) => one - other));
  for (const one of [sender, receiver, third]) one.close();
});

test('two hashes that do not agree: the transfer fails with corrupt, and both are told', async () => {
  const { anna, ben } = await scene();
  const [sender, receiver] = await Promise.all([anna.connect(), ben.connect()]);
  const { transfer_id: id } = (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie })).body;
  await ben.file('POST', `${id}/accept`);
  await receiver.emit('complete', { transfer_id: id, checksum: 'a'.repeat(64) });
  expect((await ben.file('GET', `${id}/progress`)).body).toMatchObject({ status: 'active', checksum: null });
  await sender.emit('end', { transfer_id: id, checksum: 'b'.repeat(64) });
  expect((await ben.file('GET', `${id}/progress`)).body).toMatchObject({
    ...{ status: 'failed', checksum: null, error: 'corrupt: What has arrived is not what was sent.' },
  });
  for (const one of [sender, receiver]) {
    expect((await one.message('FILE_SHARE_CANCEL')).payload).toMatchObject({ transfer_id: id, status: 'failed' });
    one.close();
  }
});

test('chunk frames over the socket: taken once each, refused where they are wrong, and hashed as a whole', async () => {
  const { anna, ben } = await scene();
  const [sender, receiver] = await Promise.all([anna.connect(), ben.connect()]);
  const content = randomBytes(150_000);
  const got: Buffer[] = [];
  receiver.socket.on('chunk', (frame: Buffer, taken: (answer: object) => void) => {
    got.push(frame);
    taken({ ok: true });
  });
  const offered = (
    await anna.file('POST', 'offer', { receiver_id: ben.id, filename: 'a.bin', file_size: content.length })
  ).body;
  const { transfer_id: id } = offered;
  const refusal = async (frame: unknown) => {
    const answer = await sender.emit('chunk', frame);
    return answer.ok ? 'taken' : `${answer.problem.status} ${answer.problem.code}`;
  };
  expect(await refusal(chunkOf(offered, content, 0))).toBe('409 state_conflict');
  await ben.file('POST', `${id}/accept`);
  expect(await refusal(chunkOf(offered, content, 0))).toBe('taken');
  expect(await refusal(chunkOf(offered, content, 0))).toBe('409 state_conflict');
  expect(await refusal(chunkOf(offered, content, 1, { chunk_index: 3 }))).toBe('400 invalid');
  expect(await refusal(chunkOf(offered, content, 1, { checksum: 'c'.repeat(64) }))).toBe('422 corrupt');
  expect(await refusal(chunkOf(offered, content, 1, { total_chunks: 4 }))).toBe('400 invalid');
  expect(await refusal(Buffer.from(chunkOf(offered, content, 1)).toString('base64'))).toBe('400 invalid');
  expect(await refusal({ transfer_id: id, chunk_index: 1, data: 'AAAA' })).toBe('400 invalid');
  await anna.file('POST', `${id}/pause`);
  expect(await refusal(chunkOf(offered, content, 1))).toBe('409 state_conflict');
  await anna.file('POST', `${id}/resume`);
  const fromReceiver = await receiver.emit('chunk', chunkOf(offered, content, 1));
  expect(fromReceiver).toMatchObject({ ok: false, problem: { status: 403 } });
  expect(await refusal(chunkOf(offered, content, 1))).toBe('taken');
  const last = await sender.emit('chunk', chunkOf(offered, content, 2));
  expect(last).toMatchObject({ transfer: { chunks_received: 3, bytes_transferred: 150_000, status: 'active' } });
  expect(got.length).toBe(3);
  const whole = await receiver.emit('complete', { transfer_id: id, checksum: hexHash(content) });
  expect(whole).toMatchObject({ transfer: { status: 'completed', checksum: hexHash(content) } });
  for (const one of [sender, receiver]) one.close();
});

test('what cannot be is refused with 400: sizes, names, types, and fields that nobody knows', async () => {
  const { anna, ben } = await scene();
  const offer = async (more: object) =>
    (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie, ...more })).body.code;
  expect(await offer({ file_size: -1 })).toBe('invalid');
  expect(await offer({ file_size: 1.5 })).toBe('invalid');
  expect(await offer({ file_size: 500_000_001 })).toBe('too_large');
  expect(await offer({ filename: '' })).toBe('invalid');
  expect(await offer({ filename: '../up.mov' })).toBe('name_unsafe');
  expect(await offer({ filename: '/etc/passwd' })).toBe('name_unsafe');
  expect(await offer({ filename: 'a\u0000.mov' })).toBe('name_unsafe');
  expect(await offer({ mime_type: 'no type' })).toBe('invalid');
  expect(await offer({ filename: 'setup.exe' })).toBe('type_refused');
  expect(await offer({ filename: 'film.mov', mime_type: 'application/x-msdownload' })).toBe('type_refused');
  expect(await offer({ data: 'aGVsbG8=' })).toBe('invalid');
  expect(await offer({ receiver_id: 'nobody' })).toBe('not_found');
  expect(await offer({ receiver_id: anna.id })).toBe('invalid');
});

test('a list of one’s own, by status', async () => {
  const { room, anna, ben } = await scene();
  const one = (await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie })).body;
  await anna.file('POST', 'offer', { receiver_id: ben.id, ...movie, filename: 'b.mov' });
  await ben.file('POST', `${one.transfer_id}/reject`);
  const list = async (guest: Guest, query = '') =>
    (await guest.ask('GET', `/file-transfers${query}`)).body as { transfers: { filename: string }[]; count: number };
  expect((await list(ben)).count).toBe(2);
  expect((await list(anna, '?status=pending')).transfers).toMatchObject([{ filename: 'b.mov', status: 'pending' }]);
  expect(await list(room.host)).toEqual({ transfers: [], count: 0 });
  expect((await anna.ask('GET', '/file-transfers?status=nonsense')).status).toBe(400);
});

test('a file of no bytes arrives, too', async () => {
  const { anna, ben } = await scene();
  const [sender, receiver] = await Promise.all([anna.connect(), ben.connect()]);
  const wish = { receiver_id: ben.id, filename: 'empty.txt', file_size: 0 };
  const { transfer_id: id, total_chunks, mime_type } = (await anna.file('POST', 'offer', wish)).body;
  expect([total_chunks, mime_type]).toEqual([0, 'text/plain']);
  await ben.file('POST', `${id}/accept`);
  const sum = hexHash(new Uint8Array());
  await sender.emit('end', { transfer_id: id, checksum: sum });
  const done = await receiver.emit('complete', { transfer_id: id, checksum: sum });
  expect(done).toMatchObject({ transfer: { status: 'completed', progress_percent: 100, checksum: sum } });
  for (const one of [sender, receiver]) one.close();
});
