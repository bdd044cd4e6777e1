// The virtual list of transfers: any number of rows, only those in sight exist, and they stay where they are while others arrive above.
// biome-ignore-all lint/a11y/useSemanticElements: a virtual grid cannot be a table element; its parts carry the roles
// biome-ignore-all lint/a11y/useFocusableInteractive: the grid has the focus and names its row by aria-activedescendant

import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useLayoutEffect, useRef, useState } from 'react';
import type { Action, TransferView } from '../../../src/model/views.ts';
import type { ListFilter, ListView, SortKey, TransferList } from '../../live/transfer-list.ts';
import { Icon } from '../../parts/icon.tsx';
import { columns, roomy, wide } from './row-columns.ts';
import { rowHeightPx, TransferRow } from './transfer-row.tsx';

interface TransferTableProps {
  list: TransferList;
  view: ListView;
  filter: ListFilter;
  currentId: string | undefined;
  openId: string | undefined;
  selected: ReadonlySet<string>;
  onOpen: (id: string) => void;
  onSelect: (id: string, range: boolean) => void;
  onSelectAll: () => void;
  onSort: (sort: SortKey) => void;
  onAct: (action: Action, transfer: TransferView) => void;
}

const cardsBelowPx = 560;

export function TransferTable(props: TransferTableProps) {
  const { list, view, currentId, selected } = props;
  const { ids } = view.index;
  const scroller = useRef<HTMLDivElement>(null);
  const cards = useIsNarrow(scroller);
  const heightPx = cards ? rowHeightPx.cards : rowHeightPx.table;
  const rows = useVirtualizer({
    count: ids.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => heightPx,
    overscan: 12,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new height is the reason to measure again
  useEffect(() => rows.measure(), [rows, heightPx]);
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a changed index can have holes in sight
  useEffect(() => list.show(first, last), [list, first, last, view.index]);
  useStayingPut(scroller, rows.scrollOffset ?? 0, ids, heightPx);
  const currentRow = currentId === undefined ? -1 : ids.indexOf(currentId);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only a step of the cursor scrolls, not rows that arrive above it
  useEffect(() => {
    if (currentRow >= 0) rows.scrollToIndex(currentRow, { align: 'auto' });
  }, [currentId]);
  return (
    <div
      role="grid"
      aria-label="Transfers"
      aria-rowcount={ids.length + 1}
      aria-multiselectable="true"
      aria-activedescendant={currentRow >= 0 ? `row-${currentId}` : undefined}
      tabIndex={0}
      data-list="transfers"
      className="@container flex min-h-0 flex-1 flex-col outline-none focus-visible:shadow-[inset_0_2px_0_var(--moves)]"
    >
      {!cards && (
        <Header {...props} all={selected.size === 0 ? 'none' : selected.size >= ids.length ? 'all' : 'some'} />
      )}
      <div
        ref={scroller}
        role="rowgroup"
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain [overflow-anchor:none]"
      >
        <div role="presentation" className="relative" style={{ height: `${rows.getTotalSize()}px` }}>
          {items.map((item) => {
            const id = ids[item.index];
            return (
              <TransferRow
                key={id ?? item.index}
                id={id}
                row={item.index}
                topPx={item.start}
                cards={cards}
                current={id !== undefined && id === currentId}
                open={id !== undefined && id === props.openId}
                selected={id !== undefined && selected.has(id)}
                onOpen={props.onOpen}
                onSelect={props.onSelect}
                onAct={props.onAct}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

function Header({ filter, onSort, onSelectAll, all }: TransferTableProps & { all: 'none' | 'some' | 'all' }) {
  const sorted = (sort: SortKey) =>
    filter.sort === sort
      ? filter.order === 'asc'
        ? ('ascending' as const)
        : ('descending' as const)
      : ('none' as const);
  const title = (label: string, sort: SortKey) => (
    <button type="button" className="inline-flex items-center gap-1 hover:text-ink" onClick={() => onSort(sort)}>
      {label}
      {filter.sort === sort && <Icon name={filter.order === 'asc' ? 'up' : 'down'} className="size-3" />}
    </button>
  );
  return (
    <div role="rowgroup" className="border-b border-line pr-[var(--scrollbar,0px)]">
      <div role="row" aria-rowindex={1} className={`${columns} h-8 text-12 text-ink-faint`}>
        <div role="columnheader">
          <label className="-m-2 flex items-center p-2">
            <input
              type="checkbox"
              className="size-3.5 accent-(--ink)"
              aria-label="Select all"
              checked={all === 'all'}
              ref={(box) => {
                if (box !== null) box.indeterminate = all === 'some';
              }}
              onChange={onSelectAll}
            />
          </label>
        </div>
        <div role="columnheader" aria-sort={sorted('updated')}>
          {title('State', 'updated')}
        </div>
        <div role="columnheader" aria-sort={sorted('name')}>
          {title('Name', 'name')}
        </div>
        <div role="columnheader" className={wide}>
          From → to
        </div>
        <div role="columnheader" aria-sort={sorted('size')} className="text-right">
          {title('Size', 'size')}
        </div>
        <div role="columnheader">Progress</div>
        <div role="columnheader" className={`text-right ${roomy}`}>
          Speed
        </div>
        <div role="columnheader" className={wide}>
          Time left
        </div>
        <div role="columnheader" aria-sort={sorted('created')} className="text-right">
          {title('Age', 'created')}
        </div>
      </div>
    </div>
  );
}

/** Whether rows have to be cards in this element. */
export function useIsNarrow(scroller: React.RefObject<HTMLDivElement | null>): boolean {
  const [narrow, setNarrow] = useState(() => window.innerWidth < 640);
  useLayoutEffect(() => {
    const element = scroller.current;
    if (element === null) return;
    const look = new ResizeObserver(([entry]) => {
      if (entry !== undefined) setNarrow(entry.contentRect.width < cardsBelowPx);
    });
    look.observe(element);
    return () => look.disconnect();
  }, [scroller]);
  return narrow;
}

/** Keeps the row at the top of the view in its place when rows come or go above it; at the very top new ones push in. */
function useStayingPut(
  scroller: React.RefObject<HTMLDivElement | null>,
  scrolledPx: number,
  ids: readonly (string | undefined)[],
  heightPx: number,
): void {
  const before = useRef(ids);
  // Where the view stands is taken from its last scroll: asking the element would make the browser lay out all rows at once.
  const scrolled = useRef(scrolledPx);
  scrolled.current = scrolledPx;
  useLayoutEffect(() => {
    const element = scroller.current;
    const had = before.current;
    before.current = ids;
    if (element === null || had === ids || scrolled.current < heightPx) return;
    const at = Math.floor(scrolled.current / heightPx);
    const anchor = had[at];
    if (anchor === undefined || ids[at] === anchor) return;
    const now = ids.indexOf(anchor);
    if (now >= 0) element.scrollTop += (now - at) * heightPx;
  }, [scroller, ids, heightPx]);
}
