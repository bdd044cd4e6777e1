// The list of routes.

import type { Route } from '../route.ts';
import { accessRoutes } from './access-routes.ts';
import { browseRoutes } from './browse-routes.ts';
import { cleanupRoutes } from './cleanup-routes.ts';
import { contractRoutes } from './contract-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { jobRoutes } from './job-routes.ts';
import { offloadRoutes } from './offload-routes.ts';
import { overviewRoutes } from './overview-routes.ts';
import { roomRoutes } from './room-routes.ts';
import { serviceRoutes } from './service-routes.ts';
import { sinkRoutes } from './sink-routes.ts';
import { storageRoutes } from './storage-routes.ts';
import { syncRoutes } from './sync-routes.ts';
import { transferRoutes } from './transfer-routes.ts';
import { watchRoutes } from './watch-routes.ts';
import { webhookRoutes } from './webhook-routes.ts';

export const routes: readonly Route[] = [
  ...jobRoutes,
  ...watchRoutes,
  ...offloadRoutes,
  ...syncRoutes,
  ...contractRoutes,
  ...storageRoutes,
  ...cleanupRoutes,
  ...deviceRoutes,
  ...transferRoutes,
  ...eventRoutes,
  ...overviewRoutes,
  ...browseRoutes,
  ...webhookRoutes,
  ...roomRoutes,
  ...sinkRoutes,
  ...accessRoutes,
  ...serviceRoutes,
];
