// What a page says while it has nothing to show: what would be here, and the first step as a button and as a command.

import type { ReactNode } from 'react';
import { CopyButton } from './copy-button.tsx';

interface EmptyStateProps {
  title: string;
  children: ReactNode;
  action?: ReactNode;
  command?: string;
}

export function EmptyState({ title, children, action, command }: EmptyStateProps) {
  return (
    <div className="mx-auto flex max-w-md flex-col items-start gap-3 px-6 py-16 narrow:py-10">
      <h2 className="text-16 font-semibold">{title}</h2>
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
