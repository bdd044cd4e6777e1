// `wherry completion`: prints the script by which a shell completes verbs, options and their values.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';
import { bashCompletion, fishCompletion, zshCompletion } from './completion-scripts.ts';
import { verbs } from './verbs.ts';

const shells = { bash: bashCompletion, zsh: zshCompletion, fish: fishCompletion } as const;

export async function completion({ words, terminal }: VerbCall): Promise<number> {
  const [shell = '', ...more] = words;
  if (!Object.hasOwn(shells, shell) || more.length > 0) {
    const given = shell === '' ? 'Name the shell' : `"${displayPath(words.join(' '))}" is no shell that is known`;
    throw new Fault('invalid', `${given}: wherry completion ${Object.keys(shells).join('|')}.`);
  }
  terminal.out(shells[shell as keyof typeof shells](verbs).trimEnd());
  return 0;
}
