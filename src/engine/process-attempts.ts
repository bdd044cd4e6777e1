// Has the files that have arrived processed, one attempt each, and turns what becomes of them into states; their download is never touched.

import type { DeviceAdapter } from '../devices/device.ts';
import { sides } from '../endpoints/mounts.ts';
import { asFault, Fault } from '../model/fault.ts';
import { baseName, displayPath, parentPath } from '../model/names.ts';
import type { StepRecord } from '../model/pipeline.ts';
import type { LocalFile } from '../model/processing.ts';
import type { Receipt } from '../model/receipt.ts';
import type { Transfer } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';
import { waysToSay } from './cleanup/ways-to-say.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Held, HeldParts, HeldRows } from './held-rows.ts';
import type { Jobs } from './jobs.ts';
import type { Places } from './places.ts';
import {
  type Processing,
  type ProcessRunner,
  processedFacts,
  type StepsDocument,
  stepsCollection,
  stillDone,
} from './processing.ts';
import type { ProcessWork } from './work.ts';

export interface ProcessAttemptParts extends HeldParts, Pick<EngineParts, 'node'> {
  readonly reader: StoreReader;
  readonly rows: HeldRows;
  readonly jobs: Jobs;
  readonly places: Places;
  /** Absent where nothing can be processed here. */
  readonly runner: ProcessRunner | undefined;
  readonly adapterOf: (kind: string) => DeviceAdapter | undefined;
}

export interface ProcessAttempts {
  /** Resolves once the slot is free again. Never rejects. */
  run(work: ProcessWork): Promise<void>;
}

