// Names: every byte sequence survives, nothing leads out of its root, nothing shown can fool a terminal or a reader.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Fault } from '../../src/model/fault.ts';
import {
  baseName,
  collisionKey,
  displayPath,
  isText,
  joinPath,
  nameMaxBytes,
  numberedName,
  parentPath,
  parsePartialName,
  partialName,
  pathBytes,
  pathFromBytes,
  pathLengthBytes,
  safeRelativePath,
  windowsProblem,
} from '../../src/model/names.ts';

const anyBytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  // Near-valid UTF-8: a prefix or a splice of real text.
  fc
    .tuple(fc.string({ unit: 'binary', maxLength: 12 }), fc.nat(40), fc.uint8Array({ maxLength: 3 }))
    .map(([text, cut, more]) => Uint8Array.from([...new TextEncoder().encode(text).slice(0, cut), ...more])),
);
/** Any UTF-16, lone surrogates included. */
const anyString = fc
  .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
  .map((units) => String.fromCharCode(...units));
const hostilePart = fc.constantFrom(
  '..',
  '.',
  '',
  '...',
  '.. ',
  '\0',
  'C:',
  '\\\\server',
  'a\\..\\b',
  '\u001b[2J',
  '\u202e',
  'CON',
  'a:b',
  '\udcff',
  '\ud800',
  'é',
  'e\u0301',
  'x'.repeat(255),
  'x'.repeat(256),
  '%2e%2e',
);
const hostilePath = fc.oneof(
  fc.array(fc.oneof(hostilePart, anyString), { maxLength: 8 }).map((parts) => parts.join('/')),
  anyString,
);

function outcome(path: string, options?: { windows?: boolean }): string {
  try {
    return safeRelativePath(path, options);
  } catch (error) {
    return error instanceof Fault ? `!${error.code}` : `!!${error}`;
  }
}

describe('bytes and names', () => {
  test('every byte sequence is one string and comes back from it', () => {
    fc.assert(
      fc.property(anyBytes, (bytes) => {
        const path = pathFromBytes(bytes);
        expect([...pathBytes(path)]).toEqual([...bytes]);
        expect(pathLengthBytes(path)).toBe(bytes.length);
      }),
      { numRuns: 3000 },
    );
  });

  test('two byte sequences never share a string', () => {
    fc.assert(
      fc.property(anyBytes, anyBytes, (one, other) => {
        expect(pathFromBytes(one) === pathFromBytes(other)).toBe(Buffer.compare(one, other) === 0);
      }),
    );
  });

  test('text is kept as it is, with a byte order mark and the planes beyond the first', () => {
    for (const text of ['', 'ä', '\ufeffbom', '😀/𐐷', '\u0000']) {
      expect(pathFromBytes(new TextEncoder().encode(text))).toBe(text);
      expect(isText(text)).toBe(true);
    }
    expect(isText(pathFromBytes(Uint8Array.of(0x61, 0xff)))).toBe(false);
  });

  test.each([
    [[0xc0, 0xaf], '\udcc0\udcaf'],
    [[0xed, 0xa0, 0x80], '\udced\udca0\udc80'],
    [[0xf4, 0x90, 0x80, 0x80], '\udcf4\udc90\udc80\udc80'],
    [[0xe2, 0x82], '\udce2\udc82'],
    [[0xe2, 0x82, 0x2f], '\udce2\udc82/'],
  ])('%j is not UTF-8 and is held byte by byte', (bytes, text) => {
    expect(pathFromBytes(Uint8Array.from(bytes))).toBe(text);
  });

  test('a surrogate that stands for no byte is refused', () => {
    for (const text of ['\ud800', 'a\udfff', '\udc7f', '\udc00']) expect(() => pathBytes(text)).toThrow(Fault);
  });
});

