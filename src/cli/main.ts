// The command line's entry: finds the verb, loads only its code, and ends with the exit code that its outcome has.

import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import { join } from 'node:path';

const { XDG_CACHE_HOME: cacheHome, HOME: home } = process.env;
enableCompileCache(
  join(cacheHome?.startsWith('/') ? cacheHome : join(home || homedir(), '.cache'), 'wherry', 'compiled'),
);

const [, , verb, ...words] = process.argv;
if (verb === 'copy' || verb === 'sync') {
  const { startEarlyThread } = await import('../early-thread.ts');
  if (words.some((word) => word.startsWith('ssh://'))) startEarlyThread('ssh');
  if (verb === 'copy') startEarlyThread('files');
}
const { runCommandLine } = await import('./run.ts');
// A worker that hangs in the operating system would keep the process from ending by itself.
process.exit(await runCommandLine(process.argv.slice(2)));
