// Takes jobs in: checks them, refuses what is under way already, writes them and begins to run them.

import { asFault, Fault } from '../model/fault.ts';
import { type Job, noCounts } from '../model/job.ts';
import { displayPath } from '../model/names.ts';
import type { JobRequest } from '../model/specs.ts';
import type { Change, Store } from '../store/store.ts';
import type { Target } from './engine.ts';
import type { EngineParts } from './engine-parts.ts';
import type { Jobs } from './jobs.ts';
import type { Ledger } from './ledger.ts';
import type { Mode, ModeParts, Prepared } from './mode.ts';
import type { Verbs } from './verbs.ts';

export interface SubmissionParts extends Pick<EngineParts, 'clock' | 'newId' | 'log'> {
  readonly store: Store;
  readonly ledger: Ledger;
  readonly jobs: Jobs;
  readonly verbs: Verbs;
  readonly modes: readonly Mode[];
  readonly modeParts: ModeParts;
}

export interface Submissions {
  modeOf(kind: string): Mode;
  submit(request: JobRequest, options?: { readonly owner?: string; readonly idempotencyKey?: string }): Promise<Job>;
  edit(jobId: string, request: JobRequest): Promise<Job>;
  /**
   * As `Verbs`; a watch is checked again first, as others may have begun since it was put to rest. Rejects with `busy` where another one
   * watches its folder by now, with `invalid` where source and destination have come to lie in each other.
   */
  resume(target: Target): Promise<void>;
  retry(target: Target): Promise<void>;
  /** A job of an earlier run of the engine runs again: what it works on is taken. */
  remember(job: Job): Promise<void>;
}

const idempotencyCollection = 'idempotency';
/** Stands for a job that has no id yet. */
const beingMade = '';
const rememberPatienceMs = 3_000;

