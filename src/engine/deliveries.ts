// The webhooks of a daemon: made, changed and removed, each with its runner; what became of their messages, and sending them again.

import { createHash, randomBytes } from 'node:crypto';
import type { NewId } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { Delivery, DeliveryState, Webhook } from '../model/webhook.ts';
import type { Page } from '../store/store.ts';
import { defaultRetryRules, type RetryRules } from './retry.ts';
import {
  createWebhookRunner,
  payloadOf,
  putWebhook,
  type RunnerParts,
  type WebhookRunner,
  webhookCollection,
} from './webhook-runner.ts';

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
  /** Its name, address, events; its secret and its messages stay. One that was `gone` is sent to again at a new address. Rejects as `create` and `remove`. */
  edit(id: string, wish: Omit<NewWebhook, 'secret'>): Promise<Webhook>;
  /** Nothing is sent to it until it is resumed; its events gather meanwhile. Rejects with `not_found`. */
  pause(id: string): Promise<Webhook>;
  /** One that was paused or `gone` is sent to again. Rejects with `not_found`. */
  resume(id: string): Promise<Webhook>;
  /** Until when its receiver has asked to be left alone; null where it has not. */
  heldUntil(id: string): number | null;
  /** Sends one message now, once, and gives what became of it. Rejects with `not_found`. */
  test(id: string): Promise<Delivery>;
  page(webhookId: string, query: { state?: DeliveryState; cursor?: string; limit?: number }): Promise<Page<Delivery>>;
  counts(webhookId: string): Promise<Readonly<Record<DeliveryState, number>>>;
  /** Sends it again, under its id. Rejects with `not_found`. */
  replay(webhookId: string, deliveryId: string): Promise<Delivery>;
  /** All dead ones of a webhook; resolves with how many. Rejects with `not_found`. */
  replayDead(webhookId: string): Promise<number>;
}

export interface DeliveriesParts extends Omit<RunnerParts, 'rules' | 'ending' | 'inBackground'> {
  readonly newId: NewId;
  readonly rules?: RetryRules;
}

const lookMs = 1_000;

