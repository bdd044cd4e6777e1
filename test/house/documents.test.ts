// The documents say what the tables say, and their links lead somewhere.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { generatedDocuments, generatedParts, withGeneratedParts } from '../../scripts/generated-docs.ts';
import { faultCodes } from '../../src/model/fault.ts';
import { repository } from './sources.ts';

const read = (path: string) => readFileSync(join(repository, path), 'utf8');

function documents(folder: string): string[] {
  return readdirSync(join(repository, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    if (entry.isDirectory()) return folder === '' && entry.name !== 'docs' ? [] : documents(path);
    return entry.name.endsWith('.md') ? [path] : [];
  });
}

describe('the documents', () => {
  test.each(Object.keys(generatedParts))('%s is up to date with its tables (else: npm run docs)', (name) => {
    expect(read(name)).toBe(withGeneratedParts(name, read(name)));
  });

  test.each(Object.keys(generatedDocuments))('%s is what its source writes (else: npm run docs)', (name) => {
    expect(read(name)).toBe(generatedDocuments[name]?.());
  });

  test('a stale one is seen', () => {
    const stale = read('ARCHITECTURE.md').replace('queued --> waiting: wait', '');
    expect(withGeneratedParts('ARCHITECTURE.md', stale)).not.toBe(stale);
  });

  test('docs/errors.md lists every code once', () => {
    const text = read('docs/errors.md');
    for (const code of faultCodes) expect(text.split(`| \`${code}\` |`)).toHaveLength(2);
  });

  test('links between them lead to files that are there', () => {
    const broken = documents('').flatMap((path) =>
      [...read(path).matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)/g)]
        .map((match) => decodeURIComponent(match[1] ?? ''))
        .filter((target) => !existsSync(join(repository, dirname(path), target)))
        .map((target) => `${path} → ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test('decision records are numbered without a gap and say what was decided', () => {
    const records = readdirSync(join(repository, 'docs/decisions')).filter((name) => /^\d{4}-/.test(name));
    expect(records.map((name) => Number(name.slice(0, 4)))).toEqual(records.map((_, index) => index + 1));
    for (const name of records) expect(read(`docs/decisions/${name}`)).toMatch(/^## Decision$/m);
  });
});
