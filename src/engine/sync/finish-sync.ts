// The end of a sync's run, when all that moves has come to rest: deletes within their bound, times of folders, cleanup at the source.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { pathText } from '../../model/path-text.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import { cleanUp } from '../cleanup/cleanup.ts';
import { destinationPath, type LegFindings } from './leg.ts';
import type { LegRun } from './leg-run.ts';
import { forEachSideBySide } from './many-calls.ts';
import type { SyncState } from './sync-run.ts';

/** Deleted, and told of, together. */
const batchFiles = 500;

/** Never rejects for what went wrong with single files or folders: that is said by the job. */
export async function finishSync(run: SyncState): Promise<void> {
  const { spec, legs, keepers, signal } = run;
  if (!spec.dryRun) {
    for (const leg of legs) {
      const keeper = keepers.get(leg.leg.key.destination);
      if (keeper !== undefined) await leg.settleTwins(spec, keeper, signal);
    }
    if (isWhole(run)) {
      if (spec.delete) await deleteSurplus(run);
      for (const leg of legs) {
        for (const path of leg.findings?.gone ?? []) leg.known?.takeOut(path);
        dropFolders(leg);
      }
    }
    for (const leg of legs) await leg.write();
    for (const keeper of keepers.values()) await keeper.finish();
  }
  await settleStates(run);
  // What a run that was stopped has not proven, nobody may clean away.
  if (spec.cleanup !== null && isWhole(run) && !spec.dryRun && !signal.aborted) await clean(run);
}

/** All folders were listed to their end. */
function isWhole({ legs }: SyncState): boolean {
  return legs.every(
    ({ findings, fault }) => fault === null && findings !== undefined && findings.listing.fault === null,
  );
}

/** Folders that the source has no more are known no more. */
function dropFolders({ known, findings }: LegRun): void {
  if (known === undefined || findings === undefined) return;
  for (const path of known.folders) if (!findings.listing.folders.has(path)) known.takeOutFolder(path);
}

async function deleteSurplus(run: SyncState): Promise<void> {
  const { legs, spec } = run;
  const all = legs.flatMap((leg) => (leg.findings?.deletes ?? []).map((file) => ({ leg, file })));
  const why = refusal(
    spec,
    legs.flatMap(({ findings }) => (findings === undefined ? [] : [findings])),
  );
  if (why !== undefined) return refuse(run, why, all.length);
  for (const leg of legs) {
    const { findings } = leg;
    if (findings === undefined) continue;
    for (let at = 0; at < findings.deletes.length; at += batchFiles) {
      run.signal.throwIfAborted();
      await deleteBatch(run, leg, findings.deletes.slice(at, at + batchFiles));
    }
    // Deepest first; one that holds something yet stays.
    for (const path of findings.deleteFolders) {
      run.signal.throwIfAborted();
      await leg.leg.destination.remove(destinationPath(leg.leg, path), { signal: run.signal }).catch(() => undefined);
    }
  }
}

/** Why nothing may be deleted; undefined where it may. */
export function refusal(spec: SyncSpec, all: readonly LegFindings[]): string | undefined {
  const deletes = all.reduce((sum, findings) => sum + findings.deletes.length, 0);
  if (deletes === 0) return undefined;
  if (spec.maxDelete === null) {
    const emptied = all.find((one) => one.listing.there.size === 0 && one.deletes.length > 0);
    if (emptied === undefined) return undefined;
    const { source, from } = emptied.leg.key;
    const place = displayPath(from === '' ? source : `${source}/${from}`);
    return `${place} holds nothing at all, as if it were not mounted; nothing is deleted. Where that is right, allow it with a bound of 100%.`;
  }
  const there = all.reduce((sum, { filesThere }) => sum + (filesThere ?? 0), 0);
  const most =
    typeof spec.maxDelete === 'number'
      ? spec.maxDelete
      : Math.floor((there * Number(spec.maxDelete.slice(0, -1))) / 100);
  if (deletes <= most) return undefined;
  return `${deletes} of ${there} files would be deleted, and no more than ${spec.maxDelete} may be; nothing is deleted.`;
}

