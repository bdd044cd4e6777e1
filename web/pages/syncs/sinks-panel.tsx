// Who is told which files came home: each sink of the configuration, how far it has come, and why it has not taken the last.

import { useQuery, useQueryClient } from '@tanstack/react-query';
import type { SinkView } from '../../../src/model/sink-views.ts';
import { api } from '../../api.ts';
import { note, noteFault } from '../../live/notes.ts';
import { useNow } from '../../live/use-now.ts';
import { Button } from '../../parts/button.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { counted } from '../../words/amounts.ts';
import { asideSentence, sinkLooks, sinkSentence } from '../../words/sinks.ts';

const key = ['sinks'] as const;
const everyMs = 3000;

/** Nothing where no sink is set up. */
export function SinksPanel() {
  const { data } = useQuery({
    queryKey: key,
    queryFn: ({ signal }) => api.call('listSinks', {}, { signal }),
    refetchInterval: everyMs,
  });
  if (data === undefined || data.rows.length === 0) return null;
  return (
    <section aria-label="Sinks" className="px-4 py-4">
      <h2 className="mb-1 text-12 font-semibold text-ink-soft">Told which files came home</h2>
      <ul>
        {data.rows.map((sink) => (
          <Sink key={sink.id} sink={sink} />
        ))}
      </ul>
    </section>
  );
}

/** What to say of it. */
async function actOn({ id, name }: SinkView, what: 'retrySink' | 'replaySetAside' | 'dropSetAside'): Promise<string> {
  const params = { id };
  if (what === 'retrySink') {
    await api.call('retrySink', { params });
    return `${name} is told again now.`;
  }
  if (what === 'dropSetAside') {
    const { dropped } = await api.call('dropSetAside', { params, body: {} });
    return `${counted(dropped, 'event')} dropped.`;
  }
  const { taken, refused } = await api.call('replaySetAside', { params, body: {} });
  return refused === 0
    ? `${name} has taken ${counted(taken, 'event')}.`
    : `${name} did not take ${counted(refused, 'event')}.`;
}

function Sink({ sink }: { sink: SinkView }) {
  const nowMs = useNow(1000);
  const queries = useQueryClient();
  const act = (what: 'retrySink' | 'replaySetAside' | 'dropSetAside') =>
    void actOn(sink, what)
      .then((said) => note('info', said), noteFault)
      .then(() => queries.invalidateQueries({ queryKey: key }));
  return (
    <li className="grid grid-cols-[116px_minmax(0,1fr)_minmax(0,300px)_150px] items-center gap-x-4 gap-y-1 border-t border-line py-2 @max-[820px]:grid-cols-[minmax(0,1fr)_auto]">
      <span className="@max-[820px]:order-2">
        <StateMark look={sinkLooks[sink.state]} />
      </span>
      <span className="flex min-w-0 flex-col">
        <span className="truncate font-medium">{sink.name}</span>
        <span className="truncate text-12 text-ink-faint" title={sink.target}>
          {sink.kind} · {sink.target}
        </span>
      </span>
      <span
        className={`min-w-0 break-words tabular-nums @max-[820px]:order-3 @max-[820px]:col-span-2 ${sink.state === 'failing' ? 'text-needs' : 'text-ink-soft'}`}
      >
        {sinkSentence(sink, nowMs)}
      </span>
      {sink.state === 'failing' && (
        <Button
          icon="retry"
          className="justify-self-end @max-[820px]:order-4 @max-[820px]:justify-self-start"
          onClick={() => act('retrySink')}
        >
          Tell it now
        </Button>
      )}
      {sink.setAside > 0 && (
        <div className="order-5 col-span-full flex flex-wrap items-center gap-2 text-needs">
          <span>{asideSentence(sink)}</span>
          <Button icon="retry" onClick={() => act('replaySetAside')}>
            Tell it once more
          </Button>
          <Button onClick={() => act('dropSetAside')}>Drop</Button>
        </div>
      )}
    </li>
  );
}
