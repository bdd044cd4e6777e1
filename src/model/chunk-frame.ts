// The chunk frame: one chunk of a file as one binary message, the same on a data channel and on the socket `/rooms`.

import { z } from 'zod';
import { Fault } from './fault.ts';

/** Chunks are of 64 KiB unless a room says otherwise, within these bounds. */
export const defaultChunkBytes = 65_536;
export const minChunkBytes = 16_384;
export const maxChunkBytes = 1_048_576;
/** Longest JSON header, in bytes. */
export const maxChunkHeaderBytes = 4_096;

export const chunkHeaderSchema = z.object({
  transfer_id: z.string().min(1).max(100),
  /** From 0. */
  chunk_index: z
    .int()
    .min(0)
    .max(2 ** 40),
  total_chunks: z
    .int()
    .min(1)
    .max(2 ** 40),
  /** Bytes of this chunk. For the last one the transfer's own chunk size, which may be more, is taken as well. */
  chunk_size: z.int().min(1).max(maxChunkBytes),
  /** SHA-256 of the bytes, lower-case hexadecimal. */
  checksum: z.string().regex(/^[0-9a-f]{64}$/),
  /** Between Wherry's own sessions: which asking this chunk answers. Other clients leave it out. */
  stream: z
    .int()
    .min(0)
    .max(2 ** 40)
    .optional(),
});

export type ChunkHeader = z.infer<typeof chunkHeaderSchema>;

export interface ChunkFrame {
  readonly header: ChunkHeader;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * uint32 header length (big-endian), the header as JSON in UTF-8, the bytes. The first byte of a chunk frame is 0, since its header is short:
 * that is how a link's reader tells it from a control word, which begins with `{`.
 */
export function encodeChunk(header: ChunkHeader, bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const head = encoder.encode(JSON.stringify(header));
  const frame = new Uint8Array(4 + head.length + bytes.length);
  new DataView(frame.buffer).setUint32(0, head.length);
  frame.set(head, 4);
  frame.set(bytes, 4 + head.length);
  return frame;
}

/** The frame's parts; `bytes` is a view of the frame. Rejects with `invalid`: not a chunk frame, or one whose numbers contradict each other. */
export function decodeChunk(frame: Uint8Array): ChunkFrame {
  if (frame.length < 4) throw refused('is shorter than the length of its header');
  const headBytes = new DataView(frame.buffer, frame.byteOffset, frame.byteLength).getUint32(0);
  if (headBytes === 0 || headBytes > maxChunkHeaderBytes) {
    throw refused(`says that its header has ${headBytes} bytes (1 to ${maxChunkHeaderBytes} may be)`);
  }
  if (frame.length < 4 + headBytes) throw refused('ends within its header');
  const header = headerOf(frame.subarray(4, 4 + headBytes));
  const bytes = frame.subarray(4 + headBytes);
  if (header.chunk_index >= header.total_chunks) {
    throw refused(`has the index ${header.chunk_index} of ${header.total_chunks} chunks`);
  }
  if (bytes.length === 0 || bytes.length > header.chunk_size) {
    throw refused(`carries ${bytes.length} bytes where chunks have ${header.chunk_size}`);
  }
  if (header.chunk_index < header.total_chunks - 1 && bytes.length !== header.chunk_size) {
    throw refused(`carries ${bytes.length} bytes; only the last chunk may be shorter than ${header.chunk_size}`);
  }
  return { header, bytes };
}

/** How many chunks a file has. A file of no bytes has none. */
export function chunkCount(sizeBytes: number, chunkBytes: number): number {
  return Math.ceil(sizeBytes / chunkBytes);
}

/** How many bytes the chunk of that index has. */
export function chunkLength(index: number, sizeBytes: number, chunkBytes: number): number {
  return Math.max(0, Math.min(chunkBytes, sizeBytes - index * chunkBytes));
}

function headerOf(bytes: Uint8Array): ChunkHeader {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(bytes));
  } catch (cause) {
    throw refused('has a header that is not JSON', cause);
  }
  const parsed = chunkHeaderSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw refused(`has a header with a wrong ${issue?.path.join('.') || 'form'} (${issue?.message ?? 'not understood'})`);
}

function refused(why: string, cause?: unknown): Fault {
  return new Fault('invalid', `A chunk frame ${why}; send uint32 header length, JSON header, bytes`, { cause });
}
