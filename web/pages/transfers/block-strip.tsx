// The strip of a file under way: which of its blocks stand verified at the destination.

import { useQuery } from '@tanstack/react-query';
import { blockBytes } from '../../../src/model/hash.ts';
import type { TransferBlocksView, TransferView } from '../../../src/model/views.ts';
import { api } from '../../api.ts';
import { useLive } from '../../live/live-store.ts';
import { figuresOf } from '../../live/row-figures.ts';
import { Section } from '../../parts/section.tsx';
import { exactSize, size } from '../../words/amounts.ts';
import { blockWords, cellsOf, stripWords } from '../../words/blocks.ts';
import { toneText, transferLooks } from '../../words/states.ts';

const shownIn: ReadonlySet<TransferView['state']> = new Set(['transferring', 'paused', 'waiting', 'failed', 'queued']);
/** Blocks come one after the other while it moves. */
const rereadMs = 2_000;

/** Nothing for what is over, has not begun, or is one block. */
export function BlockStrip({ transfer }: { transfer: TransferView }) {
  const { id, state, attempts, updatedAt } = transfer;
  const progress = useLive((all) => all.progress.get(id));
  const sizeBytes = figuresOf(transfer, progress).sizeBytes ?? 0;
  const shown = shownIn.has(state) && attempts > 0 && sizeBytes > blockBytes;
  const moves = state === 'transferring';
  const { data } = useQuery<TransferBlocksView>({
    queryKey: ['blocks', id, moves ? state : updatedAt],
    queryFn: ({ signal }) => api.call('getTransferBlocks', { params: { id } }, { signal }),
    enabled: shown,
    refetchInterval: moves ? rereadMs : false,
    placeholderData: (before) => (before?.transferId === id ? before : undefined),
    // It may be whole by now: its state will say so.
    retry: false,
  });
  if (!shown) return null;
  const blocks = data ?? { transferId: id, sizeBytes, blockBytes, verifiedBytes: 0, ranges: [] };
  return (
    <Section title="Verified blocks">
      <Strip
        blocks={blocks}
        ink={toneText[transferLooks[state].tone]}
        label={data === undefined ? 'Reading…' : stripWords(data)}
      />
      <p className="mt-2 flex justify-between gap-3 text-12 text-ink-soft tabular-nums">
        <span>{data === undefined ? 'Reading…' : blockWords(data)}</span>
        <span title={exactSize(blocks.blockBytes)}>{size(blocks.blockBytes)} each</span>
      </p>
    </Section>
  );
}

function Strip({ blocks, ink, label }: { blocks: TransferBlocksView; ink: string; label: string }) {
  const cells = cellsOf(blocks);
  // Few cells have gaps between them; of many the gaps would be all that is seen.
  const gap = cells.length > 48 ? 0.12 : 0.06;
  return (
    <svg
      role="img"
      aria-label={label}
      viewBox={`0 0 ${cells.length} 1`}
      preserveAspectRatio="none"
      className={`block h-4 w-full ${ink}`}
    >
      <title>{label}</title>
      {cells.map((part, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: a cell is its place
        <g key={at}>
          <rect x={at + gap / 2} width={1 - gap} height="1" fill="var(--track)" />
          {part > 0 && <rect x={at + gap / 2} width={(1 - gap) * part} height="1" fill="currentcolor" />}
        </g>
      ))}
    </svg>
  );
}
