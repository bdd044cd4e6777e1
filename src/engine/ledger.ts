// The one place that changes transfers and jobs: it asks the table, writes the row and its facts together, and tells who listens.

import type { Clock } from '../model/clock.ts';
import { type EventDraft, jobEventNames, transferEventNames } from '../model/event.ts';
import { asFault, Fault, type FaultReport } from '../model/fault.ts';
import { type Job, type JobInput, stepJob } from '../model/job.ts';
import type { Receipt } from '../model/receipt.ts';
import { step, type Transfer, type TransferInput, takes } from '../model/transfer.ts';
import type { Change, ChangeResult, Store } from '../store/store.ts';

/** What a mode or an attempt knows beside the table: fields that go with the change. */
export type TransferPatch = Partial<Omit<Transfer, 'id' | 'jobId' | 'mode' | 'state' | 'createdAt' | 'updatedAt'>>;
export type JobPatch = Partial<Omit<Job, 'id' | 'kind' | 'state' | 'createdAt' | 'updatedAt'>>;
/** What a fact says beside the transfer or job itself. */
export type Facts = Readonly<Record<string, unknown>>;

/** A fact of a job that is no change of its state. */
export interface JobFact {
  readonly name: EventDraft['name'];
  readonly data?: Facts;
}

export interface Advance {
  readonly transfer: Transfer;
  /** Several are taken in one commit, each with its fact. */
  readonly inputs: TransferInput | readonly TransferInput[];
  readonly patch?: TransferPatch;
  readonly facts?: Facts;
  /** What `processing.completed` says, alone of its facts. */
  readonly processed?: Facts;
  readonly receipt?: Receipt;
  /** Written in the same commit, and only where the change is. */
  readonly also?: NonNullable<Extract<Change, { kind: 'update_transfer' }>['also']>;
}

/** Why the ledger could not be written the last time, and since when. */
export interface LedgerTrouble {
  readonly fault: FaultReport;
  readonly since: number;
}

/** Told after the commit. `before` is undefined for a row that is new. */
export type TransferListener = (before: Transfer | undefined, after: Transfer) => void;

export interface Ledger {
  /** The new row, or undefined where the row was no longer what `transfer` says (state or fence): then nothing was written. */
  advance(advance: Advance): Promise<Transfer | undefined>;
  /** Like `advance`, in one commit; a result for each. */
  advanceAll(advances: readonly Advance[]): Promise<readonly (Transfer | undefined)[]>;
  /** New fields without a change of state and without a fact (heartbeat, bytes, *publishing*). */
  note(transfer: Transfer, patch: TransferPatch): Promise<Transfer | undefined>;
  /** Writes new rows in the state they bear. */
  insert(transfers: readonly Transfer[], facts?: Facts, more?: readonly Change[]): Promise<void>;
  /** One grouped commit for a pack: rows of files that arrived, and the job's counts. Resolves with the new rows. */
  finishPack(pack: FinishedPack): Promise<readonly Transfer[]>;
  /** A job in the state that it bears: `pending`, or `running` where it begins at once. */
  insertJob(job: Job, more?: readonly Change[]): Promise<void>;
  /** The new row. Rejects with `state_conflict` where the table does not take it or the job has moved on meanwhile. */
  advanceJob(job: Job, input: JobInput, patch?: JobPatch, facts?: Facts): Promise<Job>;
  /** New fields of a job, and a fact where one is named. Nothing is written where the job's state is another by now. */
  noteJob(job: Job, patch: JobPatch, fact?: JobFact): Promise<void>;
  /** Changes that are not of a transfer or a job. */
  write(changes: readonly Change[]): Promise<readonly ChangeResult[]>;
  onTransfer(listener: TransferListener): () => void;
  /** Null as long as it can be written. */
  readonly trouble: LedgerTrouble | null;
  /** The first that there ever was, over by now or not. */
  readonly firstTrouble: LedgerTrouble | null;
  /** Where there is trouble: looks by a small write whether it is over. Never rejects. */
  probe(): Promise<void>;
}

export interface FinishedPack {
  /** True where the rows are written for the first time; else they are `queued`. */
  readonly isNew: boolean;
  readonly arrived: readonly { readonly before: Transfer; readonly after: TransferPatch; readonly receipt: Receipt }[];
  readonly job?: Job;
  /** Where their way ends for now: `transferred` where something is still to be done with them. Default is `completed`. */
  readonly until?: 'transferred' | 'completed';
  /** Written in the same commit. */
  readonly more?: readonly Change[];
}

const inPack: Readonly<Record<'transferred' | 'completed', readonly TransferInput[]>> = {
  transferred: ['start', 'arrive'],
  completed: ['start', 'arrive', 'complete'],
};

