// Who is signed in: the one-time secret of a link's fragment is exchanged for a cookie that scripts cannot read.

import { create } from 'zustand';
import { asFault } from '../src/model/fault.ts';
import { api } from './api.ts';

interface SessionState {
  readonly kind: 'asking' | 'signed-in' | 'signed-out' | 'unreachable';
  /** Why signing in did not work, in a sentence. */
  readonly why: string | undefined;
}

export const useSession = create<SessionState>()(() => ({ kind: 'asking', why: undefined }));

/** The secret in a fragment such as `#secret=…` or `#…`, or in a whole link that was pasted. */
export function secretIn(text: string): string | undefined {
  const fragment = text.slice(text.indexOf('#') + 1).trim();
  const named = new URLSearchParams(fragment).get('secret');
  const secret = named ?? fragment;
  return /^[\w-]{16,200}$/.test(secret) ? secret : undefined;
}

/** Takes the secret out of the address at once, so that it is neither kept in the history nor sent twice. */
export async function signInByLink(): Promise<void> {
  const secret = secretIn(window.location.hash);
  if (secret !== undefined) {
    window.history.replaceState(null, '', window.location.pathname + window.location.search);
    if (await signIn(secret)) return;
    const { why } = useSession.getState();
    await askSession();
    if (useSession.getState().kind === 'signed-out') useSession.setState({ why });
    return;
  }
  await askSession();
}

/** Resolves with false where the secret is not taken; the reason is then in the session's state. */
export async function signIn(secret: string): Promise<boolean> {
  try {
    await api.call('openSession', { body: { secret } });
    useSession.setState({ kind: 'signed-in', why: undefined });
    return true;
  } catch (error) {
    const fault = asFault(error);
    const why =
      fault.code === 'not_authenticated' ? 'This link has been used already, or it is too old.' : fault.message;
    useSession.setState({ kind: 'signed-out', why });
    return false;
  }
}

export async function askSession(): Promise<void> {
  try {
    await api.call('getSession');
    useSession.setState({ kind: 'signed-in', why: undefined });
  } catch (error) {
    const fault = asFault(error);
    const out = fault.code === 'not_authenticated' || fault.code === 'not_authorised';
    useSession.setState(out ? { kind: 'signed-out', why: undefined } : { kind: 'unreachable', why: fault.message });
  }
}

export async function signOut(): Promise<void> {
  try {
    await api.call('closeSession');
  } finally {
    useSession.setState({ kind: 'signed-out', why: undefined });
  }
}

/** The daemon says that the session has ended. */
export function sessionEnded(): void {
  useSession.setState({ kind: 'signed-out', why: 'The session has ended.' });
}
