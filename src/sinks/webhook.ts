// Events by HTTP as Standard Webhooks (https://www.standardwebhooks.com): each message signed, one attempt a call, no redirect followed.

import { createHmac } from 'node:crypto';
import { type ClientRequest, request as plainRequest } from 'node:http';
import { request as tlsRequest } from 'node:https';
import { asFault, Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { SinkOptions } from './index.ts';
import { publicLookup, requirePublicHost } from './public-address.ts';
import type { Sink, SinkAnswer, SinkCall, SinkMessage } from './sink.ts';

/** The specification: 15 to 30 s. */
const answerMs = 15_000;
const mostAnswerBytes = 4_096;

/** Bad request, content too large, unsupported media type, unprocessable content (RFC 9110). */
const finalStatuses: ReadonlySet<number> = new Set([400, 413, 415, 422]);

/** A refusal, with what the receiver answered. */
export class NotTaken extends Fault {
  readonly status: number;
  /** How long the receiver asks to be left alone (`Retry-After` of a 429 or 503); null where it does not. */
  readonly retryAfterMs: number | null;
  /** It is the message that the receiver does not take; another attempt brings the same. */
  readonly isFinal: boolean;

  constructor(status: number, message: string, retryAfterMs: number | null = null) {
    super('not_taken', message);
    this.status = status;
    this.retryAfterMs = retryAfterMs;
    this.isFinal = finalStatuses.has(status);
  }
}

/** Rejects with `invalid`: the address or the secret is none. */
export function webhookSink({ url: text, secret, allowPrivate }: SinkOptions): Sink {
  const url = webhookUrl(text);
  const key = secretKey(secret);
  return {
    send: async (message, call) => {
      if (!allowPrivate) requirePublicHost(url.hostname);
      return post(url, message, { ...call, key, allowPrivate });
    },
  };
}

/** Rejects with `invalid`: not http or https, or with a user's name or password in it. */
export function webhookUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol)) {
    throw new Fault('invalid', `"${displayPath(text)}" is no http or https address.`);
  }
  if (url.username !== '' || url.password !== '') {
    throw new Fault('invalid', 'A webhook’s address holds no name or password: messages are signed instead.');
  }
  return url;
}

/** The bytes of `whsec_…`. Rejects with `invalid`: the specification asks for 24 to 64 of them. */
export function secretKey(secret: string): Buffer {
  const base64 = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret)?.[1] ?? '';
  const key = Buffer.from(base64, 'base64');
  if (key.length < 24 || key.length > 64) {
    throw new Fault('invalid', 'A webhook’s secret is whsec_ and 24 to 64 bytes in base64.');
  }
  return key;
}

/** `v1,` and the HMAC-SHA256 of `id.timestamp.payload` in base64. */
export function signature(key: Buffer, { id, payload }: SinkMessage, timestamp: number): string {
  return `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${payload}`).digest('base64')}`;
}

function post(
  url: URL,
  message: SinkMessage,
  { signal, now, key, allowPrivate }: SinkCall & { readonly key: Buffer; readonly allowPrivate: boolean },
): Promise<SinkAnswer> {
  const timestamp = Math.floor(now / 1000);
  const { promise, resolve, reject } = Promise.withResolvers<SinkAnswer>();
  const ask = url.protocol === 'https:' ? tlsRequest : plainRequest;
  const late = AbortSignal.timeout(answerMs);
  const request: ClientRequest = ask(url, {
    method: 'POST',
    agent: false,
    signal: AbortSignal.any([signal, late]),
    ...(allowPrivate ? {} : { lookup: publicLookup }),
    headers: {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(message.payload),
      'user-agent': 'Wherry',
      'webhook-id': message.id,
      'webhook-timestamp': String(timestamp),
      'webhook-signature': signature(key, message, timestamp),
    },
  });
  const fail = (error: Error) => {
    if (signal.aborted) reject(asFault(signal.reason));
    else if (late.aborted) reject(new Fault('timeout', `${url.host} did not answer within ${answerMs / 1000} s.`));
    else if (error instanceof Fault) reject(error);
    else {
      const why = 'code' in error ? String(error.code) : error.message;
      reject(new Fault('network', `${url.host} could not be asked (${displayPath(why)}).`, { cause: error }));
    }
  };
  request.on('error', fail);
  request.on('response', (response) => {
    const status = response.statusCode ?? 0;
    let bytes = 0;
    response.on('error', fail);
    // What it says is of no interest; but a connection that is cut before its end might not have been an answer.
    response.on('data', (piece: Buffer) => {
      bytes += piece.length;
      if (bytes > mostAnswerBytes) response.destroy();
    });
    response.on('close', () => {
      if (!response.complete && bytes <= mostAnswerBytes) fail(new Error('the answer broke off'));
      else if (status >= 200 && status < 300) resolve({ status });
      else {
        const asksForTime = status === 429 || status === 503;
        const wait = asksForTime ? retryAfterMs(response.headers['retry-after'], Date.now()) : null;
        reject(new NotTaken(status, refusalText(url.host, status), wait));
      }
    });
  });
  request.end(message.payload);
  return promise;
}

/** Of a `Retry-After` (RFC 9110, 10.2.3): seconds, or a date in HTTP's form; null where it is neither. */
export function retryAfterMs(value: string | undefined, now: number): number | null {
  const text = value?.trim() ?? '';
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  const at = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)
    ? Date.parse(text)
    : Number.NaN;
  return Number.isNaN(at) ? null : Math.max(0, at - now);
}

function refusalText(host: string, status: number): string {
  if (status >= 300 && status < 400)
    return `${host} answered ${status}: redirects are not followed, name the final address.`;
  return `${host} answered ${status}.`;
}
