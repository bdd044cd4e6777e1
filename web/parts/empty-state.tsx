// What a page says while it has nothing to show: what would be here, and the first step as a button and as a command.

import type { ReactNode } from 'react';
import { CopyButton } from './copy-button.tsx';

interface EmptyStateProps {
  title: string;
  /** The page has no other heading. Default is `false`: the title stands under the page's own. */
  alone?: boolean;
  children: ReactNode;
  action?: ReactNode;
  command?: string;
}

export function EmptyState({ title, alone = false, children, action, command }: EmptyStateProps) {
  const Heading = alone ? 'h1' : 'h2';
  return (
    <div className="mx-auto flex max-w-md flex-col items-start gap-3 px-6 py-16 narrow:py-10">
      <Heading className="text-16 font-semibold">{title}</Heading>
      <p className="text-ink-soft">{children}</p>
      {action}
      {command !== undefined && (
        <div className="flex w-full items-center gap-2 rounded border border-line bg-tint py-1 pr-1 pl-3">
          <code className="min-w-0 flex-1 overflow-x-auto whitespace-nowrap font-mono text-12">{command}</code>
          <CopyButton text={command} what="the command" />
        </div>
      )}
    </div>
  );
}
