// What moves right now: the first few, each with its bar.

import { useLive } from '../../live/live-store.ts';
import { figuresOf } from '../../live/row-figures.ts';
import type { ListFilter } from '../../live/transfer-list.ts';
import { useTransferList } from '../../live/use-transfer-list.ts';
import { FileName } from '../../parts/file-name.tsx';
import { Link } from '../../parts/link.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { counted, perCent, speed } from '../../words/amounts.ts';
import { transferLooks } from '../../words/states.ts';
import { baseName, etaText } from '../../words/transfers.ts';

const moving: ListFilter = {
  states: ['transferring', 'processing'],
  job: undefined,
  mode: undefined,
  search: '',
  sort: 'created',
  order: 'desc',
};

const mostShown = 6;

export function MovingList({ count }: { count: number }) {
  const { view } = useTransferList(moving);
  const ids = view.index.ids.slice(0, mostShown).filter((id) => id !== undefined);
  return (
    <section aria-labelledby="moving-title">
      <h2 id="moving-title" className="mb-1 flex justify-between text-12 font-semibold text-ink-soft">
        Moving now
        {count > ids.length && ids.length > 0 && (
          <Link
            href="/transfers?state=moving"
            className="font-medium underline decoration-line-strong underline-offset-2"
          >
            All {counted(count, 'file')}
          </Link>
        )}
      </h2>
      {ids.length === 0 && <p className="border-t border-line py-3 text-ink-faint">Nothing is moving.</p>}
      <ul>
        {ids.map((id) => (
          <Item key={id} id={id} />
        ))}
      </ul>
    </section>
  );
}

function Item({ id }: { id: string }) {
  const transfer = useLive((state) => state.transfers.get(id));
  const progress = useLive((state) => state.progress.get(id));
  if (transfer === undefined) return null;
  const figures = figuresOf(transfer, progress);
  const name = baseName(transfer.source.path);
  const eta = etaText(figures.eta);
  return (
    <li className="border-t border-line">
      <Link href={`/transfers/${id}`} className="flex flex-col gap-1.5 py-2.5 hover:bg-tint">
        <span className="flex min-w-0 items-baseline justify-between gap-3">
          <FileName name={name} className="flex-1" />
          <span className="shrink-0 text-12 text-ink-soft tabular-nums" title={eta.cause}>
            {figures.bytesPerSecond !== null && speed(figures.bytesPerSecond)}
            {eta.short !== '' && ` · ${eta.short}`}
          </span>
        </span>
        <span className="flex items-center gap-2">
          <ProgressBar
            part={figures.part}
            tone={transferLooks[transfer.state].tone}
            label={`Progress of ${name}`}
            head={figures.head?.part}
          />
          <span className="w-9 shrink-0 text-right text-12 tabular-nums">
            {figures.head !== undefined ? 'grows' : figures.part === undefined ? '' : perCent(figures.part)}
          </span>
        </span>
      </Link>
    </li>
  );
}
