// Webhooks: made, listed, changed, paused, tested and removed; their messages looked at and sent again.

import type { Delivery, Webhook } from '../../model/webhook.ts';
import type { DeliveryView, WebhookView } from '../../model/webhook-views.ts';
import { faultView, isoTime } from '../present.ts';
import { route, type Services } from '../route.ts';

export const webhookRoutes = [
  route('listWebhooks', async (_, services) => ({
    rows: await Promise.all(services.deliveries.list().map((webhook) => webhookView(webhook, services))),
  })),
  route('createWebhook', async ({ body }, services) => {
    const webhook = await services.deliveries.create(body);
    return { ...(await webhookView(webhook, services)), secret: webhook.secret };
  }),
  route('editWebhook', async ({ params, body }, services) =>
    webhookView(await services.deliveries.edit(params.id, body), services),
  ),
  route('removeWebhook', async ({ params }, { deliveries }) => {
    await deliveries.remove(params.id);
    return undefined;
  }),
  route('pauseWebhook', async ({ params }, services) =>
    webhookView(await services.deliveries.pause(params.id), services),
  ),
  route('resumeWebhook', async ({ params }, services) =>
    webhookView(await services.deliveries.resume(params.id), services),
  ),
  route('testWebhook', async ({ params }, { deliveries }) => deliveryView(await deliveries.test(params.id))),
  route('listDeliveries', async ({ params, query }, { deliveries }) => {
    const { rows, nextCursor } = await deliveries.page(params.id, {
      limit: query.limit,
      ...(query.state === undefined ? {} : { state: query.state }),
      ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
    });
    return { rows: rows.map(deliveryView), nextCursor };
  }),
  route('replayDelivery', async ({ params }, { deliveries }) =>
    deliveryView(await deliveries.replay(params.id, params.delivery)),
  ),
  route('replayDead', async ({ params }, { deliveries }) => ({ replayed: await deliveries.replayDead(params.id) })),
];

async function webhookView(webhook: Webhook, { deliveries }: Services): Promise<WebhookView> {
  const { id, name, url, events, allowPrivate, state, fromConfig, createdAt } = webhook;
  const heldUntil = deliveries.heldUntil(id);
  return {
    ...{ id, name, url, events: [...events], allowPrivate, state, fromConfig, createdAt: isoTime(createdAt) },
    heldUntil: heldUntil === null ? null : isoTime(heldUntil),
    counts: await deliveries.counts(id),
  };
}

function deliveryView({ id, type, payload, state, createdAt, dueAt, attempts, last }: Delivery): DeliveryView {
  return {
    ...{ id, type, payload, state, attempts },
    createdAt: isoTime(createdAt),
    dueAt: dueAt === null ? null : isoTime(dueAt),
    last:
      last === null
        ? null
        : { ...last, at: isoTime(last.at), error: last.error === null ? null : faultView(last.error) },
  };
}
