// What ends, waits and goes on in a room by itself: offers, silence, people who go away and come back.

import { afterEach, expect, test } from 'vitest';
import { roomsConfigSchema } from '../../../src/model/room-config.ts';
import { openRoomsRig, type RoomsRig, type TestMember } from '../../support/rooms-rig.ts';

let rig: RoomsRig;
let anna: TestMember;
let ben: TestMember;
afterEach(() => rig.close());

async function open(...wishes: Parameters<typeof openRoomsRig>) {
  rig = await openRoomsRig(...wishes);
  [anna, ben] = [await rig.join('Anna'), await rig.join('Ben')];
  anna.connect();
  ben.connect();
}

const seconds = (count: number) => rig.clock.advance(count * 1000);
const says = (received: number, id: string) => rig.rooms.progress(ben.id, id, { received });

test('an offer that nobody accepts ends after its time, and not before', async () => {
  await open({ times: { offerSeconds: 60 } });
  const id = await rig.offer(anna, ben);
  await seconds(58);
  expect(rig.state(id, anna)).toBe('pending');
  await seconds(3);
  expect([rig.state(id, anna), rig.error(id, anna)]).toEqual([
    'cancelled',
    'expired: Nobody accepted it within 60 seconds.',
  ]);
  expect(ben.heard.map(({ type }) => type)).toContain('FILE_SHARE_CANCEL');
});

test('both are there and nothing moves for 30 s: cancelled with timeout; while it moves it is never ended', async () => {
  await open({ times: { idleSeconds: 20 } });
  const id = await rig.begin(anna, ben);
  for (let chunk = 1; chunk <= 6; chunk++) {
    await seconds(15);
    says(chunk, id);
  }
  expect(rig.state(id, anna)).toBe('active');
  await seconds(19);
  says(6, id);
  await seconds(2);
  expect(rig.error(id, anna)).toMatch(/^expired: Nothing moved for 20 seconds/);
  const other = await rig.begin(anna, ben);
  await seconds(18);
  expect(rig.state(other, anna)).toBe('active');
});

test('silence is 30 s by default, told to both', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  await seconds(28);
  expect(rig.state(id, anna)).toBe('active');
  await seconds(3);
  expect(rig.error(id, anna)).toMatch(/^timeout: /);
  for (const one of [anna, ben]) {
    expect(one.heard.find(({ type }) => type === 'FILE_SHARE_CANCEL')?.payload.error).toMatch(/^timeout/);
  }
});

test('where a scanner has the last word, its silence is waited for, too', async () => {
  await open({ times: { silenceSeconds: 5 }, relay: { scan: { quietSeconds: 10 } } }, { inspection: 'server' });
  const id = await rig.begin(anna, ben);
  await seconds(13);
  expect(rig.state(id, anna)).toBe('active');
  await seconds(4);
  expect(rig.error(id, anna)).toMatch(/^timeout/);
});

test('the relay’s bytes count as movement, too', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  await seconds(20);
  rig.rooms.gate.moved(id);
  await seconds(20);
  expect(rig.state(id, anna)).toBe('active');
});

test('the times are those of the guide, unless the configuration says otherwise', () => {
  const { times, maxFile, runningTransfers, runningPerMember, members, chunkSize } = roomsConfigSchema.parse({});
  expect(times).toMatchObject({ presenceSeconds: 30, replaySeconds: 300, offerSeconds: 3600, idleSeconds: 3600 });
  expect(times).toMatchObject({ silenceSeconds: 30, senderSeconds: 300 });
  expect([maxFile, runningTransfers, runningPerMember, members, chunkSize]).toEqual([500_000_000, 10, 5, 50, 65_536]);
});

test('the sender goes: paused, and goes on by itself when it is back', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  anna.leave();
  await seconds(3);
  expect(rig.state(id, ben)).toBe('active');
  await seconds(4);
  expect(rig.state(id, ben)).toBe('paused');
  expect(rig.rooms.transfer(rig.roomId, ben.me, id)).toMatchObject({ paused_by: null, away: ['sender'] });
  await expect(rig.rooms.resume(rig.roomId, ben.me, id)).rejects.toMatchObject({ code: 'state_conflict' });
  await seconds(20);
  ben.connect();
  anna.connect();
  await rig.settled();
  expect(rig.state(id, ben)).toBe('active');
  expect(ben.heard.map(({ type }) => type)).toContain('FILE_SHARE_RESUME');
});

