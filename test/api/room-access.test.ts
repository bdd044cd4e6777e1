// Who gets into rooms and who does not: strangers at every route, guessed links, tokens of before, foreign pages, floods on the socket.

import { afterAll, beforeAll, expect, test } from 'vitest';
import { roomRouteTable } from '../../src/api/room-route-table.ts';
import { routePaths } from '../../src/api/route-paths.ts';
import type { CreatedToken } from '../../src/model/views.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';
import { type Answer, connectSocket, type Guest, openRoom, type RoomScene } from '../support/room-guests.ts';

let rig: ApiRig;
let room: RoomScene;
let anna: Guest;
let ben: Guest;
let transferId: string;
beforeAll(async () => {
  rig = await openApiRig({ allowedOrigins: ['https://desk.example'] }, null, {}, undefined, [], {
    config: { rates: { wrongCodesPerMinute: 4, messagesPerMinute: 100_000 } },
  });
  room = await openRoom(url);
  anna = await room.join('Anna');
  ben = await room.join('Ben');
  const wish = { receiver_id: ben.id, filename: 'secret plan.mov', file_size: 200_000 };
  transferId = (await anna.file('POST', 'offer', wish)).body.transfer_id;
});
afterAll(() => rig.close());

const url = () => rig.url;
type RoomRoute = keyof typeof roomRouteTable;
const bodies: Partial<Record<RoomRoute, unknown>> = {
  offerRoomFile: { receiver_id: 'x', filename: 'a.mov', file_size: 1 },
  setRoomMember: { role: 'observer' },
};

/** Each route of a room that exists, as somebody with this token asks it. */
async function statuses(token: string | undefined, hidden = /secret plan|Anna|Hanna/): Promise<Record<string, number>> {
  const apart: readonly RoomRoute[] = ['createRoom', 'joinRoom', 'listRooms', 'listRoomFiles', 'leaveRoom'];
  const names = (Object.keys(roomRouteTable) as RoomRoute[]).filter((name) => !apart.includes(name));
  const codes: Record<string, number> = {};
  // Leaving comes last: after it a member is a stranger.
  for (const name of [...names, 'leaveRoom'] as const) {
    const [method, template] = routePaths[name];
    const path = template.replace(/\{(id|room_id)\}/, room.id).replace('{memberId}', ben.id);
    const body = bodies[name];
    const answer = await fetch(rig.url + path.replace('{transfer_id}', transferId), {
      method,
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(await answer.text()).not.toMatch(hidden);
    codes[name] = answer.status;
  }
  return codes;
}

const all = (codes: Record<string, number>) => [...new Set(Object.values(codes))];

test('a stranger is told of every route that nothing is there; whoever has no token, to show one', async () => {
  const other = await openRoom(url);
  const stranger = await other.join('Eve');
  expect(all(await statuses(undefined))).toEqual([401]);
  expect(all(await statuses(stranger.token))).toEqual([404]);
  const { token } = (await (
    await rig.ask('/api/v1/tokens', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ name: 'another admin', scopes: ['admin'] }),
    })
  ).json()) as CreatedToken;
  expect(all(await statuses(token))).toEqual([404]);
  expect(
    await (await fetch(`${rig.url}/api/v1/rooms`, { headers: { authorization: `Bearer ${token}` } })).json(),
  ).toEqual({
    rows: [],
  });
  const wrong = all(await statuses(`wrm_${'A'.repeat(43)}`));
  expect(wrong.filter((status) => status !== 401 && status !== 429)).toEqual([]);
});

test('a third member of the room may see neither names nor progress, and touch nothing', async () => {
  const carl = await room.join('Carl');
  const codes = await statuses(carl.token, /secret plan/);
  const { getRoom, leaveRoom, closeRoom, offerRoomFile, ...rest } = codes;
  expect([getRoom, leaveRoom, closeRoom]).toEqual([200, 204, 403]);
  expect([403, 404]).toContain(offerRoomFile);
  for (const [name, status] of Object.entries(rest)) expect([name, [403, 404].includes(status)]).toEqual([name, true]);
});

test('the maker’s own token is its member; other tokens of the API, and a member’s token elsewhere, are nobody', async () => {
  const made = (await (await rig.ask(`/api/v1/rooms/${room.id}`)).json()) as { memberId: string };
  expect(made.memberId).toBe(room.host.id);
  for (const path of ['/api/v1/jobs', '/api/v1/events', '/metrics', '/openapi.json']) {
    expect([path, (await anna.ask('GET', path)).status]).toEqual([path, 401]);
  }
});

