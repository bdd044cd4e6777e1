// What waits or needs somebody: what it is, why, what to do, and the button that does it.

import type { Action, AttentionView } from '../../../src/model/views.ts';
import { actOnIds, actOnJob } from '../../live/actions.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { count } from '../../words/amounts.ts';
import { age } from '../../words/times.ts';

const verbs: Readonly<Record<Action, string>> = { pause: 'Pause', resume: 'Resume', cancel: 'Cancel', retry: 'Retry' };

export function AttentionList({ items }: { items: readonly AttentionView[] }) {
  return (
    <section aria-labelledby="attention-title">
      <h2 id="attention-title" className="mb-1 text-12 font-semibold text-ink-soft">
        Needs attention
      </h2>
      {items.length === 0 ? (
        <p className="border-t border-line py-3 text-ink-faint">
          Nothing. What fails or waits stands here, with what to do.
        </p>
      ) : (
        <ul>
          {items.map((item) => (
            <Item key={item.key} item={item} />
          ))}
        </ul>
      )}
    </section>
  );
}

function Item({ item }: { item: AttentionView }) {
  const nowMs = useNow(5000);
  const needs = item.severity === 'needs-you';
  const href = hrefOf(item);
  return (
    <li className="flex gap-3 border-t border-line py-3">
      <Icon name={needs ? 'needs' : 'waits'} className={`mt-0.5 ${needs ? 'text-needs' : 'text-waits'}`} />
      <div className="min-w-0 flex-1">
        <p className="break-words font-medium">
          {href === undefined ? (
            item.title
          ) : (
            <Link href={href} className="hover:underline">
              {item.title}
            </Link>
          )}
        </p>
        <p className="break-words text-ink-soft">{item.sentence}</p>
        <p className="break-words text-12 text-ink-faint">{item.remedy}</p>
      </div>
      <div className="flex shrink-0 flex-col items-end gap-1">
        {item.action !== null && (
          <Button onClick={() => void act(item)}>
            {verbs[item.action]}
            {item.count > 1 && <span className="tabular-nums">{count(item.transferIds.length)}</span>}
          </Button>
        )}
        <time dateTime={item.at} className="text-12 text-ink-faint tabular-nums">
          {age(Date.parse(item.at), nowMs)}
        </time>
      </div>
    </li>
  );
}

function hrefOf(item: AttentionView): string | undefined {
  const [only] = item.transferIds;
  if (item.what === 'transfer' && item.count === 1 && only !== undefined) return `/transfers/${only}`;
  if (item.what === 'transfer') {
    const state = item.action === 'retry' ? 'failed' : 'waiting';
    return item.jobId === null ? `/transfers?state=${state}` : `/transfers?job=${item.jobId}&state=${state}`;
  }
  if (item.what === 'job' && item.count > 1) return '/jobs';
  return item.jobId === null ? undefined : `/jobs/${item.jobId}`;
}

async function act(item: AttentionView): Promise<void> {
  if (item.action === null) return;
  if (item.what === 'transfer') await actOnIds(item.action, item.transferIds);
  else if (item.jobId !== null) await actOnJob(item.action, { id: item.jobId, title: item.title });
}
