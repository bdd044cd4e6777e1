// A daemon that is killed in mid transfer and started again: both members come back with their tokens, and the file arrives.

import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Daemon, daemonToken, freePort, startDaemon } from '../support/daemon.ts';
import { chunkOf, type GuestSocket, hexHash, openRoom } from '../support/room-guests.ts';

let folder: string;
let daemon: Daemon | undefined;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-rooms-killed-'));
});
afterAll(async () => {
  await daemon?.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('killed after half of the chunks: the other half goes to the same two members, and the hashes agree', async () => {
  const port = await freePort();
  const options = { config: 'logs: {level: warn}\n', port };
  daemon = await startDaemon(folder, options);
  const room = await openRoom(() => `http://127.0.0.1:${port}`, {}, daemonToken);
  const [anna, ben] = [await room.join('Anna'), await room.join('Ben')];
  const content = randomBytes(6 * 65_536 - 17);
  const got = new Map<number, Buffer>();
  const receive = (receiver: GuestSocket) =>
    receiver.socket.on('chunk', (frame: Buffer, taken: (answer: object) => void) => {
      const head = frame.readUInt32BE(0);
      const { chunk_index } = JSON.parse(frame.subarray(4, 4 + head).toString()) as { chunk_index: number };
      got.set(chunk_index, frame.subarray(4 + head));
      taken({ ok: true });
    });
  const wish = { receiver_id: ben.id, filename: 'half.bin', file_size: content.length };
  const [sender, receiver] = [await anna.connect(), await ben.connect()];
  receive(receiver);
  const offered = (await anna.file('POST', 'offer', wish)).body;
  const { transfer_id: id } = offered;
  await ben.file('POST', `${id}/accept`);
  for (let index = 0; index < 3; index++) {
    expect(await sender.emit('chunk', chunkOf(offered, content, index))).toMatchObject({ ok: true });
  }
  // A change of its row, with which the counts are written.
  await ben.file('POST', `${id}/pause`);
  await ben.file('POST', `${id}/resume`);
  const last = receiver.messages.at(-1)?.seq ?? 0;
  await daemon.kill();
  for (const one of [sender, receiver]) one.close();

  daemon = await startDaemon(folder, options);
  const again = await ben.connect(last);
  receive(again);
  expect(again.ready.room.transfers).toMatchObject([{ transfer_id: id, status: 'paused', chunks_received: 3 }]);
  const back = await anna.connect();
  await again.message('FILE_SHARE_START');
  expect(await back.emit('chunk', chunkOf(offered, content, 2))).toMatchObject({ problem: { code: 'state_conflict' } });
  for (let index = 3; index < 6; index++) {
    expect(await back.emit('chunk', chunkOf(offered, content, index))).toMatchObject({ ok: true });
  }
  const whole = Buffer.concat([0, 1, 2, 3, 4, 5].map((index) => got.get(index) ?? Buffer.alloc(0)));
  expect(await again.emit('complete', { transfer_id: id, checksum: hexHash(whole) })).toMatchObject({ ok: true });
  const done = await back.emit('end', { transfer_id: id, checksum: hexHash(content) });
  expect(done).toMatchObject({ transfer: { status: 'completed', checksum: hexHash(content), progress_percent: 100 } });
  expect(again.messages.every(({ seq }) => seq > last)).toBe(true);
  for (const one of [again, back]) one.close();
}, 120_000);
