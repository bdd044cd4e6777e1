// A daemon that is started again in mid transfer: members come back with their tokens, numbers go on, and what the system paused goes on.

import { afterEach, expect, test } from 'vitest';
import { openRoomsRig, type RoomsRig, type TestMember } from '../../support/rooms-rig.ts';

let rig: RoomsRig;
let anna: TestMember;
let ben: TestMember;
afterEach(() => rig.close());

async function open(config: Parameters<typeof openRoomsRig>[0] = {}) {
  rig = await openRoomsRig(config);
  [anna, ben] = [await rig.join('Anna'), await rig.join('Ben')];
  anna.connect();
  ben.connect();
}

test('a transfer is paused until both are back with their tokens, and goes on from what had arrived', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  rig.rooms.progress(ben.id, id, { received: 2 });
  await rig.clock.advance(6_000);
  rig.rooms.progress(ben.id, id, { received: 5 });
  await rig.settled();
  const last = ben.heard.at(-1)?.seq ?? 0;
  await rig.restart();
  expect(rig.rooms.memberByToken(anna.token)?.memberId).toBe(anna.id);
  expect(rig.rooms.memberByToken(`${anna.token}x`)).toBeUndefined();
  // Both have asked for something: they are there.
  anna.connect();
  await rig.rooms.setMember(rig.roomId, rig.host.me, rig.host.id, { permissions: { canShareFiles: true } });
  expect(rig.rooms.get(rig.roomId, anna.me).transfers).toMatchObject([
    { transfer_id: id, status: 'paused', paused_by: null, away: ['receiver'], chunks_received: 5 },
  ]);
  const { missed } = ben.connect(last);
  expect(missed.map(({ type }) => type)).toContain('FILE_SHARE_PAUSE');
  for (const { seq } of missed) expect(seq).toBeGreaterThan(last);
  await rig.settled();
  expect(rig.state(id, anna)).toBe('active');
  expect(rig.rooms.progress(ben.id, id, { received: 6 }).chunks_received).toBe(6);
  expect(() => rig.rooms.progress(ben.id, id, { received: 4 })).toThrow(/cannot be/);
  const sum = 'd'.repeat(64);
  await rig.rooms.declare(anna.id, id, sum);
  expect(await rig.rooms.complete(ben.id, id, sum)).toMatchObject({ status: 'completed', checksum: sum });
});

test('what a person has paused stays paused, offers keep what is left of their time, and who stays away is waited for so long', async () => {
  await open({ times: { offerSeconds: 50, senderSeconds: 30 } });
  const paused = await rig.begin(anna, ben);
  await rig.rooms.pause(rig.roomId, ben.me, paused);
  const offered = await rig.offer(ben, anna);
  await rig.clock.advance(40_000);
  await rig.restart();
  ben.connect();
  anna.connect();
  await rig.settled();
  expect([rig.state(paused, anna), rig.state(offered, ben)]).toEqual(['paused', 'pending']);
  await rig.clock.advance(12_000);
  expect(rig.error(offered, ben)).toMatch(/^expired/);
  await rig.restart();
  ben.connect();
  await rig.clock.advance(27_000);
  expect(rig.state(paused, ben)).toBe('paused');
  await rig.clock.advance(5_000);
  expect(rig.error(paused, ben)).toMatch(/^sender_gone/);
});

test('messages of before are told after it, and numbers never come twice', async () => {
  await open();
  const from = ben.heard.at(-1)?.seq ?? rig.rooms.get(rig.roomId, ben.me).seq;
  ben.leave();
  const ids = [await rig.offer(anna, ben), await rig.offer(anna, ben)];
  const before = rig.rooms.get(rig.roomId, anna.me).seq;
  await rig.restart();
  const { missed } = ben.connect(from);
  const offers = missed.filter(({ type }) => type === 'FILE_SHARE_OFFER');
  expect(offers.map(({ payload }) => payload.transfer_id)).toEqual(ids);
  anna.connect();
  await rig.offer(anna, ben);
  expect(ben.heard.at(-1)?.seq).toBeGreaterThan(before);
});

test('every fact of a room is in the ledger, without a file’s name', async () => {
  await open();
  const id = await rig.begin(anna, ben, { filename: 'secret plan.mov' });
  await rig.rooms.pause(rig.roomId, anna.me, id);
  await rig.rooms.resume(rig.roomId, anna.me, id);
  await rig.rooms.declare(anna.id, id, 'e'.repeat(64));
  await rig.rooms.complete(ben.id, id, 'e'.repeat(64));
  await rig.rooms.leave(rig.roomId, ben.me);
  await rig.rooms.close(rig.roomId, rig.host.me);
  const { events } = await rig.store.events({ limit: 1000 });
  expect(events.map(({ name }) => name.replace('observation.room.', ''))).toEqual([
    ...['created', 'member_joined', 'member_joined', 'member_joined', 'transfer_offered', 'transfer_accepted'],
    ...['transfer_paused', 'transfer_resumed', 'transfer_completed', 'member_left', 'closed'],
  ]);
  expect(events.every(({ data }) => data.roomId === rig.roomId)).toBe(true);
  expect(JSON.stringify(events)).not.toContain('secret plan');
  for (const collection of ['rooms', 'rooms.transfers', 'rooms.messages']) {
    expect([collection, await rig.store.documents(collection)]).toEqual([collection, []]);
  }
});

test('ended transfers are remembered up to a number, and their rows go with them', async () => {
  await open({ keptTransfers: 3 });
  for (let count = 0; count < 6; count++) {
    const id = await rig.offer(anna, ben);
    await rig.rooms.reject(rig.roomId, ben.me, id, null);
  }
  await rig.offer(anna, ben);
  const known = rig.rooms.transfers(anna.me);
  expect(known.map(({ status }) => status)).toEqual(['cancelled', 'cancelled', 'cancelled', 'pending']);
  expect((await rig.store.documents('rooms.transfers')).length).toBe(4);
});
