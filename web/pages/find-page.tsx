// Where is my file? Answers in a sentence, with the transfers and facts that it rests on.

import { useQuery } from '@tanstack/react-query';
import { asFault } from '../../src/model/fault.ts';
import type { TransferView } from '../../src/model/views.ts';
import { api } from '../api.ts';
import { useNow } from '../live/use-now.ts';
import { EmptyState } from '../parts/empty-state.tsx';
import { Link } from '../parts/link.tsx';
import { StateMark } from '../parts/state-mark.tsx';
import { useAddress } from '../router.ts';
import { size } from '../words/amounts.ts';
import { transferLooks } from '../words/states.ts';
import { exactMoment, moment } from '../words/times.ts';
import { baseName, targetPath, wholePath } from '../words/transfers.ts';

export function FindPage() {
  const path = useAddress().query.get('path') ?? '';
  const { data, error, isPending } = useQuery({
    queryKey: ['explain', path],
    queryFn: ({ signal }) => api.call('explain', { query: { path } }, { signal }),
    enabled: path !== '',
    refetchInterval: 5000,
  });
  const nowMs = useNow(60_000);
  if (path === '') {
    return (
      <EmptyState alone title="Where is my file?" command="wherry explain PATH">
        Type a name or a path into the field on top. The answer says where the file is, or why it is not there yet.
      </EmptyState>
    );
  }
  if (error !== null)
    return (
      <EmptyState alone title="No answer">
        {asFault(error).message}
      </EmptyState>
    );
  if (isPending) return <p className="p-6 text-ink-soft">Looking…</p>;
  return (
    <div className="min-h-0 flex-1 overflow-y-auto">
      <div className="mx-auto flex max-w-3xl flex-col gap-8 px-6 py-8 narrow:px-4">
        <header className="flex flex-col gap-2">
          <p className="wrap-anywhere font-mono text-12 text-ink-faint">{data.path}</p>
          <h1 className="text-20 font-semibold text-balance">{data.summary}</h1>
        </header>
        {data.transfers.length > 0 && (
          <section aria-label="Transfers" className="flex flex-col">
            <h2 className="mb-1 text-12 font-semibold text-ink-soft">Transfers</h2>
            {data.transfers.map((transfer) => (
              <Found key={transfer.id} transfer={transfer} nowMs={nowMs} />
            ))}
          </section>
        )}
        {data.facts.length > 0 && (
          <section aria-label="Facts">
            <h2 className="mb-2 text-12 font-semibold text-ink-soft">What touched it, newest first</h2>
            <ol className="flex flex-col">
              {data.facts.map((fact, at) => (
                <li
                  // biome-ignore lint/suspicious/noArrayIndexKey: facts have no id, and the same one may stand twice
                  key={`${fact.at}${at}`}
                  className="flex gap-4 border-t border-line py-2"
                >
                  <time
                    dateTime={fact.at}
                    title={exactMoment(Date.parse(fact.at))}
                    className="w-24 shrink-0 text-12 leading-5 text-ink-faint tabular-nums"
                  >
                    {moment(Date.parse(fact.at), nowMs)}
                  </time>
                  <span className="min-w-0 break-words">
                    {fact.text}
                    {fact.error !== undefined && <span className="block text-ink-soft">{fact.error.remedy}</span>}
                  </span>
                </li>
              ))}
            </ol>
          </section>
        )}
      </div>
    </div>
  );
}

function Found({ transfer, nowMs }: { transfer: TransferView; nowMs: number }) {
  return (
    <Link
      href={`/transfers/${transfer.id}`}
      className="grid grid-cols-[7rem_minmax(0,1fr)_auto] items-center gap-3 border-t border-line py-2 hover:bg-tint"
    >
      <StateMark look={transferLooks[transfer.state]} />
      <span className="min-w-0">
        <span className="block truncate font-medium">{baseName(transfer.source.path)}</span>
        <span
          className="block truncate text-12 text-ink-faint"
          title={`${wholePath(transfer.source)} → ${targetPath(transfer)}`}
        >
          {wholePath(transfer.source)} → {targetPath(transfer)}
        </span>
      </span>
      <span className="text-right text-12 text-ink-faint tabular-nums">
        {transfer.sizeBytes === null ? '' : size(transfer.sizeBytes)}
        <br />
        {moment(Date.parse(transfer.createdAt), nowMs)}
      </span>
    </Link>
  );
}
