// Sizes, times and sentences as people read them.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isChange } from '../../src/api/audit.ts';
import { commands } from '../../src/api/commands.ts';
import { type RouteName, routePaths } from '../../src/api/route-paths.ts';
import { eventNames } from '../../src/model/event.ts';
import { jobStates } from '../../src/model/job.ts';
import { transferStates } from '../../src/model/transfer.ts';
import { exactSize, perCent, share, size } from '../../web/words/amounts.ts';
import { blockWords, cellsOf, stripWords } from '../../web/words/blocks.ts';
import { changeText, toldActions } from '../../web/words/changes.ts';
import { factText } from '../../web/words/facts.ts';
import { jobLooks, transferLooks } from '../../web/words/states.ts';
import { age, range, span } from '../../web/words/times.ts';

test.each([
  [0, '0 B'],
  [999, '999 B'],
  [1000, '1.00 kB'],
  [999_499, '999 kB'],
  [999_500, '1.00 MB'],
  [9_995_000, '10.0 MB'],
  [128_000_000_000, '128 GB'],
])('%d bytes are %s', (bytes, text) => expect(size(bytes)).toBe(text));

test('a size has three digits at most and is never off by more than one in its last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), (bytes) => {
      const [digits = '', unit = ''] = size(bytes).split(' ');
      expect(digits.replace('.', '').length).toBeLessThanOrEqual(3);
      const factor = 1000 ** ['B', 'kB', 'MB', 'GB', 'TB', 'PB'].indexOf(unit);
      expect(Math.abs(Number(digits) * factor - bytes)).toBeLessThanOrEqual(bytes / 100);
    }),
  );
  expect(exactSize(1)).toBe('1 byte');
  expect(exactSize(1_234_567)).toBe('1,234,567 bytes');
});

test('100 % is said of what has finished and of nothing else', () => {
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1 }), (done, whole) => {
      const part = share(Math.min(done, whole - 1), whole, false) ?? 0;
      expect(perCent(part)).not.toBe('100 %');
    }),
  );
  expect(perCent(share(0, 0, true) ?? 0)).toBe('100 %');
  expect(share(5, null, false)).toBeUndefined();
});

test('times are short', () => {
  expect(span(59.4)).toBe('59 s');
  expect(span(90)).toBe('2 min');
  expect(span(3600 * 3 + 1200)).toBe('3 h 20 min');
  expect(age(Date.now() - 3000, Date.now())).toBe('now');
  expect(range(100, 190)).toBe('2–3 min');
  expect(range(50, 130)).toBe('50 s–2 min');
  expect(range(120, 121)).toBe('about 2 min');
  expect(range(3600, null)).toBe('over 1 h');
  expect(range(null, null)).toBeUndefined();
});

test('every state and every event has words', () => {
  for (const state of transferStates) expect(transferLooks[state].word).not.toBe('');
  for (const state of jobStates) expect(jobLooks[state].word).not.toBe('');
  for (const name of eventNames) expect(factText(name, {}).text, name).not.toContain('.');
  expect(factText('observation.transfer.waiting', { reason: 'space' }).text).toBe('Waits for room at the destination');
  const pause = { by: { kind: 'token', id: '1', name: 'nightly-script' }, address: '127.0.0.1', action: 'pauseJob' };
  expect(factText('observation.audit.changed', pause)).toEqual({
    text: 'Paused a job',
    more: 'by nightly-script',
    tone: 'still',
  });
  expect(factText('observation.audit.changed', { ...pause, by: null }).more).toBeUndefined();
});

test('verified blocks as cells and words', () => {
  const of = (sizeBytes: number | null, ranges: readonly (readonly [number, number])[]) => ({
    transferId: 't',
    sizeBytes,
    blockBytes: 8,
    verifiedBytes: 0,
    ranges: ranges.map(([from, to]) => ({ from, to })),
  });
  const begun = of(36, [
    [0, 16],
    [32, 36],
  ]);
  expect(cellsOf(begun)).toEqual([1, 1, 0, 0, 1]);
  expect(stripWords(begun)).toBe('3 of 5 blocks verified, whole up to 16 B, 1 piece more behind that');
  expect(stripWords(of(36, [[0, 36]]))).toBe('5 of 5 blocks verified, all is there');
  expect(stripWords(of(36, [[8, 16]]))).toBe('1 of 5 blocks verified, whole up to 0 B, 1 piece more behind that');
  expect(blockWords(of(null, []))).toBe('0 blocks verified');
  expect(cellsOf(of(null, []))).toEqual([0]);
  const many = cellsOf(of(8 * 960, [[0, 8 * 15]]));
  expect(many).toHaveLength(96);
  expect(many.slice(0, 3)).toEqual([1, 0.5, 0]);
});

test('every change by the API has a sentence; one that came later is told by its name', () => {
  const changes = (Object.entries(routePaths) as [RouteName, readonly [string, string]][])
    .filter(([name, [method]]) => isChange(name, method) && name !== 'postEvent')
    .map(([name]) => name);
  expect(changes.filter((name) => !toldActions.includes(name))).toEqual([]);
  expect(Object.keys(commands).filter((name) => !toldActions.includes(name))).toEqual([]);
  const by = { kind: 'token', id: '1', name: 'nightly-script' };
  expect(changeText({ by, action: 'pauseJob', params: { id: 'j1' } })).toEqual({
    ...{ who: 'nightly-script', how: 'with a token', what: 'Paused a job', about: 'j1', href: '/jobs/j1' },
  });
  expect(changeText({ by: null, action: 'inventSomething', body: '{"cut off…' })).toEqual({
    ...{ who: 'Somebody who was not signed in', how: '', what: 'Invent something', about: undefined, href: undefined },
  });
  const body = { kind: 'copy', sources: ['/cards/A001', '/cards/B002'], destination: '/library' };
  expect(changeText({ by, action: 'createJob', body }).about).toBe('A001 and 1 more → library');
  expect(changeText({ by, action: 'setBandwidth', body: { limit: null } }).about).toBe('No limit');
});
