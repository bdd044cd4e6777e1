// Which rows are selected: one by one, or a range from the last one.

import { useCallback, useRef, useState } from 'react';

export interface Selection {
  readonly ids: ReadonlySet<string>;
  toggle(id: string, range: boolean): void;
  set(ids: Iterable<string>): void;
  clear(): void;
}

const none: ReadonlySet<string> = new Set();

export function useSelection(rows: readonly (string | undefined)[]): Selection {
  const [ids, setIds] = useState(none);
  const anchor = useRef<string | undefined>(undefined);
  const shown = useRef(rows);
  shown.current = rows;
  const toggle = useCallback((id: string, range: boolean) => {
    const from = range && anchor.current !== undefined ? shown.current.indexOf(anchor.current) : -1;
    anchor.current = id;
    setIds((before) => {
      const next = new Set(before);
      if (from >= 0) {
        const to = shown.current.indexOf(id);
        for (const each of shown.current.slice(Math.min(from, to), Math.max(from, to) + 1)) {
          if (each !== undefined) next.add(each);
        }
      } else if (!next.delete(id)) {
        next.add(id);
      }
      return next;
    });
  }, []);
  const set = useCallback((chosen: Iterable<string>) => setIds(new Set(chosen)), []);
  const clear = useCallback(() => setIds(none), []);
  return { ids, toggle, set, clear };
}
