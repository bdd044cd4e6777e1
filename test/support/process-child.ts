// A pipeline in a process of its own that a test kills: keeps the records of finished steps in a file, as the ledger would.

import { appendFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { createProcessRunner, processOperations } from '../../src/engine/process/process-runner.ts';
import { openWorkNotes } from '../../src/engine/process/work-notes.ts';
import { systemClock } from '../../src/model/clock.ts';
import { pipelineSchema, type StepRecord } from '../../src/model/pipeline.ts';
import { createStepThreads } from '../../src/steps/step-threads.ts';
import { localFile } from './media.ts';

const folder = process.argv[2] ?? '';
const ledger = join(folder, 'records');
const done = existsSync(ledger)
  ? readFileSync(ledger, 'utf8')
      .split('\n')
      .filter((line) => line.endsWith('}'))
      .map((line) => JSON.parse(line) as StepRecord)
  : [];
mkdirSync(join(folder, 'notes'), { recursive: true });
const mounts = openMounts({ modules: [processOperations] });
const threads = createStepThreads();
const runner = createProcessRunner({
  mounts,
  threads,
  clock: systemClock,
  notes: openWorkNotes(join(folder, 'notes'), mounts),
});
const pipeline = pipelineSchema.parse(JSON.parse(readFileSync(join(folder, 'pipeline.json'), 'utf8')));
const file = localFile(join(folder, 'downloads', 'DCIM', 'clip.mp4'));
await runner.run(
  {
    id: 'ONE',
    file,
    originalHash: 'abc',
    pipeline,
    processedFolder: join(folder, 'processed'),
    relativePath: 'DCIM/clip.mp4',
    done,
  },
  {
    stepDone: async (record) => appendFileSync(ledger, `${JSON.stringify(record)}\n`, { flush: true }),
    progress: () => undefined,
    beat: () => undefined,
  },
  new AbortController().signal,
);
await runner.sweep('ONE');
appendFileSync(join(folder, 'ended'), 'ended\n', { flush: true });
await threads.close();
await mounts.close();
