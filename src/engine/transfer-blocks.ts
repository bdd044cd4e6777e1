// Which parts of a transfer's file stand verified at the destination while it is not yet whole there.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Transfer, TransferState } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';
import type { TransferBlocks } from './engine.ts';
import type { Mover } from './mover/move.ts';

/** What is whole, or given up, has no blocks to tell of. */
const over: ReadonlySet<TransferState> = new Set(['transferred', 'processing', 'completed', 'cancelled']);

/**
 * `headBytes` says how far the writer of a source that grows has come, where that is known. Rejects with `not_found`, and with
 * `state_conflict` for a transfer that is over.
 */
export async function transferBlocks(
  id: string,
  parts: {
    readonly reader: Pick<StoreReader, 'transfer'>;
    readonly mover: Pick<Mover, 'verified'>;
    readonly headBytes: (transfer: Transfer) => number | undefined;
  },
): Promise<TransferBlocks> {
  const transfer = await underWay(id, parts.reader);
  const verified = await parts.mover.verified(id);
  // It may have come to its end, and its journal with it, since the row was read.
  if (verified === undefined) await underWay(id, parts.reader);
  const known = [verified?.sizeBytes, transfer.sizeBytes, parts.headBytes(transfer)].filter(
    (bytes) => bytes !== undefined && bytes !== null,
  );
  return { sizeBytes: known.length === 0 ? null : Math.max(...known), ranges: verified?.ranges ?? [] };
}

async function underWay(id: string, reader: Pick<StoreReader, 'transfer'>): Promise<Transfer> {
  const transfer = await reader.transfer(id);
  if (transfer === undefined) throw new Fault('not_found', `There is no transfer ${displayPath(id)}.`);
  if (over.has(transfer.state)) {
    throw new Fault(
      'state_conflict',
      `${displayPath(transfer.source.path)} is ${transfer.state}; blocks are told of what is still under way.`,
    );
  }
  return transfer;
}
