// The bar on top: search, speed and limit of everything together, whether the page is live, and the theme.

import { useEffect, useRef, useState } from 'react';
import { IconButton } from '../parts/button.tsx';
import { Icon } from '../parts/icon.tsx';
import { go, useAddress } from '../router.ts';
import { ConnectionMark } from './connection-mark.tsx';
import { SpeedAndLimit } from './speed-and-limit.tsx';
import { ThemeMenu } from './theme-menu.tsx';

export function TopBar() {
  return (
    <header className="flex h-12 shrink-0 items-center gap-3 border-b border-line px-4 narrow:gap-1 narrow:px-3 print:hidden">
      <Search />
      <div className="ml-auto flex items-center gap-3 narrow:gap-1">
        <SpeedAndLimit />
        <ConnectionMark />
        <ThemeMenu />
      </div>
    </header>
  );
}

function Search() {
  const { path, query } = useAddress();
  const asked = path === '/find' ? (query.get('path') ?? '') : '';
  const [text, setText] = useState(asked);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => setText(asked), [asked]);
  useEffect(() => {
    const focusSearch = (event: KeyboardEvent) => {
      if (event.key !== 'k' || !(event.metaKey || event.ctrlKey)) return;
      event.preventDefault();
      field.current?.focus();
    };
    window.addEventListener('keydown', focusSearch);
    return () => window.removeEventListener('keydown', focusSearch);
  }, []);
  return (
    <search className="min-w-0 max-w-md flex-1">
      <form
        className="relative"
        onSubmit={(event) => {
          event.preventDefault();
          const wanted = text.trim();
          if (wanted !== '') go(`/find?path=${encodeURIComponent(wanted)}`);
        }}
      >
        <Icon name="search" className="pointer-events-none absolute top-2 left-2.5 text-ink-faint coarse:top-3" />
        <input
          ref={field}
          type="search"
          aria-label="Where is my file?"
          placeholder="Where is my file?"
          value={text}
          onChange={(event) => setText(event.target.value)}
          className="h-8 w-full rounded border border-line bg-surface pr-8 pl-8 text-13 hover:border-line-strong coarse:h-10 coarse:text-16 [&::-webkit-search-cancel-button]:hidden"
        />
        {text !== '' && (
          <IconButton
            icon="close"
            label="Clear"
            className="absolute top-0.5 right-0.5 coarse:top-0 coarse:right-0"
            onClick={() => {
              setText('');
              field.current?.focus();
            }}
          />
        )}
      </form>
    </search>
  );
}
