// The sinks of a daemon: each with its runner and its own cursor in the ledger; how far each has come.

import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { Clock, Random } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { IngestWish } from '../model/ingest.ts';
import { displayPath } from '../model/names.ts';
import type { IngestSink } from '../sinks/sink.ts';
import type { Store } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';
import { defaultRetryRules, type RetryRules } from './retry.ts';
import { chosenAside, dropAside, type SetAside, setAsideOf } from './set-aside.ts';
import {
  createSinkRunner,
  putSink,
  type SinkRecord,
  type SinkRunner,
  type SinkRunnerParts,
  type SinkState,
  sinkCollection,
} from './sink-runner.ts';

/** A sink as the configuration asks for it. */
export interface SinkWish {
  /** By it the sink is known again, with how far it has come. */
  readonly name: string;
  /** `postgres`, `json-lines`, `webhook`, or what a plugin calls it. */
  readonly kind: string;
  /** Where it leads, in words for people; no secrets. */
  readonly target: string;
  readonly wish: IngestWish;
  /** Where a sink that was not there before begins. */
  readonly from: 'now' | 'oldest';
  /** Everything that it was made of: where it differs, the sink is opened anew. Never shown. */
  readonly settings: unknown;
  /** Rejects with `invalid` and `config_invalid`. */
  open(): IngestSink;
}

export interface SinkReport {
  readonly id: string;
  readonly kind: string;
  readonly target: string;
  readonly wish: IngestWish;
  readonly state: SinkState;
  /** Facts after its cursor, of interest to it or not; at most a million are counted. */
  readonly behind: number;
  /** Things that it will never take, as it said. */
  readonly setAside: number;
}

export interface Ingest {
  /** Makes the sinks what these say: kept by name, with how far they have come. Rejects as `open` does, before anything is changed. */
  configure(wishes: readonly SinkWish[]): Promise<void>;
  /** By name. */
  list(): Promise<readonly SinkReport[]>;
  /** Tries now what was to be tried later. Rejects with `not_found`. */
  retry(id: string): Promise<SinkReport>;
  /** What a sink will not take, oldest first. Rejects with `not_found`. */
  setAside(id: string): Promise<readonly SetAside[]>;
  /** Tells these once more, or all where none is named: how many it has taken now, and how many not. Rejects with `not_found`. */
  replay(id: string, events: readonly string[]): Promise<{ readonly taken: number; readonly refused: number }>;
  /** These, or all where none is named, are never told. Resolves with how many. Rejects with `not_found`. */
  drop(id: string, events: readonly string[]): Promise<number>;
  /** Resolves when nothing is under way, or what is did not come back in time; it is told again after the next start. */
  stop(): Promise<void>;
}

export interface IngestParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EngineLog;
  /** Under which name the outside knows a run. Default is its job's id. */
  readonly syncIdOf?: (jobId: string) => Promise<string>;
  readonly rules?: RetryRules;
  readonly limits?: Pick<SinkRunnerParts, 'callMs' | 'patienceMs'>;
}

interface Running {
  readonly asked: SinkWish;
  readonly runner: SinkRunner;
}

export function createIngest(parts: IngestParts): Ingest {
  const { store, clock, random, log } = parts;
  const running = new Map<string, Running>();
  const runnerParts: SinkRunnerParts = {
    ...{ store, clock, random, log },
    lookup: { reader: store, syncIdOf: parts.syncIdOf ?? ((jobId) => Promise.resolve(jobId)) },
    rules: parts.rules ?? defaultRetryRules,
    ...parts.limits,
  };
  const stopListening = store.onEvents(() => {
    for (const { runner } of running.values()) runner.wake();
  });
  /** One after the other: a sink has one runner. */
  let last: Promise<unknown> = Promise.resolve();

  const newRecord = async ({ name, from }: SinkWish): Promise<SinkRecord> => ({
    name,
    cursor: from === 'oldest' ? '' : await store.eventCursor(),
    taken: 0,
    createdAt: clock.now(),
    delivered: 0,
    lastAt: null,
    behindSince: null,
  });

  const configure = async (wishes: readonly SinkWish[]) => {
    const wanted = new Map(wishes.map((asked) => [idOf(asked.name), asked]));
    const changed = [...wanted].filter(
      ([id, asked]) => !isDeepStrictEqual(running.get(id)?.asked.settings, asked.settings),
    );
    // Before anything is stopped: a sink that cannot be opened is a mistake in the configuration.
    const opened = changed.map(([id, asked]) => ({ id, asked, sink: openOne(asked) }));
    const leaving = [...running.keys()].filter((id) => !wanted.has(id));
    for (const id of [...leaving, ...changed.map(([id]) => id)]) {
      await running.get(id)?.runner.stop();
      running.delete(id);
    }
    for (const { key } of await store.documents(sinkCollection)) {
      if (wanted.has(key)) continue;
      const aside = await setAsideOf(store, key);
      await store.apply([{ kind: 'delete_document', collection: sinkCollection, key }, ...aside.map(dropAside)]);
    }
    for (const { id, asked, sink } of opened) {
      const known = (await store.document(sinkCollection, id)) as SinkRecord | undefined;
      const record = known ?? (await newRecord(asked));
      if (known === undefined) await store.apply([putSink(id, record)]);
      running.set(id, { asked, runner: createSinkRunner(runnerParts, { id, sink, wish: asked.wish, record }) });
    }
  };

  const report = async (id: string, { asked, runner }: Running): Promise<SinkReport> => {
    const { kind, target, wish } = asked;
    const { state } = runner;
    const [behind, aside] = await Promise.all([store.countEvents(state.cursor), setAsideOf(store, id)]);
    return { id, kind, target, wish, state, behind, setAside: aside.length };
  };

  const known = (id: string): Running => {
    const one = running.get(id);
    if (one === undefined) throw new Fault('not_found', `There is no sink ${displayPath(id)}.`);
    return one;
  };

  return {
    configure: (wishes) => {
      const mine = last.then(() => configure(wishes));
      last = mine.catch(() => undefined);
      return mine;
    },
    list: async () => {
      const reports = await Promise.all([...running].map(([id, one]) => report(id, one)));
      return reports.sort((one, other) => (one.state.name < other.state.name ? -1 : 1));
    },
    retry: async (id) => {
      const one = known(id);
      one.runner.tryNow();
      return report(id, one);
    },
    setAside: async (id) => {
      known(id);
      return setAsideOf(store, id);
    },
    replay: async (id, events) => {
      const { runner } = known(id);
      const those = await chosenAside(store, id, events);
      const taken = await runner.replay(those);
      return { taken, refused: those.length - taken };
    },
    drop: async (id, events) => {
      known(id);
      const those = await chosenAside(store, id, events);
      if (those.length > 0) await store.apply(those.map(dropAside));
      return those.length;
    },
    stop: async () => {
      stopListening();
      await last;
      await Promise.all([...running.values()].map(({ runner }) => runner.stop()));
    },
  };
}

function openOne(asked: SinkWish): IngestSink {
  try {
    return asked.open();
  } catch (error) {
    const { message } = error as Error;
    throw new Fault('config_invalid', `The sink ${displayPath(asked.name)}: ${message}`, { cause: error });
  }
}

function idOf(name: string): string {
  return `sink-${createHash('sha256').update(name).digest('hex').slice(0, 16)}`;
}
