// The mode sync: makes destinations hold what a source holds, again and again, by what is known to be there already.

import { folderPairs } from '../../model/folder-pairs.ts';
import { displayPath } from '../../model/names.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import type { Mode, ModeParts } from '../mode.ts';
import { planSync } from './plan-sync.ts';
import { openSync } from './sync-run.ts';

export const syncMode: Mode = {
  kind: 'sync',
  processes: true,

  prepare: async (request, parts, signal) => {
    const spec = await checked(request, parts, signal);
    const [first = ''] = spec.destinations;
    const more = spec.destinations.length > 1 ? ` and ${spec.destinations.length - 1} more` : '';
    return {
      spec,
      name: `${displayPath(spec.source)} → ${displayPath(first)}${more}`,
      priority: spec.priority,
      keys: [],
      places: spec.destinations.flatMap((destination) =>
        folderPairs(spec).map(({ to }) => (to === '' ? destination : `${destination.replace(/\/$/, '')}/${to}`)),
      ),
    };
  },

  plan: async function* (request, parts, signal = new AbortController().signal) {
    yield* planSync(await checked(request, parts, signal), parts, signal);
  },

  open: (job, host) => openSync(job, host),
  isRefusal: (transfer) => transfer.sizeBytes === null,
};

async function checked(request: unknown, parts: ModeParts, signal: AbortSignal | undefined): Promise<SyncSpec> {
  const [{ checkSyncSpec }, { refuseSamePlace }] = await Promise.all([
    import('./check-spec.ts'),
    import('./check-places.ts'),
  ]);
  const spec = checkSyncSpec(request);
  await refuseSamePlace(spec, parts, signal);
  return spec;
}
