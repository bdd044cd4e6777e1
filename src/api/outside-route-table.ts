// The part of the route table that is about who is told outside: webhooks and sinks.

import { z } from 'zod';
import { setAsideChoiceSchema, setAsideViewSchema, sinkViewSchema } from '../model/sink-views.ts';
import { pageSchema } from '../model/views.ts';
import {
  createdWebhookSchema,
  deliveryStateSchema,
  deliveryViewSchema,
  webhookBodySchema,
  webhookViewSchema,
} from '../model/webhook-views.ts';
import { cursor, id, limit } from './route-parts.ts';

const nothing = z.undefined();

export const outsideRouteTable = {
  listWebhooks: {
    summary: 'Webhooks, without their secrets',
    scope: 'admin',
    output: z.object({ rows: z.array(webhookViewSchema) }),
  },
  createWebhook: {
    summary: 'A new webhook for events from now on; its secret is shown this once',
    scope: 'admin',
    problems: ['unsupported'],
    body: webhookBodySchema,
    output: createdWebhookSchema,
    status: 201,
    secretAnswer: true,
  },
  editWebhook: {
    summary: 'Change a webhook; its secret and its messages stay',
    scope: 'admin',
    problems: ['state_conflict', 'unsupported'],
    params: id,
    body: webhookBodySchema,
    output: webhookViewSchema,
  },
  removeWebhook: {
    summary: 'Remove a webhook and its messages',
    scope: 'admin',
    problems: ['state_conflict'],
    params: id,
    output: nothing,
    form: 'none',
    status: 204,
  },
  pauseWebhook: {
    summary: 'Send nothing to a webhook until it is resumed; its events gather meanwhile',
    scope: 'admin',
    params: id,
    output: webhookViewSchema,
  },
  resumeWebhook: {
    summary: 'Send again to a webhook that was paused, or whose receiver had answered 410',
    scope: 'admin',
    params: id,
    output: webhookViewSchema,
  },
  testWebhook: {
    summary: 'Send one message of the type wherry.test now, once',
    scope: 'admin',
    params: id,
    output: deliveryViewSchema,
  },
  listDeliveries: {
    summary: 'Messages of a webhook, newest first',
    scope: 'admin',
    params: id,
    query: z.strictObject({ state: deliveryStateSchema.optional(), cursor, limit }),
    output: pageSchema(deliveryViewSchema),
  },
  replayDelivery: {
    summary: 'Send a message again under its id',
    scope: 'admin',
    params: id.extend({ delivery: z.string().min(1).max(64) }),
    output: deliveryViewSchema,
  },
  replayDead: {
    summary: 'Send all messages again that were given up',
    scope: 'admin',
    params: id,
    output: z.object({ replayed: z.int() }),
  },
  listSinks: {
    summary: 'Sinks of the configuration, by name, each with how far it has come',
    scope: 'read',
    output: z.object({ rows: z.array(sinkViewSchema) }),
  },
  listSetAside: {
    summary: 'What a sink will not take, oldest first',
    scope: 'read',
    params: id,
    output: z.object({ rows: z.array(setAsideViewSchema) }),
  },
  replaySetAside: {
    summary: 'Tell a sink once more what was set aside',
    scope: 'write',
    params: id,
    body: setAsideChoiceSchema,
    output: z.object({
      taken: z.int().describe('It has them now'),
      refused: z.int().describe('They stay set aside'),
    }),
  },
  dropSetAside: {
    summary: 'Never tell a sink what was set aside',
    scope: 'write',
    params: id,
    body: setAsideChoiceSchema,
    output: z.object({ dropped: z.int() }),
  },
  retrySink: {
    summary: 'Tell a sink now what it was to be told again later',
    scope: 'write',
    params: id,
    output: sinkViewSchema,
  },
} as const;
