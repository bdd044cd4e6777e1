// The keyboard of the list: j and k, x, enter, p, r, c, /, ?, and escape.

import { useEffect, useRef } from 'react';

export interface ListKeys {
  readonly step: (by: number) => void;
  readonly toEdge: (edge: 'first' | 'last') => void;
  readonly open: () => void;
  readonly select: (range: boolean) => void;
  readonly pauseOrResume: () => void;
  readonly retry: () => void;
  readonly cancel: () => void;
  readonly search: () => void;
  readonly help: () => void;
  readonly leave: () => boolean;
}

/** What the keys do, for the help. */
export const keyHelp: readonly (readonly [keys: string, what: string])[] = [
  ['j / k', 'Next or previous row'],
  ['x', 'Select the row (with shift: up to it)'],
  ['Enter', 'Open the row'],
  ['p', 'Pause, or resume'],
  ['r', 'Retry'],
  ['c', 'Cancel'],
  ['/', 'Filter by name'],
  ['Ctrl K', 'Where is my file?'],
  ['Esc', 'Close, then clear the selection'],
  ['?', 'This list'],
];

export function useListKeys(keys: ListKeys): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.defaultPrevented || event.metaKey || event.ctrlKey || event.altKey) return;
      const target = event.target instanceof HTMLElement ? event.target : document.body;
      if (
        target.closest('input:not([type=checkbox]), textarea, select, [role=menu], [role=dialog], [role=alertdialog]')
      )
        return;
      const onControl = target.closest('button, a, summary') !== null;
      if (onControl && (event.key === 'Enter' || event.key === ' ')) return;
      if (run(latest.current, event)) event.preventDefault();
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
}

function run(keys: ListKeys, event: KeyboardEvent): boolean {
  switch (event.key) {
    case 'j':
    case 'ArrowDown':
      keys.step(1);
      return true;
    case 'k':
    case 'ArrowUp':
      keys.step(-1);
      return true;
    case 'PageDown':
      keys.step(20);
      return true;
    case 'PageUp':
      keys.step(-20);
      return true;
    case 'Home':
      keys.toEdge('first');
      return true;
    case 'End':
      keys.toEdge('last');
      return true;
    case 'Enter':
      keys.open();
      return true;
    case 'x':
    case 'X':
      keys.select(event.shiftKey);
      return true;
    case 'p':
      keys.pauseOrResume();
      return true;
    case 'r':
      keys.retry();
      return true;
    case 'c':
      keys.cancel();
      return true;
    case '/':
      keys.search();
      return true;
    case '?':
      keys.help();
      return true;
    case 'Escape':
      return keys.leave();
    default:
      return false;
  }
}
