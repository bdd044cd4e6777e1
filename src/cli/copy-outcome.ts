// How a copy ended: what is said of it, and the exit code.

import { type FaultCode, type FaultReport, faultTable } from '../model/fault.ts';
import type { JobCounts, JobState } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import type { Terminal } from './terminal.ts';
import { counted, formatDuration, grouped } from './words.ts';

export interface FailedFile {
  readonly path: string;
  readonly error: Pick<FaultReport, 'code' | 'message' | 'remedy'> | null;
}

export interface CopyOutcome {
  readonly jobId: string;
  readonly state: JobState;
  /** Of this run alone. */
  readonly counts: JobCounts;
  readonly seconds: number;
  readonly verify: 'read-back' | 'far-hash' | 'size';
  /** Files went to a place that is not on this machine: it may have hashed them itself. */
  readonly isFar: boolean;
  readonly moved: boolean;
  /** True where a daemon tries again what can be tried again. */
  readonly goesOnByItself: boolean;
  readonly error: Pick<FaultReport, 'code' | 'message' | 'remedy'> | null;
  /** The first of them. */
  readonly failed: readonly FailedFile[];
}

/** What a job was asked for, as far as its outcome speaks of it. */
export interface AskedFor {
  readonly verify?: CopyOutcome['verify'] | undefined;
  readonly move?: boolean | undefined;
  readonly destination?: string | undefined;
  readonly destinations?: readonly string[] | undefined;
}

export function askedFor({
  verify = 'read-back',
  move = false,
  destination = '',
  destinations = [destination],
}: AskedFor): Pick<CopyOutcome, 'verify' | 'isFar' | 'moved'> {
  return { verify, isFar: destinations.some((place) => /^(?!file:)[a-z0-9]+:\/\//.test(place)), moved: move };
}

const shownFailures = 20;

/** Says how it ended; resolves with the exit code. */
export function tellOutcome(terminal: Terminal, outcome: CopyOutcome): number {
  const { counts, seconds, failed, error, state } = outcome;
  const exitCode = exitCodeOf(outcome);
  for (const file of failed.slice(0, shownFailures)) {
    terminal.warn(`${terminal.paint('red', 'failed')}: ${file.error?.message ?? displayPath(file.path)}`);
  }
  if (counts.failed > shownFailures) terminal.warn(`… and ${counted(counts.failed - shownFailures, 'more failure')}`);
  if (error !== null && !failed.some((file) => file.error?.message === error.message))
    terminal.warn(`wherry: ${error.message}`);
  const remedy = remedyOf(outcome);
  if (remedy !== undefined) terminal.warn(`        ${remedy}`);

  const done = `${outcome.moved ? 'Moved' : 'Copied'} ${counted(counts.completed, 'file')}, ${formatSize(counts.bytesCompleted)}`;
  const speed = counts.bytesCompleted > 0 && seconds > 0 ? ` (${formatSize(counts.bytesCompleted / seconds)}/s)` : '';
  const rest = [
    counts.skipped > 0 ? `${grouped(counts.skipped)} unchanged` : '',
    counts.failed > 0 ? `${grouped(counts.failed)} failed` : '',
    // A copy that goes on cancels rows of the earlier run that it plans anew.
    state === 'cancelled' && counts.cancelled > 0 ? `${grouped(counts.cancelled)} cancelled` : '',
  ].filter((part) => part !== '');
  const proof =
    counts.completed === 0
      ? ''
      : `; ${outcome.verify === 'read-back' && outcome.isFar ? provedThere : proofs[outcome.verify]}`;
  if (counts.completed === 0 && rest.length === 1 && counts.skipped > 0) {
    terminal.say(
      `Nothing to copy: ${counted(counts.skipped, 'file')} unchanged, looked at in ${formatDuration(seconds)}.`,
    );
  } else {
    terminal.say(
      `${done} in ${formatDuration(seconds)}${speed}${proof}${rest.length === 0 ? '' : `; ${rest.join(', ')}`}.`,
    );
  }
  if (terminal.json) {
    const { completed, skipped, failed: failures, cancelled, bytesCompleted, bytesSkipped } = counts;
    terminal.object({
      type: 'summary',
      jobId: outcome.jobId,
      state,
      files: completed,
      bytes: bytesCompleted,
      unchanged: skipped,
      bytesUnchanged: bytesSkipped,
      failed: failures,
      cancelled,
      seconds: Math.round(seconds * 1000) / 1000,
      verify: outcome.verify,
      moved: outcome.moved,
      error,
      exitCode,
    });
  }
  return exitCode;
}

/** What all failures have in common as a way out; undefined where they differ. */
function remedyOf({ failed, error, goesOnByItself }: CopyOutcome): string | undefined {
  const faults = [...failed.map((file) => file.error), error].filter((fault) => fault !== null);
  const [only, ...others] = new Set(faults.map(({ code }) => code));
  if (only === undefined || others.length > 0) return undefined;
  if (goesOnByItself || faultTable[only].retry === 'none') return faults[0]?.remedy;
  const mend = faultTable[only].retry === 'space' ? 'Make room' : 'Mend that';
  return `${mend} and run the same command again: it goes on where it was.`;
}

const proofs = {
  'read-back': 'each verified by reading it back',
  'far-hash': "each verified by the far side's hash",
  size: 'checked by size only',
} as const;

const provedThere = 'each verified where it is now, by its hash';

/** One kind of trouble has its own code; several together are 1, but a failed verification is never hidden. */
export function exitCodeOf({
  state,
  counts,
  failed,
  error,
}: Pick<CopyOutcome, 'state' | 'counts' | 'failed' | 'error'>): number {
  if (state === 'completed' && counts.failed === 0) return 0;
  const codes = [...failed.map((file) => file.error?.code), error?.code].filter(
    (code): code is FaultCode => code !== undefined,
  );
  const exits = new Set(codes.map((code) => faultTable[code].exitCode));
  if (exits.has(11)) return 11;
  const [only] = exits;
  // Something was copied: then a source that vanished is a failed file and no missing source.
  if (exits.size === 1 && only !== undefined && !(only === 3 && counts.completed > 0)) return only;
  return 1;
}
