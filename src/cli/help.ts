// The texts of --help, made from what the verbs say of themselves.

import { commonOptions, type OptionSpec, type VerbSpec } from './command-line.ts';

const width = 100;

export function generalHelp(verbs: readonly VerbSpec[], version: string): string {
  return [
    `wherry ${version}: moves files and proves that they arrived`,
    '',
    'Usage: wherry VERB [OPTION…] [ARGUMENT…]',
    '',
    table(verbs.map(({ name, summary }) => [name, summary])),
    '',
    '`wherry VERB --help` says more of a verb, `wherry --version` which Wherry this is.',
  ].join('\n');
}

export function verbHelp(verb: VerbSpec): string {
  const parts = [
    verb.usage.map((line, at) => `${at === 0 ? 'Usage:' : '      '} wherry ${verb.name} ${line}`.trimEnd()).join('\n'),
    fold(verb.about ?? `${verb.summary}.`, 0),
  ];
  if (verb.actions !== undefined) parts.push(table(Object.entries(verb.actions)));
  parts.push(
    `Options:\n${table([...verb.options, ...commonOptions].map((option) => [optionText(option), option.about]))}`,
  );
  if (verb.examples !== undefined) {
    parts.push(`Examples:\n${verb.examples.map(([line, does]) => `  ${line}\n      ${does}`).join('\n')}`);
  }
  return parts.join('\n\n');
}

function optionText({ name, short, value, many }: OptionSpec): string {
  const start = short === undefined ? '    ' : `-${short}, `;
  return `${start}--${name}${value === undefined ? '' : ` ${value}`}${many === true ? ' …' : ''}`;
}

function table(rows: readonly (readonly [string, string])[]): string {
  const indent = Math.min(30, Math.max(...rows.map(([left]) => left.length))) + 4;
  return rows
    .map(([left, right]) => {
      const text = fold(right, indent);
      return left.length + 4 > indent
        ? `  ${left}\n${' '.repeat(indent)}${text}`
        : `  ${left.padEnd(indent - 2)}${text}`;
    })
    .join('\n');
}

/** Breaks lines at words; all but the first are indented. */
function fold(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line].join(`\n${' '.repeat(indent)}`);
}
