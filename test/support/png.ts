// PNGs with whatever chunks a test wants, whole or hostile.

import { crc32, deflateSync } from 'node:zlib';

export interface PngChunk {
  readonly type: string;
  readonly data: Uint8Array;
}

export function chunk(type: string, data: Uint8Array): PngChunk {
  return { type, data };
}

/** `latin1` is what the standard says of tEXt; many write UTF-8. */
export function tEXt(keyword: string, text: string, encoding: BufferEncoding = 'utf8'): PngChunk {
  return chunk('tEXt', Buffer.concat([Buffer.from(`${keyword}\0`, 'latin1'), Buffer.from(text, encoding)]));
}

export function zTXt(keyword: string, text: string | Uint8Array): PngChunk {
  return chunk('zTXt', Buffer.concat([Buffer.from(`${keyword}\0\0`, 'latin1'), deflateSync(text)]));
}

export function iTXt(keyword: string, text: string, { packed = false } = {}): PngChunk {
  const head = Buffer.from(`${keyword}\0${packed ? '\u0001' : '\0'}\0en\0${keyword}\0`, 'utf8');
  return chunk('iTXt', Buffer.concat([head, packed ? deflateSync(text) : Buffer.from(text)]));
}

/** Grey pixels, with chunks between header and picture. */
export function makePng(chunks: readonly PngChunk[] = [], { width = 64, height = 48 } = {}): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header[8] = 8;
  const rows = Buffer.alloc((width + 1) * height, 128);
  for (let row = 0; row < height; row++) rows[row * (width + 1)] = 0;
  const all = [chunk('IHDR', header), ...chunks, chunk('IDAT', deflateSync(rows)), chunk('IEND', new Uint8Array())];
  return Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), ...all.map(bytesOf)]);
}

function bytesOf({ type, data }: PngChunk): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
