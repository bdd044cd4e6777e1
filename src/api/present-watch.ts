// How watches and the places they use become the views that the API gives.

import type { EngineSnapshot } from '../engine/engine.ts';
import type { StorageReport } from '../engine/storage-monitor.ts';
import type { WatchStatus } from '../engine/watch/watch-run.ts';
import { type Job, jobTakes, noCounts } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import { type WatchSpec, watchSpecSchema } from '../model/specs.ts';
import type { StorageView, WatchAction, WatchStatusView, WatchView } from '../model/watch-views.ts';
import { faultView, isoTime, jobView } from './present.ts';
import type { Services, WaitingWatch } from './route.ts';

const shownUnreadable = 100;

export function watchView(job: Job, { engine, hub }: Pick<Services, 'engine' | 'hub'>): WatchView {
  const view = jobView(job, hub.jobProgress(job.id));
  const fromConfig = job.owner === null;
  const status = engine.statusOf(job.id) as WatchStatus | undefined;
  return {
    id: view.id,
    name: view.name,
    source: view.sources[0] ?? '',
    destinations: view.destinations,
    spec: wishes(job.spec),
    state: view.state,
    waiting: view.waiting,
    error: view.error,
    fromConfig,
    owner: view.owner,
    counts: view.counts,
    progress: view.progress,
    status: status === undefined ? null : statusView(status),
    actions: watchActions(job, fromConfig),
    createdAt: view.createdAt,
    updatedAt: view.updatedAt,
  };
}

export const waitingWatchRemedy = 'It is tried again every 30 s, and begins by itself.';

/** A watch of the configuration that has no job yet. */
export function waitingWatchView({ id, spec, fault, since, nextTryAt }: WaitingWatch): WatchView {
  return {
    id,
    name: displayPath(spec.source),
    source: displayPath(spec.source),
    destinations: spec.destinations.map(displayPath),
    spec: wishes(spec),
    state: 'waiting',
    waiting: { reason: 'device', until: isoTime(nextTryAt) },
    error: { ...faultView(fault), remedy: waitingWatchRemedy },
    fromConfig: true,
    owner: null,
    counts: noCounts,
    progress: null,
    status: null,
    actions: [],
    createdAt: isoTime(since),
    updatedAt: isoTime(since),
  };
}

/** What the asker may send back to change it: the request, without what the engine keeps beside it. */
function wishes(spec: unknown): Record<string, unknown> {
  const given = (typeof spec === 'object' && spec !== null ? spec : {}) as Record<string, unknown>;
  return Object.fromEntries(
    Object.keys(watchSpecSchema.shape)
      .filter((key) => key !== 'kind' && given[key] !== undefined)
      .map((key) => [key, given[key]]),
  );
}

function watchActions({ state }: Job, fromConfig: boolean): WatchAction[] {
  const actions: WatchAction[] = [];
  if (jobTakes(state, 'pause')) actions.push('pause');
  if (jobTakes(state, 'resume') || state === 'failed') actions.push('resume');
  if (!fromConfig) actions.push('edit', 'remove');
  return actions;
}

function statusView(status: WatchStatus): WatchStatusView {
  const { events, files, lastScanAt, lastScanMs, underWay, unreadable, away } = status;
  return {
    events: events === null ? null : { inForce: events.inForce, reason: events.reason },
    files,
    lastScanAt: lastScanAt === null ? null : isoTime(lastScanAt),
    lastScanMs,
    underWay,
    unreadable: unreadable.slice(0, shownUnreadable),
    away,
  };
}

/** `watches` are the jobs that run, for the rate at which a destination fills. */
export function storageView(
  report: StorageReport,
  watches: readonly Job[],
  rates: EngineSnapshot['rates'],
): StorageView {
  const bytesPerSecond =
    report.role === 'source'
      ? 0
      : watches.reduce((sum, job) => {
          if (job.kind !== 'watch') return sum;
          const { destinations } = job.spec as WatchSpec;
          // A job's rate counts each destination's bytes, and all destinations get the same.
          return destinations.includes(report.endpoint) ? sum + (rates.jobs[job.id] ?? 0) / destinations.length : sum;
        }, 0);
  return {
    endpoint: displayPath(report.endpoint),
    role: report.role,
    state: report.state,
    reason: report.reason,
    freeBytes: report.freeBytes,
    totalBytes: report.totalBytes,
    writable: report.writable,
    checkedAt: isoTime(report.checkedAt),
    since: isoTime(report.since),
    bytesPerSecond,
    roomSeconds: report.freeBytes === null || bytesPerSecond < 1 ? null : report.freeBytes / bytesPerSecond,
    history: report.history.map(({ at, freeBytes }) => ({ at: isoTime(at), freeBytes })),
  };
}
