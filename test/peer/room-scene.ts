// Clients of a room in one process, against a real API: each with files in memory.

import { randomBytes } from 'node:crypto';
import { openRoom } from '../../src/peer/open-room.ts';
import type { RoomClient, RoomTransfer } from '../../src/peer/room-client.ts';
import { joinHashOf } from '../../src/peer/room-keys.ts';
import { nodeHash } from './session-rig.ts';

export interface Scene {
  readonly roomId: string;
  readonly secret: Uint8Array;
  enter(name: string, more?: Partial<Parameters<typeof openRoom>[0]>): Promise<RoomClient>;
  close(): Promise<void>;
}

/** A room made by whoever holds the admin token; `url` is asked anew each time. */
export async function roomScene(
  url: () => string,
  adminToken: string,
  wish: { inspection?: 'none' | 'server'; relay?: boolean } = {},
): Promise<Scene> {
  const secret = randomBytes(32);
  const roomId = `room-${randomBytes(6).toString('hex')}`;
  const response = await fetch(`${url()}/api/v1/rooms`, {
    method: 'POST',
    headers: { authorization: `Bearer ${adminToken}`, 'content-type': 'application/json' },
    body: JSON.stringify({ id: roomId, name: 'Rushes', joinHash: await joinHashOf(secret, roomId), ...wish }),
  });
  if (!response.ok) throw new Error(`No room was made: ${response.status} ${await response.text()}`);
  const clients: RoomClient[] = [];
  return {
    roomId,
    secret,
    async enter(name, more = {}) {
      const client = await openRoom({
        server: url(),
        roomId,
        secret,
        name,
        kind: 'daemon',
        newHash: nodeHash,
        ...more,
      });
      clients.push(client);
      await viewed(client, ({ connection }) => connection === 'open');
      return client;
    },
    async close() {
      for (const client of clients) await client.close();
    },
  };
}

/** Resolves with what `pick` gives once it is neither undefined nor false. */
export function seen<Found>(
  client: RoomClient,
  pick: (client: RoomClient) => Found | undefined | false,
): Promise<Found> {
  return new Promise((resolve) => {
    const look = () => {
      const found = pick(client);
      if (found === undefined || found === false) return false;
      resolve(found);
      return true;
    };
    if (look()) return;
    const stop = client.subscribe(() => {
      if (look()) stop();
    });
  });
}

export function viewed(client: RoomClient, holds: (view: RoomClient['view']) => boolean): Promise<true> {
  return seen(client, ({ view }) => (holds(view) ? true : undefined));
}

export function reached(
  client: RoomClient,
  id: string,
  holds: (transfer: RoomTransfer) => boolean,
): Promise<RoomTransfer> {
  return seen(client, ({ view }) => view.transfers.find((each) => each.id === id && holds(each)));
}
