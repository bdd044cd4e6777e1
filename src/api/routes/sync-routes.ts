// Syncs that are kept under a name: list, make, look at, change, remove, plan and begin; and how a run stands.

import type { PlannedItem } from '../../engine/engine.ts';
import { knownEntries } from '../../engine/sync/known-entries.ts';
import { displayPath } from '../../model/names.ts';
import { pathText } from '../../model/path-text.ts';
import type { SyncDefinitionBody, SyncSpec } from '../../model/sync-spec.ts';
import { jobView, plannedItemView } from '../present.ts';
import { syncStatusOf, syncView } from '../present-sync.ts';
import { route, type Services } from '../route.ts';

/** Places outside the roots are refused when a sync is kept, planned and begun: what it names may have become a symlink meanwhile. */
async function confine({ roots }: Services, body: SyncDefinitionBody): Promise<void> {
  const { requestOf } = await import('../../engine/sync/check-spec.ts');
  await roots.confineJob(requestOf(body, null));
}

/** Those of the configuration may name any place. */
async function confineKept(services: Services, id: string): Promise<SyncSpec> {
  const definition = services.engine.syncs.get(id);
  if (definition.owner !== null) await confine(services, definition);
  return (await services.engine.syncs.request(definition.id)) as SyncSpec;
}

async function* planned(items: AsyncIterable<PlannedItem>) {
  for await (const item of items) yield plannedItemView(item);
}

export const syncRoutes = [
  route('listSyncs', async (_, services) => ({
    rows: await Promise.all(services.engine.syncs.list().map((definition) => syncView(definition, services))),
  })),
  route('createSync', async ({ body }, services, { caller }) => {
    await confine(services, body);
    return syncView(await services.engine.syncs.create(body, caller?.name ?? ''), services);
  }),
  route('planUnsavedSync', async function* ({ body }, services, { signal }) {
    await confine(services, body);
    const { requestOf } = await import('../../engine/sync/check-spec.ts');
    yield* planned(services.engine.plan(requestOf(body, null), signal));
  }),
  route('getSync', async ({ params }, services) => syncView(services.engine.syncs.get(params.id), services)),
  route('editSync', async ({ params, body }, services) => {
    services.engine.syncs.get(params.id);
    await confine(services, body);
    return syncView(await services.engine.syncs.edit(params.id, body), services);
  }),
  route('removeSync', async ({ params }, { engine }) => {
    await engine.syncs.remove(params.id);
    return undefined;
  }),
  route('runSync', async ({ params }, services, { caller }) => {
    await confineKept(services, params.id);
    const job = await services.engine.syncs.run(params.id, caller?.name ?? null);
    return jobView(job, services.hub.jobProgress(job.id));
  }),
  route('planSync', async function* ({ params }, services, { signal }) {
    yield* planned(services.engine.plan(await confineKept(services, params.id), signal));
  }),
  route('getSyncManifest', async function* ({ params }, { engine, reader }) {
    const spec = (await engine.syncs.request(params.id)) as SyncSpec;
    for await (const { key, entry } of knownEntries(reader, spec)) {
      yield {
        destination: displayPath(key.destination),
        folder: { from: displayPath(key.from), to: displayPath(key.to) },
        ...pathText(entry.path),
        sizeBytes: entry.sizeBytes,
        mtimeMs: entry.mtimeMs,
        hash: entry.hash ?? null,
      };
    }
  }),
  route('clearSyncManifest', async ({ params }, { engine }) => ({
    files: await engine.syncs.clearManifest(params.id),
  })),
  route('getJobSync', ({ params }, services) => syncStatusOf(params.id, services)),
];
