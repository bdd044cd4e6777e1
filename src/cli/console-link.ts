// `wherry console`: a new one-time link to the web console.

import type { VerbCall } from './command-line.ts';
import { requireDaemon } from './daemon-client.ts';
import { formatTime } from './words.ts';

export async function consoleLink({ flags, terminal }: VerbCall): Promise<number> {
  const { client } = await requireDaemon(flags);
  const { url, expiresAt } = await client.call('createSessionLink');
  if (terminal.json) terminal.object({ type: 'console', url, expiresAt });
  else {
    terminal.say(`This link works once, until ${formatTime(expiresAt)}:`);
    terminal.out(url);
  }
  return 0;
}
