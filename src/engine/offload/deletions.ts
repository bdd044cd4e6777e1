// Files on devices that are to be deleted there once enough copies of them are proven: noted with the copy's completion, done when the device is there.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Transfer } from '../../model/transfer.ts';
import type { Change, PutDocument, StoreReader } from '../../store/store.ts';
import type { EngineLog } from '../engine-parts.ts';

const collection = 'offload.deletions';

interface PendingDeletion {
  readonly device: string;
  readonly jobId: string;
  readonly copies: number;
  readonly receipt: Receipt;
}

/** To be written in the commit that completes the transfer. */
export function pendingDeletion(
  transfer: Transfer,
  receipt: Receipt,
  { device, deleteAfterCopies }: { readonly device: string; readonly deleteAfterCopies: number | null },
): PutDocument {
  const value: PendingDeletion = { device, jobId: transfer.jobId, copies: deleteAfterCopies ?? 1, receipt };
  return { kind: 'put_document', collection, key: transfer.id, value };
}

export interface Deletions {
  /** Deletes what is due on devices for which `isThere` holds. One look at a time; never rejects. */
  look(isThere: (deviceId: string) => boolean): Promise<void>;
}

export function createDeletions(parts: {
  readonly reader: StoreReader;
  readonly open: (address: string) => Promise<Endpoint>;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
  readonly now: () => number;
  readonly log: EngineLog;
}): Deletions {
  const { reader, log } = parts;
  let looking: Promise<void> | undefined;
  let again = false;

  /** Copies of this version of the file, and copies of those copies. */
  const copiesOf = async (receipt: Receipt): Promise<number> => {
    const places = new Set<string>();
    const add = ({ destination }: Receipt) => places.add(`${destination.endpoint}\n${destination.path}`);
    add(receipt);
    for (const one of await reader.receipts({ source: receipt.source })) if (isSame(one, receipt)) add(one);
    for (const one of await reader.receipts({ source: receipt.destination })) {
      if (one.sizeBytes === receipt.sizeBytes && sameContent(one, receipt)) add(one);
    }
    return places.size;
  };

  const remove = async ({ receipt, device, jobId }: PendingDeletion): Promise<void> => {
    const { source, sourceIdentity: identity } = receipt;
    const endpoint = await parts.open(source.endpoint);
    const entry = await endpoint.stat(source.path);
    if (entry === undefined) return;
    const about = { jobId, device, path: displayPath(source.path) };
    const precision = endpoint.traits.mtimePrecisionMs;
    const matches =
      identity !== null &&
      entry.sizeBytes === identity.sizeBytes &&
      Math.abs(entry.mtimeMs - identity.mtimeMs) <= precision;
    if (!matches) {
      log.warn(about, 'A file on the device is no longer the one that was copied, and stays there');
      return;
    }
    await endpoint.remove(source.path);
    log.info(about, 'A file was deleted on the device, as its copies are proven');
    const data = { device, path: displayPath(source.path), transferId: receipt.transferId };
    const event = { name: 'observation.device.file_deleted' as const, at: parts.now(), data };
    await parts.write([{ kind: 'append_event', event, jobId }]);
  };

  const lookOnce = async (isThere: (deviceId: string) => boolean): Promise<void> => {
    for (const { key, value } of await reader.documents(collection)) {
      const pending = value as PendingDeletion;
      if (!isThere(pending.device)) continue;
      try {
        if ((await copiesOf(pending.receipt)) < pending.copies) continue;
        await remove(pending);
        await parts.write([{ kind: 'delete_document', collection, key }]);
      } catch (error) {
        const { jobId, device } = pending;
        log.warn({ jobId, device, fault: asFault(error).report() }, 'A file could not be deleted on the device yet');
      }
    }
  };

  return {
    look: (isThere) => {
      if (looking !== undefined) {
        again = true;
        return looking;
      }
      const run = async () => {
        do {
          again = false;
          await lookOnce(isThere).catch((error) => {
            log.warn({ fault: asFault(error).report() }, 'What is to be deleted on devices could not be read');
          });
        } while (again);
      };
      looking = run().finally(() => {
        looking = undefined;
      });
      return looking;
    },
  };
}

function isSame(one: Receipt, other: Receipt): boolean {
  return (
    one.sizeBytes === other.sizeBytes &&
    one.sourceIdentity?.mtimeMs === other.sourceIdentity?.mtimeMs &&
    one.source.endpoint === other.source.endpoint
  );
}

/** Hashes of different kinds cannot be compared: such a copy has its own proof, of a source that had the size. */
function sameContent(one: Receipt, other: Receipt): boolean {
  return one.hash.algorithm !== other.hash.algorithm || one.hash.value === other.hash.value;
}
