// Has a file scanned between its proof and its final name, where its pipeline says `scan`: nobody finds it there unscanned.

import type { Endpoint } from '../endpoints/endpoint.ts';
import { sides } from '../endpoints/mounts.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { StepRecord } from '../model/pipeline.ts';
import type { Publishing, Transfer } from '../model/transfer.ts';
import type { StoreReader } from '../store/store.ts';
import type { Held, HeldParts } from './held-rows.ts';
import type { ModeRun } from './mode.ts';
import { type ProcessRunner, type StepsDocument, stepsCollection } from './processing.ts';

export interface ScanGate {
  /**
   * Resolves at once where nothing is to be scanned, or this very content was. Rejects with `infected`, `tool_unavailable` and what
   * scanning says, with `interrupted` after `stop`. The verdict is durable when it resolves; the processing takes it over.
   */
  pass(one: Held, publishing: Publishing, destination: Endpoint): Promise<void>;
  stop(one: Held): void;
  /** Removes what a scan of a transfer that is given up may have left. */
  sweep(transferId: string): Promise<void>;
}

/** True for a file that has to be scanned before it gets its name. Throws what `ModeRun.processing` throws. */
export function isScannedFirst(mode: Pick<ModeRun, 'processing'>, transfer: Transfer): boolean {
  return mode.processing?.(transfer)?.pipeline.steps.some(isFirstScan) ?? false;
}

const isFirstScan = ({ step, from }: { readonly step: string; readonly from?: string | undefined }) =>
  step === 'scan' && from === undefined;

export function createScanGate(
  parts: Pick<HeldParts, 'ledger'> & { readonly reader: StoreReader; readonly runner: ProcessRunner | undefined },
): ScanGate {
  const { ledger, reader, runner } = parts;
  const stops = new WeakMap<Held, AbortController>();

  const scan = async (one: Held, publishing: Publishing, path: string, name: string): Promise<void> => {
    const { row, run, holding } = one;
    const processing = run.mode.processing?.(row) ?? null;
    if (processing === null || !processing.pipeline.steps.some(isFirstScan)) return;
    const { pipeline, processedFolder, relativePath } = processing;
    const content = `${publishing.hash.algorithm}:${publishing.hash.value}`;
    const known = (await reader.document(stepsCollection, row.id)) as StepsDocument | undefined;
    if (known?.scanned === content && JSON.stringify(known.steps) === JSON.stringify(pipeline.steps)) return;
    if (runner === undefined) throw new Fault('unsupported', `${name} cannot be scanned here: there are no steps.`);
    const stopping = new AbortController();
    stops.set(one, stopping);
    holding.steady = true;
    try {
      if (holding.intent !== undefined || holding.lost) throw stopped();
      const done: readonly StepRecord[] = await runner.run(
        {
          ...{ id: row.id, pipeline, processedFolder, relativePath, done: [] },
          file: { path, shownAs: name, sizeBytes: publishing.sizeBytes, mtimeMs: row.mtimeMs ?? 0, mediaType: null },
          originalHash: publishing.hash.value,
          only: isFirstScan,
        },
        {
          stepDone: async () => undefined,
          progress: () => undefined,
          beat: () => holding.control.enter(sides.none),
        },
        stopping.signal,
      );
      if (holding.lost) throw new Fault('lease_lost', 'The transfer was taken back while it was scanned.');
      const value: StepsDocument = { steps: pipeline.steps, done, scanned: content };
      await ledger.write([{ kind: 'put_document', collection: stepsCollection, key: row.id, value }]);
    } finally {
      holding.steady = false;
      stops.delete(one);
    }
  };

  return {
    pass: async (one, publishing, destination) => {
      const { partialPath, finalPath } = publishing;
      const path = destination.localPath?.(partialPath);
      const name = displayPath(destination.localPath?.(finalPath) ?? finalPath);
      if (path !== undefined) return await scan(one, publishing, path, name);
      if (!isScannedFirst(one.run.mode, one.row)) return;
      throw new Fault('unsupported', `${name} is not on this machine, where it could be scanned.`);
    },
    stop: (one) => stops.get(one)?.abort(stopped()),
    sweep: async (transferId) => runner?.sweep(transferId),
  };
}

function stopped(): Fault {
  return new Fault('interrupted', 'The scan was stopped.');
}
