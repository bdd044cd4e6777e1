// Sends events to webhooks: each event that one wants becomes a message in the ledger, and a message is tried until it is taken or given up.

import { createHash, randomBytes } from 'node:crypto';
import type { Clock, NewId, Random } from '../model/clock.ts';
import type { StoredEvent } from '../model/event.ts';
import { asFault, Fault } from '../model/fault.ts';
import { type Delivery, type DeliveryState, type Webhook, wants } from '../model/webhook.ts';
import type { Sink } from '../sinks/sink.ts';
import { NotTaken } from '../sinks/webhook.ts';
import type { Change, Page, Store } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';
import { decide, defaultRetryRules, type RetryRules } from './retry.ts';

/** A receiver may be away over a weekend. */
export const deliveryRetryRules: RetryRules = {
  ...defaultRetryRules,
  firstDelayMs: 5_000,
  mostDelayMs: 6 * 3_600_000,
  windowMs: 3 * 24 * 3_600_000,
  mostAttempts: 30,
};

export interface NewWebhook {
  readonly name: string;
  readonly url: string;
  readonly events: readonly string[];
  readonly allowPrivate: boolean;
  /** Left out: one is made. */
  readonly secret?: string;
}

export interface Deliveries {
  /** Begins to send; call it once the engine runs. */
  start(): Promise<void>;
  /** Resolves when nothing is under way; messages that were are sent again under their id. */
  stop(): Promise<void>;
  list(): readonly Webhook[];
  /** Rejects with `invalid` or `unsupported` for an address or secret that is none. Events from now on are sent. */
  create(wish: NewWebhook): Promise<Webhook>;
  /** Makes those of the configuration what it says: kept by name, with what they have sent. Rejects as `create`, before anything is changed. */
  configure(wishes: readonly NewWebhook[]): Promise<void>;
  /** Rejects with `not_found`, and with `state_conflict` for one of the configuration. */
  remove(id: string): Promise<void>;
  /** One that was `gone` is sent to again. Rejects with `not_found`. */
  resume(id: string): Promise<Webhook>;
  /** Sends one message now, once, and gives what became of it. Rejects with `not_found`. */
  test(id: string): Promise<Delivery>;
  page(webhookId: string, query: { state?: DeliveryState; cursor?: string; limit?: number }): Promise<Page<Delivery>>;
  counts(webhookId: string): Promise<Readonly<Record<DeliveryState, number>>>;
  /** Sends it again, under its id. Rejects with `not_found`. */
  replay(webhookId: string, deliveryId: string): Promise<Delivery>;
  /** All dead ones of a webhook; resolves with how many. Rejects with `not_found`. */
  replayDead(webhookId: string): Promise<number>;
}

export interface DeliveriesParts {
  readonly store: Store;
  readonly openSink: (options: { url: string; secret: string; allowPrivate: boolean }) => Sink;
  /** What an event looks like outside. */
  readonly present: (event: StoredEvent) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  readonly log: EngineLog;
  readonly rules?: RetryRules;
}

const collection = 'webhooks';
const eventsAtOnce = 200;
/** Messages that may wait for one webhook; further events stay in the event table. */
const mostPending = 1_000;
/** A page in which nothing was wanted is noted this seldom: it would only be read again. */
const notedPages = 10;
const atOnce = 4;
const lookMs = 1_000;

/** A webhook while the daemon runs. */
interface Running {
  webhook: Webhook;
  sink: Sink;
  feeding: boolean;
  feedAgain: boolean;
  unnoted: number;
  readonly underWay: Set<string>;
  pumping: boolean;
  pumpAgain: boolean;
  /** Of the messages that were read last, those that have ended meanwhile: what was read of them is out of date. */
  readonly ended: Set<string>;
}