export function createLedger(store: Store, clock: Clock): Ledger {
  const listeners = new Set<TransferListener>();
  const tell = (before: Transfer | undefined, after: Transfer) => {
    for (const listener of listeners) listener(before, after);
  };

  let trouble: LedgerTrouble | null = null;
  let firstTrouble: LedgerTrouble | null = null;
  const commit = async (changes: readonly Change[]) => {
    try {
      const results = await store.apply(changes);
      trouble = null;
      return results;
    } catch (error) {
      const fault = asFault(error);
      if (fault.code === 'ledger') {
        trouble = { fault: fault.report(), since: trouble?.since ?? clock.now() };
        firstTrouble ??= trouble;
      }
      throw error;
    }
  };

  const apply = async (advances: readonly Advance[]) => {
    const now = clock.now();
    const planned = advances.map((one) => plan(one, now));
    const changes = planned.filter((one) => one !== undefined).map((one) => one.change);
    if (changes.length === 0) return advances.map(() => undefined);
    const results = await commit(changes);
    let at = 0;
    return planned.map((one) => {
      if (one === undefined || results[at++]?.applied !== true) return undefined;
      tell(one.before, one.after);
      return one.after;
    });
  };

  return {
    advance: async (advance) => (await apply([advance]))[0],
    advanceAll: apply,

    note: async (transfer, patch) => {
      const after = { ...transfer, ...patch, updatedAt: clock.now() };
      const [result] = await commit([
        {
          kind: 'update_transfer',
          expect: { state: transfer.state, fence: transfer.fence },
          transfer: after,
          events: [],
        },
      ]);
      if (result?.applied !== true) return undefined;
      tell(transfer, after);
      return after;
    },

    insert: async (transfers, facts = {}, more = []) => {
      const now = clock.now();
      const inserts = transfers.map((transfer): Change => {
        return { kind: 'insert_transfer', transfer, events: bornFacts(transfer, now, facts) };
      });
      await commit([...inserts, ...more]);
      for (const transfer of transfers) tell(undefined, transfer);
    },

    finishPack: async ({ isNew, arrived, job, more = [], until = 'completed' }) => {
      const now = clock.now();
      const rows = arrived.map(({ before, after }) => {
        const inputs = inPack[until];
        for (let at = 0, state = before.state; at < inputs.length; at++) {
          state = step(state, inputs[at] as TransferInput, at < 1 ? before.phase : 'process');
        }
        const row = { ...before, ...after, ...arrivedFields, state: until, updatedAt: now };
        return until === 'completed' ? { ...row, finishedAt: now } : { ...row, attempts: 0 };
      });
      const changes: Change[] = [];
      if (rows.length > 0) {
        changes.push({
          kind: 'finish_pack',
          transfers: rows,
          receipts: arrived.map((one) => one.receipt),
          completedEvents: [...(isNew ? bornInPack : []), ...packFacts[until]].map((name) => ({
            name,
            at: now,
            data: {},
          })),
          failedEvents: [],
          expectStates: ['queued'],
        });
      }
      if (job !== undefined) {
        changes.push({ kind: 'update_job', expect: { state: job.state }, job: { ...job, updatedAt: now }, events: [] });
      }
      changes.push(...more);
      if (changes.length === 0) return rows;
      await commit(changes);
      for (const [at, row] of rows.entries()) tell(isNew ? undefined : arrived[at]?.before, row);
      return rows;
    },

    insertJob: async (job, more = []) => {
      const fact = (name: EventDraft['name']): EventDraft => ({ name, at: job.createdAt, data: {} });
      await commit([
        {
          kind: 'insert_job',
          job,
          events: [
            fact('observation.job.created'),
            ...(job.state === 'running' ? [fact('observation.job.started')] : []),
          ],
        },
        ...more,
      ]);
    },

    advanceJob: async (job, input, patch = {}, facts = {}) => {
      const now = clock.now();
      let state: Job['state'];
      try {
        state = stepJob(job.state, input);
      } catch (error) {
        throw new Fault('state_conflict', `The job ${job.name} is ${job.state}; that does not go now.`, {
          cause: error,
        });
      }
      const after: Job = { ...job, ...jobFields(input, job, now), ...patch, state, updatedAt: now };
      const [result] = await commit([
        {
          kind: 'update_job',
          expect: { state: job.state },
          job: after,
          events: [{ name: jobEventNames[input], at: now, data: facts }],
        },
      ]);
      if (result?.applied !== true) {
        throw new Fault('state_conflict', `The job ${job.name} was changed by somebody else at the same moment.`);
      }
      return after;
    },

    noteJob: async (job, patch, fact) => {
      const now = clock.now();
      const events = fact === undefined ? [] : [{ name: fact.name, at: now, data: fact.data ?? {} }];
      await commit([
        { kind: 'update_job', expect: { state: job.state }, job: { ...job, ...patch, updatedAt: now }, events },
      ]);
    },

    write: commit,

    onTransfer: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },

    get trouble() {
      return trouble;
    },
    get firstTrouble() {
      return firstTrouble;
    },

    probe: async () => {
      if (trouble === null) return;
      const value = { at: clock.now() };
      await commit([{ kind: 'put_document', collection: 'engine', key: 'probe', value }]).catch(() => undefined);
    },
  };
}

