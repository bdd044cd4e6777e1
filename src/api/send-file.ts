// Sends a file's bytes, whole or in the range that was asked for (RFC 9110), with a type that a browser cannot mistake.

import { Readable } from 'node:stream';
import type { ReadableStream as WebStream } from 'node:stream/web';
import type { FastifyReply, FastifyRequest } from 'fastify';

export interface SentFile {
  readonly path: string;
  readonly mediaType: string | null;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  read(from: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** By extension; what is not here is only to be saved. Nothing that a browser would run. */
const types: Readonly<Record<string, string>> = {
  ...{
    jpg: 'image/jpeg',
    jpeg: 'image/jpeg',
    png: 'image/png',
    webp: 'image/webp',
    gif: 'image/gif',
    avif: 'image/avif',
  },
  ...{
    mp4: 'video/mp4',
    m4v: 'video/mp4',
    mov: 'video/quicktime',
    webm: 'video/webm',
    ts: 'video/mp2t',
    m4s: 'video/mp4',
  },
  ...{ mp3: 'audio/mpeg', m4a: 'audio/mp4', aac: 'audio/aac', wav: 'audio/wav', flac: 'audio/flac' },
  ...{ m3u8: 'application/vnd.apple.mpegurl', json: 'application/json', txt: 'text/plain; charset=utf-8' },
  ...{ xmp: 'text/plain; charset=utf-8', vtt: 'text/vtt; charset=utf-8' },
};

/** Resolves once the answer is on its way. */
export async function sendFile(
  file: SentFile,
  request: FastifyRequest,
  reply: FastifyReply,
  signal: AbortSignal,
): Promise<void> {
  const etag = `"${file.sizeBytes.toString(36)}-${Math.floor(file.mtimeMs).toString(36)}"`;
  const type = typeOf(file);
  reply.headers({
    'accept-ranges': 'bytes',
    'cache-control': 'private, no-cache',
    'content-type': type ?? 'application/octet-stream',
    etag,
    ...(type === undefined ? { 'content-disposition': 'attachment' } : {}),
  });
  if (request.headers['if-none-match'] === etag) {
    await reply.status(304).send();
    return;
  }
  const ifRange = request.headers['if-range'];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(request.headers.range, file.sizeBytes) : undefined;
  if (range === 'none') {
    await reply.status(416).header('content-range', `bytes */${file.sizeBytes}`).send();
    return;
  }
  const { from, to } = range ?? { from: 0, to: file.sizeBytes };
  if (range !== undefined) {
    reply.status(206).header('content-range', `bytes ${from}-${to - 1}/${file.sizeBytes}`);
  }
  reply.header('content-length', to - from);
  const stream = to > from ? await file.read(from, signal) : undefined;
  void reply.send(stream === undefined ? '' : Readable.fromWeb(cut(stream, to - from) as WebStream));
}

function typeOf({ path, mediaType }: SentFile): string | undefined {
  const known = types[/\.([^./]+)$/.exec(path)?.[1]?.toLowerCase() ?? ''];
  if (known !== undefined) return known;
  return mediaType !== null && /^(video|audio)\/[\w.+-]+$/.test(mediaType) ? mediaType : undefined;
}

/** The first range, as offsets of its first byte and of the byte after its last; undefined for the whole, `none` where it holds no byte. */
export function rangeOf(header: string | undefined, size: number): { from: number; to: number } | 'none' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec((header ?? '').split(',')[0]?.trim() ?? '');
  if (match === null) return undefined;
  const [, first = '', last = ''] = match;
  if (first === '' && last === '') return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'none' : { from: size - length, to: size };
  }
  const from = Number(first);
  const to = last === '' ? size : Math.min(Number(last) + 1, size);
  if (last !== '' && Number(last) < from) return undefined;
  return from >= size ? 'none' : { from, to };
}

function cut(stream: ReadableStream<Uint8Array>, most: number): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let left = most;
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await reader.read();
      if (done) return controller.close();
      const chunk = value.subarray(0, left);
      left -= chunk.length;
      controller.enqueue(chunk);
      if (left > 0) return;
      controller.close();
      await reader.cancel();
    },
    cancel: (reason) => reader.cancel(reason),
  });
}
