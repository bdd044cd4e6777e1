// The relay's address and headers: those of the resumable upload protocol tus 1.0 (https://tus.io/protocols/resumable-upload), and a reader's range.

import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

export const relayPath = '/api/v1/rooms/:roomId/relay';
export const uploadMediaType = 'application/offset+octet-stream';
export const tusVersion = '1.0.0';
export const tusExtensions = 'creation,termination,expiration';

/** For pages of other origins that may use the API. */
export const tusHeaders = {
  request: 'tus-resumable, upload-length, upload-metadata, upload-offset',
  response: 'location, tus-resumable, upload-length, upload-metadata, upload-offset, upload-expires, content-range',
};

/** A request whose body is read at the pace of its receivers. */
export function isRelayUpload({ method, url = '' }: Pick<IncomingMessage, 'method' | 'url'>): boolean {
  return method === 'PATCH' && /^\/api\/v1\/rooms\/[^/?]+\/relay\/[^/?]+$/.test(url.split('?', 1)[0] ?? '');
}

/** Rejects with `invalid`: no such header, or no whole number. */
export function numberIn(headers: IncomingHttpHeaders, name: string): number {
  const text = headers[name];
  if (typeof text !== 'string' || !/^\d{1,15}$/.test(text))
    throw new Fault('invalid', `The header ${name} has to be a whole number.`);
  return Number(text);
}

export interface UploadMetadata {
  readonly transferIds: readonly string[];
  readonly firstFrame: number;
  /** As it came. */
  readonly text: string;
}

const keys = ['transfer_id', 'first_frame', 'content_version', 'salt'];

/**
 * `transfer_id` (several with commas, for several receivers), `first_frame`, and what only the receivers make sense of. Rejects with
 * `invalid`: a name, type or anything else of the file is nobody's business here.
 */
export function readMetadata(text: unknown): UploadMetadata {
  if (typeof text !== 'string' || text.length > 8192)
    throw new Fault('invalid', 'Upload-Metadata has to say `transfer_id`.');
  const values = new Map<string, string>();
  for (const pair of text.split(',')) {
    const [key = '', value = '', ...more] = pair.trim().split(' ');
    if (!keys.includes(key)) {
      throw new Fault(
        'invalid',
        `Upload-Metadata holds ${displayPath(key.slice(0, 100))}; only ${keys.join(', ')} belong there, and nothing about the file.`,
      );
    }
    if (more.length > 0 || values.has(key) || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      throw new Fault('invalid', `Upload-Metadata: ${key} is not said once, in base64.`);
    values.set(key, Buffer.from(value, 'base64').toString('utf8'));
  }
  const transferIds = (values.get('transfer_id') ?? '').split(',').filter((id) => id !== '');
  const firstFrame = values.get('first_frame') ?? '0';
  if (transferIds.length === 0 || transferIds.length > 50)
    throw new Fault('invalid', 'Upload-Metadata has to say `transfer_id`, of at most 50 transfers.');
  if (!/^\d{1,12}$/.test(firstFrame)) throw new Fault('invalid', 'Upload-Metadata: first_frame is no whole number.');
  return { transferIds, firstFrame: Number(firstFrame), text };
}

/** Where reading begins; rejects with `invalid` for a range that does not go on to the end. */
export function rangeStart(header: string | undefined): number {
  if (header === undefined) return 0;
  const match = /^bytes=(\d{1,15})-$/.exec(header.trim());
  if (match?.[1] === undefined)
    throw new Fault('invalid', 'The relay gives one range, from a byte to the end: `Range: bytes=N-`.');
  return Number(match[1]);
}
