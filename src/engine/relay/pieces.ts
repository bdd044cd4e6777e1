// A spool's bytes in order from an offset to the end, as they come in.

import type { SpoolPiece } from './spool.ts';
import type { Upload } from './upload.ts';

/** Each piece must be released. Rejects with the spool's failure or the signal's reason. */
export async function* piecesOf(
  { spool, sizeBytes }: Pick<Upload, 'spool' | 'sizeBytes'>,
  receiverId: string,
  from: number,
  signal: AbortSignal,
  onBytes: () => void,
): AsyncIterable<SpoolPiece> {
  for (let at = from; at < sizeBytes; ) {
    signal.throwIfAborted();
    spool.isAt(receiverId, at);
    const piece = spool.peek(receiverId, at);
    if (piece === undefined) {
      await spool.ready(receiverId, at, signal);
      continue;
    }
    at += piece.bytes.length;
    onBytes();
    yield piece;
  }
}
