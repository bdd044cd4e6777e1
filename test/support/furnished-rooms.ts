// Rooms for generated requests: those whose members are among the comers, and one of others, of which nothing may be seen.

import { createHash, randomBytes } from 'node:crypto';
import { openRoom } from './room-guests.ts';

/** What requests may name of rooms. */
export interface KnownRooms {
  /** Lets into all of them. */
  readonly joinKey: string;
  readonly joinHash: string;
  readonly ids: string[];
  readonly members: string[];
  /** Those that requests may close, leave and empty, so that the others stay. */
  readonly passing: { readonly ids: string[]; readonly members: string[] };
  /** Each after its room. */
  readonly transfers: (readonly [room: string, transfer: string])[];
}

export function noRooms(): KnownRooms {
  const key = randomBytes(32);
  const joinHash = createHash('sha256').update(key).digest('hex');
  return {
    joinKey: key.toString('base64url'),
    joinHash,
    ids: [],
    members: [],
    passing: { ids: [], members: [] },
    transfers: [],
  };
}

const lasting = 2;
const passing = 4;

/** New rooms, each with all who hold one of the tokens, the first as its host. */
export async function furnishRooms(
  url: string,
  tokens: readonly string[],
  { joinKey, joinHash, ...known }: KnownRooms,
): Promise<void> {
  for (const list of [known.ids, known.members, known.passing.ids, known.passing.members]) list.splice(0);
  known.transfers.splice(0);
  for (let at = 0; at < lasting + passing; at++) {
    const { ids, members } = at < lasting ? known : known.passing;
    const id = `furnished-${randomBytes(6).toString('hex')}`;
    const [host, ...guests] = [...tokens.slice(at % tokens.length), ...tokens.slice(0, at % tokens.length)];
    ids.push(id);
    members.push(await enter(url, '/api/v1/rooms', host, { id, name: 'A room', joinHash }));
    for (const guest of guests) {
      members.push(await enter(url, `/api/v1/rooms/${id}/join`, guest, { joinKey, name: 'A guest' }));
    }
  }
}

async function enter(url: string, path: string, token: string | undefined, body: object): Promise<string> {
  const answer = await fetch(url + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return ((await answer.json()) as { member: { id: string } }).member.id;
}

/** A room of others in which a file of that name is offered. Its ids are known to the requests; its tokens come back. */
export async function furnishForeignRoom(
  url: string,
  token: string,
  secretName: string,
  known: KnownRooms,
): Promise<string[]> {
  const room = await openRoom(() => url, { name: secretName, memberName: secretName }, token);
  const guest = await room.join(secretName);
  const wish = { receiver_id: guest.id, filename: `${secretName}.mov`, file_size: 5_000_000 };
  const { body } = await room.host.file('POST', 'offer', wish);
  known.ids.push(room.id);
  known.members.push(guest.id);
  known.transfers.push([room.id, body.transfer_id]);
  return [room.host.token, guest.token];
}
