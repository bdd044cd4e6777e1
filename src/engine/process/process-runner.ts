// Runs a pipeline on one file: each step once, its results hashed, durable and published by rename, whenever it is killed.

import { createHash } from 'node:crypto';
import type { DeviceAdapter } from '../../devices/device.ts';
import { newControl, openControl } from '../../endpoints/control.ts';
import type { Mounts } from '../../endpoints/mounts.ts';
import type { Clock } from '../../model/clock.ts';
import type { StepUnderWay } from '../../model/event.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { baseName, displayPath, joinPath, safeRelativePath } from '../../model/names.ts';
import type { Pipeline, StepRecord, StepRequest } from '../../model/pipeline.ts';
import type { LocalFile, OutputPlan, ProcessResult } from '../../model/processing.ts';
import type { StepThreads } from '../../steps/step-threads.ts';
import type { SettleInput } from './process-operations.ts';

export interface ProcessRunnerParts {
  /** Opened with `processOperations` among its modules. */
  readonly mounts: Mounts;
  readonly threads: StepThreads;
  readonly clock: Clock;
  readonly notes: WorkNotes;
}

/** Which folders a transfer has work folders in; outlives the process. */
export interface WorkNotes {
  /** Durable when it resolves. */
  add(id: string, folder: string): Promise<void>;
  of(id: string): Promise<readonly string[]>;
  forget(id: string): Promise<void>;
}

export interface ProcessRun {
  /** The transfer's; names its work folder. */
  readonly id: string;
  readonly file: LocalFile;
  /** Its hash, for custody. */
  readonly originalHash?: string;
  readonly pipeline: Pipeline;
  /** Absolute. */
  readonly processedFolder: string;
  /** The original's, below the folder that it was downloaded to. */
  readonly relativePath: string;
  /** Where results go, below the processed folder. Default is one named as the original, where it lies below its own. */
  readonly resultFolder?: string;
  /** True: results are named after the original's whole name, with its extension. Default is `false`. */
  readonly wholeNames?: boolean;
  /** Whether a file below the processed folder was received: such a one is never replaced. Absent: none was. */
  readonly isReceived?: (path: string) => Promise<boolean>;
  /** Steps that are not run again. */
  readonly done: readonly StepRecord[];
  /** The others are left for later. Default is all. */
  readonly only?: (step: StepRequest) => boolean;
  /** Where it can process by itself it stands in for the pipeline. */
  readonly adapter?: DeviceAdapter;
}

export interface RunHooks {
  /** A step is about to run. */
  begins?(step: StepUnderWay): void;
  /** Durable when it resolves; the next step begins then. */
  stepDone(record: StepRecord): Promise<void>;
  /** 0 to 1. */
  progress(fraction: number): void;
  beat(): void;
}

/** A worker module for the mounts. */
export const processOperations = new URL(
  import.meta.url.endsWith('.ts') ? './process-operations.ts' : './process-operations.js',
  import.meta.url,
);

/** Less than this is a full disk to programs that do not say why they failed. */
const littleRoomBytes = 8 * 1024 * 1024;

