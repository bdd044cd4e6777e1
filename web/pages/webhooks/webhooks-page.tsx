// The page of webhooks: who is told of events by HTTP, how each is, and the drawer of one of them or of a new one.

import { useCallback, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { WebhookView } from '../../../src/model/webhook-views.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { useNow } from '../../live/use-now.ts';
import { useWebhooks } from '../../live/use-webhooks.ts';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { ListEntry } from '../../parts/list-entry.tsx';
import { go, useAddress } from '../../router.ts';
import { counted } from '../../words/amounts.ts';
import { webhookLook, webhookSentence } from '../../words/webhooks.ts';
import { WebhookDrawer } from './webhook-drawer.tsx';
import { WebhookFormDrawer } from './webhook-form-drawer.tsx';

export function WebhooksPage({ open }: { open: string | undefined }) {
  const { query } = useAddress();
  const { data, error } = useWebhooks();
  const [made, setMade] = useState<{ readonly id: string; readonly secret: string }>();
  const close = useCallback(() => {
    setMade(undefined);
    go('/webhooks');
  }, []);
  const opened = data?.rows.find((webhook) => webhook.id === open);
  const isEdited = query.get('edit') === '1';
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageTabs end={<ButtonLink href="/webhooks/new">Add a webhook</ButtonLink>} />
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {data?.rows.length === 0 && (
          <EmptyState
            title="Nobody is told by HTTP"
            action={<ButtonLink href="/webhooks/new">Add a webhook</ButtonLink>}
            command="wherry webhooks add https://desk.example/hook"
          >
            A webhook tells another program what happens here: a signed message for each event that it wants, sent again
            until it is taken.
          </EmptyState>
        )}
        {data !== undefined && data.rows.length > 0 && (
          <ul className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
            {data.rows.map((webhook) => (
              <WebhookRow key={webhook.id} webhook={webhook} open={webhook.id === open} />
            ))}
          </ul>
        )}
      </div>
      {open === 'new' && <WebhookFormDrawer webhook={undefined} onMade={setMade} onClose={close} />}
      {opened !== undefined && isEdited && (
        <WebhookFormDrawer
          key={opened.id}
          webhook={opened}
          onMade={setMade}
          onClose={() => go(`/webhooks/${opened.id}`)}
        />
      )}
      {opened !== undefined && !isEdited && (
        <WebhookDrawer
          key={opened.id}
          webhook={opened}
          secret={made?.id === opened.id ? made.secret : undefined}
          onClose={close}
        />
      )}
    </>
  );
}

function WebhookRow({ webhook, open }: { webhook: WebhookView; open: boolean }) {
  const nowMs = useNow(5000);
  return (
    <ListEntry
      href={`/webhooks/${webhook.id}`}
      open={open}
      look={webhookLook(webhook)}
      name={webhook.name}
      detail={webhook.url}
      detailTitle={webhook.url}
      sentence={webhookSentence(webhook, nowMs)}
      figures={`${counted(webhook.counts.delivered, 'message')} taken`}
    />
  );
}