test('guessed links: neither the room nor a wrong key can be told from the other, and after some nobody is let in', async () => {
  const target = await openRoom(url);
  const knock = async (id: string, joinKey = Buffer.alloc(32, 9).toString('base64url')) => {
    const answer = await fetch(`${rig.url}/api/v1/rooms/${id}/join`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ joinKey, name: 'Eve' }),
    });
    const { detail, code } = (await answer.json()) as { detail: string; code: string };
    return { status: answer.status, detail, code, retry: answer.headers.get('retry-after') };
  };
  expect(await knock(target.id)).toEqual(await knock('no-such-room'));
  for (let count = 0; count < 3; count++) expect((await knock(target.id)).status).toBe(404);
  const refused = await knock(target.id, target.joinKey);
  expect([refused.status, refused.code]).toEqual([429, 'rate_limited']);
  const socket = await target.host.connect(0);
  const told = socket.messages.filter(({ type }) => type === 'JOIN_REFUSED');
  expect(told.length).toBe(4);
  socket.close();
});

test('a token of before is nobody’s: after leaving, after removal, after the room is closed', async () => {
  const other = await openRoom(url);
  const [carl, dora] = [await other.join('Carl'), await other.join('Dora')];
  const listening = await dora.connect();
  const ended = new Promise((resolve) => listening.socket.on('disconnect', resolve));
  expect((await carl.ask('POST', `/api/v1/rooms/${other.id}/leave`)).status).toBe(204);
  expect((await carl.ask('GET', `/api/v1/rooms/${other.id}`)).status).toBe(401);
  expect((await other.host.ask('DELETE', `/api/v1/rooms/${other.id}/members/${dora.id}`)).status).toBe(204);
  await ended;
  await expect(dora.connect()).rejects.toMatchObject({ data: { status: 401 } });
  expect((await other.host.ask('DELETE', `/api/v1/rooms/${other.id}`)).status).toBe(204);
  expect((await other.host.ask('GET', `/api/v1/rooms/${other.id}`)).status).toBe(401);
  expect((await other.knock('Eve')).status).toBe(404);
});

test('names that would turn the words around them are refused', async () => {
  for (const name of ['', ' ', 'a\u0000b', 'Anna\u202egpj', 'x'.repeat(81)]) {
    expect([name, (await room.knock(name)).status]).toEqual([name, 400]);
  }
});

test('pages of other origins are refused, over HTTP and on the socket, even with a good token', async () => {
  const evil = { origin: 'https://evil.example', authorization: `Bearer ${anna.token}` };
  expect((await fetch(`${rig.url}/api/v1/rooms/${room.id}`, { headers: evil })).status).toBe(403);
  const join = { method: 'POST', headers: { ...evil, 'content-type': 'application/json' }, body: '{}' };
  expect((await fetch(`${rig.url}/api/v1/rooms/${room.id}/join`, join)).status).toBe(403);
  await expect(connectSocket(rig.url, { token: anna.token }, { origin: 'https://evil.example' })).rejects.toThrow();
  const allowed = await connectSocket(rig.url, { token: anna.token }, { origin: 'https://desk.example' });
  expect(allowed.ready.room.id).toBe(room.id);
  allowed.close();
});

test('the socket lets in members alone, and one connection of each', async () => {
  const refusal = (auth: Record<string, unknown>) =>
    connectSocket(rig.url, auth).then(
      () => 'let in',
      (error: { data?: { status: number } }) => error.data?.status,
    );
  expect(await refusal({})).toBe(401);
  expect(await refusal({ token: `wrm_${'B'.repeat(43)}` })).toBe(401);
  expect(await refusal({ token: adminToken })).toBe(400);
  expect(await refusal({ token: adminToken, room: 'no-such-room' })).toBe(404);
  expect(await refusal({ token: anna.token, room: 'no-such-room' })).toBe(404);
  expect(await refusal({ token: anna.token, after: -1 })).toBe(400);
  const desk = await connectSocket(rig.url, { token: adminToken, room: room.id });
  expect(desk.ready.room.memberId).toBe(room.host.id);
  const first = await anna.connect();
  const problem = new Promise((resolve) => first.socket.on('problem', resolve));
  const gone = new Promise((resolve) => first.socket.on('disconnect', resolve));
  const second = await anna.connect();
  expect(await problem).toMatchObject({ code: 'lease_lost' });
  await gone;
  for (const one of [desk, second]) one.close();
});

