// What a sync would do, before anything is done: copies, renames, deletes, what stands in the way, and how many bytes.

import { useEffect, useRef, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { PlannedItemView } from '../../../src/model/views.ts';
import type { IconName } from '../../parts/drawings.ts';
import { Icon } from '../../parts/icon.tsx';
import { count, counted, size } from '../../words/amounts.ts';
import type { Tone } from '../../words/states.ts';
import { toneText } from '../../words/states.ts';

type Act = PlannedItemView['action'];

interface Group {
  readonly act: Act;
  readonly title: string;
  readonly icon: IconName;
  readonly tone: Tone;
}

/** In the order in which they matter to somebody. */
const groups: readonly Group[] = [
  { act: 'problem', title: 'What a person should know', icon: 'needs', tone: 'needs' },
  { act: 'refuse', title: 'Cannot be brought over', icon: 'needs', tone: 'needs' },
  { act: 'conflict', title: 'In the way', icon: 'needs', tone: 'waits' },
  { act: 'delete', title: 'To delete at the destination', icon: 'cancel', tone: 'waits' },
  { act: 'rename', title: 'To rename at the destination', icon: 'arrow', tone: 'still' },
  { act: 'copy', title: 'To copy', icon: 'copy', tone: 'moves' },
  { act: 'make-folder', title: 'Folders to make', icon: 'folder', tone: 'still' },
  { act: 'delete-source', title: 'To delete at the source', icon: 'cancel', tone: 'waits' },
  { act: 'skip', title: 'Left alone', icon: 'check', tone: 'still' },
];

interface Sum {
  readonly count: number;
  readonly bytes: number;
  readonly items: readonly PlannedItemView[];
}

interface Found {
  readonly sums: ReadonlyMap<Act, Sum>;
  readonly finished: boolean;
  readonly problem: string | undefined;
}

const none: Found = { sums: new Map(), finished: false, problem: undefined };
const mostListed = 200;
const showEveryMs = 200;

interface SyncPlanProps {
  /** Asks again whenever this is another. */
  asked: unknown;
  ask: (signal: AbortSignal) => AsyncIterable<PlannedItemView>;
}

export function SyncPlan({ asked, ask }: SyncPlanProps) {
  const [found, setFound] = useState(none);
  const latest = useRef(ask);
  latest.current = ask;
  // biome-ignore lint/correctness/useExhaustiveDependencies: it is asked again for what is asked, not for how
  useEffect(() => {
    const stop = new AbortController();
    setFound(none);
    void gather(latest.current(stop.signal), stop.signal, setFound);
    return () => stop.abort();
  }, [asked]);
  const { sums, finished, problem } = found;
  const copies = sums.get('copy');
  return (
    <div className="flex flex-col gap-2" aria-live="polite" aria-busy={!finished && problem === undefined}>
      {problem !== undefined && (
        <p role="alert" className="flex gap-2 text-needs">
          <Icon name="needs" className="mt-0.5" />
          {problem}
        </p>
      )}
      <p className="tabular-nums">
        {finished && copies === undefined ? (
          'Nothing to copy.'
        ) : (
          <>
            <strong className="font-semibold">{counted(copies?.count ?? 0, 'file')}</strong> to copy,{' '}
            {size(copies?.bytes ?? 0)}
          </>
        )}
        {!finished && problem === undefined && ' so far: both places are being looked at…'}
      </p>
      {groups.map((group) => {
        const sum = sums.get(group.act);
        return sum === undefined ? null : <PlannedGroup key={group.act} group={group} sum={sum} />;
      })}
    </div>
  );
}

function PlannedGroup({ group: { act, title, icon, tone }, sum }: { group: Group; sum: Sum }) {
  const loud = tone === 'needs' || tone === 'waits';
  return (
    <details open={loud} className="border-t border-line pt-2">
      <summary className="flex cursor-pointer items-center gap-2">
        <Icon name={icon} className={toneText[tone]} />
        <span className="flex-1 font-medium">{title}</span>
        <span className="text-ink-soft tabular-nums">
          {count(sum.count)}
          {sum.bytes > 0 && `, ${size(sum.bytes)}`}
        </span>
      </summary>
      <ul className="mt-1 max-h-64 overflow-y-auto text-12">
        {sum.items.map((item, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: the same path may stand once for each destination
          <li key={at} className="flex justify-between gap-3 py-0.5">
            <span className="min-w-0 wrap-anywhere">
              <span className="font-mono">
                {item.path}
                {item.to !== undefined && ` → ${item.to.path}`}
              </span>
              {item.reason !== undefined && (
                <span className={act === 'skip' || act === 'copy' ? 'text-ink-faint' : toneText[tone]}>
                  {item.path === '' ? '' : ': '}
                  {item.reason}
                </span>
              )}
            </span>
            {item.sizeBytes > 0 && <span className="shrink-0 text-ink-faint tabular-nums">{size(item.sizeBytes)}</span>}
          </li>
        ))}
        {sum.count > sum.items.length && (
          <li className="text-ink-faint">and {count(sum.count - sum.items.length)} more</li>
        )}
      </ul>
    </details>
  );
}

async function gather(
  items: AsyncIterable<PlannedItemView>,
  signal: AbortSignal,
  show: (found: Found) => void,
): Promise<void> {
  const sums = new Map<Act, { count: number; bytes: number; items: PlannedItemView[] }>();
  const snapshot = () => new Map([...sums].map(([act, sum]) => [act, { ...sum, items: [...sum.items] }]));
  let shownMs = performance.now();
  try {
    for await (const item of items) {
      const sum = sums.get(item.action) ?? { count: 0, bytes: 0, items: [] };
      sums.set(item.action, sum);
      sum.count += 1;
      sum.bytes += item.sizeBytes;
      if (sum.items.length < mostListed) sum.items.push(item);
      if (performance.now() - shownMs < showEveryMs) continue;
      shownMs = performance.now();
      show({ sums: snapshot(), finished: false, problem: undefined });
    }
    if (!signal.aborted) show({ sums: snapshot(), finished: true, problem: undefined });
  } catch (error) {
    if (!signal.aborted) show({ sums: snapshot(), finished: false, problem: asFault(error).message });
  }
}
