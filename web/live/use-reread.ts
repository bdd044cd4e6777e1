// Reads a list again after what was heard concerns it, a little later and once for all that came meanwhile.

import { useEffect, useRef } from 'react';
import { type Batch, onBatch } from './live-feed.ts';

/** Both functions may be new at each rendering. What was heard while `concerns` said no is not remembered. */
export function useReread(everyMs: number, concerns: (batch: Batch) => boolean, reread: () => unknown): void {
  const latest = useRef({ concerns, reread });
  latest.current = { concerns, reread };
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = onBatch((batch) => {
      if (timer !== undefined || !latest.current.concerns(batch)) return;
      timer = setTimeout(() => {
        timer = undefined;
        latest.current.reread();
      }, everyMs);
    });
    return () => {
      quiet();
      clearTimeout(timer);
    };
  }, [everyMs]);
}
