// What a ledger must hold, in plain memory and without a thought for speed: the store suite compares against it.

import type { EventDraft, StoredEvent } from '../../src/model/event.ts';
import type { Job } from '../../src/model/job.ts';
import type { Receipt } from '../../src/model/receipt.ts';
import type { Recording } from '../../src/model/recording.ts';
import { type Transfer, type TransferState, transferStates } from '../../src/model/transfer.ts';
import type { Delivery } from '../../src/model/webhook.ts';
import type { Change, ChangeResult } from '../../src/store/store.ts';

type Fact = Omit<StoredEvent, 'cursor'>;

export interface StoreModel {
  readonly transfers: ReadonlyMap<string, Transfer>;
  readonly receipts: ReadonlyMap<string, Receipt>;
  readonly jobs: ReadonlyMap<string, Job>;
  readonly facts: readonly Fact[];
  readonly documents: ReadonlyMap<string, unknown>;
  apply(change: Change): ChangeResult;
  counts(jobId?: string): Record<TransferState, number>;
}

const refused = (reason: 'missing' | 'state' | 'fence' | 'exists'): ChangeResult => ({ applied: false, reason });

export function storeModel(): StoreModel {
  const transfers = new Map<string, Transfer>();
  const receipts = new Map<string, Receipt>();
  const jobs = new Map<string, Job>();
  const facts: Fact[] = [];
  const deliveries = new Map<string, Delivery>();
  const documents = new Map<string, unknown>();
  const recordings = new Map<string, Recording>();

  const tell = (
    events: readonly EventDraft[],
    about: { transfer?: Transfer; job?: Job },
    jobId: string | null,
  ): void => {
    for (const event of events) facts.push({ ...event, transferId: about.transfer?.id ?? null, jobId, ...about });
  };

  function finishPack(change: Extract<Change, { kind: 'finish_pack' }>): ChangeResult {
    const skipped: string[] = [];
    const byJob = Map.groupBy(
      change.transfers.map((transfer, index) => ({ transfer, receipt: change.receipts[index] ?? null })),
      ({ transfer }) => transfer.jobId,
    );
    for (const files of byJob.values()) {
      for (const { transfer, receipt } of files) {
        const old = transfers.get(transfer.id);
        if (old !== undefined && !change.expectStates.includes(old.state)) {
          skipped.push(transfer.id);
          continue;
        }
        transfers.set(transfer.id, transfer);
        if (receipt !== null) receipts.set(transfer.id, receipt);
        tell(receipt === null ? change.failedEvents : change.completedEvents, { transfer }, transfer.jobId);
      }
    }
    return skipped.length === 0 ? { applied: true } : { applied: false, reason: 'state', skipped };
  }

  function apply(change: Change): ChangeResult {
    switch (change.kind) {
      case 'insert_transfer':
        if (transfers.has(change.transfer.id)) return refused('exists');
        transfers.set(change.transfer.id, change.transfer);
        tell(change.events, { transfer: change.transfer }, change.transfer.jobId);
        return { applied: true };
      case 'update_transfer': {
        const old = transfers.get(change.transfer.id);
        if (old === undefined) return refused('missing');
        if (old.fence !== change.expect.fence) return refused('fence');
        if (old.state !== change.expect.state) return refused('state');
        transfers.set(change.transfer.id, change.transfer);
        if (change.receipt !== undefined) receipts.set(change.transfer.id, change.receipt);
        tell(change.events, { transfer: change.transfer }, change.transfer.jobId);
        change.also?.forEach(apply);
        return { applied: true };
      }
      case 'put_recording':
        recordings.set(change.recording.id, change.recording);
        return { applied: true };
      case 'finish_pack':
        return finishPack(change);
      case 'insert_job':
        if (jobs.has(change.job.id)) return refused('exists');
        jobs.set(change.job.id, change.job);
        tell(change.events, { job: change.job }, change.job.id);
        return { applied: true };
      case 'update_job': {
        const old = jobs.get(change.job.id);
        if (old === undefined) return refused('missing');
        if (change.expect !== undefined && old.state !== change.expect.state) return refused('state');
        jobs.set(change.job.id, change.job);
        tell(change.events, { job: change.job }, change.job.id);
        return { applied: true };
      }
      case 'append_event':
        tell([change.event], {}, change.jobId ?? null);
        return { applied: true };
      case 'put_document':
        documents.set(`${change.collection}\0${change.key}`, change.value);
        return { applied: true };
      case 'delete_document':
        return documents.delete(`${change.collection}\0${change.key}`) ? { applied: true } : refused('missing');
      case 'delete_transfers':
        for (const id of change.ids) {
          if (!['completed', 'failed', 'cancelled'].includes(transfers.get(id)?.state ?? '')) continue;
          transfers.delete(id);
          receipts.delete(id);
        }
        return { applied: true };
      case 'put_delivery': {
        const { delivery, expect } = change;
        if (expect !== undefined && (deliveries.get(delivery.id)?.state ?? 'absent') !== expect)
          return refused('state');
        deliveries.set(delivery.id, delivery);
        return { applied: true };
      }
      case 'delete_deliveries':
        for (const [id, { webhookId }] of deliveries) if (webhookId === change.webhookId) deliveries.delete(id);
        return { applied: true };
      case 'put_manifest':
      case 'delete_manifest':
        // They share nothing with other rows; the suite looks at them by themselves.
        return { applied: true };
      case 'delete_history':
        throw new Error('The model keeps everything.');
    }
  }

  return {
    transfers,
    receipts,
    jobs,
    facts,
    documents,
    apply,
    counts: (jobId) => {
      const counts = Object.fromEntries(transferStates.map((state) => [state, 0])) as Record<TransferState, number>;
      for (const transfer of transfers.values())
        if (jobId === undefined || transfer.jobId === jobId) counts[transfer.state] += 1;
      return counts;
    },
  };
}
