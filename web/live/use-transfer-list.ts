// A list of transfers for a component: one source per filter, fed by events while it is shown.

import { useEffect, useMemo, useRef, useSyncExternalStore } from 'react';
import { api } from '../api.ts';
import { onBatch, onReconnect } from './live-feed.ts';
import type { ListFilter, ListView } from './transfer-list.ts';
import { TransferList } from './transfer-list.ts';

export function useTransferList(filter: ListFilter): { list: TransferList; view: ListView } {
  const key = JSON.stringify(filter);
  const list = useMemo(() => new TransferList(api, JSON.parse(key) as ListFilter), [key]);
  useEffect(() => {
    list.show(0, 40);
    const quiet = onBatch((batch) => list.hear(batch));
    const back = onReconnect(() => list.refresh());
    return () => {
      back();
      quiet();
    };
  }, [list]);
  const view = useSyncExternalStore(list.subscribe, list.view);
  // The rows of the filter before stay in sight until the first page of the new one is there.
  const before = useRef(view);
  if (!view.loading) before.current = view;
  return { list, view: view.loading ? { ...before.current, loading: true } : view };
}
