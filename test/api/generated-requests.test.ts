// A short form of torture row T34: a real daemon under generated requests, and a naive one, on which the same requests must show much.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { generatedRequests } from '../torture/rows/generated-requests.ts';

let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'wherry-requests-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const options = () => ({ runs: 3000, seed: 3, scratch, scale: 1, say: () => undefined });

test('three thousand generated requests: each is answered as documented, and nobody is let in or shown what is not theirs', async () => {
  const { faults, runs } = await generatedRequests.run(options());
  expect(faults).toEqual([]);
  expect(runs).toBe(3000);
}, 120_000);

test('the same requests show a naive service’s failures, leaks and open doors', async () => {
  const { faults } = await generatedRequests.control(options());
  const words = faults.join('\n');
  expect(words).toMatch(/^500: /m);
  expect(words).toMatch(/what is not the asker's is shown/);
  expect(words).toMatch(/who has not the scope/);
  expect(words).toMatch(/does not match/);
}, 60_000);
