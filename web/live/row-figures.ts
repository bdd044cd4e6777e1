// What a row shows of a transfer right now: its view, overtaken by live progress where that is newer.

import type { EtaView, TransferProgressView, TransferView } from '../../src/model/views.ts';
import { share } from '../words/amounts.ts';

export interface RowFigures {
  readonly bytesDone: number;
  readonly sizeBytes: number | null;
  /** 0 to 1; undefined while the size is not known. */
  readonly part: number | undefined;
  /** Null where nothing moves now. */
  readonly bytesPerSecond: number | null;
  readonly eta: EtaView | null;
}

export function figuresOf(transfer: TransferView, progress: TransferProgressView | undefined): RowFigures {
  const moving = transfer.state === 'transferring' || transfer.state === 'processing';
  const live = moving ? progress : undefined;
  const processing = transfer.phase === 'process' && transfer.state !== 'completed';
  const stored = processing ? transfer.bytesProcessed : transfer.bytesDone;
  const bytesDone = live === undefined ? stored : live.bytesDone;
  const sizeBytes = live?.sizeBytes ?? transfer.sizeBytes;
  const finished = transfer.state === 'completed' || transfer.state === 'transferred';
  return {
    bytesDone,
    sizeBytes,
    part: share(bytesDone, sizeBytes, finished),
    bytesPerSecond: moving ? (live?.bytesPerSecond ?? transfer.speedBytesPerSecond) : null,
    eta: moving ? (live?.eta ?? transfer.eta) : null,
  };
}
