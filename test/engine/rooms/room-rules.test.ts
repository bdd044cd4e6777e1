// What members of a room may and may not: roles, limits, quotas, types, floods; each rule with what it would let through without it.

import { afterEach, expect, test } from 'vitest';
import { Fault } from '../../../src/model/fault.ts';
import { openRoomsRig, type RoomsRig, type TestMember } from '../../support/rooms-rig.ts';

let rig: RoomsRig;
let anna: TestMember;
let ben: TestMember;
afterEach(() => rig.close());

async function open(config: Parameters<typeof openRoomsRig>[0] = {}, wish: Parameters<typeof openRoomsRig>[1] = {}) {
  rig = await openRoomsRig(config, wish);
  [anna, ben] = [await rig.join('Anna'), await rig.join('Ben')];
  anna.connect();
  ben.connect();
}

const code = async (promise: Promise<unknown>) =>
  promise.then(
    () => 'taken',
    (error: { code: string }) => error.code,
  );
const typeOf = (filename: string, mime_type: string | null = null) =>
  code(rig.offer(anna, ben, { filename, mime_type }));

test('the 51st member is told ROOM_FULL, and gets in once somebody has left', async () => {
  await open();
  for (let count = 3; count < 50; count++) await rig.join(`member ${count}`);
  await expect(rig.join('one more')).rejects.toMatchObject({ code: 'room_full', message: /^ROOM_FULL/ });
  await rig.rooms.leave(rig.roomId, ben.me);
  expect((await rig.join('one more')).id).toBeDefined();
});

test('ten run in a room and five of a member; the next begin as others end, oldest first', async () => {
  await open();
  const others = await Promise.all(['C', 'D', 'E', 'F'].map((name) => rig.join(name)));
  for (const one of others) one.connect();
  const own: string[] = [];
  for (let count = 0; count < 7; count++) own.push(await rig.begin(anna, ben));
  const states = (ids: readonly string[], of: TestMember) => ids.map((id) => rig.state(id, of));
  expect(states(own, anna)).toEqual([...Array(5).fill('active'), 'queued', 'queued']);
  const [carl, dora, emil, fred] = others as [TestMember, TestMember, TestMember, TestMember];
  const more: string[] = [];
  for (let count = 0; count < 4; count++) more.push(await rig.begin(carl, dora));
  for (let count = 0; count < 2; count++) more.push(await rig.begin(emil, fred));
  expect(states(more.slice(0, 4), carl)).toEqual(Array(4).fill('active'));
  expect(states(more.slice(4), emil)).toEqual(['active', 'queued']);
  expect(() => rig.rooms.progress(ben.id, own[5] ?? '', { received: 1 })).toThrow(/queued/);
  await rig.rooms.cancel(rig.roomId, ben.me, own[2] ?? '');
  expect(states(own, anna)).toEqual(['active', 'active', 'cancelled', 'active', 'active', 'active', 'queued']);
  expect(rig.state(more[5] ?? '', emil)).toBe('queued');
  await rig.rooms.pause(rig.roomId, carl.me, more[0] ?? '');
  expect(rig.state(more[5] ?? '', emil)).toBe('active');
  expect(anna.heard.filter(({ type }) => type === 'FILE_SHARE_START').length).toBe(6);
});

test('a room may have less than the server allows, and never more', async () => {
  await open({ maxFile: 1000 }, { limits: { maxFileBytes: 10_000, runningTransfers: 1 } });
  const { limits } = rig.rooms.get(rig.roomId, anna.me);
  expect(limits).toMatchObject({ maxFileBytes: 1000, runningTransfers: 1, runningPerMember: 5 });
  expect(await code(rig.offer(anna, ben, { file_size: 1001 }))).toBe('too_large');
  const first = await rig.begin(anna, ben, { file_size: 1000 });
  const second = await rig.begin(anna, ben, { file_size: 999 });
  expect([rig.state(first, anna), rig.state(second, anna)]).toEqual(['active', 'queued']);
});

test('programs are refused by ending and by type, however they are dressed; what the owner allows is taken', async () => {
  await open();
  for (const name of ['a.exe', 'A.EXE', 'holiday.jpg.scr', 'a.exe.', 'b.ps1 ', 'c.sh', 'd.jar', 'e.lnk', 'f/g.bat']) {
    expect([name, await typeOf(name)]).toEqual([name, 'type_refused']);
  }
  expect(await typeOf('film.mov', 'application/x-msdownload; charset=binary')).toBe('type_refused');
  expect(await typeOf('film.mov', 'APPLICATION/X-SH')).toBe('type_refused');
  expect(await typeOf('exe')).toBe('taken');
  expect(await typeOf('film.executive')).toBe('taken');
  rig.rooms.adjust({ ...rig.rooms.settings, types: { allow: ['*/*'], deny: [], executables: true } });
  expect(await typeOf('a.exe')).toBe('taken');
});

