// Puts the small chunks of an arriving file together before they go to disk: each message to a worker leaves garbage, of which a large file would make too much.

import type { ReceivingFile } from '../../../../src/peer/files.ts';

const gatheredBytes = 1024 * 1024;
/** What has come goes to disk after so long at the latest. */
const restMs = 250;

export interface GatheredFile extends ReceivingFile {
  /** Resolves when all that has come is written. */
  settle(): Promise<void>;
}

/**
 * `write` resolves once there is room for more; at most 2 MiB are on their way to the disk then. A page that is torn away loses these:
 * what is `kept` is what is on disk. An error shows in the next call.
 */
export function gathered(file: ReceivingFile): GatheredFile {
  let filling = new Uint8Array(gatheredBytes);
  let other = new Uint8Array(gatheredBytes);
  let start = 0;
  let used = 0;
  let writing: Promise<void> = Promise.resolve();
  let shipping: Promise<void> | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const shipNow = async () => {
    clearTimeout(timer);
    timer = undefined;
    // The other buffer is free once it is written.
    await writing;
    if (used === 0) return;
    const piece = filling.subarray(0, used);
    [filling, other] = [other, filling];
    writing = file.write(start, piece);
    // Whoever calls next is told.
    writing.catch(() => undefined);
    start += used;
    used = 0;
  };

  /** The timer's turn and a full buffer's are one. */
  const ship = () => {
    shipping ??= shipNow().finally(() => {
      shipping = undefined;
    });
    return shipping;
  };

  const settle = async () => {
    while (used > 0) await ship();
    await writing;
  };

  const forget = async () => {
    clearTimeout(timer);
    timer = undefined;
    used = 0;
    await shipping?.catch(() => undefined);
    await writing.catch(() => undefined);
    writing = Promise.resolve();
  };

  return {
    settle,
    kept: () => file.kept(),
    async write(from, bytes) {
      if (used === 0) start = from;
      for (let at = 0; at < bytes.length; ) {
        const piece = bytes.subarray(at, at + filling.length - used);
        filling.set(piece, used);
        used += piece.length;
        at += piece.length;
        while (used === filling.length) await ship();
      }
      if (used > 0) timer ??= setTimeout(() => void ship().catch(() => undefined), restMs);
    },
    async restart(version) {
      await forget();
      await file.restart(version);
    },
    async finish() {
      await settle();
      return file.finish();
    },
    publish: () => file.publish(),
    async abandon() {
      await forget();
      await file.abandon();
    },
  };
}