describe('safe relative paths', () => {
  test('what passes stays inside, is in one form, and is refused with one code otherwise', () => {
    fc.assert(
      fc.property(hostilePath, fc.boolean(), (path, windows) => {
        const safe = outcome(path, { windows });
        if (safe.startsWith('!')) {
          if (safe === '!name_unsafe') return;
          expect(path).toContain('!');
        }
        expect(safe.startsWith('/')).toBe(false);
        expect(safe.endsWith('/')).toBe(false);
        expect(safe).not.toContain('\0');
        for (const part of safe === '' ? [] : safe.split('/')) {
          expect(['', '.', '..']).not.toContain(part);
          expect(pathLengthBytes(part)).toBeLessThanOrEqual(nameMaxBytes);
          if (windows) expect(windowsProblem(part)).toBeUndefined();
        }
        expect(outcome(safe, { windows })).toBe(safe);
        expect(pathFromBytes(pathBytes(safe))).toBe(safe);
      }),
      { numRuns: 5000 },
    );
  });

  test.each([
    '..',
    '../x',
    'a/../../x',
    'a/..',
    './../x',
    '/etc/passwd',
    '//server/share',
    '\\\\server\\share',
    './\\\\server\\share',
    'C:\\x',
    'c:/x',
    'C:',
    './C:/x',
    'a\0b',
    '\ud800',
    'x'.repeat(256),
    'ü'.repeat(128),
    Array.from({ length: 20 }, () => 'x'.repeat(250)).join('/'),
  ])('%j is refused', (path) => {
    expect(outcome(path)).toBe('!name_unsafe');
  });

  test.each([
    ['a/./b//c/', 'a/b/c'],
    ['...', '...'],
    ['..a/b..', '..a/b..'],
    ['a\\b', 'a\\b'],
    ['a:b', 'a:b'],
    ['CON', 'CON'],
    ['\u001b[2J', '\u001b[2J'],
    ['\udcff/x', '\udcff/x'],
    ['\udcc3\udca9', 'é'],
    ['x'.repeat(255), 'x'.repeat(255)],
    ['.', ''],
  ])('%j is held as %j', (path, safe) => {
    expect(outcome(path)).toBe(safe);
  });

  test.each(['CON', 'con.txt', 'Lpt1', 'com¹.log', 'a:b', 'a?', 'x ', 'x.', 'a\\b', 'a\u0001', 'a|b', '.. '])(
    '%j is refused for Windows',
    (path) => {
      expect(outcome(path, { windows: true })).toBe('!name_unsafe');
      expect(outcome('console/common.txt', { windows: true })).toBe('console/common.txt');
    },
  );

  test('a refusal shows the name in its harmless form', () => {
    expect(() => safeRelativePath('../\u001b[31m\u202e')).toThrow(
      /^The name \.\.\/\\x1b\[31m\\u\{202e\} goes upwards\.$/,
    );
  });
});

describe('what is shown', () => {
  test('holds no control, direction, line or tag character and no lone surrogate', () => {
    fc.assert(
      fc.property(fc.oneof(anyString, fc.string({ unit: 'binary' }), hostilePath), (path) => {
        const shown = displayPath(path);
        expect(shown).not.toMatch(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u{e0000}-\u{e007f}\u200b-\u200f\ufeff]/u);
        expect(shown.isWellFormed()).toBe(true);
      }),
      { numRuns: 5000 },
    );
  });

  test('leaves ordinary names alone, and tells a byte from a character', () => {
    for (const name of ['Übung 1 (neu).mov', '日本語', '😀', 'a\\b', "it's"]) expect(displayPath(name)).toBe(name);
    expect(displayPath('\udc85 \u0085 \n')).toBe('\\x85 \\u{85} \\x0a');
  });
});

describe('numbered names', () => {
  test.each([
    ['a.mov', 'a (1).mov'],
    ['b.tar.gz', 'b (1).tar.gz'],
    ['.rc', '.rc (1)'],
    ['Makefile', 'Makefile (1)'],
    ['a.b.c', 'a.b (1).c'],
    ['Dr. No goes', 'Dr. No goes (1)'],
    ['two\nlines.txt', 'two\nlines (1).txt'],
  ])('%j becomes %j', (name, numbered) => {
    expect(numberedName(name, 1)).toBe(numbered);
  });

  const name = fc
    .uint8Array({ minLength: 1, maxLength: 255 })
    .map((bytes) => pathFromBytes(bytes.map((byte) => (byte === 0 || byte === 0x2f ? 0x61 : byte))));

  test('fit the longest name, end as the name did, and differ for each number', () => {
    fc.assert(
      fc.property(fc.oneof(name, fc.constant('ü'.repeat(127)), fc.constant(`${'x'.repeat(240)}.jpeg`)), (given) => {
        const numbered = [1, 2, 10, 12345].map((n) => numberedName(given, n));
        for (const each of numbered) {
          expect(pathLengthBytes(each)).toBeLessThanOrEqual(nameMaxBytes);
          expect(safeRelativePath(each)).toBe(each);
        }
        expect(new Set(numbered).size).toBe(numbered.length);
      }),
      { numRuns: 1000 },
    );
  });

  test('partials fit, say whose they are, and are no other file’s name', () => {
    const id = '01JABCDEFGHJKMNPQRSTVWXYZ0';
    fc.assert(
      fc.property(name, fc.nat(), (given, fence) => {
        const partial = partialName(given, id, fence);
        expect(pathLengthBytes(partial)).toBeLessThanOrEqual(nameMaxBytes);
        expect(partial.startsWith('.')).toBe(true);
        expect(parsePartialName(partial)).toEqual({ transferId: id, fence });
      }),
      { numRuns: 1000 },
    );
    for (const other of [
      'a.partial',
      `.${id}.partial`,
      `a.${id}.1.partial`,
      `.a.${id}.x.partial`,
      `.a.${id}.1.partial.mov`,
    ]) {
      expect(parsePartialName(other)).toBeUndefined();
    }
  });
});

describe('parts of paths', () => {
  test('a path is its parent and its name', () => {
    fc.assert(
      fc.property(fc.array(fc.stringMatching(/^[^/]{1,5}$/), { minLength: 1, maxLength: 4 }), (parts) => {
        const path = parts.join('/');
        expect(joinPath(parentPath(path), baseName(path))).toBe(path);
        expect(baseName(path)).toBe(parts.at(-1));
      }),
    );
    expect(joinPath('a', '')).toBe('a');
    expect(parentPath('a')).toBe('');
  });

  test('twins in Unicode form or case collide, others do not', () => {
    expect(collisionKey('É.mov')).toBe(collisionKey('e\u0301.MOV'));
    expect(collisionKey('a')).not.toBe(collisionKey('b'));
  });
});