export function createProcessAttempts(parts: ProcessAttemptParts): ProcessAttempts {
  const { reader, rows, jobs, ledger, live, log, places } = parts;
  const stops = new WeakMap<Held, AbortController>();

  const claim = async ({ transfer, jobId }: ProcessWork): Promise<Held | undefined> => {
    const run = jobs.get(jobId);
    if (run === undefined || !run.accepting) return undefined;
    const fence = transfer.fence + 1;
    const row = await ledger.advance({
      transfer,
      inputs: transfer.state === 'transferred' ? 'process' : 'start',
      patch: { fence, lease: { node: parts.node, fence } },
    });
    if (row === undefined) return undefined;
    const stopping = new AbortController();
    const stop = () => stopping.abort(new Fault('interrupted', 'The processing was stopped.'));
    const one = rows.hold(row, run, [], { settle: stopHere, stop });
    one.holding.steady = true;
    stops.set(one, stopping);
    return one;
  };

  const receiptOf = async (row: Transfer): Promise<Receipt> => {
    const [receipt] = await reader.receipts({ transferId: row.id });
    if (receipt !== undefined) return receipt;
    throw new Fault('internal', `${displayPath(row.source.path)} has arrived without a receipt.`);
  };

  /** The original as it lies there. Rejects with `not_found` and `corrupt`: it is no longer what was proved. */
  const originalOf = async (receipt: Receipt, signal: AbortSignal): Promise<LocalFile> => {
    const { endpoint: address, path } = receipt.destination;
    const endpoint = await places.open(address);
    const place = { path: displayPath(path), endpoint: displayPath(address) };
    if (endpoint.localPath === undefined) {
      throw new Fault('unsupported', `${place.path} is not on this machine, where it could be processed.`, { place });
    }
    const entry = await endpoint.stat(path, { signal });
    if (entry?.kind !== 'file') {
      throw new Fault('not_found', `${place.path} is no longer in ${place.endpoint} and cannot be processed.`, {
        place,
      });
    }
    if (entry.sizeBytes !== receipt.sizeBytes) {
      const text = `${place.path} in ${place.endpoint} has ${entry.sizeBytes} bytes where ${receipt.sizeBytes} were proved.`;
      throw new Fault('corrupt', text, { place });
    }
    const { sizeBytes, mtimeMs } = entry;
    return { path: endpoint.localPath(path), sizeBytes, mtimeMs, mediaType: null };
  };

  const process = async (one: Held, processing: Processing, receipt: Receipt): Promise<readonly StepRecord[]> => {
    const { row } = one;
    const { pipeline, deviceKind, processedFolder, relativePath, beside = false } = processing;
    const signal = stops.get(one)?.signal ?? new AbortController().signal;
    if (parts.runner === undefined) {
      throw new Fault('unsupported', `${displayPath(row.source.path)} cannot be processed here: there are no steps.`);
    }
    const done = [...stillDone(await reader.document(stepsCollection, row.id), pipeline)];
    const adapter = deviceKind === null ? undefined : parts.adapterOf(deviceKind);
    return parts.runner.run(
      {
        id: row.id,
        file: await originalOf(receipt, signal),
        originalHash: receipt.hash.value,
        ...{ pipeline, processedFolder, relativePath, done: [...done] },
        ...(beside ? { resultFolder: parentPath(relativePath), wholeNames: true } : {}),
        isReceived: async (path) => {
          const destinations = waysToSay(processedFolder, path);
          return (await reader.receipts({ destinations })).length > 0;
        },
        ...(adapter?.process === undefined || pipeline.steps.length > 0 ? {} : { adapter }),
      },
      {
        stepDone: (record) =>
          rows.inTurn(one, async () => {
            if (one.holding.lost) throw new Fault('lease_lost', 'The transfer was taken back while it was processed.');
            done.push(record);
            const value: StepsDocument = { steps: pipeline.steps, done: [...done] };
            await ledger.write([{ kind: 'put_document', collection: stepsCollection, key: row.id, value }]);
          }),
        begins: (step) => live.step(row.id, step),
        progress: (fraction) => live.progress(row.id, Math.floor(fraction * (row.sizeBytes ?? 0))),
        beat: () => one.holding.control.enter(sides.none),
      },
      signal,
    );
  };

  /** Also of a file with which nothing is to be done: its recording is still to be written. */
  const complete = async (one: Held, receipt: Receipt, steps: readonly StepRecord[]) => {
    const { row, run, holding } = one;
    if (holding.lost) return;
    const patch = { bytesProcessed: row.sizeBytes ?? 0 };
    const also = run.mode.completing?.({ ...row, ...patch }, receipt, steps) ?? [];
    const after = await rows.inTurn(one, () =>
      ledger.advance({
        transfer: one.row,
        inputs: 'complete',
        patch,
        processed: processedFacts(steps),
        also: [...also, { kind: 'delete_document', collection: stepsCollection, key: row.id }],
      }),
    );
    if (after !== undefined) one.row = after;
    rows.letGo(one);
    await sweep(row);
  };

  const sweep = async (row: Transfer) => {
    try {
      await parts.runner?.sweep(row.id);
    } catch (error) {
      log.warn({ transferId: row.id, fault: asFault(error).report() }, 'What processing left could not be removed');
    }
  };

  /** It was told to stop, and nothing of it runs any more: by whom says what becomes of it. */
  const stopHere = async (one: Held): Promise<void> => {
    const { holding, row } = one;
    if (holding.lost) return;
    if (holding.intent === 'cancel') {
      await sweep(row);
      await rows.write(one, 'cancel', { bytesProcessed: 0 });
    } else if (holding.intent === 'pause') await rows.write(one, 'pause', rows.howFar(row));
    else await rows.write(one, 'recover', rows.howFar(row));
    rows.letGo(one);
  };

  const fail = async (one: Held, fault: Fault): Promise<void> => {
    const { holding, run, row } = one;
    if (holding.lost) return;
    if (holding.intent !== undefined || fault.code === 'interrupted' || fault.code === 'lease_lost') {
      return stopHere(one);
    }
    await rows.give(one, fault, {});
    log.warn({ jobId: row.jobId, transferId: row.id, fault: fault.report() }, fault.message);
    run.mode.stopped?.(one.row, fault);
  };

  /** What has arrived in a way that needs nothing more, and was not completed with its arrival: a crash came between, or it was in a pack. */
  const completeAtOnce = async ({ transfer, jobId }: ProcessWork, receipt: Receipt) => {
    const run = jobs.get(jobId);
    if (run === undefined || !run.accepting) return;
    const also = run.mode.completing?.(transfer, receipt, []) ?? [];
    const inputs = transfer.state === 'transferred' ? (['complete'] as const) : (['start', 'complete'] as const);
    await ledger.advance({ transfer, inputs, also });
  };

  return {
    run: async (work) => {
      let one: Held | undefined;
      try {
        const mode = jobs.get(work.jobId)?.mode;
        if (mode === undefined) return;
        if (processingOf(mode, work.transfer) === null) {
          return await completeAtOnce(work, await receiptOf(work.transfer));
        }
        one = await claim(work);
        if (one === undefined) return;
        const held = one;
        const attempt = async () => {
          const receipt = await receiptOf(held.row);
          const processing = mode.processing?.(held.row) ?? null;
          const steps = processing === null ? [] : await process(held, processing, receipt);
          await complete(held, receipt, steps);
        };
        // What was left behind frees its slot, whether it ever comes back or not.
        await Promise.race([attempt(), held.holding.ended]);
      } catch (error) {
        if (one === undefined) {
          const text = `${baseName(work.transfer.source.path)} could not be looked at for processing`;
          log.error({ jobId: work.jobId, transferId: work.transfer.id, fault: asFault(error).report() }, text);
          return;
        }
        const held = one;
        await fail(held, asFault(error)).catch((trouble) => rows.ledgerTrouble(held, trouble));
      }
    },
  };
}

/** Null where nothing is to be done; undefined where it cannot be said (its pipeline is gone): the attempt meets the fault. */
export function processingOf(
  mode: { processing?(transfer: Transfer): Processing | null },
  transfer: Transfer,
): Processing | null | undefined {
  if (mode.processing === undefined) return null;
  try {
    return mode.processing(transfer);
  } catch {
    return undefined;
  }
}
