// The time, for ages and countdowns: one timer for the whole page, coarse on purpose.

import { useSyncExternalStore } from 'react';

const everyMs = 1000;
const listeners = new Set<() => void>();
let nowMs = Date.now();
let timer: ReturnType<typeof setInterval> | undefined;

function listen(listener: () => void): () => void {
  listeners.add(listener);
  timer ??= setInterval(() => {
    nowMs = Date.now();
    for (const each of listeners) each();
  }, everyMs);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** Milliseconds since 1970, moving in steps of `stepMs`: a component renders again only when its step has passed. */
export function useNow(stepMs = 5000): number {
  return useSyncExternalStore(listen, () => Math.floor(nowMs / stepMs) * stepMs);
}
