// Invites as people paste them: read in one place, and shown without their secret.

import { describe, expect, it } from 'vitest';
import { formatInvite, inviteWithoutSecret, parseInvite } from '../../src/model/room-invite.ts';

const secret = 'A'.repeat(43);

describe('an invite to a room', () => {
  it('is read as it was written', () => {
    const invite = { server: 'https://studio.example:7373', roomId: 'dailies-1', secret };
    expect(parseInvite(formatInvite(invite))).toEqual(invite);
    expect(parseInvite(` ${formatInvite(invite)}\n`)).toEqual(invite);
  });

  it.each([
    ['dailies', 'it is no address'],
    [`ftp://host/rooms/a#${secret}`, 'it begins with ftp:'],
    [`https://host/room/a#${secret}`, 'it names no room'],
    [`https://host/rooms/a/b#${secret}`, 'it names no room'],
    [`https://host/rooms/a%2Fb#${secret}`, 'it names no room'],
    ['https://host/rooms/a', 'its secret, which follows the #, is missing'],
    ['https://host/rooms/a#short', 'what follows the # is no secret of a room'],
  ])('%s is refused, and it is said why', (text, why) => {
    expect(() => parseInvite(text)).toThrowError(expect.objectContaining({ code: 'invalid' }));
    expect(() => parseInvite(text)).toThrowError(why);
  });

  it('is shown without its secret', () => {
    expect(inviteWithoutSecret(`https://host/rooms/a#${secret}`)).toBe('https://host/rooms/a');
  });
});
