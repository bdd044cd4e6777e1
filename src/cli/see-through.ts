// A job that this process carries out by itself, seen through to its end: progress, files as they arrive, interruption, outcome.

import { Fault } from '../model/fault.ts';
import { type Job, type JobCounts, noCounts } from '../model/job.ts';
import { joinPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';
import { type AskedFor, askedFor, type FailedFile, tellOutcome } from './copy-outcome.ts';
import { fileLine, fileObject } from './file-line.ts';
import type { listenForInterrupt } from './interrupt.ts';
import { openProgressDisplay } from './progress-display.ts';

const mostFailures = 1000;

type Opened = Awaited<ReturnType<typeof import('../main.ts').openCopy>>['wherry'];

/** Rejects with `busy` where the command's own ledger is in use. */
export function alreadyRuns(what: string): (error: unknown) => never {
  return (error) => {
    if (!(error instanceof Fault) || error.code !== 'data_in_use') throw error;
    const pid = /process (\d+)/.exec(error.message)?.[1];
    throw new Fault('busy', `The same ${what} is running already${pid === undefined ? '' : ` (process ${pid})`}.`, {
      cause: error,
    });
  };
}

/** Closes what was opened; resolves with the exit code. */
export async function seeThrough(
  opened: {
    readonly wherry: Opened;
    readonly submission: Awaited<ReturnType<Opened['submit']>>;
    readonly before: Job | null;
    readonly since: string;
  },
  options: Pick<VerbCall, 'terminal' | 'flags'> & {
    readonly what: 'copy' | 'offload' | 'sync' | 'share';
    /** Says each file as it arrives or fails, also where nobody asked. Default is `false`. */
    readonly saysFiles?: boolean;
    readonly request: AskedFor;
    readonly interrupt: ReturnType<typeof listenForInterrupt>;
    /** What there is to say beside the outcome, once the job has come to rest. */
    readonly tell?: (wherry: Opened, job: Job) => Promise<void>;
  },
): Promise<number> {
  const { wherry, submission, before, since } = opened;
  const { what, request, interrupt, terminal, flags } = options;
  const startedAt = performance.now();
  let ended = true;
  try {
    if (before !== null) terminal.say(`An earlier run of this ${what} did not complete; it goes on where it was.`);
    if (terminal.json) terminal.object({ type: 'started', jobId: submission.id, resumed: before !== null });
    const display = openProgressDisplay(terminal, flags.is('progress'));
    const stop = [
      wherry.onJobProgress(({ etaSeconds, ...figures }) => {
        display.job({ ...figures, eta: etaSeconds });
        if (terminal.json && flags.is('progress')) terminal.object({ type: 'progress', ...figures, eta: etaSeconds });
      }),
      showFiles(wherry, (figures, name) => display.file(figures, name)),
    ];
    const saysFiles = options.saysFiles === true || flags.is('progress') || terminal.json || terminal.verbose > 0;
    const told = saysFiles
      ? tellFiles(wherry, terminal, { jobId: submission.id, since, signal: interrupt.signal })
      : undefined;
    told?.catch(() => undefined);
    const job = await Promise.race([submission.done, aborted(interrupt.signal)]).finally(() => {
      display.end();
      for (const stopListening of stop) stopListening();
    });
    if (job === undefined) {
      terminal.say('Stopping …');
      ended = await wherry.close();
      terminal.warn('wherry: interrupted. What is done is kept: run the same command again to go on.');
      if (terminal.json) terminal.object({ type: 'interrupted', jobId: submission.id, exitCode: interrupt.exitCode });
      return interrupt.exitCode ?? 130;
    }
    await told;
    await options.tell?.(wherry, job);
    return tellOutcome(terminal, {
      jobId: job.id,
      state: job.state,
      counts: sinceThen(job.counts, before?.counts ?? noCounts),
      seconds: (performance.now() - startedAt) / 1000,
      ...askedFor(request),
      goesOnByItself: false,
      error: job.error,
      failed: job.counts.failed > 0 ? await failures(wherry, job.id) : [],
    });
  } finally {
    ended = (await wherry.close()) && ended;
    interrupt.release();
    if (!ended) endHanging(terminal);
  }
}

function aborted(signal: AbortSignal): Promise<undefined> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
}

/** What this run added; files that an earlier one had completed are found unchanged by this one. */
function sinceThen(now: JobCounts, then: JobCounts): JobCounts {
  return {
    ...now,
    completed: Math.max(0, now.completed - then.completed),
    bytesCompleted: Math.max(0, now.bytesCompleted - then.bytesCompleted),
  };
}

async function failures(wherry: Opened, jobId: string): Promise<FailedFile[]> {
  const { rows } = await wherry.reader.transfers({ jobId, states: ['failed'], limit: mostFailures });
  return rows.map(({ source, error }) => ({ path: joinPath(source.endpoint, source.path), error }));
}

/** Names of files under way are looked up once each. */
function showFiles(
  wherry: Opened,
  show: (
    figures: { transferId: string; bytesDone: number; sizeBytes: number | null; bytesPerSecond: number },
    name: string,
  ) => void,
): () => void {
  const names = new Map<string, string | undefined>();
  return wherry.onTransferProgress((progress) => {
    const { transferId } = progress;
    const name = names.get(transferId);
    if (name !== undefined) show(progress, name);
    else if (!names.has(transferId)) {
      names.set(transferId, undefined);
      void wherry.reader.transfer(transferId).then(
        (transfer) => names.set(transferId, transfer?.source.path || transfer?.destination.path || ''),
        () => names.delete(transferId),
      );
    }
  });
}

/** Says each file as it completes or fails, from the facts of the ledger; ends with the job. */
async function tellFiles(
  wherry: Opened,
  terminal: VerbCall['terminal'],
  options: { jobId: string; since: string; signal: AbortSignal },
) {
  const { jobId, since, signal } = options;
  for await (const { name, transfer, transferId, jobId: ofJob } of wherry.events({ since, signal })) {
    if (transferId === null && ofJob === jobId && jobEnds.has(name)) return;
    if (transfer === undefined || ofJob !== jobId) continue;
    const ok = name === 'observation.transfer.completed';
    if (!ok && !name.endsWith('.failed')) continue;
    if (terminal.json) terminal.object(fileObject(transfer, ok));
    else terminal.say(fileLine(terminal, transfer, ok));
  }
}

const jobEnds = new Set<string>(
  ['completed', 'partial', 'failed', 'cancelled', 'paused'].map((end) => `observation.job.${end}`),
);

/** A thread that hangs in the operating system would keep the process from ending. */
function endHanging(terminal: VerbCall['terminal']): void {
  terminal.warn('wherry: a call hangs in the operating system; the process ends without it.');
  process.kill(process.pid, 'SIGKILL');
}
