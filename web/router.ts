// Where the console is: the address is the state of every page, drawer and filter, so that links and the back button work.

import { useMemo, useSyncExternalStore } from 'react';

export interface Address {
  readonly path: string;
  readonly query: URLSearchParams;
}

const listeners = new Set<() => void>();

function listen(listener: () => void): () => void {
  listeners.add(listener);
  window.addEventListener('popstate', listener);
  return () => {
    listeners.delete(listener);
    window.removeEventListener('popstate', listener);
  };
}

const here = () => window.location.pathname + window.location.search;

export function useAddress(): Address {
  const text = useSyncExternalStore(listen, here);
  return useMemo(() => {
    const cut = text.indexOf('?');
    return {
      path: cut < 0 ? text : text.slice(0, cut),
      query: new URLSearchParams(cut < 0 ? '' : text.slice(cut)),
    };
  }, [text]);
}

/** `replace` leaves no step for the back button: for filters being typed, or a drawer moving from row to row. */
export function go(address: string, options: { replace?: boolean } = {}): void {
  if (address === here()) return;
  if (options.replace) window.history.replaceState(null, '', address);
  else window.history.pushState(null, '', address);
  for (const listener of listeners) listener();
}

/** An address with some of its query changed; undefined removes a key. */
export function withQuery(path: string, query: URLSearchParams, changes: Record<string, string | undefined>): string {
  const next = new URLSearchParams(query);
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined || value === '') next.delete(key);
    else next.set(key, value);
  }
  const text = next.toString();
  return text === '' ? path : `${path}?${text}`;
}
