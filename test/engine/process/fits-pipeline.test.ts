// Which files a pipeline is for: globs on name or path in any case, and kinds of devices.

import { expect, test } from 'vitest';
import { fitsPipeline } from '../../../src/engine/process/fits-pipeline.ts';

test.each([
  [{ files: ['*.insv'] }, 'DCIM/VID_1.INSV', 'insta360', true],
  [{ files: ['*.insv'] }, 'DCIM/VID_1.insv.txt', 'insta360', false],
  [{ files: ['DCIM/*.jpg'] }, 'dcim/.a.JPG', null, true],
  [{ files: ['DCIM/*.jpg'] }, 'x/DCIM/a.jpg', null, false],
  [{ files: ['*.{mov,mp4}', '*.mxf'] }, 'a/b/c.MXF', null, true],
  [{ deviceKinds: ['gopro'] }, 'a', 'gopro', true],
  [{ deviceKinds: ['gopro'] }, 'a', null, false],
  [{ deviceKinds: ['gopro'], files: ['*.mp4'] }, 'a.jpg', 'gopro', false],
  [{}, 'a', null, true],
])('%j takes %s of %s: %s', (about, path, kind, is) => {
  expect(fitsPipeline({ name: 'p', steps: [], ...about }, path, kind)).toBe(is);
});

test('the worst of globs is decided upon at once', () => {
  const began = performance.now();
  expect(fitsPipeline({ name: 'p', steps: [], files: [`${'*a'.repeat(120)}*b`] }, 'a'.repeat(255), null)).toBe(false);
  expect(performance.now() - began).toBeLessThan(200);
});
