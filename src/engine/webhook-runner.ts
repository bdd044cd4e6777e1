// One webhook while the daemon runs: events become messages in the ledger, and each message is tried until it is taken or given up.

import { createHash } from 'node:crypto';
import type { Clock, Random } from '../model/clock.ts';
import type { StoredEvent } from '../model/event.ts';
import { asFault, Fault } from '../model/fault.ts';
import { type Delivery, type Webhook, wants } from '../model/webhook.ts';
import type { Sink } from '../sinks/sink.ts';
import { NotTaken } from '../sinks/webhook.ts';
import type { Change, Store } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';
import { decide, type RetryRules } from './retry.ts';

export interface WebhookRunner {
  readonly webhook: Webhook;
  /** Nothing is sent before then: the receiver has asked for a pause. Null where it has not. */
  readonly heldUntil: number | null;
  /** Takes up new events. */
  feed(): void;
  /** Takes up new events, and messages that are due. */
  look(): void;
  /** Puts these in the place of what it had, in the ledger too; its cursor stays. What was asked before then no longer ends it. */
  become(change: Partial<Omit<Webhook, 'id' | 'cursor'>>): Promise<Webhook>;
  /** One attempt of a message that is not in the ledger yet, whatever the webhook's state. Rejects with `interrupted`. */
  sendOnce(delivery: Delivery): Promise<Delivery>;
  /** Opens new windows for messages that are still as they were read; gives those for which it did. */
  sendAgain(deliveries: readonly Delivery[]): Promise<readonly Delivery[]>;
  /** Nothing is written any more; what is under way ends unheard. */
  close(): void;
}

/** What all webhooks of a daemon share. */
export interface RunnerParts {
  readonly store: Store;
  readonly openSink: (options: { url: string; secret: string; allowPrivate: boolean }) => Sink;
  /** What an event looks like outside. */
  readonly present: (event: StoredEvent) => unknown;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: EngineLog;
  readonly rules: RetryRules;
  /** Aborted when the daemon stops. */
  readonly ending: AbortSignal;
  /** Does it, and logs what it rejects with; the daemon waits for it when it stops. */
  inBackground(what: string, task: () => Promise<void>): void;
}

export const webhookCollection = 'webhooks';

const eventsAtOnce = 200;
/** Messages that may wait for one webhook; further events stay in the event table. */
const mostPending = 1_000;
/** A page in which nothing was wanted is noted this seldom: it would only be read again. */
const notedPages = 10;
const atOnce = 4;
/** A receiver that asks for more than this is asked again after it all the same. */
const mostHoldMs = 24 * 3_600_000;

export function putWebhook(webhook: Webhook): Change {
  return { kind: 'put_document', collection: webhookCollection, key: webhook.id, value: webhook };
}

/** The body of a message, as Standard Webhooks wants it. */
export function payloadOf(type: string, at: number, data: unknown): string {
  return JSON.stringify({ type, timestamp: new Date(at).toISOString(), data });
}

