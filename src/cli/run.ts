// Runs one command line: verb, help, version, and faults as one sentence with the exit code of their kind.

import { readFileSync } from 'node:fs';
import { asFault, Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { nearestWord } from '../model/nearest-word.ts';
import { readCommandLine, type VerbSpec } from './command-line.ts';
import { exactArguments } from './exact-arguments.ts';
import { tellFault } from './tell-fault.ts';
import { openTerminal, type Terminal } from './terminal.ts';
import { verbs } from './verbs.ts';

/** Resolves with the exit code; never rejects. */
export async function runCommandLine(given: readonly string[]): Promise<number> {
  let terminal: Terminal = openTerminal({ json: given.includes('--json'), quiet: false, verbose: 0 });
  try {
    const [first, ...rest] = exactArguments(given);
    if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
      return await showHelp(terminal, rest[0], first === undefined ? 2 : 0);
    }
    if (first === '--version' || first === '-V' || first === 'version') {
      terminal.out(`wherry ${version()}`);
      return 0;
    }
    const verb = verbs.find(({ name }) => name === first);
    if (verb === undefined) throw unknownVerb(first);
    if (rest.includes('--help') || rest.includes('-h')) return await showHelp(terminal, verb.name, 0);
    const { words, flags } = readCommandLine(verb, rest);
    terminal = openTerminal({ json: flags.is('json'), quiet: flags.is('quiet'), verbose: flags.count('verbose') });
    const run = await verb.load();
    return await run({ words, flags, terminal });
  } catch (error) {
    return tellFault(asFault(error), terminal);
  }
}

export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

async function showHelp(terminal: Terminal, name: string | undefined, exitCode: number): Promise<number> {
  const { generalHelp, verbHelp } = await import('./help.ts');
  const verb: VerbSpec | undefined = verbs.find((one) => one.name === name);
  if (name !== undefined && !name.startsWith('-') && verb === undefined) throw unknownVerb(name);
  const text = verb === undefined ? generalHelp(verbs, version()) : verbHelp(verb);
  if (exitCode === 0) terminal.out(text);
  else terminal.warn(text);
  return exitCode;
}

function unknownVerb(word: string): Fault {
  const near = nearestWord(
    word,
    verbs.map(({ name }) => name),
  );
  const hint = near === undefined ? '`wherry --help` lists what there is.' : `Did you mean "${near}"?`;
  return new Fault('invalid', `There is no verb "${displayPath(word)}". ${hint}`);
}
