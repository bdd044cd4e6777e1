// What `wherry jobs` and `wherry transfers` have in common: their actions, and acting on several ids one by one.

import { asFault, Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { nearestWord } from '../model/nearest-word.ts';
import type { Action } from '../model/views.ts';
import { tellFault } from './tell-fault.ts';
import type { Terminal } from './terminal.ts';

export type ListAction = 'ls' | 'show' | Action;

const actions: readonly ListAction[] = ['ls', 'show', 'pause', 'resume', 'cancel', 'retry'];

/** The first word as action of a list; none is `ls`. Rejects with `invalid`. */
export function listActionOf(verb: string, words: readonly string[]): [ListAction, readonly string[]] {
  return actionOf(verb, words, actions);
}

/** The first word as one of these actions; none is `ls`. Rejects with `invalid`. */
export function actionOf<Word extends string>(
  verb: string,
  words: readonly string[],
  among: readonly Word[],
): [Word, readonly string[]] {
  const [word = 'ls', ...rest] = words;
  const action = among.find((one) => one === word);
  if (action !== undefined) return [action, rest];
  const near = nearestWord(word, among);
  const hint = near === undefined ? `It takes ${among.join(', ')}.` : `Did you mean "${near}"?`;
  throw new Fault('invalid', `wherry ${verb} has no action "${displayPath(word)}". ${hint}`);
}

/** Rejects with `invalid` where there are none. */
export function idsOf(verb: string, action: string, ids: readonly string[]): readonly string[] {
  if (ids.length === 0)
    throw new Fault('invalid', `wherry ${verb} ${action} needs an id; \`wherry ${verb} ls\` lists them.`);
  return ids;
}

/** One refusal does not keep the others from being asked. Resolves with the exit code of the last that failed. */
export async function actOnEach(
  terminal: Terminal,
  ids: readonly string[],
  act: (id: string) => Promise<{ readonly object: object; readonly line: string }>,
): Promise<number> {
  let exitCode = 0;
  for (const id of ids) {
    try {
      const { object, line } = await act(id);
      if (terminal.json) terminal.object(object);
      else terminal.say(line);
    } catch (error) {
      const fault = asFault(error);
      exitCode = tellFault(fault, terminal);
      if (fault.code === 'unreachable') break;
    }
  }
  return exitCode;
}
