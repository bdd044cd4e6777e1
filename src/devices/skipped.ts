// For devices that read from zero alone: a stream from a later byte on.

/** Without the first bytes. Empty chunks stand for what was left out, so that whoever reads sees that something goes on. */
export function skipped(stream: ReadableStream<Uint8Array>, bytes: number): ReadableStream<Uint8Array> {
  let left = bytes;
  return stream.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        const rest = chunk.subarray(Math.min(left, chunk.length));
        left -= chunk.length - rest.length;
        controller.enqueue(rest);
      },
    }),
  );
}
