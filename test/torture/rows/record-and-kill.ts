// T15: real recordings grow in a watched folder while the daemon is killed again and again, its destination goes away and fills up.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { startDaemon } from '../../support/daemon.ts';
import { compareTrees } from '../../support/trees.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';

const naiveWatch = resolve(import.meta.dirname, '../naive-watch.ts');
const kinds = ['ts', 'mp4', 'mxf'] as const;

const codecs: Record<(typeof kinds)[number], readonly string[]> = {
  ts: ['-c:v', 'mpeg2video', '-b:v', '4M', '-c:a', 'mp2'],
  mp4: ['-c:v', 'mpeg4', '-b:v', '4M', '-c:a', 'aac'],
  mxf: ['-c:v', 'mpeg2video', '-b:v', '8M', '-c:a', 'pcm_s16le', '-ar', '48000'],
};

/** Writes a recording in real time, as a recorder does: mp4 and mxf get parts of their beginning rewritten at the end. */
function record(path: string, kind: (typeof kinds)[number], seconds: number): ChildProcess {
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc=size=640x360:rate=25'];
  const sound = ['-re', '-f', 'lavfi', '-i', 'sine=frequency=440:sample_rate=48000'];
  return spawn(
    'ffmpeg',
    ['-v', 'error', '-y', ...picture, ...sound, '-t', String(seconds), ...codecs[kind], '-flush_packets', '1', path],
    {
      stdio: 'ignore',
    },
  );
}

interface Scene {
  readonly source: string;
  readonly destination: string;
  readonly backing: string;
  start(): Promise<{ kill(): Promise<void> }>;
}

/** Full form: five minutes, a kill every 20 s, the destination away once and full once. */
async function torment(options: RowOptions, open: (scratch: string) => Promise<Scene>): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const seconds = Math.max(16, 300 * options.scale);
  const everyMs = Math.max(4_000, 20_000 * Math.min(1, options.scale * 5));
  const scene = await open(options.scratch);
  const finished = new Set<string>();
  const deadline = Date.now() + seconds * 1000;

  // Every size that a final name was ever seen with has to be the size of the recording when it was done.
  const seen = new Map<string, Set<number>>();
  const look = (): void => {
    for (const name of namesIn(scene.destination)) {
      const there = statSync(join(scene.destination, name), { throwIfNoEntry: false });
      if (there !== undefined) seen.set(name, (seen.get(name) ?? new Set()).add(there.size));
    }
  };
  const reader = setInterval(look, 10);

  const cameras = kinds.map(async (kind) => {
    for (let clip = 1; Date.now() < deadline - 3_000; clip++) {
      const left = (deadline - Date.now()) / 1000;
      const length = Math.min(left, Math.max(3, seconds * (0.15 + 0.25 * random())));
      const name = `clip-${clip}.${kind}`;
      const recorder = record(join(scene.source, name), kind, length);
      await once(recorder, 'exit');
      finished.add(name);
    }
  });

  let daemon = await scene.start();
  let kills = 0;
  const whole = Promise.all(cameras);
  let recording = true;
  void whole.then(() => {
    recording = false;
  });
  let trouble = 0;
  while (recording) {
    await Promise.race([after(everyMs * (0.6 + 0.8 * random())), whole]);
    if (!recording) break;
    await daemon.kill();
    kills += 1;
    options.say(`kill ${kills}`);
    daemon = await scene.start();
    trouble += 1;
    if (trouble === 1) await fillUp(scene.backing, everyMs / 4);
    if (trouble === 2) await takeAway(scene.destination, scene.backing, everyMs / 4);
  }
  await whole;
  const patience = Date.now() + 60_000 + 10_000 * options.scale;
  while (Date.now() < patience && compareTrees(scene.source, scene.destination).missing.length > 0) await after(100);
  clearInterval(reader);
  look();
  await daemon.kill();
  const difference = compareTrees(scene.source, scene.destination);
  const halfDone = [...seen].filter(([name, sizes]) => sizes.size > 1 || !sizes.has(sizeOf(join(scene.source, name))));
  execFileSync('umount', ['-l', scene.destination]);
  const faults = difference.extra.filter((path) => !path.startsWith('.wherry-')).map((path) => `left behind: ${path}`);
  if (finished.size < kinds.length) faults.push('fewer recordings than cameras: nothing was tried');
  return {
    runs: kills,
    lost: difference.missing.length,
    corrupt: new Set([...difference.different, ...halfDone.map(([name]) => name)]).size,
    bytesAgain: null,
    faults,
  };
}

/** The destination is a file system of its own, bound from its backing folder, so that it can be taken away and filled. */
function mountBacking(backing: string, destination: string): void {
  execFileSync('mount', ['--bind', backing, destination]);
}

async function takeAway(destination: string, backing: string, forMs: number): Promise<void> {
  execFileSync('umount', ['-l', destination]);
  await after(forMs);
  mountBacking(backing, destination);
}

async function fillUp(backing: string, forMs: number): Promise<void> {
  const filler = join(backing, '.wherry-filler');
  // It ends with an error when the disk is full, which is what it is for.
  await once(spawn('dd', ['if=/dev/zero', `of=${filler}`, 'bs=1M'], { stdio: 'ignore' }), 'exit');
  await after(forMs);
  rmSync(filler, { force: true });
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? -1;
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => !name.startsWith('.'));
  } catch {
    return [];
  }
}

/** A small ext4 of its own behind the destination, so that "full" is soon reached and real. */
function stage(scratch: string): { source: string; destination: string; backing: string } {
  const source = join(scratch, 'in');
  const destination = join(scratch, 'out');
  const disk = join(scratch, 'disk');
  const image = join(scratch, 'disk.img');
  for (const folder of [source, destination, disk]) mkdirSync(folder);
  execFileSync('truncate', ['-s', '600M', image]);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  execFileSync('mount', ['-o', 'loop', image, disk]);
  const backing = join(disk, 'library');
  mkdirSync(backing);
  mountBacking(backing, destination);
  return { source, destination, backing };
}

async function ours(scratch: string): Promise<Scene> {
  const places = stage(scratch);
  const config = [
    'watches:',
    `  - source: ${places.source}`,
    `    destination: ${places.destination}`,
    '    scanSeconds: 1',
    '    stableSeconds: 2',
    '    growthPollSeconds: 1',
    '    growing: { minSize: 100kB, safetyMargin: 200kB, idleSeconds: 3 }',
    '',
  ].join('\n');
  return {
    ...places,
    start: async () => await startDaemon(join(scratch, 'daemon'), { config }),
  };
}

async function naive(scratch: string): Promise<Scene> {
  const places = stage(scratch);
  writeFileSync(join(scratch, 'naive'), '');
  return {
    ...places,
    start: async () => {
      const child = spawn(process.execPath, [naiveWatch, places.source, places.destination], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      return {
        kill: async () => {
          child.kill('SIGKILL');
          await ended;
        },
      };
    },
  };
}

/** Whatever happens in between, no mount is left behind. */
async function tidied(options: RowOptions, open: (scratch: string) => Promise<Scene>): Promise<RowResult> {
  try {
    return await torment(options, open);
  } finally {
    for (const folder of ['out', 'disk']) {
      try {
        execFileSync('umount', ['-l', join(options.scratch, folder)], { stdio: 'ignore' });
      } catch {
        // It was not mounted any more.
      }
    }
  }
}

export const recordAndKill: Row = {
  id: 'T15',
  title: 'recordings grow in a watched folder; the daemon is killed, the destination goes away and fills up',
  runs: 15,
  run: (options) => tidied(options, ours),
  control: (options) => tidied(options, naive),
};
