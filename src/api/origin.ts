// Which hosts and origins a request may come by: the defence against DNS rebinding and against pages of other sites.

import { isIP } from 'node:net';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

export interface OriginRules {
  /** Where the API listens. */
  readonly listenHost: string;
  /** True where the API itself speaks TLS. */
  readonly secure: boolean;
  /** Further names under which it may be addressed, without port. */
  readonly allowedHosts: readonly string[];
  /** Foreign origins (`https://desk.example`) whose pages may ask with a token. */
  readonly allowedOrigins: readonly string[];
}

export interface RequestHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
}

/** `none`: no page sent it. `own`: the console's own page. `allowed`: a page of an origin that the configuration lists. */
export type OriginKind = 'none' | 'own' | 'allowed';

/**
 * Rejects with `not_authorised`: a Host that is not ours, an Origin that is not allowed.
 * A name can be made to point here by anyone (DNS rebinding), an address cannot; so beyond loopback every address is taken, but no unknown name.
 */
export function checkOrigin(headers: RequestHeaders, rules: OriginRules): OriginKind {
  const host = (headers.host ?? '').toLowerCase();
  if (!hostAllowed(hostName(host), rules)) {
    throw new Fault(
      'not_authorised',
      `The host ${shown(host)} is not one of this daemon's names; add it to \`allowedHosts:\` if it should be.`,
    );
  }
  if (headers.origin === undefined) return 'none';
  const origin = headers.origin.toLowerCase();
  const own = rules.secure ? [`https://${host}`] : [`http://${host}`, `https://${host}`];
  if (own.includes(origin)) return 'own';
  if (isAllowedOrigin(origin, rules)) return 'allowed';
  throw new Fault(
    'not_authorised',
    `Pages of ${shown(headers.origin)} may not talk to this daemon; add it to \`allowedOrigins:\` if they should.`,
  );
}

export function isAllowedOrigin(origin: string, { allowedOrigins }: Pick<OriginRules, 'allowedOrigins'>): boolean {
  return allowedOrigins.some((allowed) => allowed.toLowerCase().replace(/\/$/, '') === origin.toLowerCase());
}

function hostAllowed(name: string, rules: OriginRules): boolean {
  if (name === '') return false;
  if (name === 'localhost' || isLoopback(name)) return true;
  if (!isLoopback(rules.listenHost) && rules.listenHost !== 'localhost' && isIP(name) !== 0) return true;
  return [rules.listenHost, ...rules.allowedHosts].some((allowed) => allowed.toLowerCase() === name);
}

/** The name in a Host header, without port, brackets and a closing dot; '' where it is no name. */
function hostName(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([a-z0-9._-]+))(?::\d{1,5})?$/.exec(host);
  return (match?.[1] ?? match?.[2] ?? '').replace(/\.$/, '');
}

/** Of addresses and `localhost`; other names are not looked up. */
export function isLoopback(host: string): boolean {
  if (host === 'localhost') return true;
  return isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === '::ffff:127.0.0.1';
}

function shown(text: string): string {
  return text === '' ? '(none)' : displayPath(text.slice(0, 200));
}
