// `wherry sync`, `wherry manifest` and `wherry syncs` as people run them: without a daemon, and through one.

import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Daemon, startDaemon } from '../support/daemon.ts';
import { makePng, tEXt } from '../support/png.ts';
import { startSshd } from '../support/sshd.ts';
import { compareTrees, writeSmallFiles } from '../support/trees.ts';
import { type Bench, openBench } from './command.ts';

const nothingDiffers = { missing: [], different: [], extra: [] };
let bench: Bench;
beforeAll(() => {
  bench = openBench();
});
afterAll(() => bench.close());
let round = 0;
const at = (...parts: string[]) => bench.path(`round-${round}`, ...parts);
beforeEach(() => {
  round += 1;
  mkdirSync(at('in'), { recursive: true });
});
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe('without a daemon', () => {
  it('brings a tree up to date, and says what it did', async () => {
    writeSmallFiles(at('in'), 20, 500);
    const planned = await bench.run('sync', '-n', at('in'), at('out'));
    expect(planned).toMatchObject({ code: 0, err: expect.stringContaining('20 files') });
    expect(existsSync(at('out'))).toBe(false);
    expect(await bench.run('sync', at('in'), at('out'))).toMatchObject({ code: 0 });
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
    rmSync(at('in/part-000/file-3.bin'));
    renameSync(at('in/part-000/file-9.bin'), at('in/part-000/renamed.bin'));
    const bound = await bench.run('sync', '--delete', '--max-delete', '0', at('in'), at('out'));
    expect(bound).toMatchObject({ code: 8, err: expect.stringMatching(/nothing is deleted/) });
    const second = await bench.run('sync', '--delete', '--json', at('in'), at('out'));
    expect(second.code).toBe(0);
    expect(lines(second.out)).toContainEqual(expect.objectContaining({ type: 'sync', deleted: 1 }));
    expect(compareTrees(at('in'), at('out'))).toEqual(nothingDiffers);
  });

  it('gives pictures their sidecars and thumbnails, and links what is there already', async () => {
    const castle = makePng([tEXt('parameters', 'a castle\nSteps: 3, Sampler: Euler, Seed: 42')]);
    writeFileSync(at('in/1.png'), castle);
    writeFileSync(at('in/2.png'), castle);
    const words = ['sync', '--media', 'metadata,xmp,thumbnails', '--dedup', 'hardlink', at('in'), at('out')];
    const ended = await bench.run(...words);
    expect(ended, ended.err).toMatchObject({ code: 0 });
    expect(readdirSync(at('out')).sort()).toEqual(
      expect.arrayContaining(['1.png', '2.png', '1.png.xmp', '1.png.thumbnail.jpg']),
    );
    expect(readFileSync(at('out/1.png.xmp'), 'utf8')).toContain('>a castle<');
    expect(statSync(at('out/1.png')).nlink).toBe(2);
    expect(await bench.run('sync', '--media', 'xml', at('in'), at('out'))).toMatchObject({ code: 2 });
  });

  it('exports what is known, takes it in again where it still stands, and clears it', async () => {
    writeSmallFiles(at('in'), 3, 500);
    await bench.run('sync', at('in'), at('out'));
    const known = await bench.run('manifest', 'export', at('in'), at('out'));
    expect(lines(known.out).map(({ path }) => path)).toEqual([
      'part-000/file-0.bin',
      'part-000/file-1.bin',
      'part-000/file-2.bin',
    ]);
    writeFileSync(at('known.jsonl'), known.out);
    expect(await bench.run('manifest', 'clear', at('in'), at('out'))).toMatchObject({ code: 0 });
    expect((await bench.run('manifest', 'export', at('in'), at('out'))).out).toBe('');
    writeFileSync(at('out/part-000/file-1.bin'), 'something else');
    const taken = await bench.run('manifest', 'import', at('in'), at('out'), at('known.jsonl'));
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('2 files known') });
    const now = await bench.run('manifest', 'export', at('in'), at('out'));
    writeFileSync(at('now.jsonl'), now.out);
    expect(await bench.run('manifest', 'diff', at('known.jsonl'), at('now.jsonl'))).toMatchObject({
      code: 1,
      out: 'deleted  part-000/file-1.bin\n',
    });
  });

  it('brings home what a host has that the configuration knows by a name', async () => {
    const sshd = await startSshd();
    try {
      const { port, user, identityFile, knownHosts, files } = sshd;
      const host = { host: '127.0.0.1', port, user, identityFile, knownHosts, agent: false };
      writeFileSync(at('wherry.yaml'), JSON.stringify({ ssh: { hosts: { render: host } } }));
      writeSmallFiles(`${files}/it's | a\nfolder`, 20, 500);
      const far = `ssh://render${files}`;
      const sync = () => bench.run('sync', '--config', at('wherry.yaml'), far, at('home'));
      expect(await sync()).toMatchObject({ code: 0, err: expect.stringContaining('20 files') });
      expect(compareTrees(files, at('home'))).toEqual(nothingDiffers);
      expect(await sync()).toMatchObject({ code: 0, err: expect.stringContaining('unchanged') });
      // What the host has hashed is not said to have been read back.
      const away = await bench.run('copy', '--config', at('wherry.yaml'), at('home'), `${far}/back`);
      expect(away).toMatchObject({ code: 0, err: expect.stringContaining('each verified where it is now') });
    } finally {
      await sshd.close();
    }
  });

  it.each([
    [['sync'], /needs a source and a destination/],
    [['sync', 'a', 'a/b'], /lie in each other/],
    [['sync', '--max-delete', 'all', 'a', 'b'], /--max-delete takes/],
    [['sync', '--symlinks', 'follow', 'a', 'b'], /follow/],
    [['sync', '--delete', '--conflict', 'rename', 'a', 'b'], /conflict rule/],
    [['manifest', 'burn'], /takes export/],
  ])('refuses %j', async (words, message) => {
    const { code, err } = await bench.run(...words);
    expect([code, err]).toEqual([2, expect.stringMatching(message)]);
  });
});

