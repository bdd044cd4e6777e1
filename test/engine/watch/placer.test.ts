// Rules are tried in a thread with a time limit: an expression without end refuses the one name, and holds up nothing else.

import { afterEach, expect, test } from 'vitest';
import type { PlacementRule } from '../../../src/engine/watch/placement.ts';
import { createPlacer, type Placer } from '../../../src/engine/watch/placer.ts';
import { systemClock } from '../../../src/model/clock.ts';

const placers: Placer[] = [];
function placer(rules: readonly PlacementRule[], options: Parameters<typeof createPlacer>[2] = {}): Placer {
  const made = createPlacer(rules, systemClock, options);
  placers.push(made);
  return made;
}
afterEach(() => {
  for (const one of placers.splice(0)) one.close();
});

const files = (...paths: string[]) => paths.map((path) => ({ path, mtimeMs: 0, foundAt: 0 }));
const endless: PlacementRule = { regex: '^(a+)+$', to: 'x/{name}' };
const evil = `${'a'.repeat(64)}b`;

test('places by the first rule, refuses names that are not safe, and keeps the order', async () => {
  const place = placer([
    { match: '*.mxf', to: 'video/{name}' },
    { regex: '^(.*)-x$', to: '{1}/{name}' },
  ]);
  expect(await place.place(files('a.mxf', '..-x', 'b-x'))).toMatchObject([
    { kind: 'placed', path: 'video/a.mxf', rule: 0 },
    { kind: 'refused', fault: { code: 'name_unsafe' } },
    { kind: 'placed', path: 'b/b-x', rule: 1 },
  ]);
});

test('a name over which an expression takes for ever is refused; the others are placed and time goes on', async () => {
  const place = placer([endless]);
  let beats = 0;
  const timer = setInterval(() => {
    beats += 1;
  }, 20);
  const placed = await place.place(files('aaa', evil, 'aa'));
  clearInterval(timer);
  expect(placed).toMatchObject([
    { kind: 'placed', path: 'x/aaa' },
    { kind: 'refused', slow: true, fault: { code: 'invalid' } },
    { kind: 'placed', path: 'x/aa' },
  ]);
  // The control: the same expression in this thread would have let no timer fire.
  expect(beats).toBeGreaterThan(20);
});

test('after enough such names no more of them are tried; a glob of many stars takes no time', async () => {
  const names = Array.from({ length: 50 }, (_, at) => `${'a'.repeat(200)}${at}b`);
  const begun = performance.now();
  const stars = { match: `${'*a'.repeat(30)}`, to: 'x/{name}' };
  expect(new Set((await placer([stars]).place(files(...names))).map(({ kind }) => kind))).toEqual(new Set(['placed']));
  expect(performance.now() - begun).toBeLessThan(5_000);
  const placed = await placer([endless], { mostSlow: 1 }).place(files(...names));
  expect(placed.every((one) => one.kind === 'refused' && one.slow === true)).toBe(true);
  expect(performance.now() - begun).toBeLessThan(20_000);
});

test('what the selection does not take is said before any rule is tried', async () => {
  const place = placer([endless], { selection: { include: [], exclude: ['a*b'] } });
  expect(await place.place(files(evil))).toEqual([{ kind: 'ignored', reason: "ignored by exclude 'a*b'" }]);
});

test('rules that are none are refused at once', () => {
  expect(() => placer([{ regex: '(', to: '{name}' }])).toThrow(/rule 1 is not valid/);
});