test('types: only what is on the list, and nothing that is on the other', async () => {
  await open({ types: { allow: ['image/*', 'video/*'], deny: ['image/svg+xml'] } });
  expect(await typeOf('a.jpg')).toBe('taken');
  expect(await typeOf('b.dat', 'video/mp4')).toBe('taken');
  expect(await typeOf('c.svg')).toBe('type_refused');
  expect(await typeOf('d.pdf')).toBe('type_refused');
  expect(await typeOf('nothing is said')).toBe('type_refused');
});

test('the same offer twice is refused until the first has ended; two acceptances at once are one', async () => {
  await open();
  const wish = { filename: 'a.mov', file_size: 655_360 };
  const id = await rig.offer(anna, ben, wish);
  expect(await code(rig.offer(anna, ben, wish))).toBe('state_conflict');
  expect(await code(rig.offer(anna, ben, { ...wish, file_size: 1 }))).toBe('taken');
  const accepting = () => code(rig.rooms.accept(rig.roomId, ben.me, id));
  expect((await Promise.all([accepting(), accepting(), accepting()])).sort()).toEqual([
    'state_conflict',
    'state_conflict',
    'taken',
  ]);
  expect(await code(rig.rooms.accept(rig.roomId, rig.host.me, id))).toBe('not_authorised');
  await rig.rooms.cancel(rig.roomId, anna.me, id);
  expect(await code(rig.offer(anna, ben, wish))).toBe('taken');
});

test('only sender and receiver touch a transfer, and each only as it may', async () => {
  await open();
  const id = await rig.offer(anna, ben);
  const { rooms, roomId, host } = rig;
  const verbs = ['accept', 'pause', 'resume', 'cancel'] as const;
  for (const verb of verbs) expect(await code(rooms[verb](roomId, host.me, id))).toBe('not_authorised');
  expect(await code(rooms.accept(roomId, anna.me, id))).toBe('not_authorised');
  expect(await code(rooms.reject(roomId, anna.me, id, null))).toBe('not_authorised');
  expect(() => rooms.transfer(roomId, host.me, id)).toThrow(/between its sender and its receiver/);
  await rooms.accept(roomId, ben.me, id);
  expect(() => rooms.progress(anna.id, id, { received: 1 })).toThrow(/only its receiver/);
  expect(() => rooms.progress(ben.id, id, { received: 11 })).toThrow(/cannot be/);
  rooms.progress(ben.id, id, { received: 4 });
  expect(() => rooms.progress(ben.id, id, { received: 3 })).toThrow(/cannot be/);
  expect(await code(rooms.complete(anna.id, id, 'a'.repeat(64)))).toBe('not_authorised');
  expect(await code(rooms.declare(ben.id, id, 'a'.repeat(64)))).toBe('not_authorised');
  expect(await code(rooms.fail(host.id, id, 'space', null))).toBe('not_authorised');
});

test('disk full at the receiver: that transfer fails with space, both are told, and others go on', async () => {
  await open();
  const [id, other] = [await rig.begin(anna, ben), await rig.begin(anna, ben)];
  await rig.rooms.fail(ben.id, id, 'space', 'The disk is full.');
  expect([rig.error(id, anna), rig.state(id, anna), rig.state(other, anna)]).toEqual([
    ...['space: The disk is full.', 'failed', 'active'],
  ]);
  for (const one of [anna, ben]) {
    expect(one.heard.find(({ type }) => type === 'FILE_SHARE_CANCEL')?.payload.status).toBe('failed');
  }
});

test('people who come and go without end are held back', async () => {
  await open({ rates: { joinsPerMinute: 4 } });
  for (const name of ['Carl', 'Dora']) await rig.rooms.leave(rig.roomId, (await rig.join(name)).me);
  await expect(rig.join('Emil')).rejects.toMatchObject({ code: 'rate_limited' });
  await rig.clock.advance(61_000);
  expect((await rig.join('Emil')).id).toBeDefined();
});

