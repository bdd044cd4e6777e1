// The places of watches: how they were at the last look, and a look now.

import type { StorageReport } from '../../engine/storage-monitor.ts';
import type { StorageView } from '../../model/watch-views.ts';
import { storageView } from '../present-watch.ts';
import { route, type Services } from '../route.ts';

const mostWatches = 1000;

async function views({ engine, reader }: Services, reports: readonly StorageReport[]): Promise<StorageView[]> {
  const { rows } = await reader.jobs({ kind: 'watch', states: ['running', 'waiting'], limit: mostWatches });
  const { rates } = engine.snapshot();
  return reports
    .map((report) => storageView(report, rows, rates))
    .sort((one, other) => one.role.localeCompare(other.role) || one.endpoint.localeCompare(other.endpoint));
}

export const storageRoutes = [
  route('getStorage', async (_, services) => ({ rows: await views(services, services.engine.storage()) })),
  route('checkStorage', async (_, services) => ({
    rows: await views(services, await services.engine.lookAtStorage()),
  })),
];