export function createDeliveries(parts: DeliveriesParts): Deliveries {
  const { store, clock, random, newId, log } = parts;
  const rules = parts.rules ?? deliveryRetryRules;
  const hooks = new Map<string, Running>();
  const work = new Set<Promise<void>>();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let stopListening: () => void = () => undefined;

  const putWebhook = (webhook: Webhook): Change => ({
    kind: 'put_document',
    collection,
    key: webhook.id,
    value: webhook,
  });
  const sinkOf = ({ url, secret, allowPrivate }: Webhook) => parts.openSink({ url, secret, allowPrivate });
  const run = (webhook: Webhook): Running => {
    const running = {
      ...{ webhook, sink: sinkOf(webhook), feeding: false, feedAgain: false, unnoted: 0 },
      ...{ pumping: false, pumpAgain: false, underWay: new Set<string>(), ended: new Set<string>() },
    };
    hooks.set(webhook.id, running);
    return running;
  };
  const known = (id: string): Running => {
    const running = hooks.get(id);
    if (running === undefined) throw new Fault('not_found', `There is no webhook ${id}.`);
    return running;
  };
  const isGone = (running: Running) => hooks.get(running.webhook.id) !== running || ending.signal.aborted;

  const inBackground = (what: string, task: () => Promise<void>) => {
    const doing = task().catch((error: unknown) => {
      log.warn({ fault: asFault(error).report() }, `${what}; it is tried again`);
    });
    work.add(doing);
    void doing.finally(() => work.delete(doing));
  };

  /** Makes messages of the events after the cursor; the cursor moves in the same commit, so each event has one. */
  const feed = async (running: Running): Promise<void> => {
    if (running.feeding) {
      running.feedAgain = true;
      return;
    }
    running.feeding = true;
    try {
      do {
        running.feedAgain = false;
        while (!isGone(running) && (await store.countDeliveries(running.webhook.id, 'pending')).pending < mostPending) {
          const { events, cursor } = await store.events({ since: running.webhook.cursor, limit: eventsAtOnce });
          if (events.length === 0 || isGone(running)) break;
          const now = clock.now();
          const messages = events.filter(({ name }) => wants(running.webhook, name));
          const moved = { ...running.webhook, cursor };
          running.unnoted += 1;
          if (messages.length > 0 || running.unnoted >= notedPages) {
            await store.apply([
              ...messages.map(
                (event): Change => ({
                  kind: 'put_delivery',
                  expect: 'absent',
                  delivery: messageOf(moved.id, event, now),
                }),
              ),
              putWebhook(moved),
            ]);
            running.unnoted = 0;
          }
          // It may have been resumed or configured anew meanwhile.
          running.webhook = { ...running.webhook, cursor };
          pump(running);
        }
      } while (running.feedAgain && !isGone(running));
    } finally {
      running.feeding = false;
    }
  };

  const messageOf = (webhookId: string, event: StoredEvent, now: number): Delivery => ({
    id: `msg_${createHash('sha256').update(`${webhookId} ${event.cursor}`).digest('hex').slice(0, 32)}`,
    webhookId,
    type: event.name,
    payload: payloadOf(event.name, event.at, parts.present(event)),
    state: 'pending',
    createdAt: now,
    queuedAt: now,
    dueAt: now,
    attempts: 0,
    last: null,
  });

  const pump = (running: Running) => {
    if (running.pumping) running.pumpAgain = true;
    if (running.pumping || running.webhook.state !== 'on' || running.underWay.size >= atOnce) return;
    running.pumping = true;
    inBackground('Messages to a webhook could not be read', async () => {
      try {
        do {
          running.pumpAgain = false;
          running.ended.clear();
          const due = await store.dueDeliveries(running.webhook.id, clock.now(), atOnce * 2);
          for (const delivery of due) {
            if (isGone(running) || running.webhook.state !== 'on' || running.underWay.size >= atOnce) break;
            if (!running.underWay.has(delivery.id) && !running.ended.has(delivery.id)) begin(running, delivery);
          }
        } while (running.pumpAgain && !isGone(running));
      } finally {
        running.pumping = false;
      }
    });
  };

  const begin = (running: Running, delivery: Delivery) => {
    running.underWay.add(delivery.id);
    inBackground('A message to a webhook could not be noted', async () => {
      try {
        await deliver(running, delivery);
      } finally {
        running.ended.add(delivery.id);
        running.underWay.delete(delivery.id);
      }
      if (!isGone(running)) pump(running);
    });
  };

  /** One attempt. Resolves with the delivery after it; undefined where it was ended from outside. */
  const attempt = async ({ sink }: Running, delivery: Delivery) => {
    const at = clock.now();
    const began = clock.monotonic();
    const base = { ...delivery, attempts: delivery.attempts + 1 };
    const last = (status: number | null, fault: Fault | null) => ({
      ...{ at, tookMs: Math.round(clock.monotonic() - began), status },
      error: fault === null ? null : fault.report(),
    });
    try {
      const { status } = await sink.send(delivery, { signal: ending.signal, now: at });
      const after: Delivery = { ...base, state: 'delivered', dueAt: null, last: last(status, null) };
      return { after, fault: undefined };
    } catch (error) {
      if (ending.signal.aborted) return undefined;
      const fault = asFault(error);
      const after: Delivery = { ...base, last: last(fault instanceof NotTaken ? fault.status : null, fault) };
      return { after, fault };
    }
  };

  const deliver = async (running: Running, delivery: Delivery): Promise<void> => {
    const outcome = await attempt(running, delivery);
    if (outcome === undefined || isGone(running)) return;
    const { after, fault } = outcome;
    const changes: Change[] = [];
    if (fault === undefined) changes.push({ kind: 'put_delivery', delivery: after, expect: 'pending' });
    else {
      const { webhookId, id, queuedAt, attempts } = after;
      const now = clock.now();
      const gone = fault instanceof NotTaken && fault.status === 410;
      const decision = decide(fault, { attempts, firstQueuedAt: queuedAt }, now, random.next(), rules);
      const dead = gone || decision.kind === 'fail';
      const dueAt = decision.kind === 'wait' && !gone ? decision.until : null;
      changes.push({
        kind: 'put_delivery',
        delivery: { ...after, state: dead ? 'dead' : 'pending', dueAt },
        expect: 'pending',
      });
      const fact = (name: 'observation.webhook.dead' | 'observation.webhook.gone', data: object): Change => ({
        kind: 'append_event',
        event: { name, at: now, data: { webhookId, name: running.webhook.name, ...data } },
      });
      if (dead) {
        changes.push(fact('observation.webhook.dead', { deliveryId: id, type: after.type, error: fault.report() }));
        log.warn({ webhookId, deliveryId: id, fault: fault.report() }, 'A message to a webhook was given up');
      }
      if (gone && running.webhook.state === 'on') {
        running.webhook = { ...running.webhook, state: 'gone' };
        changes.push(putWebhook(running.webhook), fact('observation.webhook.gone', {}));
      }
    }
    await store.apply(changes);
  };

  const look = (running: Running) => {
    inBackground('Events for a webhook could not be read', () => feed(running));
    pump(running);
  };

  const newWebhook = async (id: string, wish: NewWebhook, fromConfig: boolean): Promise<Webhook> => ({
    id,
    name: wish.name,
    url: wish.url,
    events: [...wish.events],
    secret: wish.secret ?? `whsec_${randomBytes(32).toString('base64')}`,
    allowPrivate: wish.allowPrivate,
    state: 'on',
    fromConfig,
    createdAt: clock.now(),
    cursor: await store.eventCursor(),
  });

  const drop = async (id: string) => {
    hooks.delete(id);
    await store.apply([
      { kind: 'delete_document', collection, key: id },
      { kind: 'delete_deliveries', webhookId: id },
    ]);
  };

  const again = async (running: Running, delivery: Delivery): Promise<Delivery> => {
    const now = clock.now();
    const next: Delivery = { ...delivery, state: 'pending', attempts: 0, queuedAt: now, dueAt: now };
    await store.apply([{ kind: 'put_delivery', delivery: next, expect: delivery.state }]);
    pump(running);
    return next;
  };

  return {
    start: async () => {
      for (const { value } of await store.documents(collection)) {
        const webhook = value as Webhook;
        if (!hooks.has(webhook.id)) run(webhook);
      }
      stopListening = store.onEvents(() => {
        for (const running of hooks.values())
          inBackground('Events for a webhook could not be read', () => feed(running));
      });
      for (const running of hooks.values()) look(running);
      timer = setInterval(() => {
        for (const running of hooks.values()) look(running);
      }, lookMs).unref();
    },

    stop: async () => {
      clearInterval(timer);
      stopListening();
      ending.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      while (work.size > 0) await Promise.all(work);
    },

    list: () => [...hooks.values()].map(({ webhook }) => webhook).sort((one, other) => one.createdAt - other.createdAt),

    create: async (wish) => {
      const webhook = await newWebhook(newId(), wish, false);
      sinkOf(webhook);
      await store.apply([putWebhook(webhook)]);
      run(webhook);
      return webhook;
    },

    configure: async (wishes) => {
      const wanted = new Map<string, Webhook>();
      for (const wish of wishes) {
        const id = `config-${createHash('sha256').update(wish.name).digest('hex').slice(0, 16)}`;
        const old = (hooks.get(id)?.webhook ?? (await store.document(collection, id))) as Webhook | undefined;
        const fresh = await newWebhook(id, wish, true);
        const next =
          old === undefined
            ? fresh
            : { ...fresh, ...{ cursor: old.cursor, createdAt: old.createdAt, state: old.state } };
        sinkOf(next);
        wanted.set(id, next);
      }
      for (const { value } of await store.documents(collection)) {
        const { id, fromConfig } = value as Webhook;
        if (fromConfig && !wanted.has(id)) await drop(id);
      }
      for (const webhook of wanted.values()) {
        await store.apply([putWebhook(webhook)]);
        const running = hooks.get(webhook.id);
        if (running === undefined) run(webhook);
        // The cursor may have moved while the configuration was read.
        else {
          running.webhook = { ...webhook, cursor: running.webhook.cursor };
          running.sink = sinkOf(webhook);
        }
      }
    },

    remove: async (id) => {
      if (known(id).webhook.fromConfig) {
        throw new Fault('state_conflict', 'This webhook comes from the configuration; take it out there.');
      }
      await drop(id);
    },

    resume: async (id) => {
      const running = known(id);
      running.webhook = { ...running.webhook, state: 'on' };
      await store.apply([putWebhook(running.webhook)]);
      look(running);
      return running.webhook;
    },

    test: async (id) => {
      const running = known(id);
      const now = clock.now();
      const delivery: Delivery = {
        ...{ id: `msg_${newId()}`, webhookId: id, type: 'wherry.test', state: 'pending' },
        payload: payloadOf('wherry.test', now, { text: 'A test: this webhook is reached.' }),
        ...{ createdAt: now, queuedAt: now, dueAt: null, attempts: 0, last: null },
      };
      const outcome = await attempt(running, delivery);
      if (outcome === undefined) throw new Fault('interrupted', 'Wherry is shutting down.');
      const after: Delivery = {
        ...outcome.after,
        dueAt: null,
        state: outcome.fault === undefined ? 'delivered' : 'dead',
      };
      await store.apply([{ kind: 'put_delivery', delivery: after, expect: 'absent' }]);
      return after;
    },

    page: (webhookId, query) => {
      known(webhookId);
      return store.deliveries({ webhookId, ...query });
    },
    counts: (webhookId) => store.countDeliveries(webhookId),

    replay: async (webhookId, deliveryId) => {
      const running = known(webhookId);
      const delivery = await store.delivery(deliveryId);
      if (delivery?.webhookId !== webhookId) throw new Fault('not_found', `This webhook has no message ${deliveryId}.`);
      return again(running, delivery);
    },

    replayDead: async (webhookId) => {
      const running = known(webhookId);
      let count = 0;
      // By its cursor: one that fails again at once is not met a second time.
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: Page<Delivery> = await store.deliveries({
          ...{ webhookId, state: 'dead', limit: 1000 },
          ...(cursor === undefined ? {} : { cursor }),
        });
        const { rows } = page;
        cursor = page.nextCursor;
        const now = clock.now();
        await store.apply(
          rows.map(
            (delivery): Change => ({
              kind: 'put_delivery',
              expect: 'dead',
              delivery: { ...delivery, state: 'pending', attempts: 0, queuedAt: now, dueAt: now },
            }),
          ),
        );
        count += rows.length;
        pump(running);
      }
      return count;
    },
  };
}

/** As Standard Webhooks wants it. */
function payloadOf(type: string, at: number, data: unknown): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}
