// `wherry devices` on a real daemon with a real mounted card: seen, listed, copied from, gone.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type LoopCard, makeCard } from '../support/loop-card.ts';
import { content } from '../support/trees.ts';
import { type Bench, objects, openBench, type Started } from './command.ts';

const files = {
  'DCIM/100GOPRO/GX010001.MP4': content(1, 3_000_000),
  'DCIM/100GOPRO/GL010001.LRV': content(2, 10_000),
  'DCIM/101/b.jpg': content(3, 5_000),
};
let bench: Bench;
let daemon: Started;
let card: LoopCard;
const at = (...parts: string[]) => join(bench.folder, ...parts);

beforeAll(async () => {
  bench = openBench();
  mkdirSync(at('slots'));
  card = makeCard(at('card.img'), files, 1_700_000_000);
  writeFileSync(
    at('wherry.yaml'),
    `roots: [out]\ndevices:\n  pollSeconds: 3600\n  without: [gphoto2]\n  mounted: { roots: [slots] }\n`,
  );
  daemon = bench.start(['serve', '--data', 'data', '--config', 'wherry.yaml', '--listen', '127.0.0.1:0']);
  await daemon.said(/Ctrl-C\.\n/);
});
afterAll(async () => {
  await bench.close();
  card.dispose();
});

const run = (...words: string[]) => bench.run('devices', ...words, '--data', 'data');

test('a card is listed, shown, and told with its files; pulled it is away', async () => {
  expect(await run()).toMatchObject({ code: 0, out: '', err: expect.stringMatching(/No camera or card is here/) });
  card.insert(at('slots', 'SD card'));
  const listed = await run('ls');
  expect(listed).toMatchObject({
    code: 0,
    out: expect.stringMatching(/^card-\S+ +mounted +here +\S.*SD card +SD card$/m),
  });
  const [device] = objects(await run('ls', '--json'));
  const id = String(device?.id);
  expect(id).toContain(card.uuid);
  const shown = await run('show', id);
  expect(shown.out).toMatch(/^State +here$/m);
  const told = await run('files', id);
  expect(
    told.out
      .trim()
      .split('\n')
      .map((line) => line.trim().split(/ {2,}/).at(-1)),
  ).toEqual(Object.keys(files).sort());
  expect(told.err).toMatch(/3 files/);
  expect(objects(await run('files', id, '--json'))).toContainEqual(
    expect.objectContaining({ path: 'DCIM/100GOPRO/GX010001.MP4', companions: ['DCIM/100GOPRO/GL010001.LRV'] }),
  );
  card.pull();
  expect((await run('ls')).out).toMatch(/ away /);
  expect(await run('files', id)).toMatchObject({ code: 5, err: expect.stringMatching(/is away/) });
});

test.each([
  [['lss'], /Did you mean "ls"\?/],
  [['show'], /needs an id/],
])('%j is refused', async (words, message) => {
  expect(await run(...words)).toMatchObject({ code: 2, err: expect.stringMatching(message) });
});

test('what nobody has seen is not found', async () => {
  expect(await run('show', 'nobody')).toMatchObject({ code: 3 });
  expect(readFileSync(at('data/logs/wherry.log'), 'utf8')).toContain('A device is here');
});
