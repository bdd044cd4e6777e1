// What the API takes and gives of webhooks and their messages.

import { z } from 'zod';
import { faultViewSchema } from './views.ts';
import { deliveryStates, webhookStates } from './webhook.ts';
import { webhookEventsSchema } from './webhook-events.ts';

const time = z.iso.datetime();

export const webhookBodySchema = z.strictObject({
  name: z.string().min(1).max(200),
  url: z.string().min(1).max(2000).describe('http or https, without name and password'),
  events: webhookEventsSchema,
  allowPrivate: z.boolean().default(false).describe('It may be at a private or loopback address'),
});

export const webhookViewSchema = z.object({
  id: z.string(),
  name: z.string(),
  url: z.string(),
  events: z.array(z.string()),
  allowPrivate: z.boolean(),
  state: z
    .enum(webhookStates)
    .describe('Nothing is sent until it is resumed where it is paused, or gone: its receiver has answered 410'),
  heldUntil: time.nullable().describe('Nothing is sent before then: the receiver has asked for it (Retry-After)'),
  fromConfig: z.boolean(),
  createdAt: time,
  counts: z.object({ pending: z.int(), delivered: z.int(), dead: z.int() }).describe('Messages in the ledger'),
});
export type WebhookView = z.infer<typeof webhookViewSchema>;

export const createdWebhookSchema = webhookViewSchema.extend({ secret: z.string().describe('Shown this once') });

export const deliveryStateSchema = z.enum(deliveryStates);

export const deliveryViewSchema = z.object({
  id: z.string().describe('The `webhook-id`: the same at every attempt'),
  type: z.string(),
  payload: z.string(),
  state: deliveryStateSchema.describe('dead: given up; it can be replayed'),
  createdAt: time,
  dueAt: time.nullable().describe('When it is tried next'),
  attempts: z.int(),
  last: z
    .object({ at: time, tookMs: z.int(), status: z.int().nullable(), error: faultViewSchema.nullable() })
    .nullable()
    .describe('The last attempt; a null status: no answer came'),
});
export type DeliveryView = z.infer<typeof deliveryViewSchema>;
