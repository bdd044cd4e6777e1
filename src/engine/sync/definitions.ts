// Syncs that are kept under a name: made, changed and removed; begun when they are due, or when somebody asks.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { EventDraft } from '../../model/event.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type {
  SyncDefinition,
  SyncDefinitionBody,
  SyncDefinitionRequest,
  SyncDefinitionState,
  SyncRequest,
} from '../../model/sync-spec.ts';
import type { Change } from '../../store/store.ts';
import type { EngineParts } from '../engine-parts.ts';
import { clearManifests } from './known-entries.ts';

export interface Syncs {
  /** Reads what is kept, puts the configuration's own in force, and begins what is due from then on. May be called again. */
  configure(fromConfig: readonly SyncDefinitionRequest[]): Promise<void>;
  /** By name. */
  list(): readonly SyncDefinition[];
  /** By id, or by name where only one has it. Rejects with `not_found`. */
  get(id: string): SyncDefinition;
  state(id: string): SyncDefinitionState;
  /** Rejects with `invalid`, `unsupported`, `name_unsafe`, and `exists` for a name that is taken. */
  create(body: SyncDefinitionRequest, owner: string): Promise<SyncDefinition>;
  /** As `create`; also `not_found`, and `state_conflict` for one of the configuration. */
  edit(id: string, body: SyncDefinitionRequest): Promise<SyncDefinition>;
  /** A run that is under way goes on. Rejects with `not_found` and `state_conflict`. */
  remove(id: string): Promise<void>;
  /** Begins a run now. Rejects as `Engine.submit` does, with `busy` while the last run goes on. */
  run(id: string, owner: string | null): Promise<Job>;
  /** What its next run would ask for. Rejects with `not_found`. */
  request(id: string): Promise<SyncRequest>;
  /** Forgets what is known to be at its destinations, so that the next run looks at everything. Resolves with how many files that were. */
  clearManifest(id: string): Promise<number>;
  /** With the scheduler's tick. */
  look(): void;
  /** True where no looking is under way. */
  idle(): boolean;
  /** Resolves once nothing is about to begin any more. */
  stop(): Promise<void>;
}

const definitions = 'sync';
const states = 'sync.state';
const unused: SyncDefinitionState = { nextAt: null, lastRun: null, skipped: null };
const lastingMs = 60_000;

