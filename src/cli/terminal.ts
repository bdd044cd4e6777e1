// What a verb prints on: payload on standard output, messages and live progress on standard error.

export interface TerminalOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly verbose: number;
}

export interface Terminal extends TerminalOptions {
  /** True where standard error is a terminal: live lines can be drawn. */
  readonly interactive: boolean;
  readonly columns: number;
  /** Payload: a line on standard output. */
  out(line: string): void;
  /** One JSON object a line on standard output. */
  object(value: unknown): void;
  /** A message on standard error; not said with --quiet. */
  say(line: string): void;
  /** What went wrong; always said. */
  warn(line: string): void;
  /** Redraws the lines at the bottom of the terminal; none takes them away. Nothing where it is not interactive. */
  live(lines: readonly string[]): void;
  /** The text in that colour where colours are wanted. */
  paint(colour: Colour, text: string): string;
}

export type Colour = 'red' | 'green' | 'yellow' | 'blue' | 'dim' | 'bold';

const codes: Readonly<Record<Colour, readonly [number, number]>> = {
  red: [31, 39],
  green: [32, 39],
  yellow: [33, 39],
  blue: [34, 39],
  dim: [2, 22],
  bold: [1, 22],
};

/** JSON escapes the other control characters by itself; these would still move a cursor or turn text around. */
const unsafeInJson = /[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2028\u2029\u2066-\u2069]/g;
const escaped = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** Colours follow NO_COLOR (https://no-color.org) and FORCE_COLOR. */
export function openTerminal(options: TerminalOptions, env: NodeJS.ProcessEnv = process.env): Terminal {
  const { stdout, stderr } = process;
  const interactive = stderr.isTTY === true && env.TERM !== 'dumb';
  const coloured = env.NO_COLOR ? false : env.FORCE_COLOR ? env.FORCE_COLOR !== '0' : interactive;
  let outBroken = false;
  let errorBroken = false;
  // Whoever reads may go away first (`| head`); what was asked for is done all the same.
  stdout.on('error', () => {
    outBroken = true;
  });
  stderr.on('error', () => {
    errorBroken = true;
  });
  let drawn = 0;
  const clear = () => {
    if (drawn === 0) return '';
    const text = `\r${drawn > 1 ? `\u001b[${drawn - 1}A` : ''}\u001b[J`;
    drawn = 0;
    return text;
  };
  const complain = (line: string) => {
    if (!errorBroken) stderr.write(`${clear()}${line}\n`);
  };
  const out = (line: string) => {
    if (drawn > 0 && !errorBroken) stderr.write(clear());
    if (!outBroken) stdout.write(`${line}\n`);
  };
  return {
    ...options,
    interactive,
    get columns() {
      return Math.max(20, stderr.columns ?? stdout.columns ?? 80);
    },
    out,
    object: (value) => out(JSON.stringify(value).replace(unsafeInJson, escaped)),
    say(line) {
      if (!options.quiet) complain(line);
    },
    warn: complain,
    live(lines) {
      if (!interactive || errorBroken) return;
      const text = clear() + lines.join('\n');
      drawn = lines.length;
      if (text !== '') stderr.write(text);
    },
    paint(colour, text) {
      const [on, off] = codes[colour];
      return coloured ? `\u001b[${on}m${text}\u001b[${off}m` : text;
    },
  };
}