export function createSubmissions(parts: SubmissionParts): Submissions {
  const { store, ledger, jobs, modes, modeParts, clock } = parts;
  /** What jobs that run, or are about to, work on. */
  const taken = new Map<string, string>();
  /** Jobs of an earlier run of which it is still looked up what they work on. */
  const remembering = new Set<Promise<void>>();

  /** A place that does not answer holds up nobody who wants another one. */
  const remembered = () =>
    remembering.size === 0
      ? Promise.resolve()
      : Promise.race([Promise.all(remembering), clock.sleep(rememberPatienceMs).catch(() => undefined)]);

  const modeOf = (kind: string): Mode => {
    const mode = modes.find((one) => one.kind === kind);
    if (mode === undefined) throw new Fault('unsupported', `This Wherry knows no jobs of the kind "${kind}".`);
    return mode;
  };

  const refuseBusy = (kind: Job['kind'], keys: readonly string[], own?: string) => {
    for (const key of keys) {
      const place = placeOf(key);
      const rivals = place === undefined ? [[key, taken.get(key)] as const] : [...taken];
      for (const [other, jobId] of rivals) {
        if (jobId === undefined || jobId === own || (jobId !== beingMade && jobs.get(jobId) === undefined)) continue;
        const which = jobId === beingMade ? '' : ` (job ${jobId})`;
        if (place === undefined) throw new Fault('busy', `The same ${kind} is already under way${which}.`);
        if (!overlap(place, placeOf(other))) continue;
        throw new Fault('busy', `Another ${kind} into ${displayPath(place)} is under way${which}.`);
      }
    }
  };

  const take = (keys: readonly string[], jobId: string) => {
    for (const [key, holder] of taken) {
      if (holder === jobId || (holder !== beingMade && jobs.get(holder) === undefined)) taken.delete(key);
    }
    for (const key of keys) taken.set(key, jobId);
  };

  const checkAgain = async (jobId: string): Promise<readonly string[]> => {
    const job = await store.job(jobId);
    const mode = job === undefined ? undefined : modeOf(job.kind);
    if (job === undefined || mode?.editable !== true) return [];
    try {
      const keys = keysOf(await mode.prepare(job.spec as JobRequest, modeParts));
      await remembered();
      refuseBusy(mode.kind, keys, jobId);
      return keys;
    } catch (error) {
      // A place that is away is no conflict: the job waits for it.
      if (['busy', 'invalid'].includes(asFault(error).code)) throw error;
      return [];
    }
  };

  const goOn = async (target: Target, verb: 'resume' | 'retry'): Promise<void> => {
    if (!('jobId' in target)) return parts.verbs[verb](target);
    const keys = await checkAgain(target.jobId);
    await parts.verbs[verb](target);
    // Without an answer what it took before stays taken.
    if (keys.length > 0) take(keys, target.jobId);
  };

  const lookUp = async (job: Job): Promise<void> => {
    try {
      const keys = keysOf(await modeOf(job.kind).prepare(job.spec as JobRequest, modeParts));
      take(keys, job.id);
    } catch (error) {
      parts.log.debug({ jobId: job.id, fault: asFault(error).report() }, 'The places of a job cannot be looked at now');
    }
  };

  return {
    modeOf,
    resume: (target) => goOn(target, 'resume'),
    retry: (target) => goOn(target, 'retry'),

    submit: async (request, { idempotencyKey, owner = null as string | null } = {}) => {
      const known =
        idempotencyKey === undefined ? undefined : await store.document(idempotencyCollection, idempotencyKey);
      const before = typeof known === 'string' ? await store.job(known) : undefined;
      if (before !== undefined) return before;
      const mode = modeOf(request.kind);
      const prepared = await mode.prepare(request, modeParts);
      await remembered();
      const keys = keysOf(prepared);
      refuseBusy(mode.kind, keys);
      for (const key of keys) taken.set(key, beingMade);
      try {
        const job = bornJob(parts.newId(), mode.kind, prepared, owner, clock.now());
        const more: Change[] =
          idempotencyKey === undefined
            ? []
            : [{ kind: 'put_document', collection: idempotencyCollection, key: idempotencyKey, value: job.id }];
        await ledger.insertJob(job, more);
        const run = await jobs.run(job);
        take(keys, job.id);
        return run.job;
      } catch (error) {
        for (const key of keys) if (taken.get(key) === beingMade) taken.delete(key);
        throw error;
      }
    },

    edit: async (jobId, request) => {
      const mode = modeOf(request.kind);
      const job = await store.job(jobId);
      if (job === undefined) throw new Fault('not_found', `There is no job ${jobId}.`);
      if (job.kind !== request.kind || mode.editable !== true) {
        const text = `A job of the kind "${job.kind}" cannot be changed into this; submit a new one.`;
        throw new Fault('unsupported', text);
      }
      const prepared = await mode.prepare(request, modeParts);
      const { spec, name, priority } = prepared;
      const keys = keysOf(prepared);
      await remembered();
      refuseBusy(mode.kind, keys, jobId);
      const edited = await parts.verbs.rewrite(jobId, { spec, name, priority });
      take(keys, jobId);
      return edited;
    },

    remember: (job) => {
      const lookedUp = lookUp(job).finally(() => remembering.delete(lookedUp));
      remembering.add(lookedUp);
      return lookedUp;
    },
  };
}

const placeMark = 'place ';

/** All that a job takes for itself. */
function keysOf({ keys, places = [] }: Pick<Prepared, 'keys' | 'places'>): readonly string[] {
  return [...keys, ...places.map((place) => `${placeMark}${place}`)];
}

function placeOf(key: string): string | undefined {
  return key.startsWith(placeMark) ? key.slice(placeMark.length) : undefined;
}

function overlap(one: string, other: string | undefined): boolean {
  const within = (path: string, folder: string) => path === folder || path.startsWith(`${folder.replace(/\/$/, '')}/`);
  return other !== undefined && (within(one, other) || within(other, one));
}

function bornJob(id: string, kind: Job['kind'], prepared: Prepared, owner: string | null, now: number): Job {
  return {
    id,
    kind,
    name: prepared.name,
    spec: prepared.spec,
    state: 'running',
    waiting: null,
    planned: false,
    counts: noCounts,
    priority: prepared.priority,
    owner,
    error: null,
    createdAt: now,
    updatedAt: now,
    startedAt: now,
    finishedAt: null,
  };
}