test('signals and frames pass between members of one room only, held back by who takes them', async () => {
  const other = await openRoom(url);
  const stranger = await other.join('Eve');
  const [sender, receiver, eve] = await Promise.all([anna.connect(), ben.connect(), stranger.connect()]);
  const sealed = Buffer.from('sealed');
  const heard = new Promise((resolve) => receiver.socket.on('signal', resolve));
  expect(await sender.emit('signal', { to: ben.id, data: sealed })).toEqual({ ok: true });
  expect(await heard).toEqual({ from: anna.id, data: sealed });
  const refused = { ok: false, problem: { code: 'not_found' } };
  expect(await eve.emit('signal', { to: ben.id, data: sealed })).toMatchObject(refused);
  expect(await sender.emit('frame', { to: stranger.id, link: 'l', data: sealed })).toMatchObject(refused);
  expect(await sender.emit('signal', { to: ben.id, data: Buffer.alloc(65_537) })).toMatchObject({ ok: false });
  expect(await sender.emit('signal', { to: ben.id, data: 'c2VhbGVk' })).toMatchObject({ problem: { status: 400 } });
  expect(await sender.emit('drop tables', {})).toMatchObject({ problem: { code: 'unsupported' } });
  const taking: ((answer: object) => void)[] = [];
  const full = new Promise<void>((resolve) => {
    receiver.socket.on('frame', (_: unknown, taken: (answer: object) => void) => {
      taking.push(taken);
      if (taking.length === 64) resolve();
    });
  });
  const frame = { to: ben.id, link: 'l', data: sealed };
  const under = Array.from({ length: 64 }, () => sender.emit('frame', frame));
  await full;
  expect(await sender.emit('frame', frame)).toMatchObject({ problem: { code: 'busy' } });
  for (const taken of taking) taken({ ok: true });
  for (const answer of await Promise.all(under)) expect(answer).toEqual({ ok: true });
  receiver.close();
  await room.host.ask('GET', `/api/v1/rooms/${room.id}`);
  for (const one of [sender, eve]) one.close();
});

test('who stops reading is sent nothing more, holds up nobody, and is cut off in the end', async () => {
  const other = await openRoom(url);
  const [carl, dora] = [await other.join('Carl'), await other.join('Dora')];
  const [sender, deaf] = await Promise.all([carl.connect(), dora.connect()]);
  const { transport } = deaf.socket.io.engine as unknown as { transport: { ws: { _socket: { pause(): void } } } };
  transport.ws._socket.pause();
  const data = Buffer.alloc(65_536);
  let refusal: Answer<object> = { ok: true };
  for (let sent = 0; sent < 2_000 && refusal.ok; sent++) {
    refusal = await sender.emit<object>('signal', { to: dora.id, data });
  }
  expect(refusal).toMatchObject({ problem: { code: 'busy' } });
  const path = `/api/v1/rooms/${other.id}/members/${carl.id}`;
  for (let round = 0; round < 10; round++) {
    const changes = Array.from({ length: 60 }, () =>
      other.host.ask('PUT', path, { permissions: { canShareFiles: true } }),
    );
    expect((await Promise.all(changes)).every(({ status }) => status === 200)).toBe(true);
  }
  expect(await sender.emit('signal', { to: dora.id, data })).toMatchObject({ problem: { code: 'unreachable' } });
  for (const one of [sender, deaf]) one.close();
});

test('nothing of a room but its figures is told to whoever may read the ledger’s events, the audit or the metrics', async () => {
  const fred = await room.join('Fred');
  const { token: memberToken } = fred;
  await fred.ask('POST', `/api/v1/rooms/${room.id}/leave`);
  const [events, metrics] = await Promise.all([rig.ask('/api/v1/events?limit=1000'), rig.ask('/metrics')]);
  const text = (await events.text()) + (await metrics.clone().text());
  for (const secret of [memberToken, anna.token, room.joinKey, 'secret plan', 'Fred', 'Rushes']) {
    expect([secret, text.includes(secret)]).toEqual([secret, false]);
  }
  const told = await metrics.text();
  expect(told).toMatch(/^wherry_rooms [1-9]/m);
  expect(told).toMatch(/^wherry_room_transfers\{state="pending"\} 1/m);
  expect(told).toMatch(/^wherry_room_refused_joins_total [1-9]/m);
  expect(text).toContain('observation.room.transfer_offered');
});
