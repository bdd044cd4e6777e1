// `wherry explain`: where a file is, or every reason why it is not there yet.

import { Fault } from '../model/fault.ts';
import { pathText } from '../model/path-text.ts';
import type { VerbCall } from './command-line.ts';
import { absolutePlace } from './copy-request.ts';
import { requireDaemon } from './daemon-client.ts';
import { formatTime } from './words.ts';

export async function explain({ words, flags, terminal }: VerbCall): Promise<number> {
  const [given, ...more] = words;
  if (given === undefined || more.length > 0) throw new Fault('invalid', 'wherry explain needs one path.');
  const { client } = await requireDaemon(flags);
  // A bare name is looked for wherever it is; with a folder it is a place on this machine.
  const path = given.includes('/') ? absolutePlace(given) : given;
  const { path: shown, pathBytes } = pathText(path);
  const explanation = await client.call('explain', {
    query: pathBytes === undefined ? { path: shown } : { pathBytes },
  });
  if (terminal.json) {
    terminal.object({ type: 'explanation', ...explanation });
    return 0;
  }
  terminal.out(explanation.summary);
  for (const { at, text } of explanation.facts) terminal.out(`  ${formatTime(at)}  ${text}`);
  return 0;
}
