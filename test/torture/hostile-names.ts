// Names that break careless programs: as bytes, from a list and from a seed, and trees that are made of them.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import fc from 'fast-check';

const text = (name: string): Buffer => Buffer.from(name, 'utf8');

/** Each has cost somebody a file, a terminal or a machine. */
export const knownHostile: readonly Buffer[] = [
  ...[
    ' ',
    '  lead',
    'trail ',
    'trail.',
    '...',
    '..name',
    '-rf',
    '--',
    '--help',
    '~',
    '~root',
    '*',
    '?',
    '[a]',
    '{a,b}',
  ],
  ...[
    '$(touch pwned)',
    '`id`',
    ';reboot',
    '|',
    '&',
    '>',
    '#',
    '!',
    '"',
    "'",
    '\\',
    'a\nb',
    'end\n',
    '\n',
    'a\rb',
    '\t',
  ],
  ...[
    '\u001b[31mred',
    '\u001b]0;title\u0007',
    '\u009b31m',
    '\u007f',
    '\u0001',
    'gpj\u202egpj.exe',
    '\u2066iso',
    '\u200emark',
  ],
  ...[
    'C:',
    'C:\\Windows',
    '\\\\server\\share',
    '..\\..\\up',
    'a\\b',
    'CON',
    'con.txt',
    'NUL',
    'AUX.mov',
    'COM1',
    'LPT1.txt',
  ],
  ...[
    'a:b',
    'a::$DATA',
    'Name',
    'name',
    'NAME',
    '\u00e9',
    'e\u0301',
    '\u212b',
    'A\u030a',
    '\ufeffbom',
    '\ufffd',
    '\ue000',
    '\u{1f468}\u200d\u{1f469}',
  ],
  ...['%00', '%2e%2e%2f', '%n%s', '<script>', '&amp;', '__proto__', 'constructor', 'null', 'undefined', 'NaN', '0'],
  ...[
    '.partial',
    'x.partial',
    'x.growing',
    '.x.growing',
    '.wherry-probe-01',
    '.x.01M7WQGF7PEX6N7CHH7JFE6SHP.1.partial',
    '.x.00000000000000000000000000.7.partial',
  ],
  ...['x'.repeat(255), '\u20ac'.repeat(85), `${'y'.repeat(251)}.mov`, `${'\u{1f600}'.repeat(63)}.ts`],
]
  .map(text)
  .concat(
    // Not UTF-8: alone, cut off, overlong, a surrogate, and 255 of them.
    [[0xff], [0xc3, 0x28], [0xe2, 0x82], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80], [0x61, 0xff, 0x1b, 0x5b]].map(
      (bytes) => Buffer.from(bytes),
    ),
    [Buffer.alloc(255, 0xfe)],
  );

const anyName: fc.Arbitrary<Buffer> = fc.oneof(
  fc.constantFrom(...knownHostile),
  fc.uint8Array({ minLength: 1, maxLength: 255 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).map(text),
  fc
    .array(fc.constantFrom('.', '..', '\\', ':', '\u001b', '\u202e', ' ', 'a'), { minLength: 1, maxLength: 8 })
    .map((parts) => text(parts.join(''))),
);

/** What a file system of Linux takes for a name. */
function isName(name: Buffer): boolean {
  const asText = name.toString('latin1');
  return name.length > 0 && name.length <= 255 && !/[\0/]/.test(asText) && asText !== '.' && asText !== '..';
}

/** So many different names; the known ones come first. */
export function hostileNames(count: number, seed: number): Buffer[] {
  const found = new Map<string, Buffer>();
  const take = (names: readonly Buffer[]): void => {
    for (const name of names) if (isName(name) && found.size < count) found.set(name.toString('hex'), name);
  };
  take(knownHostile);
  for (let more = 0; found.size < count; more++) take(fc.sample(anyName, { numRuns: 200, seed: seed + more }));
  return [...found.values()];
}

export const below = (folder: Buffer | string, name: Buffer | string): Buffer =>
  Buffer.concat([Buffer.from(folder), Buffer.from('/'), Buffer.from(name)]);

/** Files of these names, some of them in folders of these names; each has a content of its own. */
export function writeHostileTree(root: string, names: readonly Buffer[]): void {
  mkdirSync(root, { recursive: true });
  for (const [at, name] of names.entries()) {
    let folder: Buffer = Buffer.from(root);
    // Every third lies in a folder called as another one, every ninth in two.
    for (let depth = at % 9 === 0 ? 2 : at % 3 === 0 ? 1 : 0; depth > 0; depth--) {
      const parent = names[(at + depth * 7) % names.length] ?? name;
      folder = below(below(folder, `folder-${depth}`), parent);
      mkdirSync(folder, { recursive: true });
    }
    writeFileSync(below(folder, name), Buffer.concat([Buffer.from(`file ${at}\n`), name]));
  }
}

/** Every file below a root: its path as bytes (in hex) and the hash of its content. Links and what lies behind them are left out, and files by which a watch tries its folder, which come and go. */
export function hostileTree(root: Buffer | string, prefix = ''): Map<string, string> {
  const found = new Map<string, string>();
  for (const entry of readdirSync(root, { withFileTypes: true, encoding: 'buffer' })) {
    const path = below(root, entry.name);
    const name = `${prefix}${entry.name.toString('hex')}`;
    if (entry.name.toString('latin1').startsWith('.wherry-events-')) continue;
    if (entry.isDirectory()) for (const [inner, hash] of hostileTree(path, `${name}/`)) found.set(inner, hash);
    else if (entry.isFile()) found.set(name, createHash('sha256').update(readFileSync(path)).digest('hex'));
  }
  return found;
}
