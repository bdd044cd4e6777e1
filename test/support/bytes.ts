// Bodies for tests: bytes as streams, and streams as bytes.

/** A body that gives `bytes` in chunks, and fails with `error` where one is given after the last of them. */
export function bodyOf(
  bytes: Uint8Array,
  options: { chunkBytes?: number; error?: unknown } = {},
): ReadableStream<Uint8Array> {
  const { chunkBytes = 100_000 } = options;
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at < bytes.length) {
        controller.enqueue(bytes.slice(at, at + chunkBytes));
        at += chunkBytes;
      } else if ('error' in options) controller.error(options.error);
      else controller.close();
    },
  });
}

/** Everything that a stream gives. Rejects as the stream does. */
export async function bytesOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return new Uint8Array(Buffer.concat(parts));
}
