// Globs on paths, matched in time that grows with the lengths of path and glob alone: whatever a glob says, no name can make it take for ever.

import { Fault } from '../model/fault.ts';

/** Alternatives of one glob after its braces are written out. */
const mostAlternatives = 256;
const mostCharacters = 16_384;
const mostOfRange = 256;

export interface GlobOptions {
  /** Default is `false`. */
  readonly ignoreCase?: boolean;
  /** A glob without a slash is matched with the last part of the path alone. Default is `false`. */
  readonly basename?: boolean;
}

/**
 * `*` stands for any characters but a slash, `**` as a whole part for any parts, `?` for one character, `[a-z]` and `[!a-z]` for one of
 * them, `{a,b}` and `{1..9}` for alternatives, a backslash takes the next character as it is, `!` at the start turns the meaning round;
 * dots are characters like any other. Throws `invalid`: patterns in brackets such as `+(a|b)`, and braces that stand for too much.
 */
export function compileGlob(glob: string, { ignoreCase = false, basename = false }: GlobOptions = {}) {
  const fold = (text: string) => (ignoreCase ? text.toLowerCase() : text);
  const isTurned = /^!(?!\()/.test(glob);
  const plain = fold(isTurned ? glob.slice(1) : glob);
  const nested = /(?<!\\)[?*+@!]\(/.exec(plain);
  if (nested !== null) {
    throw new Fault(
      'invalid',
      `The pattern "${glob}" holds "${nested[0]}", which is not known here: write alternatives as {a,b}, and \\( for a bracket.`,
    );
  }
  const alternatives = withoutBraces(plain, glob).map((text) =>
    text
      .replace(/^(\.\/)+/, '')
      .split('/')
      .map((part) => (/^\*{2,}$/.test(part) ? anyParts : tokensOf(part))),
  );
  const isOfName = basename && !plain.includes('/');
  return (path: string): boolean => {
    const text = fold(path);
    const parts = (isOfName ? text.slice(text.lastIndexOf('/') + 1) : text).split('/').map((part) => [...part]);
    return alternatives.some((each) => matchesParts(each, parts)) !== isTurned;
  };
}

type Token =
  | { readonly kind: 'any' }
  | { readonly kind: 'star' }
  | { readonly kind: 'one'; holds(char: string): boolean };
type Part = readonly Token[] | 'any parts';

const anyParts = 'any parts';
const star: Token = { kind: 'star' };
const any: Token = { kind: 'any' };

/** The globs that a glob with braces stands for. */
function withoutBraces(text: string, glob: string): string[] {
  const done: string[] = [];
  const open = [text];
  let characters = 0;
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const found = firstBraces(next);
    if (found === undefined) {
      done.push(next);
      characters += next.length;
    } else {
      const { from, to, choices } = found;
      for (const choice of choices.toReversed()) open.push(next.slice(0, from) + choice + next.slice(to));
    }
    if (done.length + open.length > mostAlternatives || characters > mostCharacters) {
      throw new Fault('invalid', `The braces of the pattern "${glob.slice(0, 200)}" stand for too many alternatives.`);
    }
  }
  return done;
}

/** The first braces that mean something; others (`{a}`, one that is not closed) are characters like any other. */
function firstBraces(text: string): { from: number; to: number; choices: readonly string[] } | undefined {
  const starts: { at: number; commas: number[] }[] = [];
  let outer: { from: number; to: number; choices: readonly string[] } | undefined;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (char === '\\') at += 1;
    else if (char === '[') at = endOfClass(text, at) ?? at;
    else if (char === '{') starts.push({ at, commas: [] });
    else if (char === ',') starts.at(-1)?.commas.push(at);
    else if (char === '}') {
      const start = starts.pop();
      if (start === undefined) continue;
      const choices = choicesOf(text, start, at);
      if (choices !== undefined) outer = { from: start.at, to: at + 1, choices };
      if (starts.length === 0 && outer !== undefined) return outer;
    }
  }
  return outer;
}

