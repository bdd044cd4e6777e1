// One row of the list: 32 px in a table, a card of two lines where it is narrow. Renders again only when its own transfer changes.
// biome-ignore-all lint/a11y/useSemanticElements: a virtual grid cannot be a table element; its parts carry the roles
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant

import { memo } from 'react';
import { useLive } from '../../live/live-store.ts';
import { RowCard } from './row-card.tsx';
import type { RowProps } from './row-cells.tsx';
import { RowCells } from './row-cells.tsx';

export const rowHeightPx = { table: 32, cards: 60 } as const;

export const TransferRow = memo(function TransferRow(props: RowProps) {
  const { id, row, topPx, cards, current, open, selected } = props;
  const transfer = useLive((state) => (id === undefined ? undefined : state.transfers.get(id)));
  const progress = useLive((state) => (id === undefined ? undefined : state.progress.get(id)));
  const heightPx = cards ? rowHeightPx.cards : rowHeightPx.table;
  const shade = open ? 'bg-tint-strong' : selected ? 'bg-tint' : 'hover:bg-tint';
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the grid that holds the rows has the keyboard
    <div
      role="row"
      id={id === undefined ? undefined : `row-${id}`}
      aria-rowindex={row + 2}
      aria-selected={selected}
      tabIndex={-1}
      className={`group absolute inset-x-0 top-0 cursor-default border-b border-line ${shade} ${current ? 'shadow-[inset_2px_0_0_var(--ink)]' : ''}`}
      style={{ transform: `translateY(${topPx}px)`, height: `${heightPx}px` }}
      onClick={(event) => {
        if (id === undefined) return;
        if (event.shiftKey || event.metaKey || event.ctrlKey) props.onSelect(id, event.shiftKey);
        else props.onOpen(id);
      }}
    >
      {transfer === undefined ? (
        <Unread />
      ) : cards ? (
        <RowCard transfer={transfer} progress={progress} {...props} />
      ) : (
        <RowCells transfer={transfer} progress={progress} {...props} />
      )}
    </div>
  );
});

function Unread() {
  return (
    <div role="gridcell" className="flex h-full items-center gap-4 px-4" aria-busy="true" aria-label="Being read">
      <span className="h-2 w-24 rounded-full bg-tint" />
      <span className="h-2 w-64 rounded-full bg-tint" />
    </div>
  );
}
