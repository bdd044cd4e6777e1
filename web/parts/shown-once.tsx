// A secret that is shown this once, with a button that copies it.

import { CopyButton } from './copy-button.tsx';

export function ShownOnce({ secret, what }: { secret: string; what: string }) {
  return (
    <div role="status" className="rounded border border-line-strong bg-tint p-3">
      <p className="mb-1 font-medium">Copy it now: it is shown this once.</p>
      <div className="flex items-center gap-1">
        <code className="min-w-0 flex-1 wrap-anywhere font-mono text-12">{secret}</code>
        <CopyButton text={secret} what={what} />
      </div>
    </div>
  );
}
