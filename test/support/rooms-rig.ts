// Rooms on a real ledger and a clock that only a test moves: members, their connections, and a restart.

import { createHash, randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { z } from 'zod';
import { createRooms } from '../../src/engine/rooms/create-rooms.ts';
import type { RoomConnection, Rooms } from '../../src/engine/rooms/rooms.ts';
import { idSource, systemClock, systemRandom } from '../../src/model/clock.ts';
import type { FaultReport } from '../../src/model/fault.ts';
import { roomsConfigSchema } from '../../src/model/room-config.ts';
import type { OfferBody, RoomMessage } from '../../src/model/room-contract.ts';
import type { CreateRoomBody } from '../../src/model/room-views.ts';
import { createRoomBodySchema } from '../../src/model/room-views.ts';
import { openSqliteStore } from '../../src/store/sqlite-store.ts';
import type { Store } from '../../src/store/store.ts';
import { type FakeClock, fakeClock } from './fake-clock.ts';

export interface TestMember {
  readonly id: string;
  readonly token: string;
  readonly me: { readonly memberId: string };
  readonly heard: RoomMessage[];
  readonly ended: FaultReport[];
  connection: RoomConnection | undefined;
  connect(after?: number): RoomConnection;
  leave(): void;
}

export interface RoomsRig {
  readonly rooms: Rooms;
  readonly store: Store;
  readonly clock: FakeClock;
  readonly joinKey: string;
  readonly roomId: string;
  readonly host: TestMember;
  /** Warnings of the log. */
  readonly troubles: object[];
  join(name: string, roomId?: string): Promise<TestMember>;
  offer(from: TestMember, to: TestMember, more?: Partial<OfferBody>): Promise<string>;
  /** Offered and accepted. */
  begin(from: TestMember, to: TestMember, more?: Partial<OfferBody>): Promise<string>;
  state(id: string, of: TestMember): string;
  error(id: string, of: TestMember): string | null;
  /** What was asked for so far has been written. */
  settled(): Promise<void>;
  /** The process ends and another one takes up what the ledger holds; members keep their tokens. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

export async function openRoomsRig(
  config: z.input<typeof roomsConfigSchema> = {},
  wish: Partial<CreateRoomBody> = {},
): Promise<RoomsRig> {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-rooms-'));
  const clock = fakeClock();
  const newId = idSource(systemClock, systemRandom);
  const troubles: object[] = [];
  const say = (details: object) => void troubles.push(details);
  const quiet = () => undefined;
  const settings = roomsConfigSchema.parse(config);
  const open = async () => {
    const store = await openSqliteStore({ folder, clock });
    const log = { debug: quiet, info: quiet, warn: say, error: say };
    const rooms = createRooms({ store, clock, newId, settings, log });
    await rooms.start();
    return { store, rooms };
  };
  let { store, rooms } = await open();
  const secret = randomBytes(32);
  const joinKey = secret.toString('base64url');
  const roomId = 'a-room';
  const joinHash = createHash('sha256').update(secret).digest('hex');
  const memberOf = (id: string, token: string): TestMember => {
    const member: TestMember = {
      ...{ id, token, me: { memberId: id }, heard: [], ended: [], connection: undefined },
      connect(after) {
        const listener = {
          message: (message: RoomMessage) => void member.heard.push(message),
          ended: (why: FaultReport) => void member.ended.push(why),
        };
        member.connection = rooms.connect(member.me, after === undefined ? {} : { after }, listener);
        return member.connection;
      },
      leave: () => member.connection?.close(),
    };
    return member;
  };
  const body = createRoomBodySchema.parse({ id: roomId, name: 'Rushes', joinHash, ...wish });
  const made = await rooms.create(body, { callerId: 'token-1', name: 'desk' });
  const host = memberOf(made.member.id, made.memberToken);
  host.connect();
  const transferOf = (id: string, of: TestMember) => rooms.transfer(roomId, of.me, id);
  const rig: RoomsRig = {
    get rooms() {
      return rooms;
    },
    get store() {
      return store;
    },
    ...{ clock, joinKey, roomId, host, troubles },
    async join(name, id = roomId) {
      const joined = await rooms.join(
        id,
        { joinKey, name, kind: 'browser' },
        { address: `address of ${name}`, callerId: null },
      );
      return memberOf(joined.member.id, joined.memberToken);
    },
    async offer(from, to, more) {
      const wished = { receiver_id: to.id, filename: `${newId()}.mov`, file_size: 655_360, mime_type: null, ...more };
      return (await rooms.offer(roomId, from.me, wished)).transfer_id;
    },
    async begin(from, to, more) {
      const id = await rig.offer(from, to, more);
      await rooms.accept(roomId, to.me, id);
      return id;
    },
    state: (id, of) => {
      const { status, queued } = transferOf(id, of);
      return queued ? 'queued' : status;
    },
    error: (id, of) => transferOf(id, of).error,
    async settled() {
      // A change that is written after all others that were asked for before it.
      await rooms.setMember(roomId, host.me, host.id, { permissions: { canShareFiles: true } });
    },
    async restart() {
      await rooms.stop();
      await store.close();
      ({ store, rooms } = await open());
    },
    async close() {
      await rooms.stop();
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return rig;
}
