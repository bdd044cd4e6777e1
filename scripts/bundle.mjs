// Puts the program together into few large files: a command that loads 30 files starts faster than one that loads 300.

import { globSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const src = join(root, 'src');

/** What is started by its own path: the command, the library, and what worker threads load. */
const entries = ['cli/main.ts', 'main.ts', ...globSync('**/*-{worker,operations}.ts', { cwd: src })];

/** Native parts find their binaries beside themselves, and the daemon's servers are not worth the risk of being moved. */
const bundled = /^(zod|picomatch|yaml)(\/|$)/;

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
  chunkFileNames: 'parts/[name]-[hash].js',
});
await bundle.close();