/** Rejects with `invalid` or `unsupported`: the address or secret is none. Does nothing until it is asked to look. */
export function createWebhookRunner(parts: RunnerParts, first: Webhook): WebhookRunner {
  const { store, clock, random, log, rules, ending, inBackground } = parts;
  const sinkOf = ({ url, secret, allowPrivate }: Webhook) => parts.openSink({ url, secret, allowPrivate });
  let webhook = first;
  let sink = sinkOf(first);
  let closed = false;
  let heldUntil: number | null = null;
  /** Grows with each change: a 410 to what was sent before the change says nothing about it. */
  let generation = 0;
  let feeding = false;
  let feedAgain = false;
  let unnoted = 0;
  let pumping = false;
  let pumpAgain = false;
  const underWay = new Set<string>();
  /** Of the messages that were read last, those that have ended meanwhile: what was read of them is out of date. */
  const ended = new Set<string>();
  /** Messages that somebody has sent again while they were under way; their new window. */
  const renewed = new Map<string, Delivery>();

  const isOver = () => closed || ending.aborted;
  const isHeld = () => heldUntil !== null && clock.now() < heldUntil;

  /** Makes messages of the events after the cursor; the cursor moves in the same commit, so each event has one. */
  const takeUpEvents = async (): Promise<void> => {
    if (feeding) {
      feedAgain = true;
      return;
    }
    feeding = true;
    try {
      do {
        feedAgain = false;
        while (!isOver() && (await store.countDeliveries(webhook.id, 'pending')).pending < mostPending) {
          const { events, cursor } = await store.events({ since: webhook.cursor, limit: eventsAtOnce });
          if (events.length === 0 || isOver()) break;
          const now = clock.now();
          const messages = events.filter(({ name }) => wants(webhook, name));
          unnoted += 1;
          if (messages.length > 0 || unnoted >= notedPages) {
            await store.apply([
              ...messages.map(
                (event): Change => ({ kind: 'put_delivery', expect: 'absent', delivery: messageOf(event, now) }),
              ),
              putWebhook({ ...webhook, cursor }),
            ]);
            unnoted = 0;
          }
          // Only once it is written: else events would be passed over. The webhook may have been changed meanwhile.
          webhook = { ...webhook, cursor };
          pump();
        }
      } while (feedAgain && !isOver());
    } finally {
      feeding = false;
    }
  };

  const messageOf = (event: StoredEvent, now: number): Delivery => ({
    id: `msg_${createHash('sha256').update(`${webhook.id} ${event.cursor}`).digest('hex').slice(0, 32)}`,
    webhookId: webhook.id,
    type: event.name,
    payload: payloadOf(event.name, event.at, parts.present(event)),
    state: 'pending',
    createdAt: now,
    queuedAt: now,
    dueAt: now,
    attempts: 0,
    last: null,
  });

  const maySend = () => !isOver() && webhook.state === 'on' && underWay.size < atOnce && !isHeld();

  const pump = () => {
    if (pumping) pumpAgain = true;
    if (pumping || !maySend()) return;
    pumping = true;
    inBackground('Messages to a webhook could not be read', async () => {
      try {
        do {
          pumpAgain = false;
          ended.clear();
          for (const delivery of await store.dueDeliveries(webhook.id, clock.now(), atOnce * 2)) {
            if (!maySend()) break;
            if (!underWay.has(delivery.id) && !ended.has(delivery.id)) begin(delivery);
          }
        } while (pumpAgain && !isOver());
      } finally {
        pumping = false;
      }
    });
  };

  const begin = (delivery: Delivery) => {
    underWay.add(delivery.id);
    inBackground('A message to a webhook could not be noted', async () => {
      try {
        await deliver(delivery);
      } finally {
        ended.add(delivery.id);
        underWay.delete(delivery.id);
        renewed.delete(delivery.id);
      }
      pump();
    });
  };

  /** One attempt. Resolves with the delivery after it; undefined where it was ended from outside. */
  const attempt = async (delivery: Delivery) => {
    const at = clock.now();
    const began = clock.monotonic();
    const base = { ...delivery, attempts: delivery.attempts + 1 };
    const last = (status: number | null, fault: Fault | null) => ({
      ...{ at, tookMs: Math.round(clock.monotonic() - began), status },
      error: fault === null ? null : fault.report(),
    });
    try {
      const { status } = await sink.send(delivery, { signal: ending, now: at });
      const after: Delivery = { ...base, state: 'delivered', dueAt: null, last: last(status, null) };
      return { after, fault: undefined };
    } catch (error) {
      if (ending.aborted) return undefined;
      const fault = asFault(error);
      const after: Delivery = { ...base, last: last(fault instanceof NotTaken ? fault.status : null, fault) };
      return { after, fault };
    }
  };

  const deliver = async (delivery: Delivery): Promise<void> => {
    const asOf = generation;
    const outcome = await attempt(delivery);
    if (outcome === undefined || isOver()) return;
    const { after, fault } = outcome;
    await store.apply(fault === undefined ? [rewritten(after)] : notTaken(after, fault, asOf));
  };

  const rewritten = (delivery: Delivery): Change => ({ kind: 'put_delivery', delivery, expect: 'pending' });

  /** What follows from an attempt that failed: it is tried later, or given up. */
  const notTaken = (after: Delivery, fault: Fault, asOf: number): Change[] => {
    const now = clock.now();
    const again = renewed.get(after.id);
    if (fault instanceof NotTaken && fault.retryAfterMs !== null) {
      const until = now + Math.min(fault.retryAfterMs, mostHoldMs);
      heldUntil = Math.max(heldUntil ?? 0, until);
    }
    const isGone = fault instanceof NotTaken && fault.status === 410 && asOf === generation;
    if (again !== undefined) return [rewritten({ ...again, last: after.last }), ...(isGone ? goneNow(now) : [])];
    const { id, queuedAt, attempts } = after;
    const decision = decide(fault, { attempts, firstQueuedAt: queuedAt }, now, random.next(), rules);
    if (!isGone && decision.kind === 'wait') {
      return [rewritten({ ...after, state: 'pending', dueAt: Math.max(decision.until, heldUntil ?? 0) })];
    }
    log.warn({ webhookId: webhook.id, deliveryId: id, fault: fault.report() }, 'A message to a webhook was given up');
    const dead = fact('observation.webhook.dead', { deliveryId: id, type: after.type, error: fault.report() }, now);
    return [rewritten({ ...after, state: 'dead', dueAt: null }), dead, ...(isGone ? goneNow(now) : [])];
  };

  const goneNow = (now: number): Change[] => {
    if (webhook.state !== 'on') return [];
    webhook = { ...webhook, state: 'gone' };
    return [putWebhook(webhook), fact('observation.webhook.gone', {}, now)];
  };

  const fact = (name: 'observation.webhook.dead' | 'observation.webhook.gone', data: object, now: number): Change => ({
    kind: 'append_event',
    event: { name, at: now, data: { webhookId: webhook.id, name: webhook.name, ...data } },
  });

  const feed = () => inBackground('Events for a webhook could not be read', takeUpEvents);

  return {
    get webhook() {
      return webhook;
    },
    get heldUntil() {
      return isHeld() ? heldUntil : null;
    },
    feed,
    look: () => {
      feed();
      pump();
    },
    become: async (change) => {
      const next = { ...webhook, ...change };
      sink = sinkOf(next);
      webhook = next;
      generation += 1;
      heldUntil = null;
      await store.apply([putWebhook(webhook)]);
      feed();
      pump();
      return webhook;
    },
    sendOnce: async (delivery) => {
      const outcome = await attempt(delivery);
      if (outcome === undefined) throw new Fault('interrupted', 'Wherry is shutting down.');
      return outcome.after;
    },
    sendAgain: async (deliveries) => {
      const now = clock.now();
      const fresh = deliveries.map((one): Delivery => {
        const { id, webhookId, type, payload, createdAt, last } = one;
        return {
          id,
          webhookId,
          type,
          payload,
          createdAt,
          last,
          state: 'pending',
          attempts: 0,
          queuedAt: now,
          dueAt: now,
        };
      });
      // Before it is written: an attempt that ends meanwhile must not give up what was just asked for.
      for (const one of fresh) if (underWay.has(one.id)) renewed.set(one.id, one);
      const results = await store.apply(
        fresh.map((delivery, at) => ({
          ...{ kind: 'put_delivery', delivery },
          expect: deliveries[at]?.state ?? 'pending',
        })) satisfies Change[],
      );
      pump();
      return fresh.filter((_, at) => results[at]?.applied === true);
    },
    close: () => {
      closed = true;
    },
  };
}
