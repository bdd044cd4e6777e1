// `wherry config check`: every mistake of the configuration, by line.

import { checkConfig, findConfigFile, loadSettings } from '../config.ts';
import { Fault, faultTable } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { VerbCall } from './command-line.ts';

export async function configCheck({ words, flags, terminal }: VerbCall): Promise<number> {
  const [action, named, ...more] = words;
  if (action !== 'check' || more.length > 0) throw new Fault('invalid', 'Write: wherry config check [FILE].');
  const file = findConfigFile(named ?? flags.text('config'));
  if (file === null) {
    terminal.say('There is no configuration; all settings have their defaults.');
    if (terminal.json) terminal.object({ type: 'config', file: null, problems: [] });
    return 0;
  }
  const { problems } = await checkConfig(file);
  if (problems.length === 0) await loadSettings({ config: file });
  if (terminal.json) terminal.object({ type: 'config', file: displayPath(file), problems });
  else for (const problem of problems) terminal.out(problem);
  if (problems.length > 0) return faultTable.config_invalid.exitCode;
  terminal.say(`${displayPath(file)} is well.`);
  return 0;
}
