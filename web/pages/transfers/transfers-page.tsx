// The page of transfers: filters, the list, what is selected, and the drawer of the one that is open.

import { useCallback, useRef, useState } from 'react';
import type { Action, TransferView } from '../../../src/model/views.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { actOnIds, actOnTransfers } from '../../live/actions.ts';
import { useLive } from '../../live/live-store.ts';
import { noteFault } from '../../live/notes.ts';
import type { ListFilter } from '../../live/transfer-list.ts';
import { useTransferList } from '../../live/use-transfer-list.ts';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { KeyList } from '../../parts/key-list.tsx';
import { go, useAddress, withQuery } from '../../router.ts';
import { BulkBar } from './bulk-bar.tsx';
import { FilterBar } from './filter-bar.tsx';
import { GroupedTransfers } from './grouped-transfers.tsx';
import { filterFrom, isFiltered, isGrouped } from './list-address.ts';
import { TransferDrawer } from './transfer-drawer.tsx';
import { TransferTable } from './transfer-table.tsx';
import { keyHelp, useListKeys } from './use-list-keys.ts';
import { useSelection } from './use-selection.ts';

export function TransfersPage({ openId }: { openId: string | undefined }) {
  const { query } = useAddress();
  const filter = filterFrom(query);
  const { list, view } = useTransferList(filter);
  const grouped = isGrouped(query);
  const [groupedIds, setGroupedIds] = useState<readonly string[]>([]);
  const ids = grouped ? groupedIds : view.index.ids;
  const total = view.index.ids.length;
  const selection = useSelection(ids);
  const [cursorId, setCursorId] = useState<string | undefined>(openId);
  const [asking, setAsking] = useState<readonly string[]>();
  const [helping, setHelping] = useState(false);
  const [walking, setWalking] = useState(false);
  const searchField = useRef<HTMLInputElement>(null);
  const known = useLive((state) => state.transfers);
  const selected = [...selection.ids].flatMap((id) => known.get(id) ?? []);
  const current = cursorId === undefined ? undefined : known.get(cursorId);
  const targets = selected.length > 0 ? selected : current === undefined ? [] : [current];

  const change = (changes: Record<string, string | undefined>) => {
    selection.clear();
    go(withQuery('/transfers', query, changes), { replace: 'q' in changes });
  };
  const open = useCallback(
    (id: string | undefined, replace = false) => {
      go(withQuery(id === undefined ? '/transfers' : `/transfers/${id}`, query, {}), { replace });
    },
    [query],
  );
  const openRow = useCallback(
    (id: string) => {
      setCursorId(id);
      setWalking(false);
      open(id);
    },
    [open],
  );
  const close = useCallback(() => open(undefined), [open]);
  const act = useCallback((action: Action, transfer: TransferView) => {
    if (action === 'cancel') setAsking([transfer.id]);
    else void actOnTransfers(action, [transfer]);
  }, []);
  const actOnTargets = (action: Action) => {
    const unread = [...selection.ids].filter((id) => !known.has(id));
    const able = targets.filter((transfer) => transfer.actions.includes(action)).map((transfer) => transfer.id);
    if (action === 'cancel' && able.length + unread.length > 0) setAsking([...able, ...unread]);
    else if (unread.length > 0) void actOnIds(action, [...able, ...unread]);
    else if (targets.length > 0) void actOnTransfers(action, targets);
  };
  const selectAllMatching = async () => {
    try {
      selection.set(await list.allIds(new AbortController().signal));
    } catch (error) {
      noteFault(error);
    }
  };
  const moveTo = (row: number) => {
    const id = ids[Math.max(0, Math.min(ids.length - 1, row))];
    if (id === undefined) return;
    setCursorId(id);
    if (openId !== undefined) {
      setWalking(true);
      open(id, true);
    }
  };
  useListKeys({
    step: (by) => moveTo(cursorId === undefined ? 0 : ids.indexOf(cursorId) + by),
    toEdge: (edge) => moveTo(edge === 'first' ? 0 : ids.length - 1),
    open: () => cursorId !== undefined && openRow(cursorId),
    select: (range) => cursorId !== undefined && selection.toggle(cursorId, range),
    pauseOrResume: () =>
      actOnTargets(targets.some((transfer) => transfer.actions.includes('pause')) ? 'pause' : 'resume'),
    retry: () => actOnTargets('retry'),
    cancel: () => actOnTargets('cancel'),
    search: () => searchField.current?.focus(),
    help: () => setHelping(!helping),
    leave: () => {
      if (helping) setHelping(false);
      else if (openId !== undefined) close();
      else if (selection.ids.size > 0) selection.clear();
      else return false;
      return true;
    },
  });
  const loaded = ids.filter((id) => id !== undefined);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <FilterBar filter={filter} query={query} total={total} onChange={change} searchField={searchField} />
        {total === 0 && !view.loading ? (
          <Nothing filter={filter} problem={view.error?.message} onClear={() => go('/transfers')} />
        ) : grouped ? (
          <GroupedTransfers
            filter={filter}
            query={query}
            currentId={cursorId}
            openId={openId}
            selected={selection.ids}
            onOpen={openRow}
            onSelect={selection.toggle}
            onAct={act}
            onRows={setGroupedIds}
            onClear={() => go('/transfers?group=job')}
          />
        ) : (
          <TransferTable
            list={list}
            view={view}
            filter={filter}
            currentId={cursorId}
            openId={openId}
            selected={selection.ids}
            onOpen={openRow}
            onSelect={selection.toggle}
            onSelectAll={() => (selection.ids.size > 0 ? selection.clear() : selection.set(loaded))}
            onSort={(sort) => {
              const flipped = filter.sort === sort && filter.order === 'desc';
              change({ sort: sort === 'created' ? undefined : sort, order: flipped ? 'asc' : undefined });
            }}
            onAct={act}
          />
        )}
        <BulkBar
          count={selection.ids.size}
          selected={selected}
          asking={asking?.length}
          allMatching={selection.ids.size > 1 && selection.ids.size < total ? total : undefined}
          onSelectAllMatching={() => void selectAllMatching()}
          onAct={actOnTargets}
          onAnswer={(yes) => {
            if (yes && asking !== undefined) void actOnIds('cancel', asking);
            setAsking(undefined);
          }}
          onClear={selection.clear}
        />
      </div>
      {helping ? (
        <KeyHelp onClose={() => setHelping(false)} />
      ) : (
        openId !== undefined && <TransferDrawer key="drawer" id={openId} onClose={close} takesFocus={!walking} />
      )}
    </>
  );
}

function Nothing(props: { filter: ListFilter; problem: string | undefined; onClear: () => void }) {
  if (props.problem !== undefined) {
    return <EmptyState title="The list could not be read">{props.problem}</EmptyState>;
  }
  if (isFiltered(props.filter)) {
    return (
      <EmptyState title="No transfer matches" action={<Button onClick={props.onClear}>Show all transfers</Button>}>
        Nothing in the ledger fits these filters.
      </EmptyState>
    );
  }
  return (
    <EmptyState
      title="No transfers yet"
      command="wherry copy FROM TO"
      action={<ButtonLink href="/jobs/new">Copy files</ButtonLink>}
    >
      Every file that Wherry moves stands here, from the first byte to its receipt. Start a copy, or drop a file into a
      watched folder.
    </EmptyState>
  );
}

function KeyHelp({ onClose }: { onClose: () => void }) {
  return (
    <Drawer title="Keyboard" label="Keyboard" onClose={onClose}>
      <KeyList keys={keyHelp} className="grid-cols-[6rem_1fr] gap-y-2 p-4" />
    </Drawer>
  );
}
