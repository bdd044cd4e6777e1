// Invites to rooms: `https://host/rooms/<id>#<secret>`. What follows the `#` stays with whoever has the link; no server is told.

import { Fault } from './fault.ts';

export interface RoomInvite {
  /** Scheme, host and port. */
  readonly server: string;
  readonly roomId: string;
  /** 32 random bytes as base64url. */
  readonly secret: string;
}

const secretPattern = /^[A-Za-z0-9_-]{43}$/;

/** Reads a link as people paste it. Rejects with `invalid`. */
export function parseInvite(text: string): RoomInvite {
  const refuse = (why: string): never => {
    throw new Fault('invalid', `This is no invite to a room: ${why}. It looks like https://host/rooms/NAME#SECRET.`);
  };
  let url: URL;
  try {
    url = new URL(text.trim());
  } catch {
    return refuse('it is no address');
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') refuse(`it begins with ${url.protocol}`);
  const [, folder, roomId = '', ...more] = url.pathname.split('/');
  if (folder !== 'rooms' || more.length > 0 || !/^[A-Za-z0-9_-]{1,100}$/.test(roomId)) refuse('it names no room');
  const secret = url.hash.slice(1);
  if (secret === '') refuse('its secret, which follows the #, is missing');
  if (!secretPattern.test(secret)) refuse('what follows the # is no secret of a room');
  return { server: url.origin, roomId, secret };
}

export function formatInvite({ server, roomId, secret }: RoomInvite): string {
  return `${server}/rooms/${roomId}#${secret}`;
}

/** As it may be shown and logged. */
export function inviteWithoutSecret(text: string): string {
  return text.replace(/#.*$/s, '');
}
