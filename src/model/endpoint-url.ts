// Addresses of endpoints: plain paths and URLs, read and written in one way.

import { Fault } from './fault.ts';
import { displayPath, joinPath, pathBytes, pathFromBytes } from './names.ts';

export type EndpointScheme = 'file' | 'ssh' | 'docker' | 's3' | 'device' | 'room' | 'mem' | 'generated';

export interface EndpointAddress {
  readonly scheme: EndpointScheme;
  /** `user@host:port`, container, bucket, device id, `job@host` of a room, or the name of a memory place; '' for files. */
  readonly authority: string;
  /** Absolute for `file`; otherwise without a leading `/`. Not percent-encoded. */
  readonly path: string;
  /** What follows `?` (settings of `generated://`). */
  readonly query: Readonly<Record<string, string>>;
}

const schemes = new Set<string>(['file', 'ssh', 'docker', 's3', 'device', 'room', 'mem', 'generated']);

/** Reads an address. A plain path is taken relative to `workingFolder`. Rejects with `invalid`. */
export function parseEndpoint(text: string, workingFolder = '/'): EndpointAddress {
  if (text === '') throw new Fault('invalid', 'An empty path names no place.');
  const match = /^([a-z][a-z0-9+.-]*):\/\/([^/?]*)(\/[^?]*)?(?:\?(.*))?$/s.exec(text);
  if (match === null) return { scheme: 'file', authority: '', path: resolvePath(workingFolder, text), query: {} };
  const [, scheme = '', authority = '', path = '', query = ''] = match;
  if (!schemes.has(scheme)) {
    throw new Fault('invalid', `${displayPath(text)} has a scheme that Wherry does not know: ${scheme}.`);
  }
  if (/(^|@)-/.test(authority))
    throw new Fault('invalid', `${displayPath(text)} has a host or user that begins with "-".`);
  if (scheme === 'file') {
    if (authority !== '' && authority !== 'localhost') {
      throw new Fault('invalid', `${displayPath(text)} names another host; mount the share or use ssh://.`);
    }
    return { scheme: 'file', authority: '', path: resolvePath('/', decode(path)), query: {} };
  }
  return {
    scheme: scheme as EndpointScheme,
    authority,
    path: decode(path).replace(/^\/+/, ''),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

/** The one written form; `parseEndpoint` reads it back. Files are written as plain absolute paths. */
export function formatEndpoint(address: EndpointAddress): string {
  if (address.scheme === 'file') return address.path;
  const path = address.path.split('/').map(encode).join('/');
  const query = new URLSearchParams(address.query).toString();
  return `${address.scheme}://${address.authority}/${path}${query === '' ? '' : `?${query}`}`;
}

/** The written form of what lies at `path` in a place. */
export function addressBelow(place: string, path: string): string {
  const address = parseEndpoint(place);
  const whole = joinPath(address.path.replace(/\/+$/, ''), path);
  return formatEndpoint({
    ...address,
    path: address.scheme === 'file' && !whole.startsWith('/') ? `/${whole}` : whole,
  });
}

/** Percent-encodes one part by its bytes, so that names that are not UTF-8 survive. */
function encode(part: string): string {
  if (part.isWellFormed()) return encodeURIComponent(part);
  return Array.from(pathBytes(part), (byte) => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`).join('');
}

function decode(path: string): string {
  if (!path.includes('%')) return path;
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) {
    throw new Fault('invalid', `${displayPath(path)} has a percent sign that encodes nothing; write it as %25.`);
  }
  const plain = pathBytes(path);
  const bytes: number[] = [];
  for (let at = 0; at < plain.length; at++) {
    const byte = plain[at] ?? 0;
    if (byte !== 0x25) bytes.push(byte);
    else {
      bytes.push(Number.parseInt(String.fromCharCode(plain[at + 1] ?? 0, plain[at + 2] ?? 0), 16));
      at += 2;
    }
  }
  if (bytes.includes(0)) throw new Fault('invalid', `${displayPath(path)} holds a NUL.`);
  return pathFromBytes(Uint8Array.from(bytes));
}

/** Absolute, without `.`, `..`, doubled or trailing slashes; purely by text. */
function resolvePath(workingFolder: string, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${workingFolder}/${path}`).split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') parts.pop();
    else parts.push(part);
  }
  return `/${parts.join('/')}`;
}
