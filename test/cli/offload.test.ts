// `wherry offload` and `wherry recordings` as a person uses them: a real mounted card, without a daemon and with one.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type LoopCard, makeCard } from '../support/loop-card.ts';
import { type Bench, openBench } from './command.ts';

const scratch = mkdtempSync(join(tmpdir(), 'wherry-cli-card-'));
// Where cards are looked for.
mkdirSync('/mnt', { recursive: true });
const slot = mkdtempSync('/mnt/wherry-card-');
let card: LoopCard;
let bench: Bench;

beforeAll(() => {
  const photo = join(scratch, 'photo.jpg');
  execFileSync('ffmpeg', ['-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=640x480', '-frames:v', '1', photo]);
  card = makeCard(
    join(scratch, 'card.img'),
    {
      'DCIM/a.jpg': readFileSync(photo),
      'DCIM/b.dat': new Uint8Array(9_000_000).fill(7),
      'DCIM/c.dat': new Uint8Array(10),
    },
    1_700_000_000,
  );
  card.insert(slot);
  bench = openBench();
});
afterAll(async () => {
  await bench.close();
  card.dispose();
  rmSync(slot, { recursive: true });
  rmSync(scratch, { recursive: true });
});

const objects = (text: string) =>
  text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('without a daemon', () => {
  test('a mounted card is offloaded and processed once, and the same command again finds nothing new', async () => {
    const dry = await bench.run('offload', '--dry-run', '--exclude', 'c.dat', slot, 'films');
    expect([dry.code, dry.out]).toEqual([0, expect.stringMatching(/a\.jpg[\s\S]*b\.dat/)]);
    const first = await bench.run('offload', '--exclude', 'c.dat', slot, 'films');
    expect(first, first.err).toMatchObject({ code: 0, err: expect.stringMatching(/Copied 2 files/) });
    expect(readFileSync(bench.path('films/DCIM/b.dat')).length).toBe(9_000_000);
    expect(readFileSync(bench.path('films/processed/DCIM/a.jpg/a.thumbnail.jpg')).length).toBeGreaterThan(100);
    const second = await bench.run('offload', slot, 'films', '--json');
    expect(second.code).toBe(0);
    expect(objects(second.out).at(-1)).toMatchObject({ type: 'summary', files: 1, unchanged: 2, failed: 0 });
  });

  test('with --asc-mhl the folder has a history that verify goes by, and that a file no longer fits once it is changed', async () => {
    const first = await bench.run('offload', '--asc-mhl', 'md5', '--pipeline', 'none', slot, 'day-1');
    expect(first, first.err).toMatchObject({ code: 0 });
    const [list = ''] = readdirSync(bench.path('day-1/ascmhl')).filter((name) => name.endsWith('.mhl'));
    expect(list).toMatch(/^0001_day-1_/);
    expect(readFileSync(bench.path('day-1/ascmhl', list), 'utf8')).toMatch(/DCIM\/b\.dat<\/path>[\s\S]*<md5 /);
    expect(await bench.run('verify', 'day-1')).toMatchObject({ code: 0 });
    writeFileSync(bench.path('day-1/DCIM/c.dat'), 'changed');
    expect((await bench.run('verify', 'day-1')).code).not.toBe(0);
    expect(await bench.run('offload', '--asc-mhl', 'sha256', slot, 'day-2')).toMatchObject({
      code: 2,
      err: expect.stringContaining('--asc-mhl'),
    });
    expect(existsSync(bench.path('day-2'))).toBe(false);
  });

  test('what is no card, no path and no folder is refused with what to do', async () => {
    const folder = bench.path('no-card');
    mkdirSync(folder);
    expect(await bench.run('offload', folder, 'x')).toMatchObject({
      code: 3,
      err: expect.stringContaining('wherry copy'),
    });
    expect(await bench.run('offload', slot)).toMatchObject({ code: 2, err: expect.stringContaining('DEST') });
    expect(await bench.run('offload', 'card-1')).toMatchObject({
      code: 5,
      err: expect.stringContaining('wherry serve'),
    });
    expect(await bench.run('offload')).toMatchObject({ code: 2 });
    expect(await bench.run('recordings', 'list')).toMatchObject({ code: 2 });
  });
});

describe('with a daemon', () => {
  test('a device is offloaded by its id or path; its recordings are listed and shown', async () => {
    const data = bench.path('data');
    const daemon = bench.start(['serve', '--data', data, '--listen', '127.0.0.1:0', '--no-demo']);
    await daemon.said(/http:\/\//);
    const devices = objects((await bench.run('devices', 'ls', '--data', data, '--json')).out);
    const id = String(devices.find(({ address }) => address === slot)?.id);
    const first = await bench.run('offload', '--data', data, '--key', 'flight 7', '--file', 'DCIM/a.jpg', id);
    expect(first, first.err).toMatchObject({ code: 0, err: expect.stringMatching(/Copied 1 file/) });
    const second = await bench.run('offload', '--data', data, slot, bench.path('data/media/home'));
    expect(second, second.err).toMatchObject({ code: 0, err: expect.stringMatching(/Copied 2 files.*1 unchanged/) });
    const listed = objects((await bench.run('recordings', 'ls', '--data', data, '--key', 'flight 7', '--json')).out);
    expect(listed).toHaveLength(1);
    expect(listed[0]).toMatchObject({ name: 'a.jpg', device: { id, kind: 'mounted' } });
    const plain = await bench.run('recordings', '--data', data);
    expect(plain.out.split('\n').filter((line) => line.includes('DCIM'))).toHaveLength(3);
    const shown = await bench.run('recordings', 'show', '--data', data, String(listed[0]?.id));
    expect(shown.out).toMatch(/original: .*a\.jpg[\s\S]*thumbnail from original: [\s\S]*by ffmpeg /);
    expect(await bench.run('recordings', 'show', '--data', data, 'nobody')).toMatchObject({ code: 3 });
    daemon.child.kill('SIGTERM');
    await daemon.ended;
  });
});
