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
  /** Where the source still grows: how far its writer is ahead. */
  readonly head: GrowingHead | undefined;
}

export interface GrowingHead {
  /** 0 to 1, on the scale of `part`. */
  readonly part: number;
  readonly behindBytes: number;
  /** Null until it has been seen to grow twice. */
  readonly bytesPerSecond: number | null;
}

/** The writer's mark stands here on the bar of a growing file, whose end nobody knows. */
const headPart = 0.92;

export function figuresOf(transfer: TransferView, progress: TransferProgressView | undefined): RowFigures {
  const moving = transfer.state === 'transferring' || transfer.state === 'processing';
  const live = moving ? progress : undefined;
  const processing = transfer.phase === 'process' && transfer.state !== 'completed';
  const stored = processing ? transfer.bytesProcessed : transfer.bytesDone;
  const bytesDone = live === undefined ? stored : live.bytesDone;
  const sizeBytes = live?.sizeBytes ?? transfer.sizeBytes;
  const finished = transfer.state === 'completed' || transfer.state === 'transferred';
  const writer = finished ? null : (live?.head ?? transfer.head);
  const head =
    writer === null || writer.sizeBytes === 0
      ? undefined
      : {
          part: headPart,
          behindBytes: Math.max(0, writer.sizeBytes - bytesDone),
          bytesPerSecond: writer.bytesPerSecond,
        };
  return {
    bytesDone,
    sizeBytes: writer === null ? sizeBytes : Math.max(sizeBytes ?? 0, writer.sizeBytes),
    head,
    part:
      head === undefined || writer === null
        ? share(bytesDone, sizeBytes, finished)
        : Math.min(headPart, (bytesDone / writer.sizeBytes) * headPart),
    bytesPerSecond: moving ? (live?.bytesPerSecond ?? transfer.speedBytesPerSecond) : null,
    eta: moving ? (live?.eta ?? transfer.eta) : null,
  };
}
