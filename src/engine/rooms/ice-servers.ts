// STUN and TURN servers as a member's browser takes them; where the server shares a secret with us, with a password of the member's own.

import { createHmac } from 'node:crypto';
import type { IceServerView } from '../../model/room-config.ts';

/** As the configuration names it, its files read. */
export interface IceServerSettings {
  readonly urls: readonly string[];
  readonly username?: string | undefined;
  readonly credential?: string | undefined;
  readonly secret?: string | undefined;
}

const passwordSeconds = 24 * 3600;

/** Passwords by draft-uberti-behave-turn-rest: the name says until when they hold. */
export function iceServersFor(
  servers: readonly IceServerSettings[],
  memberId: string,
  nowMs: number,
): readonly IceServerView[] {
  return servers.map(({ urls, username, credential, secret }) => {
    const list = [...urls];
    if (secret !== undefined) {
      const name = `${Math.floor(nowMs / 1000) + passwordSeconds}:${memberId}`;
      return { urls: list, username: name, credential: createHmac('sha1', secret).update(name).digest('base64') };
    }
    return {
      urls: list,
      ...(username === undefined ? {} : { username }),
      ...(credential === undefined ? {} : { credential }),
    };
  });
}