function choicesOf(text: string, { at, commas }: { at: number; commas: readonly number[] }, end: number) {
  if (commas.length > 0) {
    const cuts = [at, ...commas, end];
    return cuts.slice(0, -1).map((cut, index) => text.slice(cut + 1, cuts[index + 1]));
  }
  const range = /^(-?\d{1,6})\.\.(-?\d{1,6})$/.exec(text.slice(at + 1, end));
  if (range === null) return undefined;
  const [from, to] = [Number(range[1]), Number(range[2])];
  const count = Math.abs(to - from) + 1;
  if (count > mostOfRange) return undefined;
  return Array.from({ length: count }, (_, index) => String(from < to ? from + index : from - index));
}

function tokensOf(part: string): readonly Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < part.length; ) {
    const char = String.fromCodePoint(part.codePointAt(at) ?? 0);
    const end = char === '[' ? endOfClass(part, at) : undefined;
    if (end !== undefined) {
      tokens.push(classToken(part.slice(at + 1, end)));
      at = end + 1;
      continue;
    }
    if (char === '*') {
      if (tokens.at(-1) !== star) tokens.push(star);
    } else if (char === '?') tokens.push(any);
    else if (char === '\\' && at + 1 < part.length) {
      at += 1;
      tokens.push(literal(String.fromCodePoint(part.codePointAt(at) ?? 0)));
      at += String.fromCodePoint(part.codePointAt(at) ?? 0).length;
      continue;
    } else tokens.push(literal(char));
    at += char.length;
  }
  return tokens;
}

function literal(char: string): Token {
  return { kind: 'one', holds: (given) => given === char };
}

/** Where the class that begins there ends; undefined where it does not, and the bracket is a character. */
function endOfClass(text: string, from: number): number | undefined {
  let at = from + 1;
  if (text[at] === '!' || text[at] === '^') at += 1;
  if (text[at] === ']') at += 1;
  for (; at < text.length && text[at] !== '/'; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === ']') return at;
  }
  return undefined;
}

function classToken(inner: string): Token {
  const isNot = inner.startsWith('!') || inner.startsWith('^');
  const chars: string[] = [];
  const ranges: (readonly [string, string])[] = [];
  const all = [...inner.slice(isNot ? 1 : 0)];
  for (let at = 0; at < all.length; at++) {
    const char = (all[at] === '\\' ? all[++at] : all[at]) ?? '\\';
    const last = all[at + 2];
    if (all[at + 1] === '-' && last !== undefined) {
      ranges.push([char, last]);
      at += 2;
    } else chars.push(char);
  }
  const isOne = (char: string) => {
    const code = char.codePointAt(0) ?? 0;
    return (
      chars.includes(char) ||
      ranges.some(([from, to]) => code >= (from.codePointAt(0) ?? 0) && code <= (to.codePointAt(0) ?? 0))
    );
  };
  return { kind: 'one', holds: (char) => isOne(char) !== isNot };
}

/** What a star takes is only ever made longer for the last one: those before it had their shortest way already. */
function matchesParts(glob: readonly Part[], path: readonly (readonly string[])[]): boolean {
  let [inGlob, inPath] = [0, 0];
  let back: readonly [glob: number, path: number] | undefined;
  for (;;) {
    const part = glob[inGlob];
    const given = path[inPath];
    if (part === anyParts) {
      back = [inGlob, inPath];
      inGlob += 1;
    } else if (part === undefined && given === undefined) return true;
    else if (part !== undefined && given !== undefined && matchesPart(part, given)) {
      inGlob += 1;
      inPath += 1;
    } else if (back !== undefined && back[1] < path.length) {
      back = [back[0], back[1] + 1];
      [inGlob, inPath] = [back[0] + 1, back[1]];
    } else return false;
  }
}

function matchesPart(tokens: readonly Token[], chars: readonly string[]): boolean {
  let [inGlob, inName] = [0, 0];
  let back: readonly [glob: number, name: number] | undefined;
  for (;;) {
    const token = tokens[inGlob];
    const char = chars[inName];
    if (token?.kind === 'star') {
      back = [inGlob, inName];
      inGlob += 1;
    } else if (token === undefined && char === undefined) return true;
    else if (
      token !== undefined &&
      char !== undefined &&
      (token.kind === 'any' || (token.kind === 'one' && token.holds(char)))
    ) {
      inGlob += 1;
      inName += 1;
    } else if (back !== undefined && back[1] < chars.length) {
      back = [back[0], back[1] + 1];
      [inGlob, inName] = [back[0] + 1, back[1]];
    } else return false;
  }
}
