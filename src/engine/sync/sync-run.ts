// One run of a sync: folders side by side, each with a state of its own; what has to wait for all of them is done at the end.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { faultFrom } from '../../model/fault.ts';
import { type FolderPair, folderPairs } from '../../model/folder-pairs.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { SyncSpec, SyncStatus } from '../../model/sync-spec.ts';
import type { Transfer } from '../../model/transfer.ts';
import { createFolderKeeper, type FolderKeeper } from '../copy/folder-keeper.ts';
import { createPacker } from '../copy/packer.ts';
import type { ModeHost, ModeRun } from '../mode.ts';
import { moveOptions } from '../move-options.ts';
import { recordingOf } from '../recording-of.ts';
import { requireWay } from '../require-way.ts';
import { countedTries } from '../retry.ts';
import { createSelection } from '../selection.ts';
import { forgetStranded } from './dedup.ts';
import { createDerivedRegister, registerDerived } from './derived.ts';
import { finishSync } from './finish-sync.ts';
import { readKnownTree } from './known-tree.ts';
import { LegRun, type LegTools, takenKey } from './leg-run.ts';
import { forEachSideBySide } from './many-calls.ts';
import { mediaPipeline, mediaProcessing } from './media-pipeline.ts';
import { surveyLeg } from './survey-leg.ts';
import { listTree, pathBelow } from './tree-listing.ts';

/** What a person reads; more than this is a log. */
const mostProblems = 100;
/** A folder whose listing breaks off is tried so often before the others are brought to their end without it. */
const listingTries = 5;

/** What a run knows while it goes on. */
export interface SyncState {
  readonly spec: SyncSpec;
  readonly host: ModeHost;
  readonly legs: readonly LegRun[];
  readonly keepers: ReadonlyMap<string, FolderKeeper>;
  readonly signal: AbortSignal;
  deleted: number;
  cleanup: unknown;
  problem(path: string, text: string): void;
}