test('roles: who may not share offers nothing; a moderator manages guests, and only a host makes hosts', async () => {
  await open();
  const { rooms, roomId, host } = rig;
  await rooms.setMember(roomId, host.me, anna.id, { role: 'observer' });
  expect(await code(rig.offer(anna, ben))).toBe('not_authorised');
  expect(await code(rig.offer(ben, anna))).toBe('taken');
  await rooms.setMember(roomId, host.me, anna.id, { permissions: { canShareFiles: true } });
  expect(await code(rig.offer(anna, ben))).toBe('taken');
  expect(await code(rooms.setMember(roomId, ben.me, anna.id, { role: 'observer' }))).toBe('not_authorised');
  await rooms.setMember(roomId, host.me, ben.id, { role: 'moderator' });
  expect(await code(rooms.setMember(roomId, ben.me, anna.id, { role: 'participant' }))).toBe('taken');
  expect(await code(rooms.setMember(roomId, ben.me, anna.id, { role: 'host' }))).toBe('not_authorised');
  const manage = { permissions: { canManageMembers: true } };
  expect(await code(rooms.setMember(roomId, ben.me, anna.id, manage))).toBe('not_authorised');
  expect(await code(rooms.removeMember(roomId, ben.me, host.id))).toBe('not_authorised');
  expect(await code(rooms.setMember(roomId, host.me, host.id, { role: 'observer' }))).toBe('state_conflict');
  expect(await code(rooms.close(roomId, ben.me))).toBe('not_authorised');
  expect(await code(rooms.removeMember(roomId, ben.me, anna.id))).toBe('taken');
});

test('who is removed is out at once: its token, its connection, its transfers', async () => {
  await open();
  const [given, taken] = [await rig.begin(ben, anna), await rig.offer(anna, ben)];
  await rig.rooms.removeMember(rig.roomId, rig.host.me, ben.id);
  expect(rig.rooms.memberByToken(ben.token)).toBeUndefined();
  expect(ben.ended).toMatchObject([{ code: 'not_found' }]);
  expect(() => rig.rooms.get(rig.roomId, ben.me)).toThrow(/no such room/);
  expect([rig.error(given, anna), rig.error(taken, anna)]).toEqual([
    'left: The sender has left the room.',
    'left: The receiver has left the room.',
  ]);
  expect(anna.heard.at(-1)).toMatchObject({ type: 'MEMBER_LEFT', payload: { id: ben.id, removed: true } });
});

test('the last host leaves: the eldest of the others is host; the last member leaves: the room is gone', async () => {
  await open();
  const { rooms, roomId, host } = rig;
  await rooms.leave(roomId, host.me);
  expect(rooms.get(roomId, ben.me).members).toMatchObject([
    { id: anna.id, role: 'host' },
    { id: ben.id, role: 'participant' },
  ]);
  await rooms.leave(roomId, ben.me);
  await rooms.leave(roomId, anna.me);
  expect(rooms.figures()).toMatchObject({ rooms: 0, members: 0, present: 0 });
  expect(anna.heard.at(-1)?.type).toBe('ROOM_CLOSED');
});

test('a bomb of offers: so many a minute, and so many that wait for an answer', async () => {
  await open({ rates: { offersPerMinute: 20, pendingOffers: 15 } });
  const codes: string[] = [];
  for (let count = 0; count < 22; count++) codes.push(await code(rig.offer(anna, ben)));
  expect(codes.filter((one) => one === 'taken').length).toBe(15);
  expect(codes.slice(15, 20)).toEqual(Array(5).fill('limit_reached'));
  expect(codes.slice(20)).toEqual(['rate_limited', 'rate_limited']);
  expect(await code(rig.offer(ben, anna))).toBe('taken');
  await rig.clock.advance(61_000);
  expect(await code(rig.offer(anna, ben))).toBe('limit_reached');
});

test('a flood of words is cut off for the rest of the minute; other members are not touched', async () => {
  await open({ rates: { messagesPerMinute: 30 } });
  for (let count = 0; count < 30; count++) rig.rooms.said(anna.id);
  expect(() => rig.rooms.said(anna.id)).toThrow(/Too many messages/);
  rig.rooms.said(ben.id);
  await rig.clock.advance(61_000);
  rig.rooms.said(anna.id);
});

