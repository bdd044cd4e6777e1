// Watches: list, create, look at, change, pause, resume and remove; and a dry test of rules.

import type { PlacementRule } from '../../engine/watch/placement.ts';
import { createPlacer, type Placed } from '../../engine/watch/placer.ts';
import type { Clock } from '../../model/clock.ts';
import { Fault, faultFrom } from '../../model/fault.ts';
import type { Job, JobState } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import { pathText } from '../../model/path-text.ts';
import type { PlacementTest, WatchView } from '../../model/watch-views.ts';
import { faultView } from '../present.ts';
import { waitingWatchView, watchView } from '../present-watch.ts';
import { confineAgain } from '../roots.ts';
import { route, type Services } from '../route.ts';

const mostWatches = 1000;
/** A watch that was cancelled is removed. */
const shown: readonly JobState[] = ['pending', 'running', 'waiting', 'paused', 'failed'];

async function found(services: Services, id: string): Promise<Job> {
  const job = await services.reader.job(id);
  if (job?.kind === 'watch' && shown.includes(job.state)) return job;
  if (services.waitingWatches().some((one) => one.id === id)) {
    throw new Fault(
      'state_conflict',
      'This watch waits for its folder and has not begun; it is changed in the configuration.',
    );
  }
  throw new Fault('not_found', `There is no watch ${displayPath(id)}.`);
}

/** Rejects with `state_conflict` for a watch of the configuration, which a restart would bring back as it was. */
async function ownWatch(services: Services, id: string): Promise<Job> {
  const job = await found(services, id);
  if (job.owner !== null) return job;
  throw new Fault(
    'state_conflict',
    `The watch of ${displayPath(job.name)} comes from the configuration; change it there and start the daemon again.`,
  );
}

async function view(services: Services, id: string): Promise<WatchView> {
  return watchView(await found(services, id), services);
}

export const watchRoutes = [
  route('listWatches', async (_, services) => {
    const { rows } = await services.reader.jobs({
      kind: 'watch',
      states: shown,
      newestFirst: true,
      limit: mostWatches,
    });
    const waiting = services.waitingWatches().map(waitingWatchView);
    return { rows: [...waiting, ...rows.map((job) => watchView(job, services))] };
  }),
  route('createWatch', async ({ body }, services, { caller, engineKey }) => {
    const request = { kind: 'watch' as const, ...body };
    await services.roots.confineJob(request);
    const job = await services.engine.submit(request, {
      ...(caller === undefined ? {} : { owner: caller.name }),
      ...(engineKey === undefined ? {} : { idempotencyKey: engineKey }),
    });
    return watchView(job, services);
  }),
  route('testRules', async ({ body }, services) => ({ rows: await testRules(body, services.clock) })),
  route('getWatch', async ({ params }, services) => {
    const waiting = services.waitingWatches().find((one) => one.id === params.id);
    return waiting === undefined ? await view(services, params.id) : waitingWatchView(waiting);
  }),
  route('editWatch', async ({ params, body }, services) => {
    const job = await ownWatch(services, params.id);
    const request = { kind: 'watch' as const, ...body };
    await services.roots.confineJob(request);
    return watchView(await services.engine.edit(job.id, request), services);
  }),
  route('removeWatch', async ({ params }, services) => {
    const job = await ownWatch(services, params.id);
    if (job.state === 'failed') await services.engine.retry({ jobId: job.id });
    await services.engine.cancel({ jobId: job.id });
    return undefined;
  }),
  route('pauseWatch', async ({ params }, services) => {
    const job = await found(services, params.id);
    await services.engine.pause({ jobId: job.id });
    return view(services, job.id);
  }),
  route('resumeWatch', async ({ params }, services) => {
    const job = await found(services, params.id);
    await confineAgain(services, job.id);
    await services.engine[job.state === 'failed' ? 'retry' : 'resume']({ jobId: job.id });
    return view(services, job.id);
  }),
];

interface RulesTest {
  readonly rules: readonly PlacementRule[];
  readonly names: readonly string[];
  readonly include: string[];
  readonly exclude: string[];
}

/** Rejects with `invalid` for a rule that is none, or that takes too long over one of the names. */
async function testRules({ rules, names, include, exclude }: RulesTest, clock: Clock): Promise<PlacementTest[]> {
  const placer = createPlacer(rules, clock, { selection: { include, exclude }, mostSlow: 1 });
  try {
    const now = clock.now();
    const files = names.map((name) => ({
      path: name.replace(/^\/+/, ''),
      mtimeMs: now,
      foundAt: now,
      hash: '0'.repeat(64),
    }));
    const placed = await placer.place(files);
    return names.map((name, at): PlacementTest => {
      const result = placed[at] as Placed;
      const none = { name: displayPath(name), to: null, rule: null, ignored: null, error: null };
      if (result.kind === 'ignored') return { ...none, ignored: result.reason };
      if (result.kind === 'refused') {
        if (result.slow === true) throw faultFrom(result.fault);
        return { ...none, error: faultView(result.fault) };
      }
      return { ...none, to: pathText(result.path), rule: result.rule === null ? null : result.rule + 1 };
    });
  } finally {
    placer.close();
  }
}
