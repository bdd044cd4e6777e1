// Syncs that are started by the older contract: each a job of ours, known outside under a random id that survives restarts.

import { randomUUID } from 'node:crypto';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../model/clock.ts';
import { formatEndpoint } from '../../model/endpoint-url.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath, joinPath } from '../../model/names.ts';
import {
  builtInPresets,
  type ContractProgress,
  type ContractResult,
  type ContractStatus,
  type PresetBody,
  type StartBody,
  type SyncPreset,
} from '../../model/sync-contract.ts';
import { type SyncFolder, type SyncRequest, type SyncStatus, syncSpecSchema } from '../../model/sync-spec.ts';
import type { StoreReader } from '../../store/store.ts';
import type { Documents } from '../documents.ts';
import type { EventHub } from '../event-hub.ts';
import type { Roots } from '../roots.ts';
import {
  type ContractRun,
  hasEnded,
  progressOf,
  type RunState,
  resultOf,
  statusOf,
  syncIdFrom,
} from './contract-progress.ts';

export const contractCollection = 'api.sync_contract';
const openStates = ['pending', 'running', 'waiting', 'paused'] as const;
/** Errors that are named; a job may have failed a hundred thousand times. */
const mostFailures = 100;

/** What is special to the daemon that speaks the contract. */
export interface ContractMeans {
  /** By `source_type`, what the configuration says; over the presets that are built in. */
  presets(): Readonly<Record<string, SyncPreset>>;
  /** From now on the host is reached as the preset says, unless the configuration says more of that very host. */
  reachAs(host: string, preset: SyncPreset): void;
  /** Those of the folders that are at the place. Rejects where it cannot be asked. */
  foldersThere(address: string, folders: readonly SyncFolder[]): Promise<readonly SyncFolder[]>;
  /** What a relative `dest_path` is below of. */
  readonly mediaFolder: () => string;
}

export interface SyncContract {
  /** Rejects with `invalid`, `outside_roots`, and as `Engine.submit`. */
  start(body: StartBody, owner: string | undefined): Promise<ContractRun>;
  /** The preset's own host, to where the preset says. Rejects as `start`, and with `invalid` where the configuration names no host. */
  startPreset(name: string, body: PresetBody, owner: string | undefined): Promise<ContractRun>;
  /** Rejects with `not_found`. */
  known(id: string): ContractRun;
  bySyncId(syncId: string): ContractRun | undefined;
  /** Under which name the outside knows the run of a job; undefined where it was not started by the contract. */
  syncIdOf(jobId: string): string | undefined;
  status(run: ContractRun): Promise<{ status: ContractStatus; endedAt: number | null; result: ContractResult | null }>;
  progress(run: ContractRun): Promise<ContractProgress>;
  active(): Promise<readonly { run: ContractRun; status: ContractStatus }[]>;
  /** Rejects with `invalid` for one that has ended. */
  cancel(run: ContractRun): Promise<void>;
  /** Resolves when it has ended. Rejects with the signal's reason. */
  ended(run: ContractRun, signal: AbortSignal): Promise<void>;
}

