// A search over a list.

import { useEffect, useRef, useState } from 'react';
import { Icon } from './icon.tsx';

/** Types ahead of the address: what is asked follows once the typing rests. */
export function SearchField(props: {
  /** Spoken by screen readers. */
  label: string;
  placeholder: string;
  value: string;
  onChange: (value: string | undefined) => void;
  field?: React.RefObject<HTMLInputElement | null>;
}) {
  const { label, placeholder, value, onChange, field } = props;
  const [text, setText] = useState(value);
  const latest = useRef(onChange);
  latest.current = onChange;
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => latest.current(text === '' ? undefined : text), 250);
    return () => clearTimeout(timer);
  }, [text, value]);
  return (
    <div className="relative">
      <Icon name="search" className="pointer-events-none absolute top-1.5 left-2 text-ink-faint coarse:top-3" />
      <input
        ref={field}
        type="search"
        value={text}
        aria-label={label}
        placeholder={placeholder}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          event.preventDefault();
          setText('');
          event.currentTarget.blur();
        }}
        className="h-7 w-56 rounded border border-line-strong bg-surface pr-2 pl-7 coarse:h-10 coarse:text-16 narrow:w-full [&::-webkit-search-cancel-button]:hidden"
      />
    </div>
  );
}
