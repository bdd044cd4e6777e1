// The first page: is everything all right, what moves, what needs somebody, what has just arrived.

import { asFault } from '../../../src/model/fault.ts';
import type { OverviewView } from '../../../src/model/views.ts';
import { useJobs } from '../../live/use-jobs.ts';
import { useOverview } from '../../live/use-overview.ts';
import { EmptyState } from '../../parts/empty-state.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Link } from '../../parts/link.tsx';
import { ArrivedList } from './arrived-list.tsx';
import { AttentionList } from './attention-list.tsx';
import { MovingList } from './moving-list.tsx';
import { ThroughputGraph } from './throughput-graph.tsx';

export function OverviewPage() {
  const { data, error } = useOverview();
  if (data === undefined) {
    if (error === null) return <p className="p-6 text-ink-soft">Reading…</p>;
    return (
      <EmptyState alone title="The daemon does not answer">
        {asFault(error).message}
      </EmptyState>
    );
  }
  const total = Object.values(data.transfers).reduce((sum, each) => sum + each, 0);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-6xl flex-col gap-8 px-6 py-6 narrow:gap-6 narrow:px-4 narrow:py-4">
        <Health overview={data} />
        {total === 0 ? (
          <FirstStep />
        ) : (
          <>
            <ThroughputGraph bytesPerSecond={data.bytesPerSecond} />
            <div className="grid grid-cols-2 gap-x-10 gap-y-8 max-[900px]:grid-cols-1">
              <div className="flex min-w-0 flex-col gap-8">
                <AttentionList items={data.attention} />
                <MovingList count={data.activeTransfers} />
              </div>
              <ArrivedList arrived={data.arrived} />
            </div>
          </>
        )}
      </div>
    </div>
  );
}

const levels = {
  well: { icon: 'check', tone: 'text-ink-soft' },
  waits: { icon: 'waits', tone: 'text-waits' },
  'needs-you': { icon: 'needs', tone: 'text-needs' },
} as const;

function Health({ overview }: { overview: OverviewView }) {
  const { level, sentence } = overview.health;
  const look = levels[level];
  return (
    <h1
      data-health={level}
      className="flex min-h-14 items-start gap-2.5 text-20 font-medium text-balance narrow:min-h-18 narrow:text-16"
    >
      <Icon name={look.icon} className={`mt-1 size-5 ${look.tone}`} />
      {sentence}
    </h1>
  );
}

/** Before the first transfer: the folder to drop a file into, where there is one. */
function FirstStep() {
  const { jobs } = useJobs();
  const watch = jobs?.find((job) => job.kind === 'watch' && job.sources[0] !== undefined);
  const copyLink = (
    <Link
      href="/jobs/new"
      className="inline-flex h-8 items-center rounded border border-ink bg-ink px-3 font-medium text-surface hover:opacity-85 coarse:h-11"
    >
      Copy files
    </Link>
  );
  if (watch === undefined) {
    return (
      <div className="-mx-6 narrow:-mx-4">
        <EmptyState title="Nothing has moved yet" command="wherry copy FROM TO" action={copyLink}>
          Pick files here, or give this command. Each file appears at its destination once it is whole and verified,
          with a receipt that proves it.
        </EmptyState>
      </div>
    );
  }
  return (
    <div className="-mx-6 narrow:-mx-4">
      <EmptyState title="Drop a file to see it move" command={`cp SOME-FILE ${watch.sources[0]}/`} action={copyLink}>
        Wherry watches <code className="wrap-anywhere font-mono text-12">{watch.sources[0]}</code>. Put a file there: it
        moves to <code className="wrap-anywhere font-mono text-12">{watch.destinations[0]}</code> and shows up here,
        verified.
      </EmptyState>
    </div>
  );
}