export async function openSyncContract(parts: {
  readonly engine: Engine;
  readonly reader: StoreReader;
  readonly documents: Documents;
  readonly hub: EventHub;
  readonly roots: Roots;
  readonly clock: Clock;
  readonly means: ContractMeans;
}): Promise<SyncContract> {
  const { engine, reader, documents, hub, roots, clock, means } = parts;
  const byId = new Map<string, ContractRun>();
  const bySyncId = new Map<string, ContractRun>();
  const syncIds = new Map<string, string>();
  const know = (run: ContractRun) => {
    byId.set(run.id, run);
    bySyncId.set(run.syncId, run);
    syncIds.set(run.jobId, run.syncId);
    const preset = presets()[run.sourceType];
    if (preset !== undefined) means.reachAs(run.sourceHost, preset);
  };
  const presets = (): Readonly<Record<string, SyncPreset>> => {
    const configured = means.presets();
    const merged = Object.entries(configured).map(([name, preset]) => [name, { ...builtInPresets[name], ...preset }]);
    return { ...builtInPresets, ...(Object.fromEntries(merged) as Record<string, SyncPreset>) };
  };

  for (const { key, value } of await documents.list(contractCollection)) {
    const run = value as ContractRun;
    // Its job is no longer kept.
    if ((await reader.job(run.jobId)) === undefined) await documents.remove(contractCollection, key);
    else know(run);
  }

  const presetOf = (name: string): SyncPreset => {
    const all = presets();
    const preset = Object.hasOwn(all, name) ? all[name] : undefined;
    if (preset !== undefined) return preset;
    throw new Fault('invalid', `Unknown source_type: ${displayPath(name)}. Known are ${Object.keys(all).join(', ')}.`);
  };

  const foldersOf = async (body: StartBody, preset: SyncPreset, address: string): Promise<readonly SyncFolder[]> => {
    const asked = body.folders ?? [];
    if (asked.length > 0) return asked;
    const usual = preset.folders ?? [];
    if (usual.length === 0) return [];
    // A host rarely has all of them. Where it cannot be asked now the job will find out.
    const there = await means.foldersThere(address, usual).catch(() => usual);
    if (there.length > 0) return there;
    return body.source_path ? [] : usual;
  };

  const start = async (body: StartBody, owner: string | undefined): Promise<ContractRun> => {
    const preset = presetOf(body.source_type);
    const root = body.source_path || preset.root;
    if (root === undefined) throw new Fault('invalid', 'Missing required field: source_path');
    means.reachAs(body.source_host, preset);
    const source = addressOf(body, preset, root);
    const request = syncSpecSchema.parse(
      requestOf(body, source, destinationOf(body.dest_path), await foldersOf(body, preset, source)),
    );
    await roots.confineJob(request);
    const job = await engine.submit(request, owner === undefined ? {} : { owner });
    const id = randomUUID();
    const startedAt = clock.now();
    const run: ContractRun = {
      ...{ id, syncId: syncIdFrom(id, startedAt), jobId: job.id, startedAt },
      ...{ sourceType: body.source_type, sourceHost: body.source_host },
    };
    await documents.put(contractCollection, id, run);
    know(run);
    return run;
  };

  const destinationOf = (path: string) => (path.startsWith('/') ? path : joinPath(means.mediaFolder(), path));

  const stateOf = async ({ jobId }: ContractRun): Promise<RunState> => {
    const job = await reader.job(jobId);
    if (job === undefined) throw new Fault('not_found', 'The job is no longer kept.');
    const isOver = hasEnded(job);
    const [transfers, failures, status] = await Promise.all([
      isOver ? {} : reader.countTransfers(jobId),
      failuresOf(jobId),
      lastStatus(jobId),
    ]);
    const file = isOver ? '' : await fileOf(jobId);
    return { job, live: isOver ? undefined : hub.jobProgress(jobId), status, transfers, file, failures };
  };

  /** What it says of itself while it runs, else what it said at its end. */
  const lastStatus = async (jobId: string): Promise<SyncStatus | undefined> => {
    const running = engine.statusOf(jobId) as SyncStatus | undefined;
    if (running !== undefined) return running;
    const query = { jobId, name: 'observation.sync.finished', before: '', limit: 1 };
    const [finished] = (await reader.events(query)).events;
    return finished?.data.status as SyncStatus | undefined;
  };

  const failuresOf = async (jobId: string): Promise<string[]> => {
    const { rows } = await reader.transfers({ jobId, states: ['failed'], limit: mostFailures });
    return rows.flatMap(({ error, source }) =>
      error === null ? [] : [source.path === '' ? error.message : `${displayPath(source.path)}: ${error.message}`],
    );
  };

  const fileOf = async (jobId: string): Promise<string> => {
    const { rows } = await reader.transfers({ jobId, states: ['transferring', 'processing'], limit: 1 });
    return displayPath(rows[0]?.source.path ?? '');
  };

  return {
    start,
    startPreset: async (name, body, owner) => {
      const { host, port, destination } = presetOf(name);
      const source_host = body?.host ?? host;
      if (source_host === undefined) {
        throw new Fault('invalid', `Missing required field: host; name it in sync.presets.${name}.host, too.`);
      }
      const { startBodySchema } = await import('../../model/sync-contract.ts');
      const whole = startBodySchema.parse({
        ...body,
        ...{ source_type: name, source_host, source_port: body?.port ?? port ?? 22 },
        dest_path: body?.dest_path ?? destination ?? name,
      });
      return start(whole, owner);
    },
    known: (id) => {
      const run = byId.get(id);
      if (run === undefined) throw new Fault('not_found', `Job not found: ${displayPath(id)}`);
      return run;
    },
    bySyncId: (syncId) => bySyncId.get(syncId),
    syncIdOf: (jobId) => syncIds.get(jobId),
    status: async (run) => {
      const state = await stateOf(run);
      const { job } = state;
      return { status: statusOf(state), endedAt: hasEnded(job) ? job.finishedAt : null, result: resultOf(state) };
    },
    progress: async (run) => progressOf(run, await stateOf(run), clock.now()),
    active: async () => {
      const { rows } = await reader.jobs({ kind: 'sync', states: openStates, limit: 1000 });
      const runs = rows.flatMap(({ id }) => bySyncId.get(syncIds.get(id) ?? '') ?? []);
      return Promise.all(runs.map(async (run) => ({ run, status: statusOf(await stateOf(run)) })));
    },
    cancel: async ({ jobId }) => {
      try {
        await engine.cancel({ jobId });
      } catch (error) {
        const job = await reader.job(jobId);
        if (job === undefined || !hasEnded(job)) throw error;
        throw new Fault('invalid', `The job has ended already (${asFault(error).message})`, { cause: error });
      }
    },
    ended: async ({ jobId }, signal) => {
      for (;;) {
        const job = await engine.settled(jobId, signal);
        if (hasEnded(job)) return;
        // Paused: it goes on when somebody lets it.
        await clock.sleep(1_000, signal);
      }
    },
  };
}

function addressOf({ source_host: host, source_port: port }: StartBody, { user = 'root' }: SyncPreset, path: string) {
  const name = host.includes(':') && !host.startsWith('[') ? `[${host}]` : host;
  if (/[@/?#\s]/.test(name) || name.startsWith('-')) {
    throw new Fault('invalid', `source_host is no host: ${displayPath(host)}`);
  }
  const authority = `${encodeURIComponent(user)}@${name}:${port}`;
  return formatEndpoint({ scheme: 'ssh', authority, path: path.replace(/^\/+/, ''), query: {} });
}

function requestOf(body: StartBody, source: string, destination: string, folders: readonly SyncFolder[]): SyncRequest {
  const { bandwidth_limit_mbps: limit } = body;
  return {
    kind: 'sync',
    source,
    destinations: [destination],
    folders: [...folders],
    parallel: body.parallel_transfers,
    bandwidth: limit ? `${Math.max(1, Math.round(limit * 1e6))}B` : null,
    cleanup: body.enable_cleanup ? { ageHours: body.cleanup_age_hours, dryRun: body.cleanup_dry_run } : null,
    media: { hashes: body.calculate_hashes, metadata: body.extract_metadata, xmp: body.generate_xmp },
    retry: { attempts: body.retry_attempts, delaySeconds: body.retry_delay_seconds },
    ...(body.verify_transfers ? {} : { verify: 'size' }),
  };
}
