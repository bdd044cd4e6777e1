// Numbers, times and names as they are written on a terminal.

import { describe, expect, test } from 'vitest';
import { alignedRows, counted, formatDuration, formatEta, grouped, shortName } from '../../src/cli/words.ts';

test.each([
  [0, '0'],
  [999, '999'],
  [1000, '1,000'],
  [1_234_567, '1,234,567'],
])('%d is %s', (count, text) => expect(grouped(count)).toBe(text));

test('counts agree with their nouns', () => {
  expect([counted(1, 'file'), counted(0, 'file'), counted(5000, 'file')]).toEqual(['1 file', '0 files', '5,000 files']);
});

test.each([
  [0.04, '0.0 s'],
  [9.96, '10.0 s'],
  [59.4, '59 s'],
  [60, '1 min'],
  [184, '3 min 4 s'],
  [3600, '1 h'],
  [7500, '2 h 5 min'],
])('%d s is %s', (seconds, text) => expect(formatDuration(seconds)).toBe(text));

test.each([
  [8, 10, 'at the present speed', '8–10 s left'],
  [3, 3, 'limited to 2 MB/s', '3 s left (limited to 2 MB/s)'],
  [50, 130, '', '50 s – 2 min 10 s left'],
  [null, 20, '', 'up to 20 s left'],
  [20, null, 'still listing', 'at least 20 s left (still listing)'],
  [null, null, 'source is still growing', 'source is still growing'],
])('an estimate from %s to %s, "%s", is "%s"', (from, to, cause, text) =>
  expect(formatEta({ from, to, cause })).toBe(text),
);

describe('shortName', () => {
  test('leaves out the middle and keeps the end, which says the kind', () => {
    const name = shortName(`${'long '.repeat(20)}name.mov`, 30);
    expect([...name]).toHaveLength(30);
    expect(name).toMatch(/^long .*….*name\.mov$/);
  });
  test('shows escapes for what would act on the terminal', () => {
    expect(shortName('a\u001b[2Jb\u202e', 80)).toBe('a\\x1b[2Jb\\u{202e}');
  });
});

test('columns line up', () => {
  expect(
    alignedRows([
      ['ID', 'STATE', 'NAME'],
      ['1', 'completed', 'a'],
      ['22', 'ok', 'b'],
    ]),
  ).toEqual(['ID  STATE      NAME', '1   completed  a', '22  ok         b']);
});
