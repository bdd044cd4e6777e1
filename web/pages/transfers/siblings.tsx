// The other destinations of one source: where each of its transfers stands.

import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import type { TransferView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { learnTransfers, useLive } from '../../live/live-store.ts';
import { Link } from '../../parts/link.tsx';
import { Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { transferLooks } from '../../words/states.ts';
import { wholePath } from '../../words/transfers.ts';

/** Nothing where the job has one destination. */
export function Siblings({ transfer }: { transfer: TransferView }) {
  const { data: job } = useQuery({
    queryKey: ['job', transfer.jobId],
    queryFn: ({ signal }) => api.call('getJob', { params: { id: transfer.jobId } }, { signal }),
  });
  const path = wholePath(transfer.source);
  const { data } = useQuery({
    queryKey: ['siblings', transfer.id],
    queryFn: ({ signal }) => api.call('explain', { query: { path } }, { signal }),
    enabled: job !== undefined && job.destinations.length > 1,
  });
  const siblings = newestByDestination(transfer, data?.transfers ?? []);
  useEffect(() => {
    if (data !== undefined) learnTransfers(data.transfers);
  }, [data]);
  if (siblings.length === 0) return null;
  return (
    <Section title="Its other destinations">
      <ul className="flex flex-col">
        {siblings.map((sibling) => (
          <Sibling key={sibling.id} read={sibling} />
        ))}
      </ul>
    </Section>
  );
}

function Sibling({ read }: { read: TransferView }) {
  const transfer = useLive((state) => state.transfers.get(read.id)) ?? read;
  return (
    <li className="border-t border-line first:border-t-0">
      <Link href={`/transfers/${transfer.id}`} className="flex items-baseline justify-between gap-3 py-2 hover:bg-tint">
        <span className="min-w-0 wrap-anywhere font-mono text-12">{transfer.destination.endpoint}</span>
        <span className="shrink-0 text-12">
          <StateMark look={transferLooks[transfer.state]} />
        </span>
      </Link>
    </li>
  );
}

/** Rows come newest first: an older one to the same place is history. */
function newestByDestination(own: TransferView, rows: readonly TransferView[]): TransferView[] {
  const newest = new Map<string, TransferView>();
  for (const row of rows) {
    const isSameFile = row.jobId === own.jobId && row.source.path === own.source.path;
    const { endpoint } = row.destination;
    if (isSameFile && endpoint !== own.destination.endpoint && !newest.has(endpoint)) newest.set(endpoint, row);
  }
  return [...newest.values()];
}
