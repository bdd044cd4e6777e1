// Who sent a request: its Host and Origin, its token or cookie, and how often it has failed.

import { windowLimit } from '../engine/window-limit.ts';
import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { Auth } from './auth.ts';
import type { Caller } from './caller.ts';
import { clientHeader } from './client-header.ts';
import { checkOrigin, type OriginKind, type OriginRules } from './origin.ts';

/** Wrong credentials from one address within a minute. */
const mostFailures = 20;

/** What is looked at of a request, whether it came by a route or by a socket. */
export interface AskerRequest {
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly method: string;
  readonly address: string;
}

export interface Access {
  /** Rejects with `not_authorised` for a Host or an Origin that is not allowed. */
  origin(request: AskerRequest): OriginKind;
  /** Undefined where no credentials came; rejects with `not_authenticated` for those that are nobody's, `rate_limited` after too many. */
  caller(request: AskerRequest, token?: string): Caller | undefined;
  /** Counts a one-time secret that was nobody's. Rejects with `rate_limited` after too many. */
  secretFailed(address: string): void;
  retryAfterSeconds(address: string): number;
}

export function openAccess(parts: {
  auth: Auth;
  clock: Clock;
  rules: OriginRules;
  cookieName: () => string;
  onFailure: () => void;
}): Access {
  const { auth, rules } = parts;
  const limit = windowLimit(parts.clock, () => mostFailures);

  const fail = (address: string) => {
    parts.onFailure();
    if (limit.exceeded(address)) throw tooMany(limit.retryAfterSeconds(address));
    limit.count(address);
  };

  const origin = ({ headers }: AskerRequest) =>
    checkOrigin({ host: single(headers.host), origin: single(headers.origin) }, rules);

  return {
    origin,
    caller(request, token) {
      const { headers, address } = request;
      const given = token ?? bearerOf(request);
      if (given !== undefined) {
        // A token that might be guessed is not even looked at from an address that guesses.
        if (auth.isGuessable(given) && limit.exceeded(address)) throw tooMany(limit.retryAfterSeconds(address));
        const caller = auth.byToken(given);
        if (caller !== undefined) return caller;
        fail(address);
        throw new Fault('not_authenticated', 'This token is not known here, or has ended.');
      }
      const cookie = cookieValue(single(headers.cookie), parts.cookieName());
      if (cookie === undefined || !sentByConsole(request, origin(request))) return undefined;
      return auth.bySession(cookie);
    },
    secretFailed: fail,
    retryAfterSeconds: (address) => limit.retryAfterSeconds(address),
  };
}

/**
 * A cookie alone proves nothing: browsers send it with what other pages ask for, too. The console's own page is known by its Origin;
 * where browsers send none (GET from the page itself), by `Sec-Fetch-Site` or by a header that a foreign page cannot set unasked.
 */
function sentByConsole({ headers, method }: AskerRequest, origin: OriginKind): boolean {
  if (origin === 'own') return true;
  if (origin !== 'none' || (method !== 'GET' && method !== 'HEAD')) return false;
  const site = single(headers['sec-fetch-site']);
  return site === undefined ? headers[clientHeader] !== undefined : site === 'same-origin' || site === 'none';
}

function tooMany(seconds: number): Fault {
  return new Fault('rate_limited', `Too many wrong tokens from this address; try again in ${seconds} s.`);
}

/** The token of a request's `Authorization: Bearer`; undefined where it has none. */
export function bearerOf({ headers }: AskerRequest): string | undefined {
  return /^Bearer +(\S+) *$/i.exec(single(headers.authorization) ?? '')?.[1];
}

function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? '').split(';')) {
    const [key, value] = pair.split('=', 2);
    if (key?.trim() === name && value !== undefined) return value.trim();
  }
  return undefined;
}

function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0];
}
