// Content that only the two ends can read: frames of 64 KiB under AES-256-GCM, with a key for each content of each transfer.

import { Fault } from '../model/fault.ts';
import { deriveAesKey } from './room-keys.ts';
import { subtle } from './whole-hash.ts';

/** Plaintext of a frame; the last of a file is as long as what is left. */
export const frameBytes = 65_536;
export const tagBytes = 16;
/** A frame as it is sent: frame i of an upload begins at byte i × this. */
export const wireFrameBytes = frameBytes + tagBytes;
export const saltBytes = 16;

type AesKey = Awaited<ReturnType<typeof deriveAesKey>>;

/** HKDF-SHA256 of the room's secret, the content's salt and the transfer's id. A salt is used for one upload of one content and never again. */
export function contentKey(secret: Uint8Array, transferId: string, salt: Uint8Array): Promise<AesKey> {
  return deriveAesKey(secret, salt, `wherry content 1\n${transferId}`);
}

/** Seals frames with rising indices; what was sealed once is kept by whoever may have to send it again. */
export class FrameSealer {
  readonly #key: AesKey;
  #last = -1;

  constructor(key: AesKey) {
    this.#key = key;
  }

  /** Ciphertext and tag. Rejects with `internal` where this index, or a later one, was sealed before: two plaintexts under one nonce give both away. */
  async seal(index: number, plain: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    if (index <= this.#last || !Number.isSafeInteger(index)) {
      throw new Fault('internal', `Frame ${index} was to be sealed after frame ${this.#last} under the same key`);
    }
    this.#last = index;
    const sealed = await subtle().encrypt(gcm(index), this.#key, plain as Uint8Array<ArrayBuffer>);
    return new Uint8Array(sealed);
  }
}

/** What `seal` made of it. Rejects with `corrupt`: another key or index, or a byte was changed. */
export async function openFrame(key: AesKey, index: number, sealed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  try {
    return new Uint8Array(await subtle().decrypt(gcm(index), key, sealed as Uint8Array<ArrayBuffer>));
  } catch (cause) {
    throw new Fault('corrupt', `Frame ${index} is not what the sender sealed: it was changed on its way`, { cause });
  }
}

/** Bytes on the wire from a frame to the end of the file. */
export function wireBytes(sizeBytes: number, firstFrame: number): number {
  const left = Math.max(0, sizeBytes - firstFrame * frameBytes);
  return left + Math.ceil(left / frameBytes) * tagBytes;
}

/** The index as 96 bits, big-endian. */
export function nonceOf(index: number): Uint8Array<ArrayBuffer> {
  const nonce = new Uint8Array(12);
  new DataView(nonce.buffer).setBigUint64(4, BigInt(index));
  return nonce;
}

function gcm(index: number) {
  return { name: 'AES-GCM', iv: nonceOf(index), tagLength: tagBytes * 8 };
}
