// `wherry process`: one file by hand, with the real programs.

import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeDualFisheye, makePhoto, probeFile } from '../support/media.ts';
import { type Bench, contents, objects, openBench } from './command.ts';

let bench: Bench;
beforeAll(() => {
  bench = openBench();
  makeDualFisheye(bench.path('VID_1.insv'));
  makePhoto(bench.path('P.jpg'));
});
afterAll(() => bench.close());
let out = '';
let count = 0;
beforeEach(() => {
  count += 1;
  out = `out-${count}`;
});

test('an .insv to an .m3u8: stitched, cut up, and playable where it lies', async () => {
  const ended = await bench.run('process', 'insta360', 'VID_1.insv', `${out}/flight.m3u8`, '-P');
  expect(ended).toMatchObject({
    code: 0,
    out: `${bench.path(out, 'flight.m3u8')}\n${bench.path(out, 'flight.hls')}\n`,
  });
  expect(ended.err).toMatch(/transcode: stitched [\d.]+ kB[\s\S]*transcode: hls/);
  expect(readdirSync(bench.path(out)).sort()).toEqual(['flight.hls', 'flight.m3u8']);
  expect(probeFile(bench.path(out, 'flight.m3u8'))).toMatchObject({
    durationSeconds: expect.closeTo(2, 0),
    streams: expect.arrayContaining([{ codec: 'h264', width: 512, height: 256 }]),
  });
});

test('into a folder go all results of the pipeline for that kind; nothing is written over', async () => {
  const first = await bench.run('process', 'gopro', 'P.jpg', `${out}/`, '--json');
  expect(first.code).toBe(0);
  const steps = objects(first).filter(({ type }) => type === 'step');
  expect(steps.map(({ step }) => step)).toEqual(['checksum', 'metadata', 'thumbnail']);
  expect(objects(first).at(-1)).toMatchObject({ type: 'result', pipeline: 'media', steps: 3 });
  expect(readdirSync(bench.path(out)).sort()).toEqual(['P.metadata.json', 'P.thumbnail.jpg']);
  const before = contents(bench.path(out));
  writeFileSync(bench.path(out, 'P.thumbnail.jpg'), 'mine');
  expect((await bench.run('process', 'gopro', 'P.jpg', `${out}/`)).code).toBe(0);
  expect(contents(bench.path(out))).toEqual({
    ...before,
    'P.thumbnail.jpg': 'mine',
    'P.thumbnail (1).jpg': before['P.thumbnail.jpg'],
  });
});

test('the configuration says what a kind goes through', async () => {
  const config = bench.path('wherry.yaml');
  writeFileSync(
    config,
    `pipelines:
  - { name: sums, files: ['*.jpg'], steps: [{ step: checksum, sidecar: true, algorithms: [md5] }] }
  - name: acme
    deviceKinds: [acme]
    steps:
      - { step: exec, argv: [cp, '{input}', '{output}'], output: '{name}.bak' }
`,
  );
  expect((await bench.run('process', 'acme', 'P.jpg', `${out}/`, '--config', config)).code).toBe(0);
  expect((await bench.run('process', 'other', 'P.jpg', `${out}/`, '--config', config)).code).toBe(0);
  expect(
    (await bench.run('process', 'other', 'VID_1.insv', `${out}/`, '--config', config, '--pipeline', 'sums')).code,
  ).toBe(0);
  expect(readdirSync(bench.path(out)).sort()).toEqual(['P.bak', 'P.jpg.md5', 'VID_1.insv.md5']);
  const none = await bench.run('process', 'other', 'VID_1.insv', `${out}/`, '--config', config);
  expect(none).toMatchObject({ code: 2, err: expect.stringContaining('No pipeline fits VID_1.insv of other') });
});

