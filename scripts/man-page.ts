// Writes the man page from the same list of verbs and options as the help.

import { commonOptions, type OptionSpec, type VerbSpec } from '../src/cli/command-line.ts';
import { faultTable } from '../src/model/fault.ts';

/** In the macros of man(7). */
export function manPage(verbs: readonly VerbSpec[]): string {
  return `${[
    '.TH WHERRY 1 "" "Wherry" "User Commands"',
    '.SH NAME',
    'wherry \\- moves files and proves that they arrived',
    '.SH SYNOPSIS',
    '.B wherry',
    '.I VERB',
    '.RI [ OPTION ...] " " [ ARGUMENT ...]',
    '.SH DESCRIPTION',
    plain(
      'One daemon, one command, one web console. Each file takes its name at the destination only when its content is proven there.',
    ),
    '.SH VERBS',
    ...verbs.flatMap(verbPart),
    '.SH COMMON OPTIONS',
    ...commonOptions.flatMap(optionPart),
    '.SH EXIT STATUS',
    ...exitCodes().flatMap(([code, meaning]) => ['.TP', String(code), plain(meaning)]),
    '.SH ENVIRONMENT',
    ...environment.flatMap(([name, about]) => ['.TP', `.B ${name}`, plain(about)]),
    '.SH FILES',
    ...files.flatMap(([name, about]) => ['.TP', `.I ${plain(name)}`, plain(about)]),
    '.SH SEE ALSO',
    plain('The guide is in the folder docs of the package; a daemon describes its API at /docs.'),
  ].join('\n')}\n`;
}

function verbPart(verb: VerbSpec): string[] {
  return [
    `.SS wherry ${verb.name}`,
    ...verb.usage.flatMap((line, at) =>
      [...(at === 0 ? [] : ['.br']), `.B wherry ${verb.name}`, plain(line)].filter((text) => text !== ''),
    ),
    '.PP',
    plain(verb.about ?? `${verb.summary}.`),
    ...Object.entries(verb.actions ?? {}).flatMap(([action, about]) => ['.TP', `.B ${plain(action)}`, plain(about)]),
    ...verb.options.flatMap(optionPart),
    ...(verb.examples === undefined ? [] : ['.PP', 'Examples:']),
    ...(verb.examples ?? []).flatMap(([line, does]) => ['.TP', `.B ${plain(line)}`, plain(does)]),
  ];
}

function optionPart({ name, short, value, many, about }: OptionSpec): string[] {
  const flags = [...(short === undefined ? [] : [`-${short}`]), `--${name}`].map((flag) => `\\fB${plain(flag)}\\fR`);
  const argument = value === undefined ? '' : ` \\fI${plain(value)}\\fR`;
  return ['.TP', `${flags.join(', ')}${argument}${many === true ? ' ...' : ''}`, plain(about)];
}

/** The sentences of the codes that end with each exit code; what a signal leaves stands by itself. */
function exitCodes(): (readonly [code: number, meaning: string])[] {
  const fixed = new Map([
    [0, 'All is done.'],
    [1, 'Some transfers failed, or something was refused.'],
    [2, 'The command line or the configuration makes no sense.'],
    [130, 'Interrupted by Ctrl-C (143 by SIGTERM); what is done is kept, and the same command again goes on.'],
  ]);
  const byCode = Map.groupBy(Object.values(faultTable), ({ exitCode }) => exitCode);
  const codes = [...new Set([...fixed.keys(), ...byCode.keys()])].sort((one, other) => one - other);
  return codes.map((code) => [
    code,
    fixed.get(code) ?? (byCode.get(code) ?? []).map(({ sentence }) => sentence).join(' '),
  ]);
}

const environment: readonly (readonly [string, string])[] = [
  ['WHERRY_CONFIG, WHERRY_DATA, WHERRY_LISTEN', 'As --config, --data and --listen.'],
  ['WHERRY_TOKEN, WHERRY_TOKEN_FILE', 'The token to show to a daemon; for serve, an admin token.'],
  ['NO_COLOR', 'Set to anything: no colours.'],
];

const files: readonly (readonly [string, string])[] = [
  ['~/.config/wherry/wherry.yaml', 'The configuration ($XDG_CONFIG_HOME).'],
  ['~/.local/share/wherry/daemon', 'The data folder of the daemon ($XDG_DATA_HOME).'],
  ['~/.local/state/wherry', 'Ledgers of commands that run without a daemon ($XDG_STATE_HOME).'],
];

/** Text without meaning for roff: `-` that can be copied, and only ASCII. */
function plain(text: string): string {
  return text
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replaceAll('…', '...')
    .replace(/[^\x20-\x7e]/gu, (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, '0')}]`)
    .replace(/^[.']/, '\\&$&');
}
