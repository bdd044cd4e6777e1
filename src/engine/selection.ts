// Which paths a job takes: include and exclude globs. Pure; used in worker threads too.

import { Fault } from '../model/fault.ts';
import { baseName, parentPath, parsePartialName } from '../model/names.ts';
import { compileGlob } from './glob.ts';

/** Files with which a folder's events and room are tested; a thread that hangs may leave one behind. */
const ownFile = /^\.wherry-(events-[0-9a-f]{12}|probe-[0-9A-HJKMNP-TV-Z]{26})$/;

/** Of all patterns of a selection: some thousand of them. */
const mostCharacters = 65_536;

export interface Selection {
  /** Files, by their path below the source; `name` is its last part, where that is known. */
  takes(path: string, name?: string): boolean;
  /** False where nothing below that folder can be taken. */
  enters(folder: string): boolean;
}

/**
 * Globs (engine/glob.ts) are matched with the path below the source; without a slash they are matched with the name alone, with one at their
 * end they mean a folder. `include` wins over `exclude`; with `include` alone only what it names is taken. An excluded folder takes all below it
 * out, unless `include` names something. Unfinished copies (our own partials) and test files of our own are never taken. Throws `invalid` for a glob that is none.
 */
export function createSelection(include: readonly string[], exclude: readonly string[]): Selection {
  const characters = [...include, ...exclude].reduce((sum, { length }) => sum + length, 0);
  if (characters > mostCharacters) {
    throw new Fault('invalid', `The patterns have ${characters} characters together; ${mostCharacters} are taken.`);
  }
  const included = include.map(matcher);
  const excluded = exclude.map(matcher);
  return {
    takes: (path, name = baseName(path)) => {
      if (name.startsWith('.') && (ownFile.test(name) || parsePartialName(name) !== undefined)) return false;
      if (matchesAny(included, path)) return true;
      if (matchesAny(excluded, path)) return false;
      return included.length === 0 || excluded.length > 0;
    },
    enters: (folder) => included.length > 0 || !excluded.some((matches) => matches(folder)),
  };
}

type Matcher = (path: string) => boolean;

/** True where the path, or a folder that it lies in, is meant. */
function matchesAny(matchers: readonly Matcher[], path: string): boolean {
  if (matchers.length === 0) return false;
  for (let part = path; part !== ''; part = parentPath(part)) {
    if (matchers.some((matches) => matches(part))) return true;
  }
  return false;
}

function matcher(glob: string): Matcher {
  const plain = glob.replace(/^\//, '').replace(/\/(\*\*)?$/, '');
  if (plain === '') throw new Fault('invalid', `The pattern "${glob}" names nothing.`);
  const anchored = plain.includes('/') || glob.startsWith('/');
  return compileGlob(plain, { basename: !anchored });
}
