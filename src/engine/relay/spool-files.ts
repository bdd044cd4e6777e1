// The disk under the spools: one folder for each upload, its blocks encrypted with a key of its own, and a share of the whole.

import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { Mounts } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import type { LeftUpload } from './spool-operations.ts';

/** Of one upload. All reject as the place says, `store` with `space` too, `load` with `corrupt`. */
export interface SpoolFiles {
  /** The upload's. */
  readonly id: string;
  store(index: number, bytes: Uint8Array): Promise<void>;
  /** Fills `bytes`. */
  load(index: number, bytes: Uint8Array): Promise<void>;
  remove(indices: readonly number[]): Promise<void>;
  /** What a later process has to know; replaces what was noted before. */
  note(facts: object): Promise<void>;
  /** Everything of this upload is gone when it resolves. */
  discard(): Promise<void>;
  /** Takes so many bytes of what all uploads may have on disk; false where there are not as many left. */
  take(bytes: number): boolean;
  give(bytes: number): void;
}

export interface TakenUp {
  readonly id: string;
  readonly facts: unknown;
  readonly blocks: LeftUpload['blocks'];
  readonly files: SpoolFiles;
}

export interface SpoolDisk {
  /** For a new upload: nothing is written before its first note. */
  open(id: string): SpoolFiles;
  /** What an earlier process left; what cannot be read any more is removed. */
  left(): Promise<readonly TakenUp[]>;
  /** Bytes that wait on disk now. */
  readonly usedBytes: number;
}

/** `folder` and `keyFile` are made when they are first needed. */
export async function openSpoolDisk(
  parts: { readonly mounts: Mounts; readonly folder: string; readonly keyFile: string },
  limits: () => { readonly totalBytes: number; readonly reserveBytes: number },
): Promise<SpoolDisk> {
  const { folder, keyFile } = parts;
  // Each call is a matter of milliseconds and must not stand in line behind copies of hours.
  const run = <Output>(operation: string, input: object) =>
    parts.mounts.pool(folder).run<Output>(operation, input, { quick: true });
  const left = await run<readonly LeftUpload[]>('relay.left', { folder });
  const ownKey = await run<Uint8Array>('relay.key', { path: keyFile });
  let usedBytes = 0;

  const filesOf = (id: string, key: Uint8Array): SpoolFiles => {
    const own = join(folder, id);
    let noting: Promise<unknown> = Promise.resolve();
    let isGone = false;
    return {
      id,
      store: (index, bytes) =>
        run('relay.store', { folder: own, index, bytes, key, reserveBytes: limits().reserveBytes }),
      async load(index, bytes) {
        bytes.set(await run<Uint8Array>('relay.load', { folder: own, index, sizeBytes: bytes.length, key }));
      },
      remove: (indices) => run('relay.remove', { folder: own, indices }),
      note(facts) {
        // One after the other, and none after the folder has gone: it would be there again.
        const written = noting.then(async () => {
          const text = JSON.stringify({ facts, key: wrap(id, key, ownKey) });
          if (!isGone) await run('relay.note', { folder: own, text });
        });
        noting = written.catch(() => undefined);
        return written;
      },
      async discard() {
        isGone = true;
        await noting;
        await run('relay.discard', { folder: own });
      },
      take(bytes) {
        if (usedBytes + bytes > limits().totalBytes) return false;
        usedBytes += bytes;
        return true;
      },
      give(bytes) {
        usedBytes -= bytes;
      },
    };
  };

  return {
    open: (id) => filesOf(id, randomBytes(32)),
    async left() {
      const found: TakenUp[] = [];
      for (const { folder: own, note, blocks } of left) {
        const id = own.slice(folder.length + 1);
        try {
          const { facts, key } = JSON.parse(note ?? '') as { facts: unknown; key: string };
          found.push({ id, facts, blocks, files: filesOf(id, unwrap(id, key, ownKey)) });
        } catch {
          await run('relay.discard', { folder: own });
        }
      }
      return found;
    },
    get usedBytes() {
      return usedBytes;
    },
  };
}

/** Nonce, key and tag, base64; bound to the upload's id. */
function wrap(id: string, key: Uint8Array, ownKey: Uint8Array): string {
  const nonce = randomBytes(12);
  const cipher = createCipheriv('aes-256-gcm', ownKey, nonce).setAAD(Buffer.from(id));
  return Buffer.concat([nonce, cipher.update(key), cipher.final(), cipher.getAuthTag()]).toString('base64');
}

function unwrap(id: string, text: string, ownKey: Uint8Array): Uint8Array {
  const bytes = Buffer.from(text, 'base64');
  if (bytes.length !== 60) throw new Fault('corrupt', 'The key of an upload has another length than was written.');
  const decipher = createDecipheriv('aes-256-gcm', ownKey, bytes.subarray(0, 12)).setAAD(Buffer.from(id));
  decipher.setAuthTag(bytes.subarray(44));
  return Buffer.concat([decipher.update(bytes.subarray(12, 44)), decipher.final()]);
}
