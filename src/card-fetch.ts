// Requests of this user's own commands to a daemon that speaks TLS: whom they take for the daemon follows from its calling card.

import type { IncomingMessage } from 'node:http';
import type { PeerCertificate } from 'node:tls';
import type { DaemonCard } from './daemon-file.ts';

/**
 * `fetch` for the daemon of this card. A self-made certificate must be the very one on the card; a given one must be good for the host in
 * the card's address or, where it does not hold that (a loopback address mostly), for the first name that it does hold. Rejects as `fetch`
 * does, with the TLS error as its cause. Takes what the API's client sends: a text as body, plain headers, a signal; follows no redirect.
 */
export function fetchByCard(card: Pick<DaemonCard, 'certificate' | 'selfMade'>): typeof fetch {
  const { certificate } = card;
  if (certificate === undefined) return fetch;
  return async (input, init) => {
    try {
      return await ask(new URL(String(input)), init ?? {}, certificate, card.selfMade === true);
    } catch (error) {
      throw new TypeError('fetch failed', { cause: error });
    }
  };
}

async function ask(url: URL, init: RequestInit, pem: string, selfMade: boolean): Promise<Response> {
  // Most commands talk to no TLS: it is not loaded at start-up.
  const https = process.getBuiltinModule('node:https');
  const tls = process.getBuiltinModule('node:tls');
  const { X509Certificate } = process.getBuiltinModule('node:crypto');
  const { Readable } = process.getBuiltinModule('node:stream');
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const own = new X509Certificate(certificates[0] ?? pem);
  const asked = url.hostname.replace(/^\[|\]$/g, '');
  const holdsAsked = (isAddress(asked) ? own.checkIP(asked) : own.checkHost(asked)) !== undefined;
  const host = holdsAsked ? asked : (/DNS:([^,\s"]+)/.exec(own.subjectAltName ?? '')?.[1] ?? asked);
  const judge = (_: string, peer: PeerCertificate): Error | undefined => {
    if (!selfMade) return tls.checkServerIdentity(host, peer);
    if (peer.fingerprint256 === own.fingerprint256) return undefined;
    return Object.assign(new Error('Another certificate than the daemon’s own is shown.'), { code: 'ERR_TLS_PINNED' });
  };
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const request = https.request(url, {
    method: init.method ?? 'GET',
    headers: init.headers as Record<string, string>,
    agent: false,
    ca: selfMade ? [pem] : [...tls.getCACertificates('default'), ...certificates],
    allowPartialTrustChain: true,
    servername: isAddress(host) ? '' : host,
    checkServerIdentity: judge,
    ...(init.signal == null ? {} : { signal: init.signal }),
  });
  request.on('response', resolve);
  request.on('error', reject);
  request.end(init.body == null ? undefined : String(init.body));
  const answer = await promise;
  const headers = Object.entries(answer.headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((each): [string, string] => [name, each]),
  );
  const status = answer.statusCode ?? 0;
  const isEmpty = status === 204 || status === 304;
  if (isEmpty) answer.resume();
  const body = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>);
  return new Response(body, { status, statusText: answer.statusMessage ?? '', headers });
}

function isAddress(host: string): boolean {
  return process.getBuiltinModule('node:net').isIP(host) !== 0;
}