export function createProcessRunner({ mounts, threads, clock, notes }: ProcessRunnerParts) {
  return {
    /**
     * Runs what of the pipeline is not in `done`, one step after the other; resolves with all records in order. What was made before a crash,
     * and whose record was lost, is found again and not made twice. Rejects with a Fault, or with the signal's reason; nothing of it runs any more then.
     */
    async run(run: ProcessRun, hooks: RunHooks, signal: AbortSignal): Promise<readonly StepRecord[]> {
      signal.throwIfAborted();
      await notes.add(run.id, run.processedFolder);
      const wanted = wantedSteps(run);
      const records = run.done.filter(({ at }) => at < wanted.length).toSorted((one, other) => one.at - other.at);
      for (const [at, want] of wanted.entries()) {
        const request = run.pipeline.steps[at];
        if (run.only !== undefined && (request === undefined || !run.only(request))) continue;
        if (records.some((record) => record.at === at)) continue;
        signal.throwIfAborted();
        const progress = (fraction: number) => hooks.progress((at + Math.min(1, fraction)) / wanted.length);
        hooks.begins?.({ name: want.name, at: at + 1, of: wanted.length });
        progress(0);
        const record = await one(run, at, want, records, { ...hooks, progress }, signal);
        await hooks.stepDone(record);
        records.push(record);
      }
      hooks.progress(1);
      return records;
    },

    /** Removes the work folders of a cancelled or finished transfer. May be called for one that has none. */
    async sweep(id: string): Promise<void> {
      for (const root of await notes.of(id)) await files(root, 'process.sweep', { id });
      await notes.forget(id);
    },
  };

  async function files<Output>(
    root: string,
    operation: string,
    input: object,
    { signal, beat }: { readonly signal?: AbortSignal; readonly beat?: () => void } = {},
  ): Promise<Output> {
    const control = newControl();
    const seen = openControl(control);
    let beats = 0;
    // A large result takes its time to be hashed: as long as the thread gets on, somebody is at work.
    const look = () => {
      if (seen.beats !== beats) beat?.();
      beats = seen.beats;
    };
    const looking = beat === undefined ? undefined : setInterval(look, beatMs);
    try {
      const options = { control, ...(signal === undefined ? {} : { signal }) };
      return await mounts.pool(root).run<Output>(operation, { root, ...input }, options);
    } finally {
      clearInterval(looking);
    }
  }

  /** One step, or what is known of it from before. */
  async function one(
    run: ProcessRun,
    at: number,
    want: WantedStep,
    before: readonly StepRecord[],
    hooks: RunHooks,
    signal: AbortSignal,
  ): Promise<StepRecord> {
    const { id, processedFolder: root } = run;
    const startedAt = clock.now();
    const bare = { at, step: want.name, facts: {}, tool: null, derived: [], startedAt };
    const input = inputOf(run, want.from, before);
    if (input === undefined) {
      return { ...bare, skipped: `Nothing is there that is "${want.from}".`, finishedAt: clock.now() };
    }
    const key = keyOf(run, want, input.file);
    const where = { id, at, step: want.name };
    const recalled = await files<StepRecord | null>(
      root,
      'process.recall',
      { ...where, key },
      { signal, beat: hooks.beat },
    );
    if (recalled !== null) return recalled;
    const workFolder = await files<string>(root, 'process.begin', where, { signal });
    const name = run.wholeNames === true ? baseName(run.relativePath) : resultName(run.relativePath);
    const output: OutputPlan = { workFolder, name };
    try {
      const result = await withTimeout(want, input.file, signal, (until) =>
        want.run(input.file, output, { ...hooks, signal: until }),
      );
      if (result === null) {
        await files(root, 'process.clear', where);
        return { ...bare, skipped: 'It has nothing to do with such files.', finishedAt: clock.now() };
      }
      const folder = run.resultFolder ?? safeRelativePath(run.relativePath);
      const outputs: SettleInput['outputs'][number][] = [];
      for (const each of result.produced) {
        const final = joinPath(folder, baseName(each.path));
        // What was received is nobody's to replace.
        const isKept = want.existing === 'replace' && (await run.isReceived?.(final)) === true;
        outputs.push({ ...each, final, existing: isKept ? 'keep' : want.existing });
      }
      const settling: Omit<SettleInput, 'root'> = {
        ...where,
        key,
        outputs,
        isRepeatable: onlyLooks.has(want.name),
        parentHash: input.hash,
        record: { ...bare, skipped: null, facts: result.facts, tool: result.tool, finishedAt: clock.now() },
      };
      return await files<StepRecord>(root, 'process.settle', settling, { signal, beat: hooks.beat });
    } catch (error) {
      signal.throwIfAborted();
      const fault = await reallySpace(asFault(error), root, id);
      await files(root, 'process.clear', where).catch(() => undefined);
      if (!want.optional || !isFinal(fault)) throw fault;
      return { ...bare, skipped: fault.message, finishedAt: clock.now() };
    }
  }

  /** A program that failed because the disk is full says so in words of its own; the disk says it plainly. */
  async function reallySpace(fault: Fault, root: string, id: string): Promise<Fault> {
    if (fault.code !== 'step_failed') return fault;
    const free = await files<number>(root, 'process.room', { id }).catch(() => Number.POSITIVE_INFINITY);
    if (free >= littleRoomBytes) return fault;
    return new Fault('space', `There is no room in ${displayPath(root)} for what is to be made: ${fault.message}`, {
      cause: fault,
      place: { endpoint: displayPath(root) },
    });
  }

  function wantedSteps({ adapter, pipeline }: ProcessRun): readonly WantedStep[] {
    if (adapter?.process !== undefined) {
      const own = adapter.process.bind(adapter);
      return [
        {
          name: safeRelativePath(adapter.kind.replaceAll('/', '-')),
          key: `adapter ${adapter.kind}`,
          timeoutMinutes: null,
          optional: false,
          from: undefined,
          existing: 'number',
          run: (file, output, { signal, progress, beat }) =>
            whileBeating(beat, () =>
              untrusted(own(file, output, callOf(signal, progress)), file, adapter.kind, signal),
            ),
        },
      ];
    }
    return pipeline.steps.map((request) => ({
      name: request.step,
      key: JSON.stringify(request),
      timeoutMinutes: request.timeoutMinutes,
      optional: request.optional,
      from: request.from,
      existing: request.existing ?? 'number',
      run: (file, output, { signal, progress, beat }) =>
        threads.run({ request: request satisfies StepRequest, file, output }, { ...callOf(signal, progress), beat }),
    }));
  }
}

