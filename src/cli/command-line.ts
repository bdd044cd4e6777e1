// Reads a command line against the options that a verb has, and gives their values in the types that the verb wants.

import { parseArgs } from 'node:util';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { nearestWord } from '../model/nearest-word.ts';
import { parseSize } from '../model/size.ts';

export interface OptionSpec {
  readonly name: string;
  readonly short?: string;
  /** What stands for its value in the help; absent for a switch. */
  readonly value?: string;
  /** May be given several times. */
  readonly many?: boolean;
  readonly about: string;
  /** All that it takes, where these are few words; shells complete them. */
  readonly choices?: readonly string[];
}

export interface VerbSpec {
  readonly name: string;
  /** What follows `wherry NAME`, a line a form. */
  readonly usage: readonly string[];
  readonly summary: string;
  /** More than the summary, for the verb's own help. */
  readonly about?: string;
  /** Words that may come first (`ls`, `show`), with what they do. */
  readonly actions?: Readonly<Record<string, string>>;
  /** True where its arguments are, or may be, paths of this machine. */
  readonly paths?: boolean;
  readonly options: readonly OptionSpec[];
  readonly examples?: readonly (readonly [line: string, does: string])[];
  /** Loads the verb's code, only when it is wanted. */
  readonly load: () => Promise<VerbCode>;
}

/** Resolves with the exit code. */
export type VerbCode = (call: VerbCall) => Promise<number>;

export interface VerbCall {
  readonly words: readonly string[];
  readonly flags: Flags;
  readonly terminal: import('./terminal.ts').Terminal;
}

/** The options of every verb. */
export const commonOptions: readonly OptionSpec[] = [
  { name: 'json', about: 'One JSON object a line on standard output' },
  { name: 'quiet', short: 'q', about: 'Say nothing but what went wrong' },
  { name: 'verbose', short: 'v', about: 'Say more' },
  { name: 'help', short: 'h', about: 'Show this' },
];

/** What was given. Each reader rejects with `invalid` where the value is none of its kind. */
export class Flags {
  readonly #values: Readonly<Record<string, readonly (string | boolean)[]>>;

  constructor(values: Readonly<Record<string, readonly (string | boolean)[]>>) {
    this.#values = values;
  }

  is(name: string): boolean {
    return this.#values[name] !== undefined;
  }

  /** How often a switch was given. */
  count(name: string): number {
    return this.#values[name]?.length ?? 0;
  }

  /** The last one given. */
  text(name: string): string | undefined {
    const value = this.#values[name]?.at(-1);
    if (value === '') throw new Fault('invalid', `--${name} needs a value.`);
    return typeof value === 'string' ? value : undefined;
  }

  list(name: string): string[] {
    return (this.#values[name] ?? []).filter((value) => typeof value === 'string');
  }

  number(name: string, least: number, most: number): number | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const number = Number(text);
    if (!Number.isInteger(number) || number < least || number > most) {
      throw new Fault(
        'invalid',
        `--${name} takes a whole number from ${least} to ${most}, not "${displayPath(text)}".`,
      );
    }
    return number;
  }

  sizeBytes(name: string): number | undefined {
    const text = this.text(name);
    return text === undefined ? undefined : parseSize(text);
  }

  choice<Word extends string>(name: string, words: readonly Word[]): Word | undefined {
    const text = this.text(name);
    if (text === undefined) return undefined;
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    const near = nearestWord(text, words);
    const hint = near === undefined ? '' : ` Did you mean ${near}?`;
    throw new Fault('invalid', `--${name} takes ${words.join(', ')}; "${displayPath(text)}" is none of them.${hint}`);
  }
}

/** Rejects with `invalid`: an option that the verb does not have (naming the nearest), a value too many or missing. */
export function readCommandLine(verb: VerbSpec, words: readonly string[]): { words: string[]; flags: Flags } {
  const options = [...verb.options, ...commonOptions];
  const { tokens } = parseArgs({
    args: [...words],
    options: Object.fromEntries(
      options.map(({ name, short, value }) => [
        name,
        { type: value === undefined ? 'boolean' : 'string', ...(short === undefined ? {} : { short }) } as const,
      ]),
    ),
    strict: false,
    allowPositionals: true,
    tokens: true,
  });
  const values: Record<string, (string | boolean)[]> = {};
  const plain: string[] = [];
  for (const token of tokens) {
    if (token.kind === 'positional') plain.push(token.value);
    if (token.kind !== 'option') continue;
    const option = options.find(({ name }) => name === token.name);
    if (option === undefined) throw unknownOption(verb, token.rawName, options);
    if (option.value === undefined && token.value !== undefined) {
      throw new Fault('invalid', `--${option.name} takes no value.`);
    }
    if (option.value !== undefined && token.value === undefined) {
      throw new Fault('invalid', `--${option.name} needs a value: --${option.name} ${option.value}.`);
    }
    values[option.name] = [...(values[option.name] ?? []), token.value ?? true];
  }
  return { words: plain, flags: new Flags(values) };
}

function unknownOption(verb: VerbSpec, given: string, options: readonly OptionSpec[]): Fault {
  const near = given.startsWith('--')
    ? nearestWord(
        given.slice(2),
        options.map(({ name }) => name),
      )
    : undefined;
  const hint = near === undefined ? `\`wherry ${verb.name} --help\` lists them` : `Did you mean --${near}?`;
  return new Fault(
    'invalid',
    `wherry ${verb.name} has no option ${displayPath(given)}. ${hint}${near === undefined ? '.' : ''}`,
  );
}
