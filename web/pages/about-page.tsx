// What runs here: versions, what this machine has or lacks for it, whose work is inside, and where to read more.

import { useQuery } from '@tanstack/react-query';
import { asFault } from '../../src/model/fault.ts';
import type { AboutView } from '../../src/model/views.ts';
import { api } from '../api.ts';
import { useNow } from '../live/use-now.ts';
import { Button } from '../parts/button.tsx';
import { EmptyState } from '../parts/empty-state.tsx';
import { Icon } from '../parts/icon.tsx';
import { Part } from '../parts/part.tsx';
import { Facts } from '../parts/section.tsx';
import { exactMoment, span } from '../words/times.ts';

const link = 'underline decoration-line-strong underline-offset-2';

export function AboutPage() {
  const nowMs = useNow(60_000);
  const { data, error, refetch, isFetching } = useQuery({
    queryKey: ['about'],
    queryFn: ({ signal }) => api.call('getAbout', {}, { signal }),
    staleTime: 60_000,
  });
  if (data === undefined) {
    if (error === null) return <p className="p-6 text-ink-soft">Reading…</p>;
    return (
      <EmptyState alone title="What runs here could not be read">
        {asFault(error).message}
      </EmptyState>
    );
  }
  const startedMs = Date.parse(data.startedAt);
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-3xl flex-col px-6 py-4 narrow:px-4">
        <header className="flex items-center gap-4 py-6">
          <img src="/wherry.svg" alt="" className="size-12" />
          <div>
            <h1 className="text-20 font-semibold tracking-tight">Wherry {data.version}</h1>
            <p className="text-ink-soft">Moves files and proves that they arrived.</p>
          </div>
        </header>
        <Part title="This daemon">
          <Facts
            rows={[
              [
                'Running for',
                <span key="since" title={exactMoment(startedMs)}>
                  {span((nowMs - startedMs) / 1000)}
                </span>,
              ],
              ['Node', data.node],
              ['Platform', data.platform],
            ]}
          />
        </Part>
        <Part title="This machine">
          <ul className="flex flex-col gap-2">
            {data.findings.map((finding) => (
              <Finding key={finding.text} finding={finding} />
            ))}
          </ul>
          <p className="mt-3 text-12 text-ink-faint">
            <code className="font-mono">wherry doctor</code> also looks at the configuration and its folders.
          </p>
          <Button icon="retry" className="mt-3" disabled={isFetching} onClick={() => void refetch()}>
            Look again
          </Button>
        </Part>
        <Part title="To read">
          <ul className="flex flex-col gap-1.5">
            <li>
              <a href="/docs" className={link}>
                The API
              </a>
              , as this daemon speaks it
            </li>
            <li>
              <a href="/openapi.json" className={link}>
                OpenAPI document
              </a>
              , to make a client from
            </li>
            <li>
              <code className="font-mono text-12">man wherry</code> and{' '}
              <code className="font-mono text-12">wherry help</code>, for the command line
            </li>
          </ul>
        </Part>
        <Part title="Licences">
          <p>
            Wherry is under the Apache License 2.0. The console is made of other people’s work too:{' '}
            <a href="/licences.txt" className={link}>
              their licences
            </a>
            .
          </p>
        </Part>
      </div>
    </div>
  );
}

const looks = {
  ok: { icon: 'check', tone: 'text-ink-soft', word: 'Well' },
  warning: { icon: 'waits', tone: 'text-waits', word: 'Could be better' },
  problem: { icon: 'needs', tone: 'text-needs', word: 'Does not work' },
} as const;

function Finding({ finding }: { finding: AboutView['findings'][number] }) {
  const look = looks[finding.state];
  return (
    <li className="flex gap-2.5">
      <Icon name={look.icon} className={`mt-0.5 ${look.tone}`} />
      <span className="min-w-0 flex-1">
        <span className="sr-only">{look.word}: </span>
        <span className="wrap-anywhere">{finding.text}</span>
        {finding.remedy !== undefined && <span className="block text-12 text-ink-soft">{finding.remedy}</span>}
      </span>
    </li>
  );
}