describe('through a daemon', () => {
  let daemon: Daemon;
  beforeAll(async () => {
    daemon = await startDaemon(bench.path('daemon'), {
      config: `roots: [${JSON.stringify(bench.folder)}]\nwatches: []\n`,
    });
  });
  afterAll(() => daemon.kill());

  it('keeps a sync under a name, runs, plans and forgets it', async () => {
    const data = ['--data', bench.path('daemon', 'data')];
    writeFileSync(at('in/a.txt'), 'a');
    const added = await bench.run('syncs', 'add', ...data, '--every', '6h', 'pictures', at('in'), at('out'));
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining('every 360 min') });
    expect((await bench.run('syncs', 'plan', ...data, 'pictures')).out).toContain('a.txt');
    expect(await bench.run('syncs', 'run', ...data, 'pictures')).toMatchObject({ code: 0 });
    expect(readFileSync(at('out/a.txt'), 'utf8')).toBe('a');
    const [row] = lines((await bench.run('syncs', 'ls', '--json', ...data)).out);
    expect(row).toMatchObject({ name: 'pictures', lastRun: { state: 'completed' }, nextAt: expect.any(String) });
    expect(lines((await bench.run('manifest', 'export', ...data, 'pictures')).out)).toMatchObject([{ path: 'a.txt' }]);
    expect((await bench.run('syncs', 'disable', ...data, 'pictures')).err).toContain('rests');
    expect(await bench.run('syncs', 'rm', ...data, 'pictures')).toMatchObject({ code: 0 });
    expect((await bench.run('syncs', 'show', ...data, 'pictures')).code).toBe(3);
    expect(readdirSync(at('out'))).toEqual(['a.txt']);
    expect(await bench.run('sync', ...data, at('in'), at('more'))).toMatchObject({ code: 0 });
    expect(readdirSync(at('more'))).toEqual(['a.txt']);
  });
});
