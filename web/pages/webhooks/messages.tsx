// A webhook's messages, newest first: what became of each, what was in it, and sending again what was given up.

import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { DeliveryView, WebhookView } from '../../../src/model/webhook-views.ts';
import { api } from '../../api.ts';
import { note, noteFault } from '../../live/notes.ts';
import { useNow } from '../../live/use-now.ts';
import { useMessages, webhooksKey } from '../../live/use-webhooks.ts';
import { Button } from '../../parts/button.tsx';
import { Chip } from '../../parts/chip.tsx';
import { CopyButton } from '../../parts/copy-button.tsx';
import { Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { counted } from '../../words/amounts.ts';
import { exactMoment, moment } from '../../words/times.ts';
import { messageLooks, messageSentence } from '../../words/webhooks.ts';

type State = DeliveryView['state'];

const filters: readonly (readonly [State | undefined, string])[] = [
  [undefined, 'All'],
  ['dead', 'Given up'],
  ['pending', 'Waiting'],
  ['delivered', 'Taken'],
];

export function Messages({ webhook }: { webhook: WebhookView }) {
  const { id, counts } = webhook;
  const [state, setState] = useState<State>();
  const { data, error, hasNextPage, fetchNextPage, isPending } = useMessages(id, state);
  const queries = useQueryClient();
  const rows = data?.pages.flatMap((page) => page.rows) ?? [];
  const again = async (what: () => Promise<number>) => {
    try {
      note('info', `${counted(await what(), 'message')} sent again.`);
    } catch (problem) {
      noteFault(problem);
    } finally {
      await queries.invalidateQueries({ queryKey: webhooksKey });
    }
  };
  const params = { id };
  return (
    <Section
      title="Messages"
      tools={
        counts.dead > 0 && (
          <Button
            icon="retry"
            onClick={() => void again(async () => (await api.call('replayDead', { params })).replayed)}
          >
            Send all given up again
          </Button>
        )
      }
    >
      <div className="mb-2 flex gap-1 overflow-x-auto">
        {filters.map(([value, label]) => (
          <Chip key={label} on={value === state} onClick={() => setState(value)}>
            {label}
          </Chip>
        ))}
      </div>
      {error !== null && <p className="text-needs">{asFault(error).message}</p>}
      {rows.length === 0 && !isPending && (
        <p className="py-2 text-ink-faint">
          {state === undefined ? 'None yet: events from now on are sent.' : 'None of these.'}
        </p>
      )}
      <ul aria-label="Messages">
        {rows.map((message) => (
          <Message
            key={message.id}
            message={message}
            onReplay={() =>
              void again(async () => {
                await api.call('replayDelivery', { params: { id, delivery: message.id } });
                return 1;
              })
            }
          />
        ))}
      </ul>
      {hasNextPage && (
        <div className="pt-3">
          <Button onClick={() => void fetchNextPage()}>Show older messages</Button>
        </div>
      )}
    </Section>
  );
}

function Message({ message, onReplay }: { message: DeliveryView; onReplay: () => void }) {
  const nowMs = useNow(1000);
  const ms = Date.parse(message.createdAt);
  return (
    <li className="border-t border-line py-1.5">
      <details>
        <summary className="grid cursor-pointer grid-cols-[92px_minmax(0,1fr)_auto] items-center gap-x-3">
          <StateMark look={messageLooks[message.state]} />
          <code className="truncate font-mono text-12" title={message.type}>
            {message.type.replace(/^observation\./, '')}
          </code>
          <time dateTime={message.createdAt} title={exactMoment(ms)} className="text-12 text-ink-faint tabular-nums">
            {moment(ms, nowMs)}
          </time>
        </summary>
        <div className="mt-1 flex items-center gap-2 text-12 text-ink-faint">
          <code className="min-w-0 flex-1 truncate font-mono" title="webhook-id">
            {message.id}
          </code>
          <CopyButton text={message.payload} what="the message" />
          <Button onClick={onReplay}>Send again</Button>
        </div>
        <pre className="mt-1 whitespace-pre-wrap wrap-anywhere rounded border border-line bg-tint p-2 font-mono text-12">
          {pretty(message.payload)}
        </pre>
      </details>
      <p className="mt-0.5 text-12 text-ink-soft tabular-nums">{messageSentence(message, nowMs)}</p>
    </li>
  );
}

function pretty(json: string): string {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