export type WorkingRunner = ReturnType<typeof createProcessRunner>;

/** A step of a pipeline, or an adapter that processes by itself. */
interface WantedStep {
  readonly name: string;
  /** What it is asked for; results of something else are not taken for its own. */
  readonly key: string;
  readonly timeoutMinutes: number | null;
  readonly optional: boolean;
  readonly from: string | undefined;
  readonly existing: StepRequest['existing'];
  run(
    file: LocalFile,
    output: OutputPlan,
    call: Omit<RunHooks, 'stepDone'> & { signal: AbortSignal },
  ): Promise<ProcessResult | null>;
}

/** Steps that change nothing anywhere but their results. */
const onlyLooks = new Set(['checksum', 'metadata', 'thumbnail', 'xmp']);

const beatMs = 1_000;

async function whileBeating<Result>(beat: () => void, work: () => Promise<Result>): Promise<Result> {
  const beating = setInterval(beat, beatMs);
  try {
    return await work();
  } finally {
    clearInterval(beating);
  }
}

/** An adapter that does not listen is left behind; what it throws is its failure. */
async function untrusted(
  work: Promise<ProcessResult>,
  file: LocalFile,
  kind: string,
  signal: AbortSignal,
): Promise<ProcessResult> {
  const left = Promise.withResolvers<never>();
  let timer: NodeJS.Timeout | undefined;
  const stop = () => {
    timer = setTimeout(() => left.reject(signal.reason), leaveMs);
  };
  signal.addEventListener('abort', stop, { once: true });
  try {
    return await Promise.race([work, left.promise]);
  } catch (error) {
    if (error instanceof Fault || signal.aborted) throw error;
    const path = displayPath(file.path);
    const said = displayPath(error instanceof Error ? error.message : String(error)).replace(/\.$/, '');
    throw new Fault('step_failed', `${path} could not be processed by the adapter ${displayPath(kind)}: ${said}.`, {
      cause: error,
      place: { path },
    });
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}

const leaveMs = 2_000;

function callOf(signal: AbortSignal, progress: (fraction: number) => void) {
  return {
    signal,
    progress: (done: number, total: number | null) => {
      if (total !== null && total > 0) progress(done / total);
    },
  };
}

/** A step that takes too long has failed: another try would take as long. */
async function withTimeout<Result>(
  { name, timeoutMinutes }: WantedStep,
  file: LocalFile,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<Result>,
): Promise<Result> {
  if (timeoutMinutes === null) return work(signal);
  const path = displayPath(file.path);
  const late = new AbortController();
  const message = `The step ${name} did not come to its end on ${path} within ${timeoutMinutes} min (timeoutMinutes).`;
  const timer = setTimeout(
    () => late.abort(new Fault('step_failed', message, { place: { path } })),
    Math.min(2 ** 31 - 1, timeoutMinutes * 60_000),
  );
  try {
    return await work(AbortSignal.any([signal, late.signal]));
  } finally {
    clearTimeout(timer);
  }
}

/** The original, or what an earlier step made; undefined where there is none. Throws `unsupported` for a folder. */
function inputOf(
  { file, originalHash }: ProcessRun,
  from: string | undefined,
  before: readonly StepRecord[],
): { file: LocalFile; hash: string | null } | undefined {
  if (from === undefined) return { file, hash: originalHash ?? null };
  const made = before.flatMap(({ derived }) => derived).findLast(({ role }) => role === from);
  if (made === undefined) return undefined;
  const { path, sizeBytes, mediaType } = made;
  return { file: { path, sizeBytes, mtimeMs: 0, mediaType }, hash: made.hash.value };
}

function keyOf(run: ProcessRun, want: WantedStep, { path, sizeBytes, mtimeMs }: LocalFile): string {
  const about = JSON.stringify([want.key, run.resultFolder ?? run.relativePath, path, sizeBytes, mtimeMs]);
  return createHash('sha256').update(about).digest('hex');
}

/** The original's name without its extension; with it where nothing else would be left. */
function resultName(relativePath: string): string {
  const name = baseName(relativePath);
  const stem = name.replace(/\.[^.]*$/, '');
  return stem === '' || stem === '.' || stem === '..' ? name : stem;
}

/** Nothing that another try would mend. What a scanner found is never passed over. */
function isFinal(fault: Fault): boolean {
  return (
    fault.code !== 'infected' &&
    (fault.meaning.retry === 'none' || fault.meaning.retry === 'tool') &&
    fault.code !== 'interrupted' &&
    fault.code !== 'internal'
  );
}
