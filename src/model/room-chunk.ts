// The chunk frame of the outside contract: length of the header, header as JSON, bytes; on data channels and on the namespace `/rooms`.

import { z } from 'zod';
import { Fault } from './fault.ts';

/** The header's length stands in so many bytes, big-endian. */
const lengthBytes = 4;
const mostHeaderBytes = 4096;

export const chunkHeaderSchema = z.object({
  transfer_id: z.string().min(1).max(64),
  chunk_index: z.int().min(0),
  total_chunks: z.int().min(1),
  chunk_size: z.int().min(1).describe('Bytes of this chunk; the last one may be shorter'),
  checksum: z.string().regex(/^[0-9a-f]{64}$/, 'SHA-256 of the chunk, hex'),
});
export type ChunkHeader = z.output<typeof chunkHeaderSchema>;

export interface ChunkFrame {
  readonly header: ChunkHeader;
  /** A view of the frame it was read from. */
  readonly bytes: Uint8Array;
}

export function encodeChunkFrame(header: ChunkHeader, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const frame = new Uint8Array(lengthBytes + text.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, text.length);
  frame.set(text, lengthBytes);
  frame.set(bytes, lengthBytes + text.length);
  return frame;
}

/** Rejects with `invalid`: a frame that is cut off, or a header that is none. */
export function decodeChunkFrame(frame: Uint8Array): ChunkFrame {
  const refuse = (why: string): never => {
    throw new Fault('invalid', `This is no chunk frame: ${why}.`);
  };
  if (frame.length < lengthBytes) refuse('it has fewer than four bytes');
  const headerBytes = new DataView(frame.buffer, frame.byteOffset, frame.length).getUint32(0);
  if (headerBytes > mostHeaderBytes) refuse(`its header is said to have ${headerBytes} bytes, of at most 4096`);
  if (lengthBytes + headerBytes > frame.length) refuse('it ends inside its header');
  let header: unknown;
  try {
    header = JSON.parse(
      new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(lengthBytes, lengthBytes + headerBytes)),
    );
  } catch {
    refuse('its header is not JSON');
  }
  const read = chunkHeaderSchema.safeParse(header);
  if (!read.success) {
    const [issue] = read.error.issues;
    return refuse(`${issue?.path.join('.') ?? 'the header'}: ${issue?.message ?? 'wrong'}`);
  }
  const bytes = frame.subarray(lengthBytes + headerBytes);
  if (bytes.length !== read.data.chunk_size) {
    refuse(`it holds ${bytes.length} bytes, and its header says ${read.data.chunk_size}`);
  }
  return { header: read.data, bytes };
}
