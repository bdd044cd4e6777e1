// Sinks: how far each has come, and telling one again now.

import type { SinkReport } from '../../engine/ingest.ts';
import type { SinkView } from '../../model/sink-views.ts';
import { faultView, isoTime } from '../present.ts';
import { route } from '../route.ts';

export const sinkRoutes = [
  route('listSinks', async (_, { ingest }) => ({ rows: (await ingest.list()).map(sinkView) })),
  route('retrySink', async ({ params }, { ingest }) => sinkView(await ingest.retry(params.id))),
];

function sinkView({ id, kind, target, wish, state, behind }: SinkReport): SinkView {
  const { name, delivered, lastAt, oldestAt, failure } = state;
  const time = (at: number | null) => (at === null ? null : isoTime(at));
  return {
    ...{ id, name, kind, target, delivered, behind },
    events: [...wish.types],
    jobs: [...wish.jobs],
    state: failure !== null ? 'failing' : behind > 0 || oldestAt !== null ? 'working' : 'up-to-date',
    lastAt: time(lastAt),
    behindSince: time(oldestAt),
    attempts: failure?.attempts ?? 0,
    lastError: failure === null ? null : faultView(failure.error),
    nextTryAt: time(failure?.nextTryAt ?? null),
  };
}
