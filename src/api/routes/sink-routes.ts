// Sinks: how far each has come, telling one again now, and what one will never take.

import type { SinkReport } from '../../engine/ingest.ts';
import type { SetAside } from '../../engine/set-aside.ts';
import { displayPath } from '../../model/names.ts';
import type { SetAsideView, SinkView } from '../../model/sink-views.ts';
import { faultView, isoTime } from '../present.ts';
import { route } from '../route.ts';

export const sinkRoutes = [
  route('listSinks', async (_, { ingest }) => ({ rows: (await ingest.list()).map(sinkView) })),
  route('listSetAside', async ({ params }, { ingest }) => ({
    rows: (await ingest.setAside(params.id)).map(setAsideView),
  })),
  route('replaySetAside', async ({ params, body }, { ingest }) => ingest.replay(params.id, body.events)),
  route('dropSetAside', async ({ params, body }, { ingest }) => ({
    dropped: await ingest.drop(params.id, body.events),
  })),
  route('retrySink', async ({ params }, { ingest }) => sinkView(await ingest.retry(params.id))),
];

function setAsideView({ id, item, happenedAt, setAsideAt, error }: SetAside): SetAsideView {
  return {
    id,
    type: item.kind === 'file' ? item.event.eventType : 'sync_complete',
    path: item.kind === 'file' ? displayPath(item.event.filePath) : null,
    happenedAt: isoTime(happenedAt),
    setAsideAt: isoTime(setAsideAt),
    error: faultView(error),
  };
}

function sinkView({ id, kind, target, wish, state, behind, setAside }: SinkReport): SinkView {
  const { name, delivered, lastAt, oldestAt, failure } = state;
  const time = (at: number | null) => (at === null ? null : isoTime(at));
  return {
    ...{ id, name, kind, target, delivered, behind, setAside },
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
