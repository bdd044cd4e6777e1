// Buttons: a verb, or an icon with a spoken label; one strong button a view at most.

import type { ComponentProps } from 'react';
import type { IconName } from './drawings.ts';
import { Icon } from './icon.tsx';
import { Link } from './link.tsx';

type Weight = 'plain' | 'strong' | 'quiet' | 'danger';

const weights: Record<Weight, string> = {
  plain: 'border border-line-strong bg-surface hover:bg-tint',
  strong: 'border border-ink bg-ink text-surface hover:opacity-85',
  quiet: 'border border-transparent text-ink-soft hover:bg-tint hover:text-ink',
  danger: 'border border-needs text-needs hover:bg-needs-tint',
};

interface ButtonProps extends ComponentProps<'button'> {
  weight?: Weight;
  icon?: IconName;
}

export function Button({ weight = 'plain', icon, className = '', children, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={`inline-flex h-7 items-center justify-center gap-1.5 whitespace-nowrap rounded px-2.5 text-13 font-medium transition-none disabled:opacity-45 coarse:h-10 coarse:px-4 ${weights[weight]} ${className}`}
      {...rest}
    >
      {icon !== undefined && <Icon name={icon} className="-ml-0.5" />}
      {children}
    </button>
  );
}

interface ButtonLinkProps {
  href: string;
  children: string;
  /** Leads out of the console: the browser loads the page anew. */
  outside?: boolean;
}

/** The first step of a page: looks like its strong button, and has an address. */
export function ButtonLink({ href, children, outside = false }: ButtonLinkProps) {
  const Anchor = outside ? 'a' : Link;
  return (
    <Anchor
      href={href}
      className="inline-flex h-7 items-center whitespace-nowrap rounded border border-ink bg-ink px-2.5 font-medium text-surface hover:opacity-85 coarse:h-10 coarse:px-4"
    >
      {children}
    </Anchor>
  );
}

interface IconButtonProps extends ComponentProps<'button'> {
  icon: IconName;
  /** Spoken by screen readers and shown on hover. */
  label: string;
}

export function IconButton({ icon, label, className = '', ...rest }: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      className={`inline-flex size-7 shrink-0 items-center justify-center rounded text-ink-soft hover:bg-tint-strong hover:text-ink disabled:opacity-35 coarse:size-10 ${className}`}
      {...rest}
    >
      <Icon name={icon} />
    </button>
  );
}
