// From a recorder's last byte to the published, verified file, for 2 GiB written at 50 MB/s by ffmpeg; beside it copying after the close.

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { wherry } from '../stage.ts';

export type Container = 'ts' | 'mp4' | 'mxf';

const bytesPerSecond = 50_000_000;

/** A few seconds of picture whose rate is near 50 MB/s, so that ffmpeg only has to pack it while it is measured. */
function seed(folder: string): string {
  const path = join(folder, 'seed.ts');
  const noise = ['-f', 'lavfi', '-i', 'nullsrc=size=1920x1080:rate=25,geq=random(1)*255:128:128'];
  const coding = ['-c:v', 'mpeg2video', '-g', '1', '-qscale:v', '1', '-maxrate', '600M', '-bufsize', '200M'];
  execFileSync('ffmpeg', ['-v', 'error', '-y', ...noise, '-t', '2', ...coding, path], { stdio: 'ignore' });
  return path;
}

/** Real time is scaled so that the recorder writes 50 MB/s, whatever the rate of the picture came out as. */
function record(seedPath: string, target: string, bytes: number): ReturnType<typeof spawn> {
  const seedBytes = statSync(seedPath).size;
  const loops = Math.ceil(bytes / seedBytes);
  const rate = bytesPerSecond / (seedBytes / 2);
  return spawn(
    'ffmpeg',
    [
      '-v',
      'error',
      '-y',
      '-readrate',
      rate.toFixed(3),
      '-stream_loop',
      String(loops),
      '-i',
      seedPath,
      '-c',
      'copy',
      '-fs',
      String(bytes),
      target,
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
}

export interface Latency {
  readonly container: Container;
  readonly bytes: number;
  /** Last byte (ffmpeg's end) to the final name. */
  readonly publishedSeconds: number;
  /** `rsync` begun at the recorder's end, on the same two folders. */
  readonly afterCloseSeconds: number;
  /** One re-read of the source, as `cat` takes for it. */
  readonly rereadSeconds: number;
}

export async function watchLatency(
  container: Container,
  bytes: number,
  polls: { growth: number; idle: number },
): Promise<Latency> {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-bench-watch-'));
  const source = join(folder, 'in');
  const destination = join(folder, 'out');
  for (const one of [source, destination, join(folder, 'rsync')]) mkdirSync(one);
  const config = join(folder, 'wherry.yaml');
  writeFileSync(
    config,
    `watches:\n  - source: ${source}\n    destination: ${destination}\n    scanSeconds: 10\n    growthPollSeconds: ${polls.growth}\n` +
      `    growing: { minSize: 50MB, safetyMargin: 16MB, idleSeconds: ${polls.idle} }\n`,
  );
  const daemon = spawn(
    wherry,
    ['serve', '--data', join(folder, 'data'), '--config', config, '--listen', '127.0.0.1:0'],
    { stdio: 'ignore' },
  );
  try {
    const seedPath = seed(folder);
    const name = `recording.${container}`;
    const recorder = record(seedPath, join(source, name), bytes);
    await once(recorder, 'exit');
    const ended = performance.now();
    while (!existsSync(join(destination, name))) await after(10);
    const publishedSeconds = (performance.now() - ended) / 1000;
    execFileSync('cmp', [join(source, name), join(destination, name)]);
    return {
      container,
      bytes: statSync(join(source, name)).size,
      publishedSeconds,
      afterCloseSeconds: timed('rsync', ['-W', join(source, name), join(folder, 'rsync', name)]),
      rereadSeconds: timed('cat', [join(source, name)]),
    };
  } finally {
    daemon.kill('SIGTERM');
    await once(daemon, 'exit');
    rmSync(folder, { recursive: true, force: true });
  }
}

function timed(program: string, words: readonly string[]): number {
  const begun = performance.now();
  spawnSync(program, words, { stdio: 'ignore' });
  return (performance.now() - begun) / 1000;
}
