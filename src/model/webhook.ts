// Webhooks: who wants to be told of events by HTTP, and what became of each message.

import { eventNameMatches } from './event.ts';
import type { FaultReport } from './fault.ts';

export interface Webhook {
  readonly id: string;
  readonly name: string;
  readonly url: string;
  /** Names of events, or beginnings of names with `*`: `observation.transfer.*`. */
  readonly events: readonly string[];
  /** `whsec_` and base64. It signs, so it has to be kept as it is. */
  readonly secret: string;
  /** True where it may be at a private or loopback address. */
  readonly allowPrivate: boolean;
  readonly state: WebhookState;
  readonly fromConfig: boolean;
  readonly createdAt: number;
  /** Events up to here have their messages. */
  readonly cursor: string;
}

/** Nothing is sent until somebody resumes it where it is `paused`, or `gone`: its receiver has said 410. */
export const webhookStates = ['on', 'paused', 'gone'] as const;
export type WebhookState = (typeof webhookStates)[number];

export const deliveryStates = ['pending', 'delivered', 'dead'] as const;
/** `dead`: given up; it stays until it is replayed or too old. */
export type DeliveryState = (typeof deliveryStates)[number];

/** One event on its way to one webhook. */
export interface Delivery {
  /** The `webhook-id`: one for an event and a webhook, the same at every attempt and replay. */
  readonly id: string;
  readonly webhookId: string;
  readonly type: string;
  /** The body, the same at every attempt. */
  readonly payload: string;
  readonly state: DeliveryState;
  readonly createdAt: number;
  /** When its present window of attempts began. */
  readonly queuedAt: number;
  /** When it is tried next; null where it is not. */
  readonly dueAt: number | null;
  readonly attempts: number;
  readonly last: DeliveryAttempt | null;
}

export interface DeliveryAttempt {
  readonly at: number;
  readonly tookMs: number;
  /** Null where no answer came. */
  readonly status: number | null;
  readonly error: FaultReport | null;
}

/** Messages about webhooks themselves go to none, or each failure would make another message. */
export function wants({ events }: Pick<Webhook, 'events'>, name: string): boolean {
  if (name.startsWith('observation.webhook.')) return false;
  return events.some((pattern) => eventNameMatches(pattern, name));
}
