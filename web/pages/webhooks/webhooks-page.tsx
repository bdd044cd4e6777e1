// The page of webhooks: who is told of events by HTTP, how each is, and the drawer of one of them or of a new one.

import { useCallback, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { WebhookView } from '../../../src/model/webhook-views.ts';
import { PageTabs } from '../../frame/page-tabs.tsx';
import { useNow } from '../../live/use-now.ts';
import { useWebhooks } from '../../live/use-webhooks.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Link } from '../../parts/link.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go, useAddress } from '../../router.ts';
import { counted } from '../../words/amounts.ts';
import { webhookLook, webhookSentence } from '../../words/webhooks.ts';
import { WebhookDrawer } from './webhook-drawer.tsx';
import { WebhookFormDrawer } from './webhook-form-drawer.tsx';

const strongLink =
  'inline-flex h-7 items-center rounded border border-ink bg-ink px-2.5 font-medium text-surface hover:opacity-85 coarse:h-10 coarse:px-4';

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
        <PageTabs
          end={
            <Link href="/webhooks/new" className={strongLink}>
              Add a webhook
            </Link>
          }
        />
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        {data?.rows.length === 0 && (
          <EmptyState title="Nobody is told by HTTP" command="wherry webhooks add https://desk.example/hook">
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
  const look = webhookLook(webhook);
  const { counts } = webhook;
  return (
    <li className={`border-b border-line ${open ? 'bg-tint-strong' : 'hover:bg-tint'}`}>
      <Link
        href={`/webhooks/${webhook.id}`}
        className="grid grid-cols-[116px_minmax(0,1fr)_minmax(0,300px)_150px] items-center gap-x-4 px-4 py-2.5 @max-[820px]:grid-cols-[minmax(0,1fr)_auto] @max-[820px]:gap-y-1"
      >
        <span className="@max-[820px]:order-2">
          <StateMark look={look} />
        </span>
        <span className="flex min-w-0 flex-col">
          <span className="truncate font-medium">{webhook.name}</span>
          <span className="truncate text-12 text-ink-faint" title={webhook.url}>
            {webhook.url}
          </span>
        </span>
        <span
          className={`min-w-0 truncate @max-[820px]:order-3 @max-[820px]:col-span-2 ${look.tone === 'needs' ? 'text-needs' : look.tone === 'waits' ? 'text-waits' : 'text-ink-soft'}`}
        >
          {webhookSentence(webhook, nowMs)}
        </span>
        <span className="text-right text-12 text-ink-faint tabular-nums @max-[820px]:hidden">
          {counted(counts.delivered, 'message')} taken
        </span>
      </Link>
    </li>
  );
}
