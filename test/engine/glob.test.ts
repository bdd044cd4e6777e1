// Globs match what picomatch would, and in time that no glob and no name can blow up.

import fc from 'fast-check';
import picomatch from 'picomatch';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../src/engine/glob.ts';
import { createSelection } from '../../src/engine/selection.ts';

describe('a glob', () => {
  test.each([
    ['*.mxf', 'a.mxf', true],
    ['*.mxf', 'a/b.mxf', false],
    ['**/*.mxf', 'a.mxf', true],
    ['**/*.mxf', 'a/b/c.mxf', true],
    ['a/**/b', 'a/b', true],
    ['a/**/b', 'a/x/y/b', true],
    ['a/**/b', 'ab', false],
    ['**', '.hidden/x', true],
    ['?.txt', 'é.txt', true],
    ['?.txt', '📷.txt', true],
    ['[a-cx].txt', 'b.txt', true],
    ['[!a-cx].txt', 'b.txt', false],
    ['[^a].txt', 'b.txt', true],
    ['[]a].txt', '].txt', true],
    ['[a', '[a', true],
    ['{a,b{c,d}}.{mov,mxf}', 'bd.mxf', true],
    ['{a,b{c,d}}.{mov,mxf}', 'b.mxf', false],
    ['clip{1..12}.mov', 'clip10.mov', true],
    ['clip{1..12}.mov', 'clip13.mov', false],
    ['{a}.txt', '{a}.txt', true],
    ['\\*.txt', '*.txt', true],
    ['\\*.txt', 'a.txt', false],
    ['clip (1).mov', 'clip (1).mov', true],
    ['!*.tmp', 'a.tmp', false],
    ['!*.tmp', 'a.mov', true],
    ['./a/*', 'a/b', true],
    ['', 'a', false],
  ])('%s on %s: %s', (glob, path, is) => expect(compileGlob(glob)(path)).toBe(is));

  test('on the name alone, and whatever the case', () => {
    expect(compileGlob('*.MXF', { basename: true, ignoreCase: true })('a/B.mxf')).toBe(true);
    expect(compileGlob('a/*.MXF', { basename: true })('x/a/b.MXF')).toBe(false);
    expect(compileGlob('*.mxf', { basename: true })('a/B.MXF')).toBe(false);
  });

  test.each([
    '+(a|b)',
    '!(a)',
    'x@(a|b)y',
    '?(a)',
    '*(a)*(a)',
    `${'{a,b}'.repeat(9)}`,
    `{${'a,'.repeat(300)}}`,
    `{1..200}${'{1..200}'}`,
  ])('that is refused: %s', (glob) => {
    expect(() => compileGlob(glob)).toThrow(expect.objectContaining({ code: 'invalid' }));
  });

  test('matches as picomatch does, on all that both know', () => {
    const piece = fc.constantFrom('a', 'b', '.', '-', '*', '?', '[ab]', '[^a]', '[a-c]', '{a,b}', '{b,ab}', '\\*');
    const part = fc
      .array(piece, { minLength: 1, maxLength: 5 })
      .map((pieces) => pieces.join(''))
      .filter((text) => !text.includes('**') && !/^\.+$/.test(text) && !text.startsWith('./'));
    const glob = fc
      .array(fc.oneof({ weight: 3, arbitrary: part }, { weight: 1, arbitrary: fc.constant('**') }), {
        minLength: 1,
        maxLength: 4,
      })
      // picomatch has ways of its own with `**` at the end or twice, and takes the ! of a class for a character.
      .filter((parts) =>
        parts.every((each, at) => each !== '**' || (parts[at + 1] !== '**' && (at === 0 || at < parts.length - 1))),
      )
      .map((parts) => parts.join('/'));
    const name = fc
      .array(fc.constantFrom('a', 'b', 'c', '.', '-', '*'), { minLength: 1, maxLength: 5 })
      .map((chars) => chars.join(''))
      .filter((text) => !/^\.+$/.test(text));
    const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join('/'));
    fc.assert(
      fc.property(glob, path, fc.boolean(), (pattern, text, basename) => {
        const ofName = basename && !pattern.includes('/');
        const theirs = picomatch(pattern, { dot: true, basename: ofName });
        expect(compileGlob(pattern, { basename })(text)).toBe(theirs(text));
      }),
      { numRuns: 20_000, seed: 5 },
    );
  });

  test('takes no longer for the worst of names; an expression made of the same glob does not come back', () => {
    const glob = `${'*a'.repeat(120)}*b`;
    const name = 'a'.repeat(255);
    const matches = compileGlob(glob);
    const began = performance.now();
    expect(matches(name)).toBe(false);
    expect(performance.now() - began).toBeLessThan(200);
    // The control: with a few stars only, what is made of it by way of an expression takes longer by far.
    const few = `${'*a'.repeat(3)}*b`;
    const from = performance.now();
    expect(picomatch(few)(name.slice(0, 120))).toBe(false);
    const expression = performance.now() - from;
    const again = performance.now();
    expect(compileGlob(few)(name.slice(0, 120))).toBe(false);
    expect(performance.now() - again).toBeLessThan(expression / 20);
  });
});

test('a selection of the largest size that is taken decides on the worst path within the time that a request has', () => {
  const folders = Array.from({ length: 15 }, () => 'a'.repeat(250));
  const exclude = [...Array.from({ length: 255 }, () => `**/${'*a'.repeat(120)}*b`), `**/${'a/**/'.repeat(400)}b`];
  const began = performance.now();
  expect(createSelection([], exclude).takes(folders.join('/'))).toBe(true);
  expect(performance.now() - began).toBeLessThan(10_000);
  expect(() =>
    createSelection(
      [],
      Array.from({ length: 1000 }, () => 'x'.repeat(100)),
    ),
  ).toThrow(/65536 are taken/);
});