const arrivedFields = { phase: 'process', waiting: null, error: null, lease: null, publishing: null } as const;
const bornInPack = ['observation.transfer.queued'] as const;
const arrivedInPack = ['observation.transfer.download.started', 'observation.transfer.download.completed'] as const;
const packFacts = {
  transferred: arrivedInPack,
  completed: [...arrivedInPack, 'observation.transfer.completed'],
} as const;

interface Planned {
  readonly before: Transfer;
  readonly after: Transfer;
  readonly change: Change;
}

/** Undefined where the table does not take an input from the state that the row is said to be in. */
function plan(
  { transfer, inputs, patch = {}, facts = {}, processed = {}, receipt, also = [] }: Advance,
  now: number,
): Planned | undefined {
  const events: EventDraft[] = [];
  let after: Transfer = { ...transfer, ...patch };
  let state = transfer.state;
  for (const input of typeof inputs === 'string' ? [inputs] : inputs) {
    if (!takes(state, input)) return undefined;
    const before = { ...after, state };
    state = step(state, input, after.phase);
    after = { ...after, ...transferFields(input, before, patch, now), state, updatedAt: now };
    for (const name of transferEventNames(before, input, after)) {
      const own = name === 'observation.transfer.processing.completed' ? processed : {};
      events.push({ name, at: now, data: { ...factsOf(input, after), ...own, ...facts } });
    }
  }
  const change: Change = {
    kind: 'update_transfer',
    expect: { state: transfer.state, fence: transfer.fence },
    transfer: after,
    events,
    ...(receipt === undefined ? {} : { receipt }),
    ...(also.length === 0 ? {} : { also }),
  };
  return { before: transfer, after, change };
}

/** The fields that a change of state brings with it, whoever asks for it. */
function transferFields(input: TransferInput, before: Transfer, patch: TransferPatch, now: number): Partial<Transfer> {
  const free = { lease: null, heartbeatAt: null } as const;
  switch (input) {
    case 'queue':
      return { ...free, waiting: null, firstQueuedAt: before.firstQueuedAt ?? now };
    case 'start':
    case 'process':
      return { waiting: null, heartbeatAt: now, startedAt: before.startedAt ?? now, attempts: before.attempts + 1 };
    case 'arrive':
      return { ...free, phase: 'process', error: null, publishing: null };
    case 'complete':
      return { ...free, error: null, waiting: null, finishedAt: now };
    case 'recover':
      return free;
    case 'wait':
      // Only back-off uses up an attempt.
      return patch.waiting?.reason === 'backoff'
        ? free
        : { ...free, attempts: Math.max(0, before.attempts - (before.lease === null ? 0 : 1)) };
    case 'pause':
      return { ...free, waiting: null };
    case 'fail':
    case 'cancel':
      return { ...free, waiting: null, finishedAt: now };
    case 'retry':
      return { ...free, waiting: null, error: null, attempts: 0, firstQueuedAt: now, finishedAt: null };
  }
}

function factsOf(input: TransferInput, after: Transfer): Facts {
  switch (input) {
    case 'wait':
      return after.waiting?.reason === 'backoff'
        ? { attempt: after.attempts, until: after.waiting.until, error: after.error }
        : { ...after.waiting, error: after.error };
    case 'fail':
      return { error: after.error };
    case 'cancel':
      return after.error === null ? {} : { reason: after.error.code };
    case 'recover':
      return { recovered: true };
    default:
      return {};
  }
}

/** What a row that is written for the first time says of itself. */
function bornFacts(transfer: Transfer, now: number, facts: Facts): EventDraft[] {
  const fact = (name: EventDraft['name'], data: Facts = {}): EventDraft => ({
    name,
    at: now,
    data: { ...data, ...facts },
  });
  const queued = fact('observation.transfer.queued');
  switch (transfer.state) {
    case 'discovered':
      return [fact('observation.transfer.discovered')];
    case 'waiting':
      return transfer.waiting?.reason === 'backoff'
        ? [queued, fact('observation.transfer.retry_scheduled', factsOf('wait', transfer))]
        : [queued, fact('observation.transfer.waiting', factsOf('wait', transfer))];
    case 'failed':
      return [queued, fact('observation.transfer.download.failed', factsOf('fail', transfer))];
    default:
      return [queued];
  }
}

function jobFields(input: JobInput, job: Job, now: number): Partial<Job> {
  switch (input) {
    case 'start':
    case 'resume':
      return { waiting: null, startedAt: job.startedAt ?? now };
    case 'retry':
      return { waiting: null, error: null, finishedAt: null };
    case 'wait':
      return {};
    case 'pause':
      return { waiting: null };
    case 'finish':
      return { waiting: null, error: null, finishedAt: now };
    case 'finishPartly':
    case 'fail':
    case 'cancel':
      return { waiting: null, finishedAt: now };
  }
}