test('wrong links: limited for their address, told to the host, and no different from a room that is not there', async () => {
  await open({ rates: { wrongCodesPerMinute: 3 } });
  const wrong = Buffer.alloc(32, 7).toString('base64url');
  const knock = (roomId: string, joinKey = wrong, address = '10.0.0.1') =>
    rig.rooms.join(roomId, { joinKey, name: 'Eve', kind: 'browser' }, { address, callerId: null }).then(
      () => 'in',
      (error: { code: string; message: string }) => `${error.code}: ${error.message}`,
    );
  const first = await knock(rig.roomId);
  expect(first).toMatch(/^not_found/);
  expect(await knock('another-room')).toBe(first);
  await knock(rig.roomId);
  await knock(rig.roomId);
  expect(await knock(rig.roomId)).toMatch(/^rate_limited/);
  // Not even the right key gets in from there now, or it could be tried as often as one likes.
  expect(await knock(rig.roomId, rig.joinKey)).toMatch(/^rate_limited/);
  expect(await knock(rig.roomId, rig.joinKey, '10.0.0.2')).toBe('in');
  await rig.settled();
  const told = (of: TestMember) => of.heard.filter(({ type }) => type === 'JOIN_REFUSED');
  expect(told(rig.host).map(({ payload }) => payload.address)).toEqual(Array(3).fill('10.0.0.1'));
  expect(told(anna)).toEqual([]);
  await rig.clock.advance(61_000);
  expect(await knock(rig.roomId, rig.joinKey)).toBe('in');
  expect(rig.rooms.figures().refusedJoins).toBe(4);
});

test('who comes back with its token is the same member; a newer connection takes the place of the older', async () => {
  await open();
  const again = await rig.rooms.join(
    rig.roomId,
    { joinKey: rig.joinKey, name: 'Anna', kind: 'browser', memberToken: anna.token },
    { address: 'elsewhere', callerId: null },
  );
  expect([again.member.id, again.memberToken]).toEqual([anna.id, anna.token]);
  anna.connect();
  expect(anna.ended).toMatchObject([{ code: 'lease_lost' }]);
  await rig.rooms.leave(rig.roomId, anna.me);
  const other = await rig.rooms.join(
    rig.roomId,
    { joinKey: rig.joinKey, name: 'Anna', kind: 'browser', memberToken: anna.token },
    { address: 'elsewhere', callerId: null },
  );
  expect(other.member.id).not.toBe(anna.id);
});

test('rooms with inspection and rooms without relay: what must not pass does not', async () => {
  await open({}, { inspection: 'server' });
  expect(() => rig.rooms.admitSignal(anna.id, ben.id)).toThrow(/nothing goes directly/);
  expect(await code(rig.rooms.admitFrame(anna.id, ben.id, 17_409))).toBe('not_authorised');
  expect(await code(rig.rooms.admitFrame(anna.id, ben.id, 100))).toBe('taken');
  expect(await code(rig.rooms.admitFrame(anna.id, 'nobody', 100))).toBe('not_found');
  expect(() => rig.rooms.gate.admits(rig.roomId)).not.toThrow();
  rig.rooms.adjust({ ...rig.rooms.settings, relay: { ...rig.rooms.settings.relay, allowed: false } });
  expect(() => rig.rooms.gate.admits(rig.roomId)).toThrow(/only the direct way/);
  expect(rig.rooms.get(rig.roomId, anna.me).relay).toBe(false);
});

test('what the room passes on is held to its bandwidth', async () => {
  await open({ relay: { bandwidth: 200_000 } });
  const begun = performance.now();
  for (let count = 0; count < 4; count++) await rig.rooms.admitFrame(anna.id, ben.id, 50_000);
  // 200,000 bytes at 200,000 a second, of which a tenth of a second may be caught up and the last need not be waited for.
  expect(performance.now() - begun).toBeGreaterThan(500);
  expect(rig.rooms.gate.bandwidth(rig.roomId)).toBeInstanceOf(SharedArrayBuffer);
});

test('a relay that has no room fails that transfer with space; it hears of every change', async () => {
  await open();
  const changed: string[] = [];
  rig.rooms.gate.onChange((id) => void changed.push(`${id} ${rig.rooms.gate.transfer(rig.roomId, id)?.state}`));
  const id = await rig.begin(anna, ben);
  expect(await rig.rooms.gate.memberOf(rig.roomId, anna.token)).toBe(anna.id);
  expect(await rig.rooms.gate.memberOf('another-room', anna.token)).toBeUndefined();
  rig.rooms.gate.opened(rig.rooms.gate.transfer(rig.roomId, id) as never, { id: 'u1', sizeBytes: 5, firstFrame: 0 });
  await rig.settled();
  expect(ben.heard.at(-2)).toMatchObject({
    type: 'FILE_SHARE_RELAY',
    payload: { transfer_id: id, upload: { id: 'u1' } },
  });
  rig.rooms.gate.failed(id, new Fault('space', 'No room in /var/lib/wherry/relay.'));
  await rig.settled();
  expect(rig.error(id, anna)).toBe('space: There is no room left on the server.');
  expect(changed).toEqual([`${id} pending`, `${id} active`, `${id} over`]);
});
