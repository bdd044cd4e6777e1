// A wrong configuration is named by line and column, with what was probably meant.

import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readConfigText } from '../../src/config-problems.ts';
import { configJsonSchema } from '../../src/config-schema.ts';

const linesOf = (text: string) =>
  readConfigText(text).problems.map(({ line, column, message }) => `${line}:${column} ${message}`);

describe('readConfigText', () => {
  test('reads the configuration of the guide, sizes with units included', () => {
    const read = readConfigText(`
roots: [/ingest]
bandwidth: "08:00,2M 19:00,off"
watches:
  - source: /ingest
    destination: /mnt/library          # or destinations: [ … ]
    scanSeconds: 10
    growing: { minSize: 50MB, safetyMargin: 16MiB, idleSeconds: 30, readable: false }
    include: ["**/*.mxf"]
    rules: [{ match: "*.mxf", to: "{date:YYYY-MM-DD}/{name}" }]
    after: keep
`);
    expect(read.problems).toEqual([]);
    expect(read.values?.watches[0]).toMatchObject({
      source: '/ingest',
      stableSeconds: 30,
      growing: { minSize: 50_000_000, safetyMargin: 16 * 2 ** 20 },
    });
  });

  test('an empty file is all defaults', () => {
    expect(readConfigText('').values?.limits.transfers).toBe(4);
    expect(readConfigText('# nothing\n').values?.watches).toEqual([]);
  });

  test('names a mistyped key with its place and the nearest known one, nested ones too', () => {
    expect(linesOf('wathces: []\n')).toEqual(['1:1 "wathces" is no key of the configuration. Did you mean "watches"?']);
    expect(linesOf('limits:\n  transfer: 3\n')).toEqual([
      '2:3 "transfer" is no key of limits. Did you mean "transfers"?',
    ]);
    expect(linesOf('watches:\n  - source: /a\n    destination: /b\n    growing: { readeble: true }\n')).toEqual([
      '4:16 "readeble" is no key of watches[0].growing. Did you mean "readable"?',
    ]);
  });

  test('names wrong values with their place, all of them in order', () => {
    expect(linesOf('bandwidth: fast\nlimits:\n  perEndpoint: 0\nlogs: { level: loud, maxSize: 3XB }\n')).toEqual([
      '1:12 bandwidth: The bandwidth "fast" cannot be read: "fast" is neither a rate such as 2M nor "off".',
      '3:16 limits.perEndpoint: 0 is less than 1.',
      '4:16 logs.level: "loud" is not one of debug, info, warn or error.',
      '4:31 logs.maxSize: "3XB" is not a size. Write bytes, or a number with kB, MB, GB, TB, KiB, MiB, GiB or TiB.',
    ]);
  });

  test('takes the pipelines of the guide', () => {
    const guide = readFileSync(new URL('../../docs/processing.md', import.meta.url), 'utf8');
    const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, block]) => block ?? '');
    expect(blocks.length).toBeGreaterThan(0);
    for (const block of blocks) expect(linesOf(block)).toEqual([]);
  });

  test('names a glob that is none, of pipelines and of rules for devices', () => {
    expect(linesOf('pipelines:\n  - { name: a, files: ["*.mp4", "@(x)"], steps: [{ step: checksum }] }\n')).toEqual([
      expect.stringMatching(/^2:33 pipelines\[0\]\.files\[1\]: The pattern "@\(x\)" holds "@\(", which is not known/),
    ]);
    const rule = (words: string) => linesOf(`offload: { rules: [{ name: a, ${words} }] }\n`);
    expect(rule('device: "+(cam)"')).toEqual([expect.stringMatching(/^1:39 offload\.rules\[0\]\.device: .*"\+\("/)]);
    expect(rule('kind: gopro, include: ["?(a)"]')).toEqual([expect.stringContaining('rules[0].include: The pattern')]);
    expect(rule('kind: gopro, exclude: ["/"]')).toEqual([expect.stringContaining('"/" names nothing')]);
    expect(rule('device: "card-1*", include: ["*.{mp4,jpg}"], exclude: ["tmp/**"]')).toEqual([]);
  });

  test('checks the parameters of steps, each against its own', () => {
    const pipeline = (...steps: string[]) =>
      ['pipelines:', '  - name: cam', '    deviceKinds: [gopro]', '    steps:', ...steps].join('\n');
    expect(linesOf(pipeline('      - step: thumbnail', '        widht: 300'))).toEqual([
      '6:9 "widht" is no key of pipelines[0].steps[0]. Did you mean "width"?',
    ]);
    expect(linesOf(pipeline('      - { step: transcode, preset: hsl }', '      - { step: exec, argv: [] }'))).toEqual([
      '5:36 pipelines[0].steps[0].preset: "hsl" is not one of hls, h264-proxy or stitch-equirect.',
      '6:29 pipelines[0].steps[1].argv: [] is less than 1.',
    ]);
    expect(linesOf(pipeline('      - step: transcod'))).toEqual([
      '5:15 pipelines[0].steps[0].step: "transcod" is not one of checksum, metadata, xmp, thumbnail, transcode, exec or scan.',
    ]);
    expect(linesOf(pipeline('      - { step: scan, optional: true }'))).toEqual([
      '5:33 pipelines[0].steps[0].optional: true is not one of false.',
    ]);
    expect(linesOf(pipeline('      - { step: checksum, from: sphere }'))).toEqual([
      '5:33 pipelines[0].steps[0].from: The first step has nothing before it to work on.',
    ]);
    const right = readConfigText(pipeline('      - { step: transcode, preset: hls }', '      - { step: scan }'));
    expect(right.values?.pipelines?.[0]).toMatchObject({
      deviceKinds: ['gopro'],
      steps: [
        { step: 'transcode', segmentSeconds: 6, timeoutMinutes: 120, optional: false },
        { step: 'scan', optional: false },
      ],
    });
  });

  test('says what is missing where it should stand', () => {
    expect(linesOf('watches:\n  - destination: /b\n')).toEqual(['2:5 watches[0].source: it is missing; write text.']);
    expect(linesOf('watches:\n  - source: /b\n')).toEqual([
      '2:5 watches[0]: A watch needs either destination or destinations.',
    ]);
    const watch = 'watches:\n  - source: /a\n    destination: /b\n';
    expect(linesOf(`${watch}    after: move-to\n`)).toEqual([
      '4:12 watches[0].after: move-to needs moveTo, the folder to put files into.',
    ]);
    expect(linesOf(`${watch}    rules: [{ match: "*", to: "../{name}" }]\n`)).toEqual([
      '4:12 watches[0].rules: The template of rule 1 (../{name}) leads out of the destination.',
    ]);
  });

  test.each(['a: [1\nb: 2', '- 1', '"text"', 'a: 1\na: 2', '*nobody', 'a: &x [*x]', '\0', '{', '\t- a'])(
    'never throws and never accepts what is no configuration: %j',
    (text) => {
      expect(readConfigText(text).problems.length).toBeGreaterThan(0);
    },
  );
});

test('the published schema is that of the sources', () => {
  const published: unknown = JSON.parse(
    readFileSync(new URL('../../docs/wherry.schema.json', import.meta.url), 'utf8'),
  );
  expect(published, 'run: node scripts/config-schema.ts').toEqual(JSON.parse(JSON.stringify(configJsonSchema())));
});

test('it says of every key what it is for, so that editors can', () => {
  interface Node {
    readonly description?: string;
    readonly properties?: Readonly<Record<string, Node>>;
    readonly items?: Node;
  }
  const silent = (node: Node, path: string): string[] => [
    ...(node.items === undefined ? [] : silent(node.items, `${path}[]`)),
    ...Object.entries(node.properties ?? {}).flatMap(([key, inner]) => [
      ...(inner.description === undefined ? [`${path}.${key}`] : []),
      ...silent(inner, `${path}.${key}`),
    ]),
  ];
  expect(silent(configJsonSchema() as Node, '')).toEqual([]);
  expect(silent({ properties: { bare: {} } }, '')).toEqual(['.bare']);
});
