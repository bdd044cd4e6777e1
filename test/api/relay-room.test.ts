// The relay in a room: who was offered a file and accepted it reads it while its sender uploads, by the real rules of rooms.

import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { wireBytes } from '../../src/engine/relay/relay-gate.ts';
import { type ApiRig, openApiRig } from '../support/api-rig.ts';
import { metadataOf, tus, wireContent } from '../support/relay-rig.ts';
import { type Guest, openRoom } from '../support/room-guests.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

const sizeBytes = 3_000_000;
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

async function offered() {
  const room = await openRoom(() => rig.url);
  const [ben, cleo] = [await room.join('Ben'), await room.join('Cleo')];
  const sockets = [await room.host.connect(), await ben.connect()] as const;
  const body = { receiver_id: ben.id, filename: 'rushes.mov', file_size: sizeBytes, mime_type: 'video/quicktime' };
  const offer = await room.host.file('POST', 'offer', body);
  expect(offer.status).toBe(200);
  const path = `/api/v1/rooms/${room.id}/relay`;
  const ask = (who: Guest, at: string, init: RequestInit & { headers?: Record<string, string> } = {}) =>
    fetch(rig.url + at, { ...init, headers: { authorization: `Bearer ${who.token}`, ...init.headers } });
  const id = offer.body.transfer_id;
  const create = (who: Guest) =>
    ask(who, path, {
      method: 'POST',
      headers: {
        ...tus,
        'upload-length': String(wireBytes(sizeBytes)),
        'upload-metadata': metadataOf({ transfer_id: id }),
      },
    });
  return { room, ben, cleo, sockets, id, path, ask, create };
}

test('what was accepted goes through, and the receiver is told where; what was not is refused', async () => {
  const { room, ben, cleo, sockets, id, ask, create } = await offered();
  const content = wireContent(sizeBytes);
  // Not accepted yet.
  expect((await create(room.host)).status).toBe(409);
  expect((await ben.file('POST', `${id}/accept`)).status).toBe(200);
  expect([(await create(ben)).status, (await create(cleo)).status]).toEqual([403, 404]);
  const made = await create(room.host);
  expect(made.status).toBe(201);
  const location = made.headers.get('location') ?? '';
  const told = await sockets[1].message('FILE_SHARE_RELAY');
  const { upload } = told.payload as { upload: { id: string; sizeBytes: number } };
  expect([location.endsWith(`/${upload.id}`), upload.sizeBytes]).toEqual([true, content.length]);
  const reading = ask(ben, location, { headers: { range: 'bytes=0-' } });
  const sent = await ask(room.host, location, {
    method: 'PATCH',
    headers: { ...tus, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' },
    body: content,
  });
  expect(sent.status).toBe(204);
  const answer = await reading;
  expect([
    answer.status,
    answer.headers.get('content-disposition'),
    answer.headers.get('x-content-type-options'),
  ]).toEqual([206, 'attachment', 'nosniff']);
  expect(answer.headers.get('content-security-policy')).toMatch(/sandbox/);
  expect(sha(new Uint8Array(await answer.arrayBuffer()))).toBe(sha(content));
  expect((await ask(cleo, location)).status).toBe(404);
  expect((await room.host.file('DELETE', id)).status).toBe(200);
  await vi.waitFor(async () => expect((await ask(ben, location)).status).toBe(404), { timeout: 20_000 });
  for (const socket of sockets) socket.close();
});

test('a room that forbids the relay has none', async () => {
  const room = await openRoom(() => rig.url, { relay: false });
  const ben = await room.join('Ben');
  const offer = await room.host.file('POST', 'offer', {
    ...{ receiver_id: ben.id, filename: 'a.mov', file_size: sizeBytes, mime_type: 'video/quicktime' },
  });
  await ben.file('POST', `${offer.body.transfer_id}/accept`);
  const answer = await fetch(`${rig.url}/api/v1/rooms/${room.id}/relay`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${room.host.token}`,
      ...tus,
      'upload-length': '100',
      'upload-metadata': metadataOf({ transfer_id: offer.body.transfer_id }),
    },
  });
  expect([answer.status, ((await answer.json()) as { detail: string }).detail]).toEqual([
    403,
    expect.stringMatching(/direct way/),
  ]);
});
