// Jobs: list, ask for, plan, look at, and act on.

import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Action, JobView } from '../../model/views.ts';
import { jobView, plannedItemView } from '../present.ts';
import { confineAgain } from '../roots.ts';
import { route, type Services } from '../route.ts';

async function found({ reader, hub }: Services, id: string): Promise<JobView> {
  const job = await reader.job(id);
  if (job === undefined) throw new Fault('not_found', `There is no job ${displayPath(id)}.`);
  return jobView(job, hub.jobProgress(id));
}

async function act(services: Services, action: Action, id: string): Promise<JobView> {
  if (action === 'resume' || action === 'retry') await confineAgain(services, id);
  await services.engine[action]({ jobId: id });
  return found(services, id);
}

export const jobRoutes = [
  route('listJobs', async ({ query }, { reader, hub }) => {
    const page = await reader.jobs({
      limit: query.limit,
      newestFirst: query.order === 'desc',
      ...(query.state === undefined ? {} : { states: query.state }),
      ...(query.kind === undefined ? {} : { kind: query.kind }),
      ...(query.definition === undefined ? {} : { definition: query.definition }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
    return { rows: page.rows.map((job) => jobView(job, hub.jobProgress(job.id))), nextCursor: page.nextCursor };
  }),
  route('createJob', async ({ body }, { engine, roots, hub }, { caller, engineKey }) => {
    await roots.confineJob(body);
    const job = await engine.submit(body, {
      ...(caller === undefined ? {} : { owner: caller.name }),
      ...(engineKey === undefined ? {} : { idempotencyKey: engineKey }),
    });
    return jobView(job, hub.jobProgress(job.id));
  }),
  route('planJob', async function* ({ body }, { engine, roots }, { signal }) {
    await roots.confineJob(body);
    for await (const item of engine.plan(body, signal)) yield plannedItemView(item);
  }),
  route('getJob', ({ params }, services) => found(services, params.id)),
  route('pauseJob', ({ params }, services) => act(services, 'pause', params.id)),
  route('resumeJob', ({ params }, services) => act(services, 'resume', params.id)),
  route('cancelJob', ({ params }, services) => act(services, 'cancel', params.id)),
  route('retryJob', ({ params }, services) => act(services, 'retry', params.id)),
];
