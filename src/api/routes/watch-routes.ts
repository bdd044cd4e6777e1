// Watches: list, create, look at, change, pause, resume and remove; and a dry test of rules.

import { runInNewContext } from 'node:vm';
import { whyIgnored } from '../../engine/watch/explain-watched.ts';
import { compileRules, type Placement, type PlacementRule } from '../../engine/watch/placement.ts';
import { asFault, Fault } from '../../model/fault.ts';
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
/** A regular expression may take longer than anybody would wait; meanwhile nobody else is answered. */
const testMs = 500;

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
  route('testRules', ({ body }) => Promise.resolve({ rows: testRules(body) })),
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

/** Rejects with `invalid` for a rule that is none, or whose expression takes too long. */
function testRules({ rules, names, include, exclude }: RulesTest): PlacementTest[] {
  const place = compileRules(rules);
  const now = Date.now();
  const test = (name: string): PlacementTest => {
    const path = name.replace(/^\/+/, '');
    const none = { name: displayPath(name), to: null, rule: null, ignored: null, error: null };
    const ignored = whyIgnored(path, { include, exclude });
    if (ignored !== undefined) return { ...none, ignored };
    let placement: Placement;
    try {
      placement = place({ path, mtimeMs: now, foundAt: now, hash: '0'.repeat(64) });
    } catch (error) {
      return { ...none, error: faultView(asFault(error).report()) };
    }
    return { ...none, to: pathText(placement.path), rule: placement.rule === null ? null : placement.rule + 1 };
  };
  try {
    return runInNewContext('test()', { test: () => names.map(test) }, { timeout: testMs }) as PlacementTest[];
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') {
      throw new Fault(
        'invalid',
        'A rule takes too long on one of these names; write its regular expression more simply.',
      );
    }
    throw error;
  }
}
