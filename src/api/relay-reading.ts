// Answers a receiver with an upload's bytes as they come in, from where it asks to the end; one that stops reading is waited for.

import type { ServerResponse } from 'node:http';
import type { Reading } from '../engine/relay/relay.ts';

/** Resolves when the answer is over: whole, or broken off where `reading` was ended. Never rejects. */
export async function answerReading(reading: Reading, response: ServerResponse): Promise<void> {
  const given = new Set<() => void>();
  let drained: PromiseWithResolvers<void> | undefined;
  const wake = () => drained?.resolve();
  const gone = () => {
    for (const release of given) release();
    given.clear();
    reading.stop();
    wake();
  };
  response.on('drain', wake).once('close', gone);
  reading.signal.addEventListener('abort', wake, { once: true });
  try {
    for await (const piece of reading.pieces) {
      if (response.destroyed) {
        piece.release();
        break;
      }
      const release = () => {
        given.delete(release);
        piece.release();
      };
      given.add(release);
      // Its memory is used again once the operating system has taken it, and not before.
      const goesOn = response.write(piece.bytes, release);
      if (goesOn) continue;
      drained = Promise.withResolvers();
      await drained.promise;
      drained = undefined;
      if (response.destroyed || reading.signal.aborted) break;
    }
    if (response.destroyed || reading.signal.aborted) response.destroy();
    else response.end();
  } catch {
    // The headers are out: all that can still be said is that this was not the end.
    response.destroy();
  } finally {
    response.off('drain', wake);
    reading.signal.removeEventListener('abort', wake);
    reading.end();
  }
}
