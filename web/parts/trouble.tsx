// Why something failed, and what to do about it.

import type { ReactNode } from 'react';
import { Icon } from './icon.tsx';

interface TroubleProps {
  error: { readonly message: string; readonly remedy: string };
  /** It needs somebody; false while it goes on by itself. Default is `true`. */
  loud?: boolean;
  children?: ReactNode;
}

export function Trouble({ error, loud = true, children }: TroubleProps) {
  return (
    <div className={`flex gap-2 rounded p-3 ${loud ? 'bg-needs-tint' : 'bg-waits-tint'}`}>
      <Icon name={loud ? 'needs' : 'waits'} className={`mt-0.5 ${loud ? 'text-needs' : 'text-waits'}`} />
      <div className="flex min-w-0 flex-col gap-1">
        <p className="break-words font-medium">{error.message}</p>
        <p className="text-ink-soft">{error.remedy}</p>
        {children}
      </div>
    </div>
  );
}
