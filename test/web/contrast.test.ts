// The colours: every text on every ground it stands on, in light and dark, by the contrast formula of WCAG 2.2.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const css = readFileSync(new URL('../../web/styles.css', import.meta.url), 'utf8');

function tokensOf(selector: string): Map<string, string> {
  const start = css.indexOf(`${selector} {`);
  expect(start, selector).toBeGreaterThanOrEqual(0);
  const block = css.slice(start, css.indexOf('}', start));
  return new Map([...block.matchAll(/--([\w-]+): (#[0-9a-f]{6});/g)].map(([, name = '', value = '']) => [name, value]));
}

function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function contrast(one: string, other: string): number {
  const [light = 0, dark = 0] = [luminance(one), luminance(other)].sort((a, b) => b - a);
  return (light + 0.05) / (dark + 0.05);
}

const grounds = ['page', 'surface', 'raised', 'tint', 'tint-strong'];
const pairs = [
  ...['ink', 'ink-soft', 'ink-faint', 'moves', 'proven', 'waits', 'needs'].flatMap((text) =>
    grounds.map((ground) => [text, ground] as const),
  ),
  ['surface', 'ink'],
  ['ink', 'needs-tint'],
  ['ink-soft', 'needs-tint'],
  ['ink-faint', 'needs-tint'],
  ['needs', 'needs-tint'],
  ['ink-faint', 'waits-tint'],
  ['waits', 'waits-tint'],
  ['ink-faint', 'proven-tint'],
] as const;

test.each([':root', ':root[data-theme="dark"]'])('texts of %s stand out by 4.5 at least', (selector) => {
  const tokens = tokensOf(selector);
  const weak = pairs.flatMap(([text, ground]) => {
    const ratio = contrast(tokens.get(text) ?? '#000000', tokens.get(ground) ?? '#000000');
    return ratio < 4.5 ? [`${text} on ${ground}: ${ratio.toFixed(2)}`] : [];
  });
  expect(weak).toEqual([]);
});

test('the system’s dark is the chosen dark', () => {
  expect(tokensOf(':root:not([data-theme="light"])')).toEqual(tokensOf(':root[data-theme="dark"]'));
});
