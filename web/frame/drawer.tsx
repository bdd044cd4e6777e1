// The drawer on the right: details beside the list, never on top of another one; a whole page on a phone.

import type { ReactNode } from 'react';
import { useEffect, useRef } from 'react';
import { IconButton } from '../parts/button.tsx';

interface DrawerProps {
  title: ReactNode;
  /** Spoken when the drawer opens. */
  label: string;
  onClose: () => void;
  footer?: ReactNode;
  children: ReactNode;
  /** Moves the focus into the drawer when it opens. Default is `true`; false while a list beside it is walked through. */
  takesFocus?: boolean;
  tools?: ReactNode;
}

export function Drawer({ title, label, onClose, footer, children, takesFocus = true, tools }: DrawerProps) {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    if (!takesFocus) return;
    const before = document.activeElement;
    panel.current?.focus({ preventScroll: true });
    return () => {
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [takesFocus]);
  useEffect(() => {
    const close = (event: KeyboardEvent) => {
      if (event.key === 'Escape' && !event.defaultPrevented) onClose();
    };
    window.addEventListener('keydown', close);
    return () => window.removeEventListener('keydown', close);
  }, [onClose]);
  return (
    <aside
      ref={panel}
      tabIndex={-1}
      aria-label={label}
      className="prints flex w-[30rem] shrink-0 flex-col border-l border-line bg-surface outline-none middling:fixed middling:inset-y-0 middling:right-0 middling:z-20 middling:w-[min(30rem,100vw)] middling:shadow-drawer narrow:w-full narrow:border-l-0 narrow:pb-[env(safe-area-inset-bottom)]"
    >
      <header className="flex min-h-12 shrink-0 items-center gap-2 border-b border-line py-2 pr-2 pl-4">
        <h2 className="min-w-0 flex-1 text-14 font-semibold">{title}</h2>
        {tools}
        <IconButton icon="close" label="Close" onClick={onClose} className="print-hidden" />
      </header>
      <div className="min-h-0 flex-1 overflow-y-auto overscroll-contain">{children}</div>
      {footer !== undefined && footer !== false && (
        <footer className="print-hidden shrink-0 border-t border-line px-4 py-3">{footer}</footer>
      )}
    </aside>
  );
}
