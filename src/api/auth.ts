// Tokens, sessions and one-time links: made, checked by their hashes, and ended.

import { createHash, randomBytes } from 'node:crypto';
import type { Clock, NewId } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { CreatedToken, Scope, TokenView } from '../model/views.ts';
import type { Caller } from './caller.ts';
import type { Documents } from './documents.ts';
import { isoTime } from './present.ts';

const tokenCollection = 'api.tokens';
const sessionCollection = 'api.sessions';
const sessionMs = 30 * 24 * 3_600_000;
const startLinkMs = 24 * 3_600_000;
const linkMs = 10 * 60_000;
const mostLinks = 100;

interface TokenRecord {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

interface SessionRecord {
  readonly hash: string;
  readonly createdAt: number;
  readonly expiresAt: number;
}

export interface OpenedSession {
  readonly caller: Caller;
  /** The cookie's value. */
  readonly secret: string;
  readonly maxAgeSeconds: number;
}

export interface Auth {
  /** Who holds this bearer token; undefined where nobody does. */
  byToken(token: string): Caller | undefined;
  bySession(secret: string): Caller | undefined;
  /** True for a token that a person chose and that might be guessed. */
  isGuessable(token: string): boolean;
  /** Another token of the configuration, or none; streams that the old one opened end. */
  replaceAdminToken(token: string | undefined): void;
  createToken(wish: {
    name: string;
    scopes: readonly Scope[];
    expiresInDays?: number | undefined;
  }): Promise<CreatedToken>;
  /** Rejects with `not_found`. */
  revokeToken(id: string): Promise<void>;
  tokens(): readonly TokenView[];
  /** A one-time secret for the console. The one made at start holds for a day, others for ten minutes. */
  createLink(kind: 'start' | 'asked'): { readonly secret: string; readonly expiresAt: number };
  /** Rejects with `not_authenticated`: unknown, used or too old. */
  openSession(secret: string): Promise<OpenedSession>;
  closeSession(caller: Caller): Promise<void>;
  /** Called with the id of a caller whose token or session has ended. Returns how to stop listening. */
  onEnded(listener: (callerId: string) => void): () => void;
}

/**
 * Reads what the ledger holds of tokens and sessions. `adminToken` (WHERRY_TOKEN) and `localToken` are never written anywhere by this module.
 * Secrets of our own making have 256 random bits, so their plain SHA-256 gives nothing away.
 */
export async function openAuth(parts: {
  documents: Documents;
  clock: Clock;
  newId: NewId;
  adminToken?: string | undefined;
  localToken: string;
}): Promise<Auth> {
  const { documents, clock, newId } = parts;
  const tokensByHash = new Map<string, TokenRecord>();
  const sessionsByHash = new Map<string, SessionRecord>();
  const links = new Map<string, number>();
  const listeners = new Set<(callerId: string) => void>();
  const fixed = new Map<string, Caller>([[hashOf(parts.localToken), adminCaller('local', "this machine's own token")]]);
  let adminHash: string | undefined;
  const setAdminToken = (token: string | undefined) => {
    if (adminHash !== undefined) fixed.delete(adminHash);
    adminHash = token === undefined || token === '' ? undefined : hashOf(token);
    if (adminHash !== undefined) fixed.set(adminHash, adminCaller('admin', 'WHERRY_TOKEN'));
  };
  setAdminToken(parts.adminToken);
  for (const { value } of await documents.list(tokenCollection)) {
    const record = value as TokenRecord;
    tokensByHash.set(record.hash, record);
  }
  for (const { key, value } of await documents.list(sessionCollection)) {
    const record = value as SessionRecord;
    if (record.expiresAt > clock.now()) sessionsByHash.set(record.hash, record);
    else await documents.remove(sessionCollection, key);
  }

  const ended = (callerId: string) => {
    for (const listener of [...listeners]) listener(callerId);
  };

  return {
    byToken(token) {
      const hash = hashOf(token);
      const always = fixed.get(hash);
      if (always !== undefined) return always;
      const record = tokensByHash.get(hash);
      if (record === undefined || (record.expiresAt !== null && record.expiresAt <= clock.now())) return undefined;
      return { kind: 'token', id: record.id, name: record.name, scopes: record.scopes, expiresAt: record.expiresAt };
    },
    bySession(secret) {
      const record = sessionsByHash.get(hashOf(secret));
      return record === undefined || record.expiresAt <= clock.now() ? undefined : consoleCaller(record);
    },
    isGuessable: (token) => !/^wherry_[\w-]{43}$/.test(token) && token.length < 22,
    replaceAdminToken(token) {
      setAdminToken(token);
      ended('admin');
    },
    async createToken({ name, scopes, expiresInDays }) {
      const token = `wherry_${newSecret()}`;
      const createdAt = clock.now();
      const record: TokenRecord = {
        id: newId(),
        name,
        scopes: [...new Set(scopes)],
        hash: hashOf(token),
        createdAt,
        expiresAt: expiresInDays === undefined ? null : Math.round(createdAt + expiresInDays * 24 * 3_600_000),
      };
      await documents.put(tokenCollection, record.id, record);
      tokensByHash.set(record.hash, record);
      return { ...tokenView(record), token };
    },
    async revokeToken(id) {
      const record = [...tokensByHash.values()].find((token) => token.id === id);
      if (record === undefined) throw new Fault('not_found', `There is no token ${id}.`);
      tokensByHash.delete(record.hash);
      ended(record.id);
      await documents.remove(tokenCollection, record.id);
    },
    tokens: () => [...tokensByHash.values()].sort((a, b) => a.createdAt - b.createdAt).map(tokenView),
    createLink(kind) {
      for (const [hash, expiresAt] of links)
        if (expiresAt <= clock.now() || links.size >= mostLinks) links.delete(hash);
      const secret = newSecret();
      const expiresAt = clock.now() + (kind === 'start' ? startLinkMs : linkMs);
      links.set(hashOf(secret), expiresAt);
      return { secret, expiresAt };
    },
    async openSession(secret) {
      const hash = hashOf(secret);
      const expiresAt = links.get(hash);
      links.delete(hash);
      if (expiresAt === undefined || expiresAt <= clock.now()) {
        throw new Fault(
          'not_authenticated',
          'This sign-in link has been used already or is too old; ask the daemon for a new one with `wherry console`.',
        );
      }
      const session = newSecret();
      const createdAt = clock.now();
      const record: SessionRecord = { hash: hashOf(session), createdAt, expiresAt: createdAt + sessionMs };
      await documents.put(sessionCollection, record.hash, record);
      sessionsByHash.set(record.hash, record);
      return { caller: consoleCaller(record), secret: session, maxAgeSeconds: sessionMs / 1000 };
    },
    async closeSession(caller) {
      const record = [...sessionsByHash.values()].find((session) => consoleCaller(session).id === caller.id);
      if (record === undefined) return;
      sessionsByHash.delete(record.hash);
      ended(caller.id);
      await documents.remove(sessionCollection, record.hash);
    },
    onEnded(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** 256 random bits, base64url. */
export function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function hashOf(secret: string): string {
  return createHash('sha256').update(secret, 'utf8').digest('hex');
}

function adminCaller(id: string, name: string): Caller {
  return { kind: 'token', id, name, scopes: ['admin'], expiresAt: null };
}

function consoleCaller(record: SessionRecord): Caller {
  return {
    kind: 'console',
    id: `console-${record.hash.slice(0, 32)}`,
    name: 'the console',
    scopes: ['admin'],
    expiresAt: record.expiresAt,
  };
}

function tokenView(record: TokenRecord): TokenView {
  return {
    id: record.id,
    name: record.name,
    scopes: [...record.scopes],
    createdAt: isoTime(record.createdAt),
    expiresAt: record.expiresAt === null ? null : isoTime(record.expiresAt),
  };
}