export function openSync(job: Job, host: ModeHost): ModeRun {
  const spec = job.spec as SyncSpec;
  const options = moveOptions(spec);
  const places = new Set<Endpoint>();
  const problems = new Map<string, { path: string; text: string }>();
  const keepers = new Map<string, FolderKeeper>();
  let legs: readonly LegRun[] = [];
  /** Where arrivals of rows from before wait until the legs are there. */
  const early: { readonly transfer: Transfer; readonly receipt: Receipt }[] = [];
  let state: SyncState | undefined;
  let tries = 0;

  const problem = (path: string, text: string) => {
    if (problems.size < mostProblems) problems.set(`${path}\n${text}`, { path, text });
  };

  const open = async (signal: AbortSignal): Promise<void> => {
    const source = await host.open(spec.source);
    places.add(source);
    if (legs.length > 0) return;
    const made: LegRun[] = [];
    for (const pair of folderPairs(spec)) {
      for (const address of spec.destinations) {
        const destination = await host.open(address);
        places.add(destination);
        await requireWay(spec.transport, source, destination, { signal });
        const key = { source: spec.source, destination: address, ...pair };
        made.push(new LegRun({ key, source, destination }, host));
        if (!keepers.has(address)) keepers.set(address, createFolderKeeper(spec, host));
      }
    }
    signal.throwIfAborted();
    legs = made;
    for (const { transfer, receipt } of early.splice(0)) take(transfer, receipt);
  };

  const legOf = ({ source, destination }: Transfer): LegRun | undefined => {
    const within = (path: string, folder: string) => folder === '' || path.startsWith(`${folder}/`);
    return legs.find(
      ({ leg: { key } }) =>
        key.destination === destination.endpoint && within(source.path, key.from) && within(destination.path, key.to),
    );
  };

  const take = (transfer: Transfer, receipt: Receipt): LegRun | undefined => {
    if (legs.length === 0) {
      early.push({ transfer, receipt });
      return undefined;
    }
    const leg = legOf(transfer);
    leg?.arrived(pathBelow(leg.leg.key.from, transfer.source.path), receipt);
    return leg;
  };

  const arrivedTogether = async (arrived: readonly { readonly transfer: Transfer; readonly receipt: Receipt }[]) => {
    const touched = new Set<LegRun>();
    for (const { transfer, receipt } of arrived) {
      const leg = take(transfer, receipt);
      if (leg !== undefined) touched.add(leg);
    }
    for (const leg of touched) await leg.writeSoon();
  };

  const find = async (signal: AbortSignal): Promise<void> => {
    tries += 1;
    // Rows of an earlier run stand for their files; whatever else is missing is found again. They are read before any of them moves on.
    const taken = new Set<string>();
    for await (const row of host.rows([
      'queued',
      'waiting',
      'transferring',
      'transferred',
      'processing',
      'paused',
      'failed',
      'cancelled',
    ])) {
      if (row.sizeBytes === null && (row.state === 'cancelled' || row.state === 'failed')) continue;
      taken.add(takenKey(row.destination));
    }
    await open(signal);
    state = { spec, host, legs, keepers, signal, deleted: state?.deleted ?? 0, cleanup: null, problem };
    const packers = new Map(
      await Promise.all(
        spec.destinations.map(async (address) => [address, createPacker(host, await host.open(address))] as const),
      ),
    );
    const toolsOf = (address: string): LegTools => ({
      ...{ spec, host, taken, problem },
      folders: keepers.get(address) as FolderKeeper,
      packer: packers.get(address) as LegTools['packer'],
    });
    await forEachSideBySide(folderPairs(spec), (pair) => lookThrough(pair, toolsOf, signal), spec.parallel);
    for (const packer of packers.values()) await packer.flush();
    for (const [address, keeper] of keepers) await keeper.found(address);
    await say(signal);
  };

  /** One folder of the source for all destinations; what goes wrong is that folder's alone. */
  const lookThrough = async (
    pair: FolderPair,
    toolsOf: (address: string) => LegTools,
    signal: AbortSignal,
  ): Promise<void> => {
    const own = legs.filter(({ leg: { key } }) => key.from === pair.from && key.to === pair.to);
    const selection = createSelection(spec.include, spec.exclude);
    const isDerived = createDerivedRegister(host.reader);
    try {
      for (const leg of own) leg.begin(await readKnownTree(host.reader, leg.leg.key));
      const [first] = own;
      if (first === undefined) return;
      const listing = await listTree(first.leg.source, pair.from, selection, {
        signal,
        told: (files) => {
          for (const leg of own) leg.found = files;
        },
      });
      for (const leg of own) {
        try {
          const { known } = leg;
          if (known === undefined) continue;
          if (!spec.dryRun) await forgetStranded(leg.leg, known, spec.media.dedup, host, signal);
          const parts = { reader: host.reader, isDerived };
          const findings = await surveyLeg(leg.leg, listing, known, spec, selection, parts, signal);
          await leg.carryOut(findings, toolsOf(leg.leg.key.destination), signal);
          // What could be read is on its way; that there is more must be said all the same.
          if (listing.fault !== null) leg.failed(listing.fault);
        } catch (error) {
          fail([leg], error, signal);
        }
      }
    } catch (error) {
      fail(own, error, signal);
    }
  };

  const fail = (failed: readonly LegRun[], error: unknown, signal: AbortSignal) => {
    signal.throwIfAborted();
    for (const leg of failed) leg.failed(error);
  };

  /** Trouble that may pass is waited out by the engine, within bounds; other trouble becomes a failed folder of the job. */
  const say = async (signal: AbortSignal): Promise<void> => {
    const failed = legs.filter(({ fault }) => fault !== null);
    if (failed.length === 0) return;
    const [worst] = failed.map(({ fault }) => fault).filter((fault) => fault?.transient === true);
    const isAlone = failed.length === legs.length && spec.definition === null && spec.retry === null;
    const mostTries = spec.retry === null ? listingTries : spec.retry.attempts + 1;
    if (worst !== undefined && worst !== null && (isAlone || tries < mostTries)) {
      signal.throwIfAborted();
      throw faultFrom(worst);
    }
    await giveUp(failed);
  };

  const giveUp = async (failed: readonly LegRun[]) => {
    host.found(failed.length, 0);
    for (const leg of failed) {
      const { file, fault } = leg.refusal();
      host.log.warn({ jobId: job.id, fault: fault.report() }, `A folder could not be synced: ${fault.message}`);
      await host.tell('observation.sync.folder_failed', {
        destination: displayPath(leg.leg.key.destination),
        from: displayPath(leg.leg.key.from),
        error: fault.report(),
      });
      await host.refuse([{ file, fault }]);
    }
  };

  const processing: Required<Pick<ModeRun, 'processing' | 'completing'>> = {
    processing: ({ destination, publishedPath }) =>
      mediaProcessing(spec.media, destination.endpoint, publishedPath ?? destination.path),
    completing: (transfer, receipt, steps) =>
      steps.length === 0
        ? []
        : [
            { kind: 'put_recording', recording: recordingOf(transfer, receipt, steps, null, host.clock.now()) },
            ...registerDerived(transfer.id, steps),
          ],
  };

  return {
    find,
    options: () => options,
    mostAtOnce: spec.transfers,
    atEndpoint: spec.parallel,
    bandwidth: spec.bandwidth,
    ...(spec.retry === null ? {} : { retry: countedTries(spec.retry.attempts, spec.retry.delaySeconds) }),
    arrived: (transfer, receipt) => arrivedTogether([{ transfer, receipt }]),
    arrivedTogether,
    ...(mediaPipeline(spec.media) === null ? {} : processing),
    ...(spec.destinations.length > 1
      ? { togetherKey: ({ source }: Transfer) => `${source.endpoint}\n${source.path}` }
      : {}),
    finish: async () => {
      if (state === undefined) return;
      await finishSync(state);
      await host.tell('observation.sync.finished', { definition: spec.definition, status: status() });
    },
    places: () => spec.destinations.map((endpoint) => ({ role: 'destination' as const, endpoint })),
    get status() {
      return status();
    },
  };

  function status(): SyncStatus {
    return {
      // A place knows it once it is connected to.
      transport: Object.fromEntries(
        [...places].flatMap(({ name, transport }) => (transport === undefined ? [] : [[name, transport]])),
      ),
      folders: legs.map((leg) => leg.status),
      deleted: state?.deleted ?? 0,
      renamed: legs.reduce((sum, { renamed }) => sum + renamed, 0),
      problems: [...problems.values()],
      cleanup: state?.cleanup ?? null,
    };
  }
}
