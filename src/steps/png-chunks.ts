// Reads what a PNG says of itself without its picture: size, text chunks (tEXt, zTXt, iTXt), and which other metadata it holds.

import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';
import { inflateSync } from 'node:zlib';
import { errnoFault } from '../endpoints/errno.ts';
import { pathBytes } from '../model/names.ts';
import type { LocalFile } from '../model/processing.ts';

export interface PngText {
  readonly keyword: string;
  readonly text: string;
}

export interface Png {
  readonly width: number;
  readonly height: number;
  readonly bitDepth: number;
  /** As the standard numbers it: 0 grey, 2 RGB, 3 palette, 4 grey with alpha, 6 RGB with alpha. */
  readonly colourType: number;
  /** In the order of the file. Those that are broken, or larger than this reads, are left out. */
  readonly texts: readonly PngText[];
  /** True where there is more than pixels and text: EXIF, a colour profile, a time. */
  readonly hasMore: boolean;
}

const signature = '89504e470d0a1a0a';
/** Of one text, packed or not, and of all. A text that unpacks to more is a bomb, or no prompt. */
const mostTextBytes = 8 * 1024 * 1024;
const mostAllBytes = 16 * 1024 * 1024;
/** So many chunks are looked at; a picture of a normal size has some hundreds. */
const mostChunks = 200_000;
const moreChunks = new Set(['eXIf', 'iCCP', 'tIME', 'zxIf', 'caBX']);

/**
 * Chunk by chunk as the PNG specification (third edition, 5.3 and 11.3.3) lays them out; undefined where it is none. Chunks after the one
 * where it breaks are not seen. Throws a Fault where the file cannot be read.
 */
export function readPng(file: LocalFile): Png | undefined {
  const attempt = { operation: 'read', path: file.path };
  let fd: number;
  try {
    fd = openSync(Buffer.from(pathBytes(file.path)), constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    throw errnoFault(error, attempt);
  }
  try {
    return chunksOf(fd, fstatSync(fd).size);
  } catch (error) {
    throw errnoFault(error, attempt);
  } finally {
    closeSync(fd);
  }
}

function chunksOf(fd: number, sizeBytes: number): Png | undefined {
  const read = (at: number, length: number): Buffer | undefined => {
    const buffer = Buffer.alloc(length);
    return readSync(fd, buffer, 0, length, at) === length ? buffer : undefined;
  };
  const start = read(0, 33);
  if (start?.toString('hex', 0, 8) !== signature || start.toString('latin1', 12, 16) !== 'IHDR') return undefined;
  const texts: PngText[] = [];
  let hasMore = false;
  let leftBytes = mostAllBytes;
  for (let at = 33, count = 0; at + 12 <= sizeBytes && count < mostChunks; count++) {
    const head = read(at, 8);
    if (head === undefined) break;
    const length = head.readUInt32BE(0);
    const type = head.toString('latin1', 4, 8);
    if (type === 'IEND' || at + 12 + length > sizeBytes) break;
    if (moreChunks.has(type)) hasMore = true;
    if (isText(type) && length <= Math.min(mostTextBytes, leftBytes)) {
      const data = read(at + 8, length);
      const found = data === undefined ? undefined : textOf(type, data, leftBytes);
      if (found !== undefined) {
        texts.push(found.text);
        leftBytes -= found.bytes;
      }
    }
    at += 12 + length;
  }
  return {
    width: start.readUInt32BE(16),
    height: start.readUInt32BE(20),
    bitDepth: start[24] ?? 0,
    colourType: start[25] ?? 0,
    texts,
    hasMore,
  };
}

function isText(type: string): boolean {
  return type === 'tEXt' || type === 'zTXt' || type === 'iTXt';
}

function textOf(type: string, data: Buffer, mostBytes: number): { text: PngText; bytes: number } | undefined {
  const end = data.indexOf(0);
  // The standard allows 79 bytes of Latin-1.
  if (end < 1 || end > 79) return undefined;
  const keyword = data.toString('latin1', 0, end);
  const bytes = contentOf(type, data.subarray(end + 1), Math.min(mostTextBytes, mostBytes));
  return bytes === undefined ? undefined : { text: { keyword, text: decoded(bytes, type) }, bytes: bytes.length };
}

function contentOf(type: string, rest: Buffer, mostBytes: number): Buffer | undefined {
  if (type === 'tEXt') return rest;
  if (type === 'zTXt') return rest[0] === 0 ? inflated(rest.subarray(1), mostBytes) : undefined;
  const [flag, method] = rest;
  const language = rest.indexOf(0, 2);
  const translated = language < 0 ? -1 : rest.indexOf(0, language + 1);
  if (translated < 0) return undefined;
  const text = rest.subarray(translated + 1);
  if (flag === 0) return text;
  return flag === 1 && method === 0 ? inflated(text, mostBytes) : undefined;
}

function inflated(packed: Buffer, mostBytes: number): Buffer | undefined {
  try {
    return inflateSync(packed, { maxOutputLength: Math.max(1, mostBytes) });
  } catch {
    return undefined;
  }
}

const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder('utf-8', { ignoreBOM: true });

/** tEXt and zTXt are Latin-1 by the standard, but many programs write UTF-8 there, which is hardly ever also sensible Latin-1. */
function decoded(bytes: Buffer, type: string): string {
  try {
    return strict.decode(bytes);
  } catch {
    return type === 'iTXt' ? lenient.decode(bytes) : bytes.toString('latin1');
  }
}