async function refuse({ host, problem, spec }: SyncState, why: string, files: number): Promise<void> {
  problem('', why);
  const fault = new Fault('limit_reached', why);
  host.log.warn({ jobId: host.job.id, fault: fault.report() }, why);
  await host.tell('observation.sync.deletes_refused', { files, maxDelete: spec.maxDelete, reason: why });
  host.found(1, 0);
  await host.refuse([
    {
      file: {
        source: { endpoint: spec.source, path: '' },
        destination: { endpoint: spec.destinations[0] ?? '', path: '' },
        sizeBytes: null,
        mtimeMs: null,
        fileMode: null,
      },
      fault,
    },
  ]);
}

async function deleteBatch(run: SyncState, leg: LegRun, files: LegFindings['deletes']): Promise<void> {
  const { host, signal, problem, keepers } = run;
  const { destination, key } = leg.leg;
  const gone: string[] = [];
  await forEachSideBySide(files, async ({ path, entry }) => {
    const at = destinationPath(leg.leg, path);
    try {
      if (!(await stands(destination, at, entry, signal))) return;
      await destination.remove(at, { signal });
      gone.push(at);
      keepers.get(key.destination)?.touched(at.slice(0, Math.max(0, at.lastIndexOf('/'))));
    } catch (error) {
      signal.throwIfAborted();
      const fault = asFault(error);
      problem(at, `It could not be deleted: ${fault.message}`);
      host.log.warn({ jobId: host.job.id, fault: fault.report() }, 'A file that the source has no more stays');
    }
  });
  run.deleted += gone.length;
  if (gone.length === 0) return;
  await host.tell('observation.sync.files_deleted', {
    destination: displayPath(key.destination),
    files: gone.length,
    paths: gone.map(displayPath),
    exact: gone.map(pathText).filter(({ pathBytes }) => pathBytes !== undefined),
  });
}

/** Whoever has written to it meanwhile wants to keep it. */
async function stands(
  destination: Endpoint,
  path: string,
  entry: LegFindings['deletes'][number]['entry'],
  signal: AbortSignal,
): Promise<boolean> {
  const now = await destination.stat(path, { signal });
  return now?.kind === entry.kind && now.sizeBytes === entry.sizeBytes && now.mtimeMs === entry.mtimeMs;
}

/** Folders with a file that failed are failed, too; the rest is done. */
async function settleStates({ legs, host }: SyncState): Promise<void> {
  for await (const row of host.rows(['failed'])) {
    const leg = legs.find(
      ({ leg: { key } }) =>
        key.destination === row.destination.endpoint &&
        (key.to === '' || row.destination.path === key.to || row.destination.path.startsWith(`${key.to}/`)),
    );
    if (leg !== undefined && leg.fault === null && row.error !== null) {
      leg.fault = row.error;
      leg.state = 'failed';
    }
  }
  for (const leg of legs) if (leg.fault === null) leg.state = 'done';
}

async function clean(run: SyncState): Promise<void> {
  const { spec, host, legs, signal, problem } = run;
  if (spec.cleanup === null) return;
  try {
    run.cleanup = await cleanUp(
      {
        ...spec.cleanup,
        endpoint: spec.source,
        folders: legs.map(({ leg: { key } }) => key.from).filter((folder) => folder !== ''),
        copies: spec.destinations.length,
      },
      {
        ...{ clock: host.clock, mounts: host.mounts, newId: host.newId, reader: host.reader, jobId: host.job.id },
        open: (address) => host.open(address),
        write: (changes) => host.write(changes),
      },
      signal,
    );
  } catch (error) {
    const fault = asFault(error);
    problem('', `Nothing was cleaned up: ${fault.message}`);
    host.log.warn({ jobId: host.job.id, fault: fault.report() }, 'The cleanup after a sync failed');
  }
}
