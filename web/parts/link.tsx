// A link inside the console: a real anchor that moves without loading the page again.

import type { ComponentProps } from 'react';
import { go } from '../router.ts';

export function Link({ href, onClick, ...rest }: ComponentProps<'a'> & { href: string }) {
  return (
    <a
      href={href}
      onClick={(event) => {
        onClick?.(event);
        if (event.defaultPrevented || event.button !== 0) return;
        if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        event.preventDefault();
        go(href);
      }}
      {...rest}
    />
  );
}
