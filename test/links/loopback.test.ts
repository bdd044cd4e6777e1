// Links within one process do what every link does.

import { expect, test } from 'vitest';
import { lostReason } from '../../src/links/link.ts';
import { loopback } from '../../src/links/loopback.ts';
import { linkSuite } from '../support/link-conformance.ts';
import { content } from '../support/trees.ts';

linkSuite('a link within one process', async () => {
  const { first, second } = loopback('left', 'right');
  return { first, second, mostUnderWayBytes: 4 * 1_048_576, dispose: async () => undefined };
});

test('a line that breaks closes both sides, and what had arrived is still read', async () => {
  const { first, second, lose } = loopback('left', 'right');
  await first.send(content(1, 10));
  lose();
  expect(await first.closed).toBe(lostReason);
  expect(await second.closed).toBe(lostReason);
  const frames: Uint8Array[] = [];
  for await (const frame of second.frames()) frames.push(frame);
  expect(frames).toEqual([new Uint8Array(content(1, 10))]);
});
