// The part of the route table that is about syncs.

import { z } from 'zod';
import { syncDefinitionBodySchema } from '../model/sync-spec.ts';
import { manifestEntryViewSchema, syncStatusViewSchema, syncViewSchema } from '../model/sync-views.ts';
import { jobViewSchema, plannedItemViewSchema } from '../model/views.ts';
import { id } from './route-parts.ts';

/** A sync names places, which may not be there or not be able to do what is asked. */
const problems = ['not_found', 'unsupported', 'exists'] as const;

export const syncRouteTable = {
  listSyncs: {
    summary: 'Syncs that are kept under a name, with when they are due and how the last run is',
    scope: 'read',
    output: z.object({ rows: z.array(syncViewSchema) }),
  },
  createSync: {
    summary: 'Keep a sync under a name, with a schedule or without',
    scope: 'write',
    problems,
    body: syncDefinitionBodySchema,
    output: syncViewSchema,
    status: 201,
  },
  planUnsavedSync: {
    summary: 'What such a sync would do, one item a line; keeps, moves and writes nothing',
    scope: 'write',
    problems,
    body: syncDefinitionBodySchema,
    output: plannedItemViewSchema,
    form: 'lines',
  },
  getSync: { summary: 'One sync', scope: 'read', params: id, output: syncViewSchema },
  editSync: {
    summary: 'Change a sync; a run that is under way goes on as it was asked for',
    scope: 'write',
    problems: [...problems, 'state_conflict'],
    params: id,
    body: syncDefinitionBodySchema,
    output: syncViewSchema,
  },
  removeSync: {
    summary: 'Forget a sync; what it has copied stays, a run that is under way goes on',
    scope: 'write',
    problems: ['state_conflict'],
    params: id,
    output: z.undefined(),
    form: 'none',
    status: 204,
  },
  runSync: {
    summary: 'Begin a run now; 409 while the last one goes on',
    scope: 'write',
    problems: [...problems, 'busy'],
    params: id,
    output: jobViewSchema,
    status: 201,
  },
  planSync: {
    summary: 'What its next run would do, one item a line; moves and writes nothing',
    scope: 'write',
    problems,
    params: id,
    output: plannedItemViewSchema,
    form: 'lines',
  },
  getSyncManifest: {
    summary: 'What is known to be at the destinations, one file a line',
    scope: 'read',
    params: id,
    output: manifestEntryViewSchema,
    form: 'lines',
  },
  clearSyncManifest: {
    summary: 'Check everything again: the next run compares source and destination in full; receipts stay',
    scope: 'write',
    params: id,
    output: z.object({ files: z.int().describe('That were in it') }),
  },
  getJobSync: {
    summary: 'How the run of a sync stands: folders, deletes, renames, problems',
    scope: 'read',
    params: id,
    output: syncStatusViewSchema,
  },
} as const;
