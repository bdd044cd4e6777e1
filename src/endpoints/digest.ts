// Plain digests of content by the names that checksum files and hash lists use; what a copy is proven by is in content-hash.ts.

import { createHash } from 'node:crypto';
import { Fault } from '../model/fault.ts';
import { type ContentHasher, createHasher, loadNative } from './content-hash.ts';

export const digestNames = ['md5', 'sha1', 'sha256', 'xxh64', 'xxh3', 'xxh128', 'blake3', 'c4'] as const;
export type DigestName = (typeof digestNames)[number];

type NativeHash = new (seed: Buffer) => { update(data: Uint8Array): void; digest(): Buffer };
type Natives = Record<'XXHash64' | 'XXHash3' | 'XXHash128', NativeHash>;
const nativeNames = { xxh64: 'XXHash64', xxh3: 'XXHash3', xxh128: 'XXHash128' } as const;

/**
 * `xxh64`, `xxh3` (64 bits) and `xxh128` with seed 0, in canonical form. All are lower-case hexadecimal, but `c4`, which is the C4 ID.
 * Throws `unsupported` where a native part cannot be loaded on this machine.
 */
export function createDigest(name: DigestName): ContentHasher {
  switch (name) {
    case 'md5':
    case 'sha1': {
      const hash = createHash(name);
      return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
    }
    case 'sha256':
    case 'blake3':
      return createHasher(name);
    case 'xxh64':
    case 'xxh3':
    case 'xxh128': {
      const native = new (loadNative<Natives>('xxhash-addon', name)[nativeNames[name]])(Buffer.alloc(8));
      return { update: (bytes) => native.update(bytes), digest: () => native.digest().toString('hex') };
    }
    case 'c4': {
      const hash = createHash('sha512');
      return { update: (bytes) => void hash.update(bytes), digest: () => c4Id(hash.digest()) };
    }
  }
}

/** Of content that stands in memory whole. Throws like `createDigest`. */
export function digestOf(name: DigestName, bytes: Uint8Array): string {
  const digest = createDigest(name);
  digest.update(bytes);
  return digest.digest();
}

const base58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** A C4 ID (SMPTE ST 2114): `c4` and the SHA-512 as a number to the base 58, 88 digits. */
function c4Id(sha512: Uint8Array): string {
  let number = BigInt(`0x${Buffer.from(sha512).toString('hex')}`);
  let digits = '';
  while (number > 0n) {
    digits = `${base58[Number(number % 58n)]}${digits}`;
    number /= 58n;
  }
  return `c4${digits.padStart(88, '1')}`;
}

/** The digest that a text stands for. Throws `invalid` where it is none of that kind. */
export function digestBytes(name: DigestName, text: string): Buffer {
  if (name !== 'c4') {
    if (!/^(?:[0-9a-f]{2})+$/i.test(text)) throw new Fault('invalid', `"${text.slice(0, 100)}" is no ${name}.`);
    return Buffer.from(text, 'hex');
  }
  if (!/^c4[1-9A-HJ-NP-Za-km-z]{88}$/.test(text)) throw new Fault('invalid', `"${text.slice(0, 100)}" is no C4 ID.`);
  let number = 0n;
  for (const digit of text.slice(2)) number = number * 58n + BigInt(base58.indexOf(digit));
  return Buffer.from(number.toString(16).padStart(128, '0'), 'hex');
}
