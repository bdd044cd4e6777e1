// Signing in to the console and out, and the tokens.

import { Fault } from '../../model/fault.ts';
import type { SessionView } from '../../model/views.ts';
import type { Caller } from '../caller.ts';
import { isoTime } from '../present.ts';
import { route } from '../route.ts';

export const accessRoutes = [
  route('getSession', (_, __, { caller }) => Promise.resolve(sessionView(known(caller)))),
  route('openSession', async ({ body }, { auth, cookie }, { reply }) => {
    const session = await auth.openSession(body.secret);
    cookie.set(reply, session.secret, session.maxAgeSeconds);
    return sessionView(session.caller);
  }),
  route('closeSession', async (_, { auth, cookie }, { caller, reply }) => {
    await auth.closeSession(known(caller));
    cookie.clear(reply);
    return undefined;
  }),
  route('createSessionLink', (_, { auth, url }) => {
    const { secret, expiresAt } = auth.createLink('asked');
    return Promise.resolve({ url: consoleLink(url(), secret), expiresAt: isoTime(expiresAt) });
  }),
  route('listTokens', (_, { auth }) => Promise.resolve({ rows: [...auth.tokens()] })),
  route('createToken', ({ body }, { auth }) => auth.createToken(body)),
  route('revokeToken', async ({ params }, { auth }) => {
    await auth.revokeToken(params.id);
    return undefined;
  }),
];

/** The secret stands in the fragment: browsers send it to nobody, and previews that fetch the link don't use it up. */
export function consoleLink(url: string, secret: string): string {
  return `${url}/#secret=${secret}`;
}

function known(caller: Caller | undefined): Caller {
  if (caller === undefined) throw new Fault('not_authenticated', 'Nobody is signed in.');
  return caller;
}

function sessionView(caller: Caller): SessionView {
  return {
    kind: caller.kind === 'console' ? 'console' : 'token',
    name: caller.name,
    scopes: [...caller.scopes],
    expiresAt: caller.expiresAt === null ? null : isoTime(caller.expiresAt),
  };
}
