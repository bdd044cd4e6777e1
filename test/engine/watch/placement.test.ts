// Where rules put a file, and that no template and no name leads out of the root.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileRules, needsHash, type PlacementRule } from '../../../src/engine/watch/placement.ts';

const foundAt = new Date(2026, 10, 20, 9, 5, 7).getTime();
const mtimeMs = new Date(2025, 0, 2, 3, 4, 5).getTime();

function place(rules: PlacementRule[], path: string, hash?: string) {
  return compileRules(rules)({ path, mtimeMs, foundAt, ...(hash === undefined ? {} : { hash }) });
}

describe('rules', () => {
  test('none rebuild the folders', () => {
    expect(place([], 'card/A001/clip.mxf')).toEqual({ path: 'card/A001/clip.mxf', rule: null });
  });

  test('the first match wins', () => {
    const rules = [
      { match: '*.mxf', to: 'video/{name}' },
      { match: '**/*', to: 'rest/{name}' },
    ];
    expect(place(rules, 'a/b/clip.mxf')).toEqual({ path: 'video/clip.mxf', rule: 0 });
    expect(place(rules, 'a/b/clip.wav')).toEqual({ path: 'rest/clip.wav', rule: 1 });
  });

  test('what none matches goes to OTHER/{date}', () => {
    expect(place([{ match: '*.mxf', to: '{name}' }], 'a/note.txt')).toEqual({
      path: 'OTHER/2026-11-20/note.txt',
      rule: null,
    });
  });

  test.each([
    ['{date:YYYY-MM-DD}/{name}', '2026-11-20/A001 clip.v2.mxf'],
    ['{date}/{stem}.{ext}', '2026-11-20/A001 clip.v2.mxf'],
    ['{mtime:YYYY}/{mtime:MM-DD}/{mtime:HHmmss}-{name}', '2025/01-02/030405-A001 clip.v2.mxf'],
    ['{relativeDir}/{stem}_{date:YYMMDD}.{ext}', 'card/one/A001 clip.v2_261120.mxf'],
    ['{hash:8}-{name}', '01234567-A001 clip.v2.mxf'],
    ['by-day/{date}', 'by-day/2026-11-20/A001 clip.v2.mxf'],
    ['by-day/{date}/', 'by-day/2026-11-20/A001 clip.v2.mxf'],
  ])('template %s', (to, expected) => {
    expect(place([{ match: '**', to }], 'card/one/A001 clip.v2.mxf', '0123456789abcdef').path).toBe(expected);
  });

  test('groups of a regular expression, by number and by name', () => {
    const rules = [{ regex: '^(?<camera>[A-Z])(\\d{3})', to: '{camera}/{2}/{name}' }];
    expect(place(rules, 'B017_take.mov').path).toBe('B/017/B017_take.mov');
  });

  test('a rule that speaks of the hash is known to do so', () => {
    expect(needsHash([{ match: '*', to: '{hash:8}/{name}' }])).toBe(true);
    expect(needsHash([{ match: '*', to: '{name}' }])).toBe(false);
  });
});

test.each([
  [{ to: '{name}' }, /needs either/],
  [{ match: '*', regex: '.', to: '{name}' }, /needs either/],
  [{ match: '*', to: '../{name}' }, /leads out/],
  [{ match: '*', to: '/abs/{name}' }, /leads out/],
  [{ match: '*', to: '' }, /is empty/],
  [{ match: '*', to: '{nmae}' }, /\{nmae\}.*not known/],
  [{ regex: '(', to: '{name}' }, /rule 1 is not valid/],
] as [PlacementRule, RegExp][])('a bad rule is refused: %j', (rule, message) => {
  expect(() => compileRules([rule])).toThrow(message);
});

test('no name and no template leads out of the root', () => {
  const part = fc.constantFrom('..', '.', '', 'a', 'C:', '{relativeDir}', '{1}', '{name}', '{stem}', '\\', ' ');
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 5 }),
      fc.array(part, { minLength: 1, maxLength: 5 }),
      (template, name) => {
        let path: string;
        try {
          path = place([{ regex: '(.*)', to: template.join('/') }], name.join('/')).path;
        } catch (error) {
          expect((error as { code?: string }).code).toMatch(/invalid|name_unsafe/);
          return;
        }
        expect(path.startsWith('/')).toBe(false);
        expect(path.split('/')).not.toContain('..');
      },
    ),
  );
});