export function createSyncs(
  parts: Pick<EngineParts, 'store' | 'clock' | 'log' | 'newId'> & {
    readonly submit: (request: SyncRequest, options: { readonly owner?: string }) => Promise<Job>;
    readonly write: (changes: readonly Change[]) => Promise<unknown>;
  },
): Syncs {
  const { store, clock, log, write } = parts;
  const kept = new Map<string, SyncDefinition>();
  const known = new Map<string, SyncDefinitionState>();
  let begun = false;
  let stopped = false;
  let looking: Promise<void> | undefined;

  const fact = (name: EventDraft['name'], definition: SyncDefinition, data: object = {}): Change => ({
    kind: 'append_event',
    event: { name, at: clock.now(), data: { id: definition.id, name: displayPath(definition.name), ...data } },
  });

  const find = (id: string): SyncDefinition => {
    const exact = kept.get(id);
    if (exact !== undefined) return exact;
    const [named, ...others] = [...kept.values()].filter(({ name }) => name === id);
    if (named !== undefined && others.length === 0) return named;
    throw new Fault('not_found', `There is no sync ${displayPath(id)}.`);
  };

  const own = (id: string): SyncDefinition => {
    const definition = find(id);
    if (definition.owner !== null) return definition;
    const text = `The sync ${displayPath(definition.name)} comes from the configuration; change it there.`;
    throw new Fault('state_conflict', text);
  };

  const refuseName = (name: string, except?: string) => {
    if (![...kept.values()].some((one) => one.name === name && one.id !== except)) return;
    throw new Fault('exists', `There is a sync named ${displayPath(name)} already; choose another name.`);
  };

  const stateOf = (id: string) => known.get(id) ?? unused;

  const remember = async (definition: SyncDefinition, state: SyncDefinitionState, more: readonly Change[] = []) => {
    known.set(definition.id, state);
    await write([{ kind: 'put_document', collection: states, key: definition.id, value: state }, ...more]);
  };

  const dueAfter = async ({ schedule, enabled }: SyncDefinition, after: number, before: number | null) => {
    if (schedule === null || !enabled) return null;
    const { nextTime } = await import('./schedule.ts');
    return nextTime(schedule, after, before);
  };

  /** A new or changed one is due from now on. */
  const keep = async (definition: SyncDefinition, name: EventDraft['name']): Promise<SyncDefinition> => {
    const before = kept.get(definition.id);
    kept.set(definition.id, definition);
    const old = stateOf(definition.id);
    const sameTimes =
      before !== undefined &&
      before.enabled === definition.enabled &&
      isDeepStrictEqual(before.schedule, definition.schedule);
    const nextAt = sameTimes ? old.nextAt : await dueAfter(definition, clock.now(), null);
    await remember(definition, { ...old, nextAt }, [
      { kind: 'put_document', collection: definitions, key: definition.id, value: definition },
      fact(name, definition),
    ]);
    return definition;
  };

  const forget = async (definition: SyncDefinition) => {
    kept.delete(definition.id);
    known.delete(definition.id);
    await write([
      { kind: 'delete_document', collection: definitions, key: definition.id },
      { kind: 'delete_document', collection: states, key: definition.id },
      fact('observation.sync.removed', definition),
    ]);
  };

  const checked = async (body: SyncDefinitionRequest): Promise<SyncDefinitionBody> => {
    const [{ syncDefinitionBodySchema }, { requestOf }, { checkSchedule }] = await Promise.all([
      import('../../model/sync-spec.ts'),
      import('./check-spec.ts'),
      import('./schedule.ts'),
    ]);
    const read = syncDefinitionBodySchema.safeParse(body);
    if (!read.success) {
      const [issue] = read.error.issues;
      throw new Fault('invalid', `The sync cannot be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`);
    }
    checkSchedule(read.data.schedule);
    const { kind: _, definition: __, dryRun: ___, ...wishes } = requestOf(read.data, null);
    const { name, schedule, enabled } = read.data;
    return { name, schedule, enabled, ...wishes };
  };

  const request = async (definition: SyncDefinition): Promise<SyncRequest> => {
    const { requestOf } = await import('./check-spec.ts');
    return requestOf(definition, definition.id);
  };

  /** Undefined where its last run has come to rest. */
  const underWay = async (id: string): Promise<Job | undefined> => {
    const { lastRun } = stateOf(id);
    const job = lastRun === null ? undefined : await store.job(lastRun.jobId);
    return job !== undefined && ['pending', 'running', 'waiting', 'paused'].includes(job.state) ? job : undefined;
  };

  const begin = async (definition: SyncDefinition, owner: string | null): Promise<Job> => {
    const going = await underWay(definition.id);
    if (going !== undefined) {
      const how = going.state === 'paused' ? 'is paused' : 'is still under way';
      throw new Fault('busy', `The last run of ${displayPath(definition.name)} ${how} (job ${going.id}).`);
    }
    const job = await parts.submit(await request(definition), owner === null ? {} : { owner });
    const lastRun = { jobId: job.id, at: job.createdAt };
    await remember(definition, { ...stateOf(definition.id), lastRun });
    return job;
  };

  const lookAt = async (definition: SyncDefinition): Promise<void> => {
    const now = clock.now();
    const state = stateOf(definition.id);
    const expected = await dueAfter(definition, now, state.nextAt);
    if (expected === null || state.nextAt === null || now < state.nextAt) {
      // A clock that was set back must not make it wait for what is years away.
      const early = expected !== null && (state.nextAt === null || expected < state.nextAt - lastingMs);
      if (early || (expected === null && state.nextAt !== null))
        await remember(definition, { ...state, nextAt: expected });
      return;
    }
    // However many times were missed, it is made up for once. The next one stands first, so that a crash begins nothing twice.
    await remember(definition, { ...state, nextAt: expected });
    try {
      await begin(definition, definition.owner);
    } catch (error) {
      const { code, message } = asFault(error).report();
      log.warn({ sync: definition.id, fault: code }, `A sync that was due did not begin: ${message}`);
      const skipped = { at: now, reason: message };
      await remember(definition, { ...stateOf(definition.id), skipped }, [
        fact('observation.sync.skipped', definition, { dueAt: state.nextAt, code, reason: message }),
      ]);
    }
  };

  const lookAtAll = async () => {
    for (const definition of [...kept.values()]) {
      if (stopped) return;
      if (!kept.has(definition.id)) continue;
      await lookAt(definition).catch((error) => {
        log.error({ sync: definition.id, fault: asFault(error).report() }, 'A sync could not be looked at');
      });
    }
  };

  const read = async () => {
    for (const { key, value } of await store.documents(definitions)) kept.set(key, value as SyncDefinition);
    for (const { key, value } of await store.documents(states)) {
      if (kept.has(key)) known.set(key, value as SyncDefinitionState);
    }
  };

  return {
    configure: async (fromConfig) => {
      if (!begun) await read();
      const wanted = new Map<string, SyncDefinitionBody>();
      for (const body of fromConfig) wanted.set(configId(body.name), await checked(body));
      for (const definition of [...kept.values()]) {
        if (definition.owner === null && !wanted.has(definition.id)) await forget(definition);
      }
      for (const [id, body] of wanted) {
        const before = kept.get(id);
        const now = clock.now();
        const times = { createdAt: before?.createdAt ?? now, updatedAt: before?.updatedAt ?? now };
        if (before !== undefined && isDeepStrictEqual(plain(before), plain({ ...body, id, owner: null, ...times })))
          continue;
        await keep(
          { ...body, id, owner: null, createdAt: times.createdAt, updatedAt: now },
          before === undefined ? 'observation.sync.created' : 'observation.sync.updated',
        );
      }
      begun = true;
    },

    list: () => [...kept.values()].sort((one, other) => (one.name < other.name ? -1 : 1)),
    get: find,
    state: (id) => stateOf(find(id).id),

    create: async (body, owner) => {
      const read = await checked(body);
      refuseName(read.name);
      const now = clock.now();
      return keep({ ...read, id: parts.newId(), owner, createdAt: now, updatedAt: now }, 'observation.sync.created');
    },
    edit: async (id, body) => {
      own(id);
      const read = await checked(body);
      const before = own(id);
      refuseName(read.name, before.id);
      const { createdAt, owner } = before;
      return keep({ ...read, id: before.id, owner, createdAt, updatedAt: clock.now() }, 'observation.sync.updated');
    },
    remove: async (id) => forget(own(id)),
    run: async (id, owner) => begin(find(id), owner),
    request: async (id) => request(find(id)),
    clearManifest: async (id) => clearManifests(store, find(id), write),

    look: () => {
      if (!begun || stopped) return;
      looking ??= lookAtAll().finally(() => {
        looking = undefined;
      });
    },
    idle: () => looking === undefined,
    stop: async () => {
      stopped = true;
      await looking;
    },
  };
}

/** Stays the same over restarts; short and safe in addresses. */
function configId(name: string): string {
  return `config-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}

function plain(definition: SyncDefinition): unknown {
  return JSON.parse(JSON.stringify(definition));
}
