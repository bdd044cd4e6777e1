// Live progress: what listeners are told while bytes move, and the rates by endpoint and job.

import type { Clock } from '../model/clock.ts';
import type { Eta, StepUnderWay, TransferProgress, WriteHead } from '../model/event.ts';
import type { Transfer } from '../model/transfer.ts';
import type { JobProgress } from './engine.ts';
import {
  createRateTable,
  createRateWindow,
  createThrottle,
  estimate,
  type RateWindow,
  type Throttle,
} from './progress.ts';

interface Meter {
  transfer: Transfer;
  /** Of the phase that the transfer is in. */
  bytesDone: number;
  readonly rate: RateWindow;
  readonly throttle: Throttle;
  step: StepUnderWay | undefined;
  last: TransferProgress | undefined;
}

export interface Live {
  /** Again for the same transfer: its size is another by now. */
  begin(transfer: Transfer): void;
  /** Bytes that stand so far, those of earlier attempts included. */
  progress(transferId: string, bytesDone: number): void;
  /** What is being done with it from now on; told with its progress. */
  step(transferId: string, step: StepUnderWay): void;
  /** Bytes that have moved since the last call, for the rates. */
  moved(jobId: string, slots: readonly string[], bytes: number): void;
  /** The attempt has ended; where the transfer is complete a last report at 100 % goes out. */
  end(transfer: Transfer): void;
  /** What has arrived of a transfer under way; undefined where none moves. */
  bytesDone(transferId: string): number | undefined;
  /** What is done of the phase that it is in. */
  done(transferId: string): number | undefined;
  /** Bytes done of what a job has under way. */
  underWay(jobId: string): number;
  tellJob(progress: JobProgress): void;
  onTransfer(listener: (progress: TransferProgress) => void): () => void;
  onJob(listener: (progress: JobProgress) => void): () => void;
  last(transferIds: readonly string[]): readonly TransferProgress[];
  /** Tells what is due although no byte came. */
  refresh(): void;
  rates(): { readonly endpoints: Readonly<Record<string, number>>; readonly jobs: Readonly<Record<string, number>> };
}

/** `causeOf` says why an ETA is what it is; `openEnded` why it has no end, where it has none. */
export function createLive(
  clock: Clock,
  words: {
    readonly causeOf: (transfer: Transfer) => string;
    readonly openEnded: (transfer: Transfer) => string | undefined;
    readonly head: (transfer: Transfer) => WriteHead | undefined;
  },
): Live {
  const meters = new Map<string, Meter>();
  const transferListeners = new Set<(progress: TransferProgress) => void>();
  const jobListeners = new Set<(progress: JobProgress) => void>();
  const endpointRates = createRateTable();
  const jobRates = createRateTable();

  const report = (meter: Meter, at: number): TransferProgress => {
    const { transfer, bytesDone, rate, step } = meter;
    const growing = words.openEnded(transfer);
    const perSecond = rate.perSecond(at);
    const size = transfer.sizeBytes;
    const head = words.head(transfer);
    const eta: Eta | null = estimate({
      leftBytes: size === null ? null : Math.max(0, size - bytesDone),
      perSecond,
      spread: rate.spread(at),
      cause: growing ?? words.causeOf(transfer),
      openEnded: growing !== undefined,
    });
    return {
      transferId: transfer.id,
      jobId: transfer.jobId,
      phase: transfer.phase,
      bytesDone,
      sizeBytes: size,
      bytesPerSecond: perSecond,
      eta,
      ...(head === undefined ? {} : { head: { sizeBytes: head.sizeBytes, bytesPerSecond: head.bytesPerSecond } }),
      ...(step === undefined ? {} : { step }),
    };
  };

  const tell = (meter: Meter, at: number) => {
    const progress = report(meter, at);
    meter.last = progress;
    for (const listener of transferListeners) listener(progress);
  };

  return {
    begin: (transfer) => {
      const known = meters.get(transfer.id);
      if (known !== undefined) {
        known.transfer = transfer;
        return;
      }
      const rate = createRateWindow();
      const bytesDone = doneOf(transfer);
      rate.set(bytesDone, clock.monotonic());
      meters.set(transfer.id, {
        transfer,
        bytesDone,
        rate,
        throttle: createThrottle(),
        step: undefined,
        last: undefined,
      });
    },
    progress: (transferId, bytesDone) => {
      const meter = meters.get(transferId);
      if (meter === undefined) return;
      const at = clock.monotonic();
      meter.bytesDone = bytesDone;
      meter.rate.set(bytesDone, at);
      if (meter.throttle.due(bytesDone, meter.transfer.sizeBytes, at)) tell(meter, at);
    },
    step: (transferId, step) => {
      const meter = meters.get(transferId);
      if (meter !== undefined) meter.step = step;
    },
    moved: (jobId, slots, bytes) => {
      const at = clock.monotonic();
      jobRates.add(jobId, bytes, at);
      for (const slot of new Set(slots)) endpointRates.add(slot, bytes, at);
    },
    end: (transfer) => {
      const meter = meters.get(transfer.id);
      meters.delete(transfer.id);
      if (meter === undefined || (transfer.state !== 'completed' && transfer.state !== 'transferred')) return;
      if (transfer.state === 'transferred' && meter.transfer.phase === 'process') return;
      if (meter.last !== undefined && meter.last.bytesDone === transfer.sizeBytes) return;
      meter.bytesDone = transfer.sizeBytes ?? meter.bytesDone;
      tell({ ...meter, transfer: { ...transfer, phase: meter.transfer.phase } }, clock.monotonic());
    },
    bytesDone: (transferId) => {
      const meter = meters.get(transferId);
      return meter?.transfer.phase === 'process' ? undefined : meter?.bytesDone;
    },
    done: (transferId) => meters.get(transferId)?.bytesDone,
    underWay: (jobId) => {
      let sum = 0;
      for (const meter of meters.values()) {
        if (meter.transfer.jobId === jobId && meter.transfer.phase === 'transfer') sum += meter.bytesDone;
      }
      return sum;
    },
    tellJob: (progress) => {
      for (const listener of jobListeners) listener(progress);
    },
    onTransfer: (listener) => listen(transferListeners, listener),
    onJob: (listener) => listen(jobListeners, listener),
    last: (transferIds) => {
      const at = clock.monotonic();
      return transferIds.flatMap((id) => {
        const meter = meters.get(id);
        return meter === undefined ? [] : [report(meter, at)];
      });
    },
    refresh: () => {
      const at = clock.monotonic();
      for (const meter of meters.values()) {
        meter.rate.set(meter.bytesDone, at);
        if (meter.last !== undefined && meter.throttle.due(meter.bytesDone, meter.transfer.sizeBytes, at))
          tell(meter, at);
      }
    },
    rates: () => {
      const at = clock.monotonic();
      return { endpoints: endpointRates.read(at), jobs: jobRates.read(at) };
    },
  };
}

function doneOf(transfer: Transfer): number {
  return transfer.phase === 'process' ? transfer.bytesProcessed : transfer.bytesDone;
}

function listen<Listener>(listeners: Set<Listener>, listener: Listener): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}