test('the sender stays away: cancelled after its time, offers too', async () => {
  await open({ times: { senderSeconds: 40 } });
  const id = await rig.begin(anna, ben);
  const offered = await rig.offer(anna, ben);
  anna.leave();
  await seconds(37);
  expect([rig.state(id, ben), rig.state(offered, ben)]).toEqual(['paused', 'pending']);
  await seconds(5);
  expect([rig.error(id, ben), rig.error(offered, ben)]).toEqual([
    expect.stringMatching(/^sender_gone/),
    expect.stringMatching(/^sender_gone/),
  ]);
});

test('the receiver goes: paused as long as it takes, up to the hour of a transfer that stands still', async () => {
  await open({ times: { idleSeconds: 60, senderSeconds: 20 } });
  const id = await rig.begin(anna, ben);
  says(3, id);
  ben.leave();
  await seconds(50);
  expect(rig.state(id, anna)).toBe('paused');
  ben.connect();
  await rig.settled();
  expect(rig.state(id, anna)).toBe('active');
  expect(says(4, id).chunks_received).toBe(4);
});

test('what a person has paused does not go on when somebody comes back, and what both waited for goes on once', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  await rig.rooms.pause(rig.roomId, ben.me, id);
  ben.leave();
  await seconds(10);
  ben.connect();
  await rig.settled();
  expect(rig.state(id, anna)).toBe('paused');
  ben.leave();
  await seconds(10);
  // A person's pause can be taken back while somebody is away; then only they are waited for.
  await rig.rooms.resume(rig.roomId, anna.me, id);
  expect(rig.state(id, anna)).toBe('paused');
  ben.connect();
  await rig.settled();
  expect(rig.state(id, anna)).toBe('active');
});

test('presence: shown as away 30 s after the last sign, and as there at the next', async () => {
  await open();
  const present = () => rig.rooms.get(rig.roomId, anna.me).members.find(({ id }) => id === ben.id)?.present;
  ben.leave();
  await seconds(28);
  expect(present()).toBe(true);
  await seconds(3);
  expect(present()).toBe(false);
  expect(anna.heard.find(({ type }) => type === 'PRESENCE')?.payload).toMatchObject({ id: ben.id, present: false });
  rig.rooms.get(rig.roomId, ben.me);
  expect(present()).toBe(true);
  await rig.settled();
  expect(anna.heard.findLast(({ type }) => type === 'PRESENCE')?.payload).toMatchObject({ id: ben.id, present: true });
});

test('who comes back in time is told what it missed, in order; later it is told that some is gone', async () => {
  await open({ times: { replaySeconds: 30 } });
  const last = anna.heard.at(-1)?.seq ?? rig.rooms.get(rig.roomId, anna.me).seq;
  anna.leave();
  const ids = [await rig.offer(ben, anna), await rig.offer(ben, anna), await rig.offer(ben, anna)];
  await seconds(25);
  const { missed, gap } = anna.connect(last);
  const offers = missed.filter(({ type }) => type === 'FILE_SHARE_OFFER').map(({ payload }) => payload.transfer_id);
  expect([offers, gap]).toEqual([ids, false]);
  expect(missed.map(({ seq }) => seq)).toEqual(missed.map(({ seq }) => seq).sort((one, other) => one - other));
  anna.leave();
  await seconds(32);
  expect(anna.connect(last).gap).toBe(true);
});

test('a new member is told nothing of what was before its time', async () => {
  await open();
  await rig.offer(anna, ben);
  const carl = await rig.join('Carl');
  expect(carl.connect(0).missed.map(({ type }) => type)).toEqual(['MEMBER_JOINED']);
});

test('the operator sets the clock by years: nothing ends that would not have ended', async () => {
  await open();
  const id = await rig.begin(anna, ben);
  const offered = await rig.offer(anna, ben);
  rig.clock.setBack(-2 * 365 * 24 * 3_600_000);
  says(1, id);
  await seconds(5);
  expect([rig.state(id, anna), rig.state(offered, anna)]).toEqual(['active', 'pending']);
  rig.clock.setBack(3 * 365 * 24 * 3_600_000);
  says(2, id);
  await seconds(5);
  expect([rig.state(id, anna), rig.state(offered, anna)]).toEqual(['active', 'pending']);
});

test('a room that nobody has come to for its days is removed', async () => {
  await open({ times: { forgetDays: 1 } });
  for (const one of [anna, ben, rig.host]) one.leave();
  await seconds(40);
  rig.clock.setBack(-25 * 3_600_000);
  await seconds(20);
  expect(() => rig.rooms.get(rig.roomId, anna.me)).toThrow(/no such room/);
});
