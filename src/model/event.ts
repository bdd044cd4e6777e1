// Events: the durable facts, their names, and what each carries.

import type { Job, JobInput } from './job.ts';
import type { Phase, Transfer, TransferInput } from './transfer.ts';

export const eventNames = [
  'observation.transfer.discovered',
  'observation.transfer.queued',
  'observation.transfer.download.started',
  'observation.transfer.download.completed',
  'observation.transfer.download.failed',
  'observation.transfer.processing.started',
  'observation.transfer.processing.completed',
  'observation.transfer.processing.failed',
  'observation.transfer.retry_scheduled',
  'observation.transfer.waiting',
  'observation.transfer.paused',
  'observation.transfer.resumed',
  'observation.transfer.cancelled',
  'observation.transfer.completed',
  'observation.job.created',
  'observation.job.started',
  'observation.job.planned',
  'observation.job.waiting',
  'observation.job.paused',
  'observation.job.resumed',
  'observation.job.completed',
  'observation.job.partial',
  'observation.job.failed',
  'observation.job.cancelled',
  'observation.job.history_written',
  'observation.job.history_failed',
  'observation.watch.created',
  'observation.watch.updated',
  'observation.watch.waiting',
  'observation.watch.recovered',
  'observation.watch.events_tested',
  'observation.sync.file_deleted',
  'observation.sync.cleaned',
  'observation.sync.created',
  'observation.sync.updated',
  'observation.sync.removed',
  'observation.sync.skipped',
  'observation.sync.folder_failed',
  'observation.sync.files_renamed',
  'observation.sync.files_deleted',
  'observation.sync.deletes_refused',
  'observation.sync.finished',
  'observation.storage.changed',
  'observation.mount.unreachable',
  'observation.mount.recovered',
  'observation.device.connected',
  'observation.device.disconnected',
  'observation.device.connection_status.update',
  'observation.device.file_deleted',
  'observation.config.reloaded',
  'observation.config.refused',
  'observation.audit.changed',
  'observation.webhook.dead',
  'observation.webhook.gone',
  'observation.sink.behind',
  'observation.sink.recovered',
  'observation.sink.set_aside',
  'observation.room.created',
  'observation.room.closed',
  'observation.room.member_joined',
  'observation.room.member_left',
  'observation.room.member_changed',
  'observation.room.join_refused',
  'observation.room.transfer_offered',
  'observation.room.transfer_accepted',
  'observation.room.transfer_rejected',
  'observation.room.transfer_paused',
  'observation.room.transfer_resumed',
  'observation.room.transfer_completed',
  'observation.room.transfer_failed',
  'observation.room.transfer_cancelled',
] as const;

export type EventName = (typeof eventNames)[number];

/** Live only, never durable: last value wins. */
export const progressNames = [
  'observation.transfer.download.progress',
  'observation.transfer.processing.progress',
  'observation.job.progress',
] as const;
export type ProgressName = (typeof progressNames)[number];

const aboutNeither = [
  'observation.storage.',
  'observation.mount.',
  'observation.config.',
  'observation.audit.',
  'observation.webhook.',
  'observation.sink.',
  'observation.room.',
];

/** Whether a name, or a beginning of names with `*`, is only of facts about no transfer and no job. */
export function isAboutNeither(pattern: string): boolean {
  return aboutNeither.some((beginning) => pattern.startsWith(beginning));
}

/** `pattern`: a name, or a beginning of names with `*`. */
export function eventNameMatches(pattern: string, name: string): boolean {
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

/** Listeners in this group need a token with its scope. */
export const eventGroup = 'management';

/** A fact that is about to be written. `data` holds what the name adds to the transfer or job (attempt, until, …). */
export interface EventDraft {
  readonly name: EventName;
  readonly at: number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** A fact as it is read back. `cursor` is opaque and asks for what comes after this event. */
export interface StoredEvent extends EventDraft {
  readonly cursor: string;
  readonly transferId: string | null;
  readonly jobId: string | null;
  /** The transfer as it stood when the fact was written (for events of a job: absent). */
  readonly transfer?: Transfer;
  readonly job?: Job;
}

/** Sent while bytes move, when 1 s has passed or progress has risen by 5 points; always once at 100 %. */
export interface TransferProgress {
  readonly transferId: string;
  readonly jobId: string;
  /** What it is about: `bytesDone` is what has arrived, or what of it has been processed. */
  readonly phase: Phase;
  readonly bytesDone: number;
  readonly sizeBytes: number | null;
  readonly bytesPerSecond: number;
  readonly eta: Eta | null;
  /** Where the writer of a growing source was at the last look; absent where the source stands still. */
  readonly head?: WriteHead;
  /** In phase process: what is being done with it. */
  readonly step?: StepUnderWay;
}

export interface StepUnderWay {
  readonly name: string;
  /** From 1. */
  readonly at: number;
  readonly of: number;
}

export interface WriteHead {
  readonly sizeBytes: number;
  /** Null until it has been seen to grow twice. */
  readonly bytesPerSecond: number | null;
}

/** A range with its cause; null bounds are not known. */
export interface Eta {
  readonly fromSeconds: number | null;
  readonly toSeconds: number | null;
  readonly cause: string;
}

/** Which facts a change of state is, in order: what was processed has its own before the end of the whole. */
export function transferEventNames(before: Transfer, input: TransferInput, after: Transfer): readonly EventName[] {
  const name = transferEventName(before, input, after);
  return input === 'complete' && before.state === 'processing'
    ? ['observation.transfer.processing.completed', name]
    : [name];
}

/** Which fact a change of state is. `wait` is `retry_scheduled` for back-off; a resume is a `queue` out of `paused`. */
function transferEventName(before: Transfer, input: TransferInput, after: Transfer): EventName {
  switch (input) {
    case 'queue':
      return before.state === 'paused' ? 'observation.transfer.resumed' : 'observation.transfer.queued';
    case 'retry':
    case 'recover':
      return after.state === 'transferred' ? 'observation.transfer.download.completed' : 'observation.transfer.queued';
    case 'start':
    case 'process':
      return after.state === 'processing'
        ? 'observation.transfer.processing.started'
        : 'observation.transfer.download.started';
    case 'arrive':
      return 'observation.transfer.download.completed';
    case 'complete':
      return 'observation.transfer.completed';
    case 'wait':
      return after.waiting?.reason === 'backoff'
        ? 'observation.transfer.retry_scheduled'
        : 'observation.transfer.waiting';
    case 'pause':
      return 'observation.transfer.paused';
    case 'cancel':
      return 'observation.transfer.cancelled';
    case 'fail':
      return after.phase === 'process'
        ? 'observation.transfer.processing.failed'
        : 'observation.transfer.download.failed';
  }
}

export const jobEventNames: Readonly<Record<JobInput, EventName>> = {
  start: 'observation.job.started',
  wait: 'observation.job.waiting',
  pause: 'observation.job.paused',
  resume: 'observation.job.resumed',
  retry: 'observation.job.started',
  finish: 'observation.job.completed',
  finishPartly: 'observation.job.partial',
  fail: 'observation.job.failed',
  cancel: 'observation.job.cancelled',
};
