// Where a watched file goes below the destination's root: the first rule that matches, rendered.

import { Fault } from '../../model/fault.ts';
import { baseName, displayPath, joinPath, parentPath, safeRelativePath } from '../../model/names.ts';
import { compileGlob } from '../glob.ts';

/** One rule: a glob on the path below the source (on the name alone where it holds no slash), or a regular expression on that path. */
export interface PlacementRule {
  readonly match?: string;
  readonly regex?: string;
  /** Template of the path below the destination; see `renderTemplate`. */
  readonly to: string;
}

/** What a template can speak of. Times are milliseconds since 1970 and are written in the daemon's own time zone. */
export interface PlacementFacts {
  readonly path: string;
  readonly mtimeMs: number;
  /** When the file was found. */
  readonly foundAt: number;
  /** Hexadecimal content hash; only there when a rule asks for it (`needsHash`). */
  readonly hash?: string;
}

export interface Placement {
  readonly path: string;
  /** Index of the rule that placed it; null where none matched (or there are none). */
  readonly rule: number | null;
}

/** Where what no rule matches goes. */
export const fallbackTemplate = 'OTHER/{date}/{name}';

const fileTokens = new Set(['name', 'stem', 'ext', 'hash']);
const tokens = new Set([...fileTokens, 'date', 'mtime', 'relativeDir']);

/** Checks rules before they are used. Rejects with `invalid`, naming the rule and what is wrong with it. */
export function compileRules(rules: readonly PlacementRule[]): (facts: PlacementFacts) => Placement {
  const compiled = rules.map((rule, at) => ({ find: matcher(rule, at), template: checkTemplate(rule, at) }));
  return (facts) => {
    if (compiled.length === 0) return { path: safeRelativePath(facts.path), rule: null };
    for (const [at, { find, template }] of compiled.entries()) {
      const groups = find(facts.path);
      if (groups !== undefined) return { path: renderTemplate(template, facts, groups), rule: at };
    }
    return { path: renderTemplate(fallbackTemplate, facts, {}), rule: null };
  };
}

/** True where a rule speaks of the content's hash, which is only known once the source has been read. */
export function needsHash(rules: readonly PlacementRule[]): boolean {
  return rules.some((rule) => /\{hash(:\d+)?\}/.test(rule.to));
}

/**
 * Tokens: `{name}` `{stem}` `{ext}` (without the dot) `{relativeDir}` `{date:FORMAT}` (when it was found) `{mtime:FORMAT}` `{hash:N}`
 * and groups of the regular expression (`{1}`, `{camera}`). FORMAT is made of YYYY YY MM DD HH mm ss; default YYYY-MM-DD.
 * A template whose last part speaks of no file (no token but dates and folders) names a folder: the name is put below it.
 * Rejects with `name_unsafe` where the result would leave the root, with `invalid` for a token that is not known.
 */
export function renderTemplate(
  template: string,
  facts: PlacementFacts,
  groups: Readonly<Record<string, string>>,
): string {
  const name = baseName(facts.path);
  const dot = name.lastIndexOf('.');
  const stem = dot > 0 ? name.slice(0, dot) : name;
  const extension = dot > 0 ? name.slice(dot + 1) : '';
  const value = (token: string, argument: string | undefined): string => {
    switch (token) {
      case 'name':
        return name;
      case 'stem':
        return stem;
      case 'ext':
        return extension;
      case 'relativeDir':
        return parentPath(facts.path);
      case 'date':
        return formatTime(facts.foundAt, argument ?? 'YYYY-MM-DD');
      case 'mtime':
        return formatTime(facts.mtimeMs, argument ?? 'YYYY-MM-DD');
      case 'hash':
        if (facts.hash === undefined) throw new Fault('internal', 'A rule asks for the hash before it is known.');
        return facts.hash.slice(0, Number(argument ?? 8));
      default: {
        const group = groups[token];
        if (group === undefined)
          throw new Fault('invalid', `The template ${template} speaks of {${token}}, which is not known.`);
        return group;
      }
    }
  };
  const rendered = template.replace(/\{(\w+)(?::([^}]*))?\}/g, (_, token: string, argument?: string) =>
    value(token, argument),
  );
  const last = template.slice(template.lastIndexOf('/') + 1);
  const namesFile = [...last.matchAll(/\{(\w+)/g)].some(
    ([, token = '']) => fileTokens.has(token) || !tokens.has(token),
  );
  const path = safeRelativePath(namesFile ? rendered : joinPath(rendered.replace(/\/+$/, ''), name));
  if (path === '') throw new Fault('name_unsafe', `The template ${template} gives ${displayPath(facts.path)} no name.`);
  return path;
}

function matcher(rule: PlacementRule, at: number): (path: string) => Readonly<Record<string, string>> | undefined {
  const { match, regex } = rule;
  if ((match === undefined) === (regex === undefined)) {
    throw new Fault('invalid', `Rule ${at + 1} needs either "match" (a glob) or "regex".`);
  }
  if (match !== undefined) {
    const test = compileGlob(match, { basename: true });
    return (path) => (test(path) ? {} : undefined);
  }
  const expression = compileRegex(regex ?? '', at);
  return (path) => {
    const found = expression.exec(path);
    if (found === null) return undefined;
    const numbered = Object.fromEntries(found.map((group, index) => [String(index), group ?? '']));
    return { ...numbered, ...found.groups };
  };
}

function compileRegex(source: string, at: number): RegExp {
  try {
    return new RegExp(source, 'u');
  } catch (error) {
    throw new Fault('invalid', `The regular expression of rule ${at + 1} is not valid: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

function checkTemplate(rule: PlacementRule, at: number): string {
  const where = `The template of rule ${at + 1} (${displayPath(rule.to)})`;
  if (rule.to.trim() === '') throw new Fault('invalid', `${where} is empty.`);
  if (rule.to.startsWith('/') || rule.to.split('/').includes('..')) {
    throw new Fault('invalid', `${where} leads out of the destination.`);
  }
  const groups = rule.regex === undefined ? new Set<string>() : groupsOf(rule.regex, at);
  for (const [, token = ''] of rule.to.matchAll(/\{(\w+)/g)) {
    if (!tokens.has(token) && !groups.has(token)) {
      throw new Fault(
        'invalid',
        `${where} speaks of {${token}}, which is not known. Known are ${[...tokens, ...groups].map((one) => `{${one}}`).join(' ')}.`,
      );
    }
  }
  return rule.to;
}

/** The names and numbers of an expression's groups, asked of the engine itself: an empty alternative always matches. */
function groupsOf(source: string, at: number): Set<string> {
  const found = compileRegex(`${source}|`, at).exec('');
  return new Set([...Object.keys(found ?? []).filter((key) => /^\d+$/.test(key)), ...Object.keys(found?.groups ?? {})]);
}

function formatTime(ms: number, format: string): string {
  const time = new Date(ms);
  const two = (value: number): string => String(value).padStart(2, '0');
  const parts: Record<string, string> = {
    YYYY: String(time.getFullYear()).padStart(4, '0'),
    YY: two(time.getFullYear() % 100),
    MM: two(time.getMonth() + 1),
    DD: two(time.getDate()),
    HH: two(time.getHours()),
    mm: two(time.getMinutes()),
    ss: two(time.getSeconds()),
  };
  return format.replace(/YYYY|YY|MM|DD|HH|mm|ss/g, (part) => parts[part] ?? part);
}
