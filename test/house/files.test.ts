// Every source file is short enough, says in its first line what it is for, and has a name that says something.

import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { sources } from './sources.ts';

const all = sources();
const emptyWords = ['utils', 'util', 'helpers', 'helper', 'common', 'misc', 'manager'];
const emptyNames = [...emptyWords, 'types', 'constants', 'index'];
/** Names that a tool or the layout demands. `index.ts` is the list of a folder's kinds and lives nowhere else. */
const lists = ['endpoints', 'devices', 'links', 'steps', 'sinks'].map((folder) => `src/${folder}/index.ts`);
const demanded = [...lists, 'src/store/migrations/index.ts', 'src/api/routes/index.ts'];

const wrong = (judge: (path: string, text: string) => boolean) =>
  all.filter(({ path, text }) => judge(path, text)).map(({ path }) => path);

describe('every source file', () => {
  test('has at most 600 lines, a test 1000', () => {
    const tooLong = (path: string, text: string) =>
      text.split('\n').length - 1 > (path.startsWith('test/') ? 1000 : 600);
    expect(wrong(tooLong)).toEqual([]);
  });

  test('says in its first line, in one sentence, what it is for', () => {
    const silent = (_: string, text: string) =>
      !/^(#!.*\n)?\/\/ [^\s].*[.:]$/.test(text.match(/^(#!.*\n)?.*/)?.[0] ?? '');
    expect(wrong(silent)).toEqual([]);
  });

  test('has a name in kebab-case that says something', () => {
    const unnamed = (path: string) => {
      const name = basename(path).replace(/(\.test|\.config|\.d)?\.(ts|tsx|mjs)$/, '');
      if (demanded.includes(path)) return false;
      const says = !emptyNames.includes(name) && !name.split('-').some((word) => emptyWords.includes(word));
      return !says || !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name);
    };
    expect(wrong(unnamed)).toEqual([]);
  });

  test('has no default export, unless a tool asks for it', () => {
    expect(wrong((path, text) => !/\.config\.ts$/.test(path) && /^export default /m.test(text))).toEqual([]);
  });

  test('leaves nothing for later and has no banners', () => {
    const mark = new RegExp(
      [
        ['TO', 'DO'],
        ['FIX', 'ME'],
        ['X', 'XX'],
      ]
        .map((halves) => `\\b${halves.join('')}\\b`)
        .join('|'),
    );
    expect(wrong((_, text) => mark.test(text) || /^\s*\/\/ ?[-=*#─]{4,}/m.test(text))).toEqual([]);
  });

  test('gives a reason wherever it silences the linter or the compiler', () => {
    expect(
      wrong(
        (_, text) =>
          /biome-ignore [\w/]+:?\s*$/m.test(text) ||
          /@ts-(ignore|nocheck)|@ts-expect-error\s*$/m.test(text.replace(/\/@ts-/g, '')),
      ),
    ).toEqual([]);
  });
});

describe('the product', () => {
  test('knows nothing of its tests', () => {
    const bad = sources(['.ts', '.tsx'], ['src', 'web']).filter(({ text }) =>
      /\bprocess\.env\.(VITEST|NODE_ENV|TEST)\b|from '(vitest|fast-check)'/.test(text),
    );
    expect(bad.map(({ path }) => path)).toEqual([]);
  });

  test('has tests that are all run: none skipped, none alone', () => {
    const bad = sources(['.test.ts'], ['test']).filter(({ text }) =>
      /\b(test|it|describe)\.(skip|only|skipIf|runIf|todo|fails)\b/.test(text),
    );
    expect(bad.map(({ path }) => path).filter((path) => path !== 'test/house/files.test.ts')).toEqual([]);
  });
});
