// What follows from a room's secret, which only those who have the link know: the key that lets in, and the keys that seal.

import { sha256Hex, subtle } from './whole-hash.ts';

/** Shown to the server by whoever joins; the server knows its hash since the room was made. 32 bytes. */
export function joinKeyOf(secret: Uint8Array, roomId: string): Promise<Uint8Array<ArrayBuffer>> {
  return deriveBytes(secret, utf8(roomId), 'wherry room join 1');
}

/** What the server is told when the room is made (hex). */
export async function joinHashOf(secret: Uint8Array, roomId: string): Promise<string> {
  return sha256Hex(await joinKeyOf(secret, roomId));
}

/** Seals what members tell each other through the server (seal.ts). 32 bytes. */
export function roomKeyOf(secret: Uint8Array, roomId: string): Promise<Uint8Array<ArrayBuffer>> {
  return deriveBytes(secret, utf8(roomId), 'wherry room seal 1');
}

/** HKDF-SHA256 (RFC 5869), 32 bytes. */
export async function deriveBytes(
  secret: Uint8Array,
  salt: Uint8Array,
  info: string,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await subtle().deriveBits(hkdf(salt, info), await imported(secret), 256));
}

/** As `deriveBytes`, as a key of AES-256-GCM that cannot be read out again. */
export async function deriveAesKey(secret: Uint8Array, salt: Uint8Array, info: string) {
  return subtle().deriveKey(hkdf(salt, info), await imported(secret), { name: 'AES-GCM', length: 256 }, false, [
    'encrypt',
    'decrypt',
  ]);
}

/** base64url without padding. */
export function toBase64Url(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Inverse of `toBase64Url`; throws for what is none. */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (character) => character.charCodeAt(0));
}

function hkdf(salt: Uint8Array, info: string) {
  return { name: 'HKDF', hash: 'SHA-256', salt: salt as Uint8Array<ArrayBuffer>, info: utf8(info) };
}

function imported(secret: Uint8Array) {
  return subtle().importKey('raw', secret as Uint8Array<ArrayBuffer>, 'HKDF', false, ['deriveBits', 'deriveKey']);
}

function utf8(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text);
}
