// The import wall holds: no folder reaches over, nothing goes round in circles between folders, and what a browser runs needs no Node.

import { describe, expect, test } from 'vitest';
import { importsOf, type Source, sources } from './sources.ts';
import { breaches, folderOf, packageHomes, walls } from './wall.ts';

const product = sources(['.ts', '.tsx'], ['src', 'web']);
const byPath = new Map(product.map((source) => [source.path, source]));

/** Everything that runs where `roots` run, or that is loaded with them: types are gone by then, and what is imported lazily is not. */
function reached(roots: readonly Source[], atOnce = false): Map<string, string> {
  const cameFrom = new Map<string, string>();
  const queue = [...roots];
  for (const source of queue) {
    for (const each of importsOf(source)) {
      if (each.typeOnly || (atOnce && each.late) || cameFrom.has(each.target)) continue;
      cameFrom.set(each.target, source.path);
      const next = byPath.get(each.target);
      if (next !== undefined && !roots.includes(next)) queue.push(next);
    }
  }
  return cameFrom;
}

/** Of the console's folder, but run while it is built. */
const builders = ['web/vite.config.ts', 'web/react/vite.config.ts', 'web/licences.ts'];

describe('the import wall', () => {
  test('no source imports what its folder may not', () => {
    expect(product.flatMap(breaches)).toEqual([]);
  });

  test('every folder of src/ has its rule', () => {
    const folders = new Set(product.map((source) => folderOf(source.path)).filter((folder) => folder !== undefined));
    for (const folder of folders) expect(Object.keys(walls)).toContain(folder);
  });

  test('the rules themselves lead in no circle', () => {
    const above = (folder: string, trail: readonly string[]): void => {
      expect(trail, `circle: ${[...trail, folder].join(' → ')}`).not.toContain(folder);
      for (const allowed of walls[folder]?.may ?? []) {
        const next = allowed.split('/')[0] ?? '';
        if (walls[next] !== undefined) above(next, [...trail, folder]);
      }
    };
    for (const folder of Object.keys(walls)) above(folder, []);
  });

  test('what the console, model/ and peer/ run needs no Node', () => {
    const roots = product.filter(
      ({ path }) => (path.startsWith('web/') && !builders.includes(path)) || /^src\/(model|peer)\//.test(path),
    );
    const bad = [...reached(roots)].filter(
      ([target]) => target.startsWith('node:') || packageHomes[target]?.includes('store'),
    );
    expect(bad.map(([target, from]) => `${from} imports ${target}`)).toEqual([]);
  });

  test('what every copy loads does without zod, which takes longer to load than a small file to copy', () => {
    const roots = [
      'src/cli/run.ts',
      'src/cli/copy.ts',
      'src/compose.ts',
      'src/engine/create-engine.ts',
      'src/take-up.ts',
    ];
    const found = reached(
      product.filter(({ path }) => roots.includes(path)),
      true,
    );
    expect(found.get('zod')).toBeUndefined();
    const schemas = product.filter(({ path }) => path === 'src/model/specs.ts');
    expect(reached(schemas, true).get('zod')).toBe('src/model/specs.ts');
  });

  test('nobody imports the composition root but the CLI', () => {
    const users = product
      .filter((source) => importsOf(source).some((each) => each.target === 'src/main.ts'))
      .map((source) => source.path);
    expect(users.filter((path) => !path.startsWith('src/cli/'))).toEqual([]);
  });
});

describe('the check itself sees', () => {
  const judged = (path: string, text: string) => breaches({ path, text });

  test.each([
    ['src/model/a.ts', "import { x } from '../store/store.ts';"],
    ['src/model/a.ts', "import type { X } from '../engine/engine.ts';"],
    ['src/model/a.ts', "export * from '../store/store.ts';"],
    ['src/store/a.ts', "import '../engine/engine.ts';"],
    ['src/store/a.ts', "const late = await import('../engine/engine.ts');"],
    ['src/engine/mover/a.ts', "new Worker(new URL('../../api/server.ts', import.meta.url));"],
    ['src/engine/a.ts', "import {\n  one,\n  two,\n} from '../main.ts';"],
    ['src/api/routes/a.ts', "import { openStore } from '../../store/sqlite.ts';"],
    ['src/api/a.ts', "import { Store } from '../store/store.ts';"],
    ['src/api/a.ts', "import { local } from '../endpoints/local.ts';"],
    ['src/cli/a.ts', "import { server } from '../api/server.ts';"],
    ['web/a.tsx', "import { server } from '../src/api/server.ts';"],
    ['src/engine/a.ts', "import Database from 'better-sqlite3';"],
    ['src/engine/a.ts', "import { row } from '../../test/support/row.ts';"],
    ['src/strange/a.ts', "import { x } from '../model/x.ts';"],
  ])('%s: %s', (path, text) => {
    expect(judged(path, text)).toHaveLength(1);
  });

  test.each([
    ['src/engine/a.ts', "import type { Store } from '../store/store.ts';\nimport { x } from './x.ts';"],
    [
      'src/api/a.ts',
      "import type { StoreReader } from '../store/store.ts';\nimport { type Store } from '../store/store.ts';",
    ],
    ['src/cli/a.ts', "import { openWherry } from '../main.ts';\nimport { client } from '../api/client.ts';"],
    ['src/main.ts', "import { x } from './api/server.ts';"],
    [
      'src/model/a.ts',
      "// import { x } from '../store/store.ts';\n/* import '../store/store.ts'; */\nimport { z } from 'zod';",
    ],
    ['web/pages/a.tsx', "import { b } from '../b.tsx';\nimport { client } from '../../src/api/client.ts';"],
  ])('nothing wrong in %s: %s', (path, text) => {
    expect(judged(path, text)).toEqual([]);
  });

  test('the line and the reason', () => {
    expect(judged('src/model/a.ts', "\n\nimport { x } from '../store/x.ts';")).toEqual([
      'src/model/a.ts:3 imports src/store/x.ts. model/ is the bottom: pure words that everything else is built on.',
    ]);
  });
});
