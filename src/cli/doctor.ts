// `wherry doctor`: what is well, what is not, and what to do about it.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';
import { version } from './run.ts';
import type { Colour } from './terminal.ts';
import { counted } from './words.ts';

const marks: Readonly<Record<'ok' | 'warning' | 'problem', Colour>> = {
  ok: 'green',
  warning: 'yellow',
  problem: 'red',
};

/** Resolves with 1 where there is a problem; warnings alone are no failure. */
export async function doctor({ words, flags, terminal }: VerbCall): Promise<number> {
  if (words.length > 0)
    throw new Fault('invalid', `wherry doctor takes no argument such as "${displayPath(words[0] ?? '')}".`);
  const { examine } = await import('../main.ts');
  const counts = { ok: 0, warning: 0, problem: 0 };
  const named = { config: flags.text('config'), data: flags.text('data'), listen: flags.text('listen') };
  for await (const finding of examine(named, version())) {
    const { state, check, text, remedy } = finding;
    counts[state] += 1;
    if (terminal.json) terminal.object({ type: 'finding', ...finding });
    else if (state !== 'ok' || !terminal.quiet) {
      terminal.out(`${terminal.paint(marks[state], state.padEnd(7))}  ${check.padEnd(7)}  ${text}`);
      if (remedy !== undefined) terminal.out(`${' '.repeat(18)}${remedy}`);
    }
  }
  const { problem, warning } = counts;
  const exitCode = problem > 0 ? 1 : 0;
  if (terminal.json) terminal.object({ type: 'summary', ...counts, exitCode });
  else if (problem + warning === 0) terminal.say('Everything is well.');
  else terminal.say(`${counted(problem, 'problem')}, ${counted(warning, 'warning')}.`);
  return exitCode;
}
