// Takes a request's body into a spool, no faster than its readers, the room's bandwidth and the disk allow.

import type { Readable } from 'node:stream';
import { awaitBandwidth } from '../../endpoints/bandwidth.ts';
import { Fault } from '../../model/fault.ts';
import type { Spool } from './spool.ts';

export interface SendingParts {
  readonly spool: Spool;
  /** At most so many bytes may come. */
  readonly mostBytes: number;
  /** Each has its say. */
  readonly bandwidth: readonly SharedArrayBuffer[];
  /** A sender that brings nothing for so long, and is not held back, is gone. */
  readonly quietMs: number;
  readonly signal: AbortSignal;
  readonly onBytes: () => void;
}

/**
 * Resolves when the body has come to its end. Rejects with `network` where it broke off, `timeout`, `invalid` (more than was said),
 * the spool's failure, or the signal's reason. The body is not read while there is no room.
 */
export function sendInto(body: Readable, parts: SendingParts): Promise<void> {
  const { spool, bandwidth, quietMs, signal, onBytes } = parts;
  let left = parts.mostBytes;
  return new Promise((resolve, reject) => {
    const quiet = setTimeout(() => finish(new Fault('timeout', `No byte came for ${quietMs / 1000} s.`)), quietMs);
    const finish = (error?: unknown) => {
      clearTimeout(quiet);
      body.off('data', onData).off('end', onEnd).off('close', onClose).off('error', onClose);
      signal.removeEventListener('abort', onAbort);
      body.pause();
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => finish(signal.reason);
    const onEnd = () => finish();
    const onClose = () => finish(new Fault('network', 'The sender’s connection broke off.'));
    const takeRest = async (bytes: Uint8Array) => {
      let rest = bytes;
      while (rest.length > 0) {
        await spool.room(signal);
        rest = rest.subarray(spool.append(rest));
      }
    };
    const onData = (chunk: Uint8Array) => {
      try {
        quiet.refresh();
        left -= chunk.length;
        if (left < 0) throw new Fault('invalid', 'More bytes came than the upload was said to have.');
        const taken = spool.append(chunk);
        onBytes();
        if (taken === chunk.length && bandwidth.length === 0) return;
        body.pause();
        const waits = [
          takeRest(chunk.subarray(taken)),
          ...bandwidth.map((memory) => awaitBandwidth(memory, chunk.length, signal)),
        ];
        // Held back, it is not quiet.
        const held = setInterval(() => quiet.refresh(), quietMs / 2);
        Promise.all(waits)
          .then(() => body.resume(), finish)
          .finally(() => clearInterval(held));
      } catch (error) {
        finish(error);
      }
    };
    if (signal.aborted) return finish(signal.reason);
    if (body.destroyed) return onClose();
    signal.addEventListener('abort', onAbort, { once: true });
    body.on('data', onData).on('end', onEnd).on('close', onClose).on('error', onClose);
  });
}
