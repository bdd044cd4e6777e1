// What is wrong with a configuration's text: each mistake with its line and column, and the key that was probably meant.

import { type Document, isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { type ConfigValues, configJsonSchema, configSchema } from './config-schema.ts';
import { displayPath } from './model/names.ts';
import { nearestWord } from './model/nearest-word.ts';

export interface ConfigProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type ReadConfig =
  | { readonly values: ConfigValues; readonly problems: readonly [] }
  | { readonly values: undefined; readonly problems: readonly [ConfigProblem, ...ConfigProblem[]] };

/** Reads YAML (and so JSON). Problems come in order of their lines. Never throws. */
export function readConfigText(text: string): ReadConfig {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const problems: ConfigProblem[] = [...document.errors, ...document.warnings].map((error) => ({
    ...place(lines, error.pos[0]),
    message: `${error.message.replace(/\.$/, '')}.`,
  }));
  let value: unknown;
  if (document.errors.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: 100 }) ?? {};
    } catch (error) {
      problems.push({ line: 1, column: 1, message: error instanceof Error ? `${error.message}.` : String(error) });
    }
  }
  if (problems.length === 0) {
    const result = configSchema.safeParse(value);
    if (result.success) return { values: result.data, problems: [] };
    for (const issue of result.error.issues) {
      for (const { at, message } of explain(issue, value, document)) problems.push({ ...place(lines, at), message });
    }
  }
  const [first, ...more] = problems.sort((one, other) => one.line - other.line || one.column - other.column);
  return { values: undefined, problems: [first ?? { line: 1, column: 1, message: 'It cannot be read.' }, ...more] };
}

/** A part of the configuration, as a person writes it: `watches[0].growing`. */
export function keyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, part) => (typeof part === 'number' ? `${text}[${part}]` : `${text}${text === '' ? '' : '.'}${String(part)}`),
    '',
  );
}

function place(lines: LineCounter, offset: number): { line: number; column: number } {
  const { line, col } = lines.linePos(offset);
  return { line: Math.max(1, line), column: Math.max(1, col) };
}

function explain(issue: z.core.$ZodIssue, value: unknown, document: Document): { at: number; message: string }[] {
  const where = keyPath(issue.path);
  if (issue.code === 'unrecognized_keys') {
    const known = knownKeys(issue.path, value);
    return issue.keys.map((key) => {
      const near = nearestWord(key, known);
      const hint = near === undefined ? ` It can hold ${listed(known)}.` : ` Did you mean "${near}"?`;
      const inside = where === '' ? 'the configuration' : where;
      const message = `"${displayPath(key)}" is no key of ${inside}.${known.length === 0 ? '' : hint}`;
      return { at: keyOffset(document, issue.path, key), message };
    });
  }
  const given = issue.path.reduce<unknown>((at, key) => (at as Record<PropertyKey, unknown> | undefined)?.[key], value);
  return [
    {
      at: valueOffset(document, issue.path),
      message: `${where === '' ? 'The configuration' : where}: ${said(issue, given)}`,
    },
  ];
}

function said(issue: z.core.$ZodIssue, given: unknown): string {
  const shown = given === undefined ? 'nothing' : displayPath(JSON.stringify(given)).slice(0, 80);
  switch (issue.code) {
    case 'invalid_type':
      return given === undefined
        ? `it is missing; write ${named(issue.expected)}.`
        : `${shown} is not ${named(issue.expected)}.`;
    case 'invalid_value':
      return `${shown} is not one of ${listed(issue.values.map(String))}.`;
    case 'too_small':
      return `${shown} is less than ${issue.minimum}.`;
    case 'too_big':
      return `${shown} is more than ${issue.maximum}.`;
    case 'invalid_union': {
      const own = issue.errors.flat().find((inner) => inner.code !== 'invalid_type');
      if (own !== undefined) return said(own, given);
      // Of several shapes that a word tells apart: the schema says which words there are.
      if (issue.discriminator !== undefined) return `${shown} is not one of ${issue.message}.`;
      return `${shown} does not fit here.`;
    }
    default:
      return /[.!?]$/.test(issue.message) ? issue.message : `${issue.message}.`;
  }
}

const typeNames: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map of keys',
  record: 'a map of keys',
};

function named(type: string): string {
  return typeNames[type] ?? type;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}

function keyOffset(document: Document, path: readonly PropertyKey[], key: string): number {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  if (!isMap(map)) return valueOffset(document, path);
  const pair = map.items.find((item) => (isScalar(item.key) ? String(item.key.value) : String(item.key)) === key);
  return isNode(pair?.key) ? ((pair.key as Node).range?.[0] ?? 0) : valueOffset(document, path);
}

/** Where the value stands; where it is missing, what should hold it. */
function valueOffset(document: Document, path: readonly PropertyKey[]): number {
  for (let length = path.length; length > 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.contents?.range?.[0] ?? 0;
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly oneOf?: readonly SchemaNode[];
  readonly const?: unknown;
}

/** The shapes that a value may have; of those that a word tells apart the one that it names. */
function shapes(node: SchemaNode, value: unknown): SchemaNode[] {
  const named = (node.oneOf ?? []).filter(({ properties = {} }) =>
    Object.entries(properties).every(
      ([key, inner]) => inner.const === undefined || inner.const === (value as Record<string, unknown> | null)?.[key],
    ),
  );
  return [node, ...(node.anyOf ?? []), ...named];
}

function knownKeys(path: readonly PropertyKey[], value: unknown): string[] {
  let nodes: SchemaNode[] = [configJsonSchema() as SchemaNode];
  let at = value;
  for (const part of path) {
    nodes = nodes
      .flatMap((node) => shapes(node, at))
      .flatMap((node) => (typeof part === 'number' ? node.items : node.properties?.[String(part)]) ?? []);
    at = (at as Record<PropertyKey, unknown> | undefined)?.[part];
  }
  return nodes.flatMap((node) => shapes(node, at)).flatMap((node) => Object.keys(node.properties ?? {}));
}
