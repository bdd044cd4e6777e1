// Brings this process into a room as a member: by the room's server alone, or directly to the others where its owner wants it so.

import { createHash } from 'node:crypto';
import type { JoinRoom } from './engine/share/share-run.ts';
import { Fault } from './model/fault.ts';
import { parseInvite } from './model/room-invite.ts';
import type { OpenRoomOptions } from './peer/open-room.ts';
import type { RoomClient } from './peer/room-client.ts';

export const joinRoom: JoinRoom = async ({ invite, name, ticket }) => {
  const { openRoom } = await import('./peer/open-room.ts');
  const { server, roomId, secret } = parseInvite(invite);
  const options: OpenRoomOptions = {
    ...{ server, roomId, secret, name, kind: 'daemon' },
    newHash: () => {
      const hash = createHash('sha256');
      return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
    },
    RTCPeerConnection: null,
    ...ticket,
  };
  const client = await openRoom(options).catch(async (error: unknown) => {
    // The room has forgotten this member; whoever has the link may come in anew.
    if (ticket === undefined || !(error instanceof Fault) || error.code !== 'not_authenticated') throw error;
    const { memberToken: _, after: __, ...anew } = options;
    return await openRoom(anew);
  });
  // Bytes that go through the server are quicker for a program; only where it passes none on is there another way to look for.
  return client.view.room.relay ? { client, release: () => undefined } : await directly(client, options);
};

async function directly(client: RoomClient, options: OpenRoomOptions): ReturnType<JoinRoom> {
  const { loadNodeWebrtc } = await import('./links/node-webrtc.ts');
  const webrtc = await loadNodeWebrtc();
  if ('unavailable' in webrtc) {
    await client.close();
    throw new Fault('unsupported', `This room passes no bytes on through its server. ${webrtc.unavailable}`);
  }
  const { ticket } = client;
  await client.close();
  const { openRoom } = await import('./peer/open-room.ts');
  const { RTCPeerConnection, cleanUp } = webrtc;
  const open = await openRoom({ ...options, ...ticket, RTCPeerConnection });
  return { client: open, release: cleanUp };
}
