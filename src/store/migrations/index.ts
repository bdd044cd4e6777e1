// The list of the ledger's migrations, oldest first.

import { ledgerTables } from './0001-ledger-tables.ts';
import { ordersAndSearch } from './0002-orders-and-search.ts';
import { deliveries } from './0003-deliveries.ts';
import { recordings } from './0004-recordings.ts';
import { looseEvents } from './0005-loose-events.ts';
import { recordingFacets } from './0006-recording-facets.ts';
import { manifests } from './0007-manifests.ts';
import type { Migration } from './migration.ts';

export const migrations: readonly Migration[] = [
  ledgerTables,
  ordersAndSearch,
  deliveries,
  recordings,
  looseEvents,
  recordingFacets,
  manifests,
];
