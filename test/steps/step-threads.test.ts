// Steps in their threads: results, faults and progress come across, and a step that is stopped leaves nothing behind.

import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createStepThreads, type StepThreads } from '../../src/steps/step-threads.ts';
import { localFile, makeVideo } from '../support/media.ts';
import { openStepBench, requestOf, type StepBench } from '../support/run-step.ts';

let bench: StepBench;
let threads: StepThreads;
let video = '';
beforeAll(() => {
  bench = openStepBench();
  threads = createStepThreads();
  video = bench.path('clip.mp4');
  makeVideo(video, { seconds: 20, size: '640x360' });
});
afterAll(async () => {
  await threads.close();
  bench.close();
});

const never = new AbortController().signal;
const call = (signal = never) => {
  const told = { progress: [] as number[], beats: 0 };
  const progress = (done: number) => void told.progress.push(done);
  const beat = () => {
    told.beats += 1;
  };
  return { told, call: { signal, progress, beat } };
};
const run = (step: string, params: object, file: string, signal = never) => {
  const output = bench.plan(file);
  const { told, call: how } = call(signal);
  return {
    output,
    told,
    result: threads.run({ request: requestOf(step, { ...params }), file: localFile(file), output }, how),
  };
};
const processesIn = (folder: string) =>
  execFileSync('sh', ['-c', 'for p in /proc/[0-9]*; do readlink $p/cwd; done; true'], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  })
    .split('\n')
    .filter((line) => line === folder).length;

describe('a step in its thread', () => {
  test('gives its result, its progress, and nothing for what it does not take', async () => {
    const made = run('transcode', { preset: 'h264-proxy', height: 64 }, video);
    expect(await made.result).toMatchObject({ produced: [{ role: 'proxy' }], tool: { name: 'ffmpeg' } });
    expect(made.told.progress.length).toBeGreaterThan(0);
    const text = bench.path('note.txt');
    writeFileSync(text, 'x');
    expect(await run('thumbnail', {}, text).result).toBeNull();
  });

  test('a fault comes across as itself', async () => {
    await expect(run('exec', { argv: ['false'] }, video).result).rejects.toMatchObject({ code: 'step_failed' });
    await expect(run('exec', { argv: ['no-such-program'] }, video).result).rejects.toMatchObject({
      code: 'tool_missing',
    });
    await expect(run('nonsense', {}, video).result).rejects.toMatchObject({ code: 'config_invalid' });
  });

  test('one that says nothing still beats', async () => {
    const silent = run('exec', { argv: ['sleep', '2.5'] }, video);
    await silent.result;
    expect(silent.told.progress).toEqual([]);
    expect(silent.told.beats).toBeGreaterThanOrEqual(2);
  });

  test('stopped, it ends within a second and its programs with it; the thread is used again', async () => {
    const stop = new AbortController();
    const slow = run('exec', { argv: ['sh', '-c', 'sleep 61 & sleep 62'] }, video, stop.signal);
    await expect.poll(() => processesIn(slow.output.workFolder)).toBeGreaterThanOrEqual(3);
    const startedAt = performance.now();
    stop.abort(new Error('cancelled'));
    await expect(slow.result).rejects.toThrow('cancelled');
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    expect(processesIn(slow.output.workFolder)).toBe(0);
    expect(await run('checksum', {}, video).result).toMatchObject({
      facts: { checksums: { sha256: expect.any(String) } },
    });
  });

  test('closing ends the threads, and by their pipes all that runs', async () => {
    const own = createStepThreads();
    const output = bench.plan(video);
    mkdirSync(output.workFolder, { recursive: true });
    const running = own.run(
      { request: requestOf('exec', { argv: ['sleep', '63'] }), file: localFile(video), output },
      call().call,
    );
    running.catch(() => undefined);
    await expect.poll(() => processesIn(output.workFolder)).toBeGreaterThanOrEqual(2);
    await own.close();
    await expect(running).rejects.toMatchObject({ code: 'internal' });
    await expect.poll(() => processesIn(output.workFolder), { timeout: 5_000 }).toBe(0);
  });
});
