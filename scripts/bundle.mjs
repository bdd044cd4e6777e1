// Puts the program together into few large files: a command that loads 5 files starts faster than one that loads 50.

import { globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, 'src');

/** Native parts find their binaries beside themselves, and the daemon's servers are not worth the risk of being moved. */
const bundled = /^(zod|yaml)(\/|$)/;

/** Each source keeps the address that it would have if it were compiled alone, so that it finds its workers and assets. */
const ownAddresses = {
  name: 'own-addresses',
  transform(code, id) {
    if (!id.startsWith(src) || !code.includes('import.meta.url')) return null;
    const place = relative(src, id).replace(/\.ts$/, '.js');
    const address = `(import.meta.url.slice(0, import.meta.url.lastIndexOf('/dist/') + 6) + '${place}')`;
    return { code: code.replaceAll('import.meta.url', address), map: null };
  },
};

/** @param {string[]} paths of sources @returns {(id: string) => boolean} whether a module is one of them */
function areSources(paths) {
  const wanted = new Set(paths.map((path) => join(src, path)));
  return (id) => wanted.has(id);
}

/**
 * @param {string} name of the folder for what several entries share
 * @param {string[]} entries started or imported by their own path
 * @param {{ name: string, sources: string[], priority: number }[]} groups each one file with all that its sources import
 */
async function build(name, entries, groups) {
  const bundle = await rolldown({
    input: Object.fromEntries(entries.map((entry) => [entry.replace(/\.ts$/, ''), join(src, entry)])),
    platform: 'node',
    external: (id) => !id.startsWith('.') && !id.startsWith('/') && !bundled.test(id),
    plugins: [ownAddresses],
  });
  await bundle.write({
    dir: join(root, 'dist'),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: `${name}/[name]-[hash].js`,
    codeSplitting: {
      groups: groups.map(({ name: group, sources, priority }) => ({
        name: group,
        test: areSources(sources),
        priority,
      })),
    },
  });
  await bundle.close();
}

// What a one-shot copy needs: first what starts the threads, then what is loaded while they start.
await build(
  'parts',
  ['cli/main.ts', 'main.ts', 'devices/conformance.ts'],
  [
    { name: 'early', sources: ['early-thread.ts'], priority: 3 },
    {
      name: 'command',
      sources: ['cli/run.ts', 'cli/copy.ts', 'compose.ts', 'store/sqlite-store.ts', 'endpoints/mount-pool.ts'],
      priority: 2,
    },
    {
      name: 'engine',
      sources: [
        'endpoints/index.ts',
        'endpoints/local.ts',
        'engine/create-engine.ts',
        'engine/mover/create-mover.ts',
        'engine/retry.ts',
        'take-up.ts',
      ],
      priority: 1,
    },
  ],
);

// A worker for files loads all that it may be asked to do; its script waits for them, so it cannot be in one file with them.
const ledgerWorker = 'store/ledger-worker.ts';
const fileWork = ['endpoints/local-operations.ts', 'engine/mover/lane-operations.ts', 'engine/compare-operations.ts'];
const apart = [ledgerWorker, 'endpoints/pool-worker.ts'];
const workers = globSync('**/*-{worker,operations}.ts', { cwd: src }).filter((path) => !apart.includes(path));
await build('workers', workers, [{ name: 'files', sources: fileWork, priority: 1 }]);
await build('workers', [ledgerWorker], []);
