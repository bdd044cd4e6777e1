// What a copy would do, asked of the daemon line by line before anything moves.

import { useEffect, useState } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { CopyRequest } from '../../../src/model/specs.ts';
import type { PlannedItemView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { Icon } from '../../parts/icon.tsx';
import { counted, size } from '../../words/amounts.ts';

interface Sum {
  readonly files: number;
  readonly bytes: number;
  readonly unchanged: number;
  readonly troubles: readonly PlannedItemView[];
  readonly troubleCount: number;
  readonly finished: boolean;
  readonly problem: string | undefined;
}

const nothing: Sum = {
  files: 0,
  bytes: 0,
  unchanged: 0,
  troubles: [],
  troubleCount: 0,
  finished: false,
  problem: undefined,
};

const mostTroubles = 8;
const showEvery = 200;

/** Asks anew whenever the requests change. */
export function PlanPreview({ requests }: { requests: readonly CopyRequest[] }) {
  const [sum, setSum] = useState(nothing);
  const key = JSON.stringify(requests);
  useEffect(() => {
    const stop = new AbortController();
    setSum(nothing);
    void plan(JSON.parse(key) as CopyRequest[], stop.signal, setSum);
    return () => stop.abort();
  }, [key]);
  if (sum.problem !== undefined) {
    return (
      <p role="alert" className="flex gap-2 text-needs">
        <Icon name="needs" className="mt-0.5" />
        {sum.problem}
      </p>
    );
  }
  return (
    <div className="flex flex-col gap-1" aria-live="polite">
      <p className="tabular-nums">
        <strong className="font-semibold">{counted(sum.files, 'file')}</strong> to copy, {size(sum.bytes)}
        {!sum.finished && '…'}
      </p>
      {sum.unchanged > 0 && (
        <p className="text-ink-soft tabular-nums">{counted(sum.unchanged, 'file')} unchanged, left alone</p>
      )}
      {sum.troubles.length > 0 && (
        <ul className="text-12">
          {sum.troubles.map((item) => (
            <li key={item.pathBytes ?? item.path} className="flex gap-1.5 text-waits">
              <Icon name="needs" />
              <span className="min-w-0 break-words">
                {item.path}: {item.reason ?? item.action}
              </span>
            </li>
          ))}
          {sum.troubleCount > sum.troubles.length && <li>and {sum.troubleCount - sum.troubles.length} more</li>}
        </ul>
      )}
    </div>
  );
}

async function plan(requests: readonly CopyRequest[], signal: AbortSignal, show: (sum: Sum) => void): Promise<void> {
  let sum = nothing;
  let seen = 0;
  try {
    for (const body of requests) {
      for await (const item of api.lines('planJob', { body }, { signal })) {
        sum = added(sum, item);
        seen += 1;
        if (seen % showEvery === 0) show(sum);
      }
    }
    if (!signal.aborted) show({ ...sum, finished: true });
  } catch (error) {
    if (!signal.aborted) show({ ...sum, problem: asFault(error).message });
  }
}

function added(sum: Sum, item: PlannedItemView): Sum {
  switch (item.action) {
    case 'copy':
      return { ...sum, files: sum.files + 1, bytes: sum.bytes + item.sizeBytes };
    case 'skip':
      return { ...sum, unchanged: sum.unchanged + 1 };
    case 'conflict':
    case 'refuse':
      return {
        ...sum,
        troubleCount: sum.troubleCount + 1,
        troubles: sum.troubles.length < mostTroubles ? [...sum.troubles, item] : sum.troubles,
      };
    default:
      return sum;
  }
}
