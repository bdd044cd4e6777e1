// How syncs and their runs become the views that the API gives.

import type { StoredEvent } from '../model/event.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { SyncDefinition, SyncStatus } from '../model/sync-spec.ts';
import type { SyncStatusView, SyncView } from '../model/sync-views.ts';
import { faultView, isoTime } from './present.ts';
import type { Services } from './route.ts';

export async function syncView(definition: SyncDefinition, { engine, reader }: Services): Promise<SyncView> {
  const { id, owner, createdAt, updatedAt, ...spec } = definition;
  const { nextAt, lastRun, skipped } = engine.syncs.state(id);
  const job = lastRun === null ? undefined : await reader.job(lastRun.jobId);
  return {
    id,
    name: displayPath(spec.name),
    source: displayPath(spec.source),
    destinations: spec.destinations.map(displayPath),
    spec: { ...spec },
    schedule: spec.schedule,
    enabled: spec.enabled,
    fromConfig: owner === null,
    owner,
    nextAt: nextAt === null ? null : isoTime(nextAt),
    lastRun: lastRun === null ? null : { jobId: lastRun.jobId, at: isoTime(lastRun.at), state: job?.state ?? null },
    skipped: skipped === null ? null : { at: isoTime(skipped.at), reason: skipped.reason },
    createdAt: isoTime(createdAt),
    updatedAt: isoTime(updatedAt),
  };
}

/** Of a run that goes on as it is now, of one that is over as it ended. Rejects with `not_found`. */
export async function syncStatusOf(jobId: string, { engine, reader }: Services): Promise<SyncStatusView> {
  const job = await reader.job(jobId);
  if (job?.kind !== 'sync') throw new Fault('not_found', `There is no run of a sync ${displayPath(jobId)}.`);
  const live = engine.statusOf(jobId) as SyncStatus | undefined;
  if (live !== undefined) return statusView(jobId, live);
  const page = await reader.events({ jobId, name: 'observation.sync.finished', before: '', limit: 1 });
  return statusView(jobId, endStatus(page.events[0]));
}

function endStatus(event: StoredEvent | undefined): SyncStatus {
  const none: SyncStatus = { transport: {}, folders: [], deleted: 0, renamed: 0, problems: [], cleanup: null };
  return { ...none, ...(event?.data.status as Partial<SyncStatus> | undefined) };
}

function statusView(jobId: string, status: SyncStatus): SyncStatusView {
  return {
    jobId,
    transport: Object.fromEntries(
      Object.entries(status.transport).map(([place, text]) => [displayPath(place), displayPath(text)]),
    ),
    folders: status.folders.map(({ destination, from, to, fault, ...figures }) => ({
      destination: displayPath(destination),
      from: displayPath(from),
      to: displayPath(to),
      ...figures,
      fault: fault === null ? null : faultView(fault),
    })),
    deleted: status.deleted,
    renamed: status.renamed,
    problems: status.problems.map(({ path, text }) => ({ path: displayPath(path), text })),
    cleanup: status.cleanup ?? null,
  };
}
