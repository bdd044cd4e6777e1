// The drawer of one webhook: how it is, what it is told of, its messages with what became of each, and what can be done.

import { useState } from 'react';
import type { WebhookView } from '../../../src/model/webhook-views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { useAsking } from '../../live/use-asking.ts';
import { useNow } from '../../live/use-now.ts';
import { webhooksKey } from '../../live/use-webhooks.ts';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { ShownOnce } from '../../parts/shown-once.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go } from '../../router.ts';
import { count, counted } from '../../words/amounts.ts';
import { exactMoment } from '../../words/times.ts';
import { webhookLook, webhookSentence } from '../../words/webhooks.ts';
import { Messages } from './messages.tsx';

interface WebhookDrawerProps {
  webhook: WebhookView;
  /** Right after it was made. */
  secret: string | undefined;
  onClose: () => void;
}

export function WebhookDrawer({ webhook, secret, onClose }: WebhookDrawerProps) {
  const { name, url, events, allowPrivate, createdAt, counts } = webhook;
  const nowMs = useNow(1000);
  return (
    <Drawer
      title={<span className="break-words">{name}</span>}
      label={`Webhook ${name}`}
      onClose={onClose}
      footer={<Verbs webhook={webhook} />}
    >
      <section aria-label="State" className="flex flex-col gap-2 p-4">
        <div className="text-14 font-medium">
          <StateMark look={webhookLook(webhook)} />
        </div>
        <p>{webhookSentence(webhook, nowMs)}</p>
        <p className="text-12 text-ink-faint tabular-nums">
          {count(counts.delivered)} taken · {count(counts.pending)} waiting · {count(counts.dead)} given up
        </p>
        {secret !== undefined && <ShownOnce secret={secret} what="the secret" />}
      </section>
      <Section title="What it is told">
        <Facts
          rows={[
            [
              'Address',
              <code key="url" className="wrap-anywhere font-mono text-12">
                {url}
              </code>,
            ],
            [
              'Events',
              <ul key="events" className="font-mono text-12">
                {events.map((event) => (
                  <li key={event} className="wrap-anywhere">
                    {event}
                  </li>
                ))}
              </ul>,
            ],
            ['Reach', allowPrivate ? 'Public and private addresses' : 'Public addresses only'],
            ['Since', exactMoment(Date.parse(createdAt))],
          ]}
        />
      </Section>
      <Messages webhook={webhook} />
    </Drawer>
  );
}

function Verbs({ webhook }: { webhook: WebhookView }) {
  const [asking, setAsking] = useState(false);
  const { busy, ask } = useAsking(webhooksKey);
  const params = { id: webhook.id };
  const test = async () => {
    const { last } = await api.call('testWebhook', { params });
    if (last?.error) throw new Error(last.error.message);
    return `It answered ${last?.status} in ${last?.tookMs} ms.`;
  };
  if (asking) {
    return (
      <Confirm
        label="Remove?"
        verb="Remove it"
        onYes={() =>
          void ask(async () => {
            await api.call('removeWebhook', { params });
            go('/webhooks');
            return 'The webhook is removed.';
          })
        }
        onNo={() => setAsking(false)}
      >
        Remove it with its {counted(webhook.counts.pending + webhook.counts.dead, 'untaken message')}?
      </Confirm>
    );
  }
  return (
    <div className="flex flex-wrap gap-2">
      {webhook.state === 'on' ? (
        <Button
          icon="pause"
          onClick={() => void ask(() => api.call('pauseWebhook', { params }).then(() => 'Paused: events gather.'))}
        >
          Pause
        </Button>
      ) : (
        <Button
          icon="play"
          weight="strong"
          onClick={() => void ask(() => api.call('resumeWebhook', { params }).then(() => 'It is told again.'))}
        >
          Resume
        </Button>
      )}
      <Button icon="arrow" disabled={busy} onClick={() => void ask(test)}>
        Send a test
      </Button>
      {!webhook.fromConfig && (
        <>
          <Button icon="settings" onClick={() => go(`/webhooks/${webhook.id}?edit=1`)}>
            Change
          </Button>
          <Button icon="cancel" onClick={() => setAsking(true)}>
            Remove
          </Button>
        </>
      )}
      {webhook.fromConfig && (
        <p className="self-center text-12 text-ink-faint">Set up in wherry.yaml; changed and removed there.</p>
      )}
    </div>
  );
}