export function createDeliveries(parts: DeliveriesParts): Deliveries {
  const { store, clock, newId, log } = parts;
  const runners = new Map<string, WebhookRunner>();
  const work = new Set<Promise<void>>();
  const ending = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let stopListening: () => void = () => undefined;

  const runnerParts: RunnerParts = {
    ...parts,
    rules: parts.rules ?? deliveryRetryRules,
    ending: ending.signal,
    inBackground: (what, task) => {
      const doing = task().catch((error: unknown) => {
        log.warn({ fault: asFault(error).report() }, `${what}; it is tried again`);
      });
      work.add(doing);
      void doing.finally(() => work.delete(doing));
    },
  };
  const open = (webhook: Webhook) => {
    runners.set(webhook.id, createWebhookRunner(runnerParts, webhook));
  };
  const known = (id: string): WebhookRunner => {
    const runner = runners.get(id);
    if (runner === undefined) throw new Fault('not_found', `There is no webhook ${id}.`);
    return runner;
  };
  const ownOf = (id: string): WebhookRunner => {
    const runner = known(id);
    if (runner.webhook.fromConfig) {
      throw new Fault('state_conflict', 'This webhook comes from the configuration; change it there.');
    }
    return runner;
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
    runners.get(id)?.close();
    runners.delete(id);
    await store.apply([
      { kind: 'delete_document', collection: webhookCollection, key: id },
      { kind: 'delete_deliveries', webhookId: id },
    ]);
  };

  return {
    start: async () => {
      for (const { value } of await store.documents(webhookCollection)) {
        const webhook = value as Webhook;
        if (!runners.has(webhook.id)) open(webhook);
      }
      stopListening = store.onEvents(() => {
        for (const runner of runners.values()) runner.feed();
      });
      const look = () => {
        for (const runner of runners.values()) runner.look();
      };
      look();
      timer = setInterval(look, lookMs).unref();
    },

    stop: async () => {
      clearInterval(timer);
      stopListening();
      ending.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      while (work.size > 0) await Promise.all(work);
    },

    list: () =>
      [...runners.values()].map(({ webhook }) => webhook).sort((one, other) => one.createdAt - other.createdAt),

    create: async (wish) => {
      const webhook = await newWebhook(newId(), wish, false);
      const runner = createWebhookRunner(runnerParts, webhook);
      await store.apply([putWebhook(webhook)]);
      runners.set(webhook.id, runner);
      return webhook;
    },

    configure: async (wishes) => {
      const wanted = new Map<string, Webhook>();
      for (const wish of wishes) {
        const id = `config-${createHash('sha256').update(wish.name).digest('hex').slice(0, 16)}`;
        const old = (runners.get(id)?.webhook ?? (await store.document(webhookCollection, id))) as Webhook | undefined;
        const fresh = await newWebhook(id, wish, true);
        const next =
          old === undefined
            ? fresh
            : { ...fresh, ...{ cursor: old.cursor, createdAt: old.createdAt, state: old.state } };
        createWebhookRunner(runnerParts, next);
        wanted.set(id, next);
      }
      for (const { value } of await store.documents(webhookCollection)) {
        const { id, fromConfig } = value as Webhook;
        if (fromConfig && !wanted.has(id)) await drop(id);
      }
      for (const webhook of wanted.values()) {
        const running = runners.get(webhook.id);
        if (running === undefined) {
          await store.apply([putWebhook(webhook)]);
          open(webhook);
        } else {
          const { name, url, events, secret, allowPrivate } = webhook;
          await running.become({ name, url, events, secret, allowPrivate });
        }
      }
    },

    remove: async (id) => {
      ownOf(id);
      await drop(id);
    },

    edit: async (id, { name, url, events, allowPrivate }) => {
      const runner = ownOf(id);
      const { webhook } = runner;
      const state = webhook.state === 'gone' && url !== webhook.url ? 'on' : webhook.state;
      return runner.become({ name, url, events: [...events], allowPrivate, state });
    },
    pause: async (id) => known(id).become({ state: 'paused' }),
    resume: async (id) => known(id).become({ state: 'on' }),
    heldUntil: (id) => known(id).heldUntil,

    test: async (id) => {
      const runner = known(id);
      const now = clock.now();
      const after = await runner.sendOnce({
        ...{ id: `msg_${newId()}`, webhookId: id, type: 'wherry.test', state: 'pending' },
        payload: payloadOf('wherry.test', now, { text: 'A test: this webhook is reached.' }),
        ...{ createdAt: now, queuedAt: now, dueAt: null, attempts: 0, last: null },
      });
      known(id);
      const ended: Delivery = after.state === 'delivered' ? after : { ...after, state: 'dead' };
      await store.apply([{ kind: 'put_delivery', delivery: ended, expect: 'absent' }]);
      return ended;
    },

    page: (webhookId, query) => {
      known(webhookId);
      return store.deliveries({ webhookId, ...query });
    },
    counts: (webhookId) => store.countDeliveries(webhookId),

    replay: async (webhookId, deliveryId) => {
      const runner = known(webhookId);
      // An attempt may end between reading and writing; then its outcome is read, and it is sent again all the same.
      for (;;) {
        const delivery = await store.delivery(deliveryId);
        if (delivery?.webhookId !== webhookId) {
          throw new Fault('not_found', `This webhook has no message ${deliveryId}.`);
        }
        const [again] = await runner.sendAgain([delivery]);
        if (again !== undefined) return again;
      }
    },

    replayDead: async (webhookId) => {
      const runner = known(webhookId);
      let count = 0;
      // By its cursor: one that fails again at once is not met a second time.
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const page: Page<Delivery> = await store.deliveries({
          ...{ webhookId, state: 'dead', limit: 1000 },
          ...(cursor === undefined ? {} : { cursor }),
        });
        cursor = page.nextCursor;
        count += (await runner.sendAgain(page.rows)).length;
      }
      return count;
    },
  };
}
