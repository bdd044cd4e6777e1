// The project's own source files, and what each of them imports: the ground of the checks in this folder.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's folder. */
export const repository = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

export interface Source {
  /** From the repository's folder, with `/`. */
  readonly path: string;
  readonly text: string;
}

export interface Import {
  readonly line: number;
  /** A package or built-in as written; a file of ours from the repository's folder. */
  readonly target: string;
  readonly ours: boolean;
  readonly typeOnly: boolean;
  /** Loaded when the program comes to it, or by another thread. */
  readonly late: boolean;
}

const folders = ['src', 'web', 'test', 'bench', 'scripts'];

/** All sources whose names end as asked, below the given folders (all of ours where none is given). */
export function sources(
  endings: readonly string[] = ['.ts', '.tsx', '.mjs'],
  below: readonly string[] = folders,
): Source[] {
  const found: Source[] = [];
  const visit = (folder: string) => {
    for (const entry of readdirSync(join(repository, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) {
        if (entry.name !== 'node_modules' && entry.name !== 'fixtures') visit(path);
      } else if (endings.some((ending) => entry.name.endsWith(ending))) {
        found.push({ path, text: readFileSync(join(repository, path), 'utf8') });
      }
    }
  };
  for (const folder of below) visit(folder);
  return found;
}

// Static, side-effect, dynamic and type imports, re-exports, and workers named by URL.
const forms = [
  /^[ \t]*(?<keyword>import|export)\s+(?<type>type\s+)?(?:[\w$*{][^;'"`]*?\sfrom\s+)(?<quote>['"])(?<target>[^'"]+)\k<quote>/gm,
  /^[ \t]*(?<keyword>import)\s+(?<quote>['"])(?<target>[^'"]+)\k<quote>/gm,
  /\b(?<keyword>(?<late>import))\(\s*(?<quote>['"])(?<target>[^'"]+)\k<quote>/g,
  /\bnew (?<keyword>(?<late>URL))\(\s*(?<quote>['"`])(?<target>\.{1,2}\/[^'"`]+)\k<quote>,\s*import\.meta\.url/g,
];

/** What a source imports. A name that is only a type counts as an import too; `import { type A }` alone is type-only. */
export function importsOf(source: Source): Import[] {
  const found: Import[] = [];
  const text = withoutComments(source.text);
  for (const form of forms) {
    for (const match of text.matchAll(form)) {
      const { target = '', type, late } = match.groups ?? {};
      const ours = target.startsWith('.');
      const names = /\{([^}]*)\}/.exec(match[0])?.[1];
      const allTypes =
        names?.split(',').every((name) => name.trim() === '' || name.trim().startsWith('type ')) ?? false;
      found.push({
        line: text.slice(0, match.index).split('\n').length,
        target: ours ? posix.join(posix.dirname(source.path), target) : target,
        ours,
        late: late !== undefined,
        typeOnly: type !== undefined || (allTypes && /^\s*(import|export)\s*\{/.test(match[0])),
      });
    }
  }
  return found;
}

/** Comments become blanks, so that lines keep their numbers and an example in a comment is no import. */
function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|(^|[\s;{}(,])\/\/[^\n]*/g, (comment) => comment.replace(/[^\n]/g, ' '));
}
