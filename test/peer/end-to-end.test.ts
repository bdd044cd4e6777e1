// End-to-end encryption beside node:crypto, which is told nothing but what the document says.

import { createCipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { contentKey, FrameSealer, openFrame, wireBytes } from '../../src/peer/end-to-end.ts';
import { fromBase64Url, joinHashOf, joinKeyOf, roomKeyOf, toBase64Url } from '../../src/peer/room-keys.ts';

const secret = Uint8Array.from({ length: 32 }, (_, index) => index);
const salt = Uint8Array.from({ length: 16 }, (_, index) => 0xf0 + index);

const hkdf = (saltOf: string | Uint8Array, info: string) => Buffer.from(hkdfSync('sha256', secret, saltOf, info, 32));

function sealedByNode(index: number, plain: Uint8Array): Buffer {
  const key = hkdf(salt, 'wherry content 1\ntransfer-7');
  const nonce = Buffer.alloc(12);
  nonce.writeUInt32BE(Math.floor(index / 2 ** 32), 4);
  nonce.writeUInt32BE(index % 2 ** 32, 8);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  return Buffer.concat([cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

describe('the keys of a room', () => {
  test('are HKDF-SHA256 of the secret and the room’s id', async () => {
    expect(Buffer.from(await joinKeyOf(secret, 'studio'))).toEqual(hkdf('studio', 'wherry room join 1'));
    expect(Buffer.from(await roomKeyOf(secret, 'studio'))).toEqual(hkdf('studio', 'wherry room seal 1'));
    const hash = createHash('sha256').update(hkdf('studio', 'wherry room join 1')).digest('hex');
    expect(await joinHashOf(secret, 'studio')).toBe(hash);
  });

  test('stay what they are: a fixed example', async () => {
    expect(Buffer.from(await joinKeyOf(secret, 'studio')).toString('hex')).toBe(
      '2c3f6a027963a8223b4b503dc94bc87aaab49fa7e62a5e4603ce6d6089f8d414',
    );
  });

  test('travel as base64url', () => {
    const bytes = randomBytes(33);
    expect(toBase64Url(bytes)).toBe(bytes.toString('base64url'));
    expect(Buffer.from(fromBase64Url(bytes.toString('base64url')))).toEqual(bytes);
  });
});

describe('a frame of content', () => {
  test.each([0, 1, 7_629, 2 ** 32 + 5])('of index %i is AES-256-GCM with the index as nonce', async (index) => {
    const plain = randomBytes(1_000);
    const key = await contentKey(secret, 'transfer-7', salt);
    const sealed = await new FrameSealer(key).seal(index, plain);
    expect(Buffer.from(sealed)).toEqual(sealedByNode(index, plain));
    expect(Buffer.from(await openFrame(key, index, sealedByNode(index, plain)))).toEqual(plain);
  });

  test('is never sealed twice under one key, nor one before it', async () => {
    const sealer = new FrameSealer(await contentKey(secret, 'transfer-7', salt));
    await sealer.seal(4, Uint8Array.of(1));
    await expect(sealer.seal(4, Uint8Array.of(2))).rejects.toMatchObject({ code: 'internal' });
    await expect(sealer.seal(3, Uint8Array.of(2))).rejects.toMatchObject({ code: 'internal' });
    await sealer.seal(5, Uint8Array.of(2));
  });

  test('does not open with a changed byte, another index, salt, transfer or secret', async () => {
    const plain = randomBytes(100);
    const sealed = sealedByNode(2, plain);
    const key = await contentKey(secret, 'transfer-7', salt);
    await openFrame(key, 2, sealed);
    const spoilt = Buffer.from(sealed);
    spoilt[50] = (spoilt[50] ?? 0) ^ 1;
    await expect(openFrame(key, 2, spoilt)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(openFrame(key, 3, sealed)).rejects.toMatchObject({ code: 'corrupt' });
    await expect(openFrame(key, 2, sealed.subarray(0, 50))).rejects.toMatchObject({ code: 'corrupt' });
    for (const other of [
      await contentKey(secret, 'transfer-8', salt),
      await contentKey(secret, 'transfer-7', randomBytes(16)),
      await contentKey(randomBytes(32), 'transfer-7', salt),
    ]) {
      await expect(openFrame(other, 2, sealed)).rejects.toMatchObject({ code: 'corrupt' });
    }
  });

  test('is 16 bytes longer on the wire; the last one is as short as what is left', () => {
    expect(wireBytes(0, 0)).toBe(0);
    expect(wireBytes(1, 0)).toBe(17);
    expect(wireBytes(65_536 * 3 + 10, 0)).toBe(65_552 * 3 + 26);
    expect(wireBytes(65_536 * 3 + 10, 2)).toBe(65_552 + 26);
    expect(wireBytes(65_536, 1)).toBe(0);
  });
});
