// A small runner of steps for tests of the engine: each step is a real child process in a group of its own, its output is published by rename.

import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ProcessRunner } from '../../src/engine/processing.ts';
import { Fault } from '../../src/model/fault.ts';
import type { StepRecord } from '../../src/model/pipeline.ts';

export interface StepRunner extends ProcessRunner {
  /** `transfer id/step's place`, each time one is begun. */
  readonly begun: string[];
  readonly pids: number[];
  readonly swept: string[];
}

/** A step says `script`: it is run by `sh -c` with the input as $1 and its output as $2; an exit of 75 is a passing trouble, 127 a missing program. */
export function createStepRunner(): StepRunner {
  const runner: StepRunner = {
    begun: [],
    pids: [],
    swept: [],
    run: async ({ id, file, pipeline, processedFolder, relativePath, done }, hooks, signal) => {
      const records: StepRecord[] = [...done];
      const parent = createHash('sha256').update(readFileSync(file.path)).digest('hex');
      for (const [at, request] of pipeline.steps.entries()) {
        if (done.some((one) => one.at === at)) continue;
        signal.throwIfAborted();
        runner.begun.push(`${id}/${at}`);
        const startedAt = Date.now();
        const output = join(processedFolder, `${relativePath}.${request.step}`);
        const aside = join(dirname(output), `.${id}.${at}`);
        mkdirSync(dirname(output), { recursive: true });
        await runScript(String(request.script), [file.path, aside], signal, (pid) => runner.pids.push(pid));
        renameSync(aside, output);
        const bytes = readFileSync(output);
        const hash = { algorithm: 'sha256', value: createHash('sha256').update(bytes).digest('hex') };
        const derived = [
          { role: request.step, path: output, mediaType: null, sizeBytes: bytes.length, hash, parentHash: parent },
        ];
        const tool = { name: 'sh', version: '1', parameters: [String(request.script)] };
        const facts = { bytes: bytes.length };
        const record = {
          at,
          step: request.step,
          skipped: null,
          derived,
          facts,
          tool,
          startedAt,
          finishedAt: Date.now(),
        };
        await hooks.stepDone(record);
        records.push(record);
        hooks.progress((at + 1) / pipeline.steps.length);
      }
      return records;
    },
    sweep: async (id) => {
      runner.swept.push(id);
    },
  };
  return runner;
}

async function runScript(
  script: string,
  [input, output]: readonly [string, string],
  signal: AbortSignal,
  begun: (pid: number) => void,
): Promise<void> {
  const child = spawn('sh', ['-c', script, 'sh', input, output], { detached: true, stdio: 'ignore' });
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('exit', (code) => resolve(code));
  if (child.pid !== undefined) begun(child.pid);
  const kill = () => {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  signal.addEventListener('abort', kill, { once: true });
  const code = await promise;
  signal.removeEventListener('abort', kill);
  if (code !== 0) rmSync(output, { force: true });
  signal.throwIfAborted();
  if (code === 75) throw new Fault('busy', 'The program is busy.');
  if (code === 127) throw new Fault('tool_missing', 'Install the program.');
  if (code !== 0) throw new Fault('step_failed', `The program ended with exit ${code}.`);
}
