// Copies a text and says that it did.

import { useEffect, useState } from 'react';
import { IconButton } from './button.tsx';

export function CopyButton({ text, what }: { text: string; what: string }) {
  const [said, setSaid] = useState<'copied' | 'refused' | undefined>();
  useEffect(() => {
    if (said === undefined) return;
    const timer = setTimeout(() => setSaid(undefined), 1500);
    return () => clearTimeout(timer);
  }, [said]);
  const label = said === 'copied' ? 'Copied' : said === 'refused' ? 'The browser refused' : `Copy ${what}`;
  return (
    <>
      <IconButton
        icon={said === 'copied' ? 'check' : 'copy'}
        label={label}
        className="print-hidden"
        onClick={() => copyText(text).then((done) => setSaid(done ? 'copied' : 'refused'))}
      />
      <span role="status" className="sr-only">
        {said === undefined ? '' : label}
      </span>
    </>
  );
}

/** The clipboard needs a secure page; on plain HTTP from another machine a selected field does it. */
async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = document.createElement('textarea');
    field.value = text;
    field.className = 'sr-only';
    document.body.append(field);
    field.select();
    const done = document.execCommand('copy');
    field.remove();
    return done;
  }
}