test('a plugin that processes its kind by itself stands in for the pipeline, unless one is named', async () => {
  const example = resolve(import.meta.dirname, '../../examples/device-plugin/index.js');
  const plugin = bench.path('slates.mjs');
  writeFileSync(
    plugin,
    `import { writeFileSync } from 'node:fs';
import { labelledFolders } from ${JSON.stringify(example)};
const process = async (input, { name, workFolder }, { progress }) => {
  const path = name + '.slate.txt';
  progress(1, 2);
  writeFileSync(workFolder + '/' + path, 'slate of ' + input.sizeBytes);
  return { produced: [{ role: 'slate', path, mediaType: 'text/plain' }], facts: {}, tool: null };
};
export const wherryAdapters = () => [{ ...labelledFolders([]), process }];
`,
  );
  const config = bench.path('plugin.yaml');
  const sums = "{ name: sums, files: ['*.jpg'], steps: [{ step: checksum, sidecar: true, algorithms: [md5] }] }";
  writeFileSync(config, `plugins: [./slates.mjs]\npipelines: [${sums}]\n`);
  const run = (kind: string, to: string, ...more: string[]) =>
    bench.run('process', kind, 'P.jpg', to, '--config', config, ...more);
  const ended = await run('labelled_folder', `${out}/`, '--json');
  expect(ended, ended.err).toMatchObject({ code: 0 });
  expect(objects(ended).at(-1)).toMatchObject({ type: 'result', pipeline: 'labelled_folder', steps: 1 });
  const said = `slate of ${statSync(bench.path('P.jpg')).size}`;
  expect(contents(bench.path(out))).toEqual({ 'P.slate.txt': said });
  expect((await run('labelled_folder', `${out}-one.txt`)).code).toBe(0);
  expect(readFileSync(bench.path(`${out}-one.txt`), 'utf8')).toBe(said);
  // The controls: another kind, and a pipeline that is named.
  expect((await run('gopro', `${out}-other/`)).code).toBe(0);
  expect((await run('labelled_folder', `${out}-named/`, '--pipeline', 'sums')).code).toBe(0);
  for (const name of ['other', 'named']) expect(readdirSync(bench.path(`${out}-${name}`))).toEqual(['P.jpg.md5']);
  writeFileSync(plugin, 'throw new Error("no licence");');
  expect(await run('labelled_folder', `${out}-wrong/`)).toMatchObject({
    code: 2,
    err: expect.stringMatching(/slates\.mjs could not be loaded: no licence/),
  });
});

test('what goes wrong has its exit code, and leaves nothing', async () => {
  writeFileSync(bench.path('broken.mp4'), 'no video');
  mkdirSync(bench.path('no-programs'), { recursive: true });
  const run = (...words: string[]) => bench.run('process', ...words);
  expect(await run('gopro', 'P.jpg')).toMatchObject({ code: 2 });
  expect(await run('gopro', 'gone.jpg', `${out}/`)).toMatchObject({ code: 3 });
  expect(await run('gopro', 'P.jpg', `${out}.docx`)).toMatchObject({ code: 2, err: expect.stringContaining('.docx') });
  expect(await run('gopro', 'broken.mp4', `${out}.m3u8`)).toMatchObject({
    code: 1,
    err: expect.stringMatching(/broken\.mp4 could not be processed: ffprobe/),
  });
  const { ended } = bench.start(['process', 'gopro', 'P.jpg', `${out}.webp`], {
    env: { PATH: bench.path('no-programs') },
  });
  expect(await ended).toMatchObject({ code: 7, err: expect.stringContaining('apt install ffmpeg') });
  writeFileSync(bench.path(`${out}.jpg`), 'mine');
  expect(await run('gopro', 'P.jpg', `${out}.jpg`)).toMatchObject({
    code: 1,
    err: expect.stringContaining('already there'),
  });
  expect(readFileSync(bench.path(`${out}.jpg`), 'utf8')).toBe('mine');
  expect(existsSync(bench.path('.wherry-work'))).toBe(false);
});

test('interrupted, it ends at once; the same command goes on with the steps that are missing', async () => {
  const config = bench.path('slow.yaml');
  const wait = '[ -e go ] || { echo waiting > waits; sleep 61; }; echo done > "$1"';
  writeFileSync(
    config,
    `pipelines:
  - name: slow
    steps:
      - { step: exec, argv: [sh, -c, 'echo run >> ${bench.path('runs')}; echo x > "$1"', x, '{output}'], output: 'first' }
      - { step: exec, argv: [sh, -c, 'cd ${bench.folder}; ${wait}', x, '{output}'], output: 'second' }
`,
  );
  const words = ['process', 'any', 'P.jpg', `${out}/`, '--config', config, '--pipeline', 'slow', '-P'];
  const first = bench.start(words);
  await first.said(/exec: exec/);
  await expect.poll(() => existsSync(bench.path('waits')), { timeout: 5_000 }).toBe(true);
  const startedAt = performance.now();
  first.child.kill('SIGINT');
  expect(await first.ended).toMatchObject({ code: 130, err: expect.stringContaining('goes on with the others') });
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  writeFileSync(bench.path('go'), '');
  expect((await bench.run(...words)).code).toBe(0);
  expect(readFileSync(bench.path('runs'), 'utf8')).toBe('run\n');
  expect(readdirSync(bench.path(out)).sort()).toEqual(['first', 'second']);
});
