// The runner of pipelines: what is passed over, what fails, what is stopped, and where results go.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { DeviceAdapter } from '../../../src/devices/device.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import type { Mounts } from '../../../src/endpoints/mounts.ts';
import {
  createProcessRunner,
  type ProcessRun,
  processOperations,
  type WorkingRunner,
} from '../../../src/engine/process/process-runner.ts';
import { openWorkNotes } from '../../../src/engine/process/work-notes.ts';
import { systemClock } from '../../../src/model/clock.ts';
import type { StepUnderWay } from '../../../src/model/event.ts';
import { Fault } from '../../../src/model/fault.ts';
import { pipelineSchema, type StepRecord } from '../../../src/model/pipeline.ts';
import { createStepThreads, type StepThreads } from '../../../src/steps/step-threads.ts';
import { contents } from '../../cli/command.ts';
import { eicar, prepareClamd } from '../../support/clamd.ts';
import { localFile, makeDualFisheye, makePhoto, probeFile } from '../../support/media.ts';

let folder = '';
let mounts: Mounts;
let threads: StepThreads;
let runner: WorkingRunner;
beforeAll(() => {
  mounts = openMounts({ modules: [processOperations] });
  threads = createStepThreads();
});
afterAll(async () => {
  await threads.close();
  await mounts.close();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-runner-'));
  mkdirSync(join(folder, 'notes'));
  writeFileSync(join(folder, 'note.txt'), 'content');
  runner = createProcessRunner({
    mounts,
    threads,
    clock: systemClock,
    notes: openWorkNotes(join(folder, 'notes'), mounts),
  });
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Told {
  readonly records: StepRecord[];
  readonly fractions: number[];
  readonly begun: string[];
  beats: number;
}

function run(
  steps: readonly object[],
  more: Partial<ProcessRun> = {},
  signal = new AbortController().signal,
): { told: Told; result: Promise<readonly StepRecord[]> } {
  const told: Told = { records: [], fractions: [], begun: [], beats: 0 };
  const hooks = {
    stepDone: async (record: StepRecord) => void told.records.push(record),
    begins: ({ name, at, of }: StepUnderWay) => void told.begun.push(`${name} ${at}/${of}`),
    progress: (fraction: number) => void told.fractions.push(fraction),
    beat: () => {
      told.beats += 1;
    },
  };
  const result = runner.run(
    {
      id: 'ID1',
      file: localFile(join(folder, 'note.txt')),
      pipeline: pipelineSchema.parse({ name: 'p', steps: steps.length === 0 ? [{ step: 'checksum' }] : steps }),
      processedFolder: join(folder, 'processed'),
      relativePath: 'a/note.txt',
      done: [],
      ...more,
    },
    hooks,
    signal,
  );
  return { told, result };
}

const shell = (line: string, more: object = {}) => ({
  step: 'exec',
  argv: ['sh', '-c', line, 'x', '{input}', '{output}'],
  ...more,
});

describe('a pipeline', () => {
  test('works on what an earlier step made, keeps custody, and passes over what does not fit', async () => {
    const { told, result } = run(
      [
        { step: 'thumbnail' },
        shell('tr a-z A-Z < "$1" > "$2"', { output: '{name}.up', role: 'up' }),
        shell('cat "$1" "$1" > "$2"', { output: '{name}.twice', role: 'twice', from: 'up' }),
        { step: 'checksum', from: 'nothing-such' },
      ],
      { originalHash: 'aa' },
    );
    const records = await result;
    expect(records.map(({ skipped }) => skipped)).toEqual([
      'It has nothing to do with such files.',
      null,
      null,
      'Nothing is there that is "nothing-such".',
    ]);
    expect(told.records).toEqual(records);
    await runner.sweep('ID1');
    expect(contents(join(folder, 'processed'))).toEqual({
      'a/note.txt/note.up': 'CONTENT',
      'a/note.txt/note.twice': 'CONTENTCONTENT',
    });
    const [up, twice] = [records[1]?.derived[0], records[2]?.derived[0]];
    expect(up?.parentHash).toBe('aa');
    expect(twice?.parentHash).toBe(up?.hash.value);
    expect(told.fractions).toEqual(told.fractions.toSorted((one, other) => one - other));
    expect(told.fractions.at(-1)).toBe(1);
    expect(told.begun).toEqual(['thumbnail 1/4', 'exec 2/4', 'exec 3/4', 'checksum 4/4']);
    expect(readdirSync(join(folder, 'processed'))).toEqual(['a']);
    expect(readdirSync(join(folder, 'notes'))).toEqual([]);
  });

  test('photos and spheres: the real programs, in their threads', async () => {
    const photo = join(folder, 'P.JPG');
    const sphere = join(folder, 'V.insv');
    makePhoto(photo);
    makeDualFisheye(sphere);
    const still = run([{ step: 'metadata' }, { step: 'thumbnail' }], { file: localFile(photo), relativePath: 'P.JPG' });
    expect((await still.result).flatMap(({ derived }) => derived.map(({ role }) => role))).toEqual([
      'metadata',
      'thumbnail',
    ]);
    const moving = run(
      [
        { step: 'transcode', preset: 'stitch-equirect' },
        { step: 'transcode', preset: 'hls', from: 'stitched' },
      ],
      { file: localFile(sphere), relativePath: 'V.insv', id: 'ID2' },
    );
    const records = await moving.result;
    expect(probeFile(join(folder, 'processed/V.insv/V.equirect.mp4')).streams[0]).toMatchObject({
      width: 512,
      height: 256,
    });
    expect(probeFile(join(folder, 'processed/V.insv/V.hls/index.m3u8')).durationSeconds).toBeCloseTo(2, 0);
    expect(records[1]?.derived[0]?.parentHash).toBe(records[0]?.derived[0]?.hash.value);
  });

  test('steps that are done are not run again', async () => {
    const steps = [shell(`echo run >> ${folder}/runs`), { step: 'checksum' }];
    const { result } = run(steps);
    const records = await result;
    await run(steps, { done: records }).result;
    await run(steps, { done: records.slice(0, 1) }).result;
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
  });

  test('a result whose record was lost is found again; one of another original or other parameters is not', async () => {
    const counted = (word: string) => [
      shell(`echo run >> ${folder}/runs; echo ${word} > "$2"`, { output: 'made', role: 'made' }),
    ];
    await run(counted('one')).result;
    await run(counted('one')).result;
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\n');
    expect((await run(counted('two')).result)[0]?.derived[0]?.path).toBe(join(folder, 'processed/a/note.txt/made (1)'));
    expect(readFileSync(join(folder, 'runs'), 'utf8')).toBe('run\nrun\n');
    await runner.sweep('ID1');
    // Even with nothing left that remembers: what is there already is not made twice.
    await run(counted('two')).result;
    expect(Object.keys(contents(join(folder, 'processed')))).toEqual([
      '.wherry-work/ID1/0.json',
      'a/note.txt/made',
      'a/note.txt/made (1)',
    ]);
  });
});

describe('a step that fails', () => {
  test('ends the pipeline, leaves nothing half-made, and what was done is kept', async () => {
    const { told, result } = run([
      shell('echo first > "$2"', { output: 'first' }),
      shell('echo half > "$2"; exit 4', { output: 'half' }),
      shell('echo never > "$2"', { output: 'never' }),
    ]);
    await expect(result).rejects.toMatchObject({ code: 'step_failed', message: expect.stringContaining('code 4') });
    expect(told.records.map(({ at }) => at)).toEqual([0]);
    await runner.sweep('ID1');
    expect(contents(join(folder, 'processed'))).toEqual({ 'a/note.txt/first': 'first\n' });
  });

  test('is noted where it is optional; a scanner that is silent, or finds something, is not passed over', async () => {
    const { result } = run([
      shell('exit 4', { optional: true }),
      { step: 'exec', argv: ['no-such'], optional: true },
      { step: 'checksum' },
    ]);
    expect((await result).map(({ skipped }) => skipped)).toEqual([
      expect.stringContaining('code 4'),
      expect.stringContaining('not installed'),
      null,
    ]);
    const clamd = prepareClamd();
    const scan = { step: 'scan', socket: clamd.socket, quietSeconds: 5 };
    const after = shell('echo delivered > "$2"', { output: 'delivered' });
    try {
      await expect(run([scan, after]).result).rejects.toMatchObject({ code: 'tool_unavailable' });
      await clamd.start();
      writeFileSync(join(folder, 'sick.bin'), eicar);
      const sick = run([{ ...scan, optional: true }, after], {
        file: localFile(join(folder, 'sick.bin')),
        relativePath: 'sick.bin',
      });
      await expect(sick.result).rejects.toMatchObject({ code: 'infected' });
      expect(Object.keys(contents(join(folder, 'processed'))).filter((path) => path.includes('delivered'))).toEqual([]);
      // Control: what it calls clean is delivered.
      expect(await run([scan, after]).result).toHaveLength(2);
    } finally {
      await clamd.close();
    }
  });

  test('takes too long: it has failed, and its programs are gone', async () => {
    const { result } = run([shell('sleep 61', { timeoutMinutes: 0.01 })]);
    await expect(result).rejects.toMatchObject({ code: 'step_failed', message: expect.stringContaining('0.01 min') });
  });

  test('one that says nothing for long is alive: it beats, and is not progress', async () => {
    const { told, result } = run([shell('sleep 2.5')]);
    await result;
    expect(told.beats).toBeGreaterThanOrEqual(2);
    expect(told.fractions).toEqual([0, 1]);
  });

  test('makes neither file nor folder, or a symlink: it is refused', async () => {
    await expect(run([shell('ln -s /etc/passwd "$2"', { output: 'link' })]).result).rejects.toMatchObject({
      code: 'step_failed',
    });
    await expect(run([shell('mkdir "$2"; ln -s /etc "$2/in"', { output: 'set' })]).result).rejects.toMatchObject({
      code: 'step_failed',
    });
  });

  test('a symlink where results go is not followed', async () => {
    mkdirSync(join(folder, 'processed'));
    mkdirSync(join(folder, 'outside'));
    symlinkSync(join(folder, 'outside'), join(folder, 'processed/a'));
    await expect(run([shell('echo x > "$2"', { output: 'made' })]).result).rejects.toMatchObject({
      code: 'name_unsafe',
    });
    expect(readdirSync(join(folder, 'outside'))).toEqual([]);
    await expect(
      run([{ step: 'checksum', sidecar: true }], { relativePath: '../out.txt' }).result,
    ).rejects.toMatchObject({ code: 'name_unsafe' });
  });
});

describe('being stopped', () => {
  test('comes to its end within a second, and goes on later where it was', async () => {
    const stop = new AbortController();
    const steps = [
      shell('echo one > "$2"', { output: 'one' }),
      shell('[ -e ../../../../go ] || sleep 61; echo two > "$2"', { output: 'two' }),
    ];
    const { told, result } = run(steps, {}, stop.signal);
    await expect.poll(() => told.records.length).toBe(1);
    await sleep(200);
    const startedAt = performance.now();
    stop.abort(new Fault('interrupted', 'Stopped.'));
    await expect(result).rejects.toMatchObject({ code: 'interrupted' });
    expect(performance.now() - startedAt).toBeLessThan(1_000);
    writeFileSync(join(folder, 'go'), '');
    const again = run(steps, { done: told.records });
    expect((await again.result).map(({ at }) => at)).toEqual([0, 1]);
    expect(again.told.records.map(({ at }) => at)).toEqual([1]);
  });
});

describe('an adapter that processes by itself', () => {
  const adapter = (process: NonNullable<DeviceAdapter['process']>): DeviceAdapter => ({
    kind: 'acme',
    connect: () => Promise.reject(new Error('not asked')),
    process,
  });

  test('stands in for the pipeline; its results are published like any', async () => {
    const own = adapter(async (input, output, { progress }) => {
      progress(1, 2);
      writeFileSync(join(output.workFolder, `${output.name}.acme`), readFileSync(input.path));
      return {
        produced: [{ role: 'acme', path: `${output.name}.acme`, mediaType: null }],
        facts: { lens: 2 },
        tool: null,
      };
    });
    const { told, result } = run([], { adapter: own });
    expect(await result).toMatchObject([{ at: 0, step: 'acme', facts: { lens: 2 } }]);
    expect(contents(join(folder, 'processed/a'))).toEqual({ 'note.txt/note.acme': 'content' });
    expect(told.fractions).toContain(0.5);
  });

  test('is not trusted: it lies about what it made, leads outside, throws anything, or does not listen', async () => {
    const made = (path: string) =>
      adapter(async () => ({ produced: [{ role: 'x', path, mediaType: null }], facts: {}, tool: null }));
    await expect(run([], { adapter: made('nothing') }).result).rejects.toMatchObject({ code: 'step_failed' });
    await expect(run([], { adapter: made('../../../note.txt') }).result).rejects.toMatchObject({ code: 'name_unsafe' });
    const throws = adapter(() => Promise.reject('no lens'));
    await expect(run([], { adapter: throws }).result).rejects.toMatchObject({
      code: 'step_failed',
      message: expect.stringContaining('no lens'),
    });
    const stop = new AbortController();
    const deaf = run([], { adapter: adapter(() => new Promise(() => undefined)) }, stop.signal);
    await expect.poll(() => deaf.told.beats, { timeout: 3_000 }).toBeGreaterThan(0);
    stop.abort(new Error('cancelled'));
    await expect(deaf.result).rejects.toThrow('cancelled');
  });
});
