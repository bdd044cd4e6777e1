// Builds dist/: the compiled sources put together into few files, their types, the console in dist/web and `wherry/react` in dist/react. `--if-stale` builds only what is older than its sources.

import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundledNode } from './bundled-node.mjs';
import { buildSshCrypto } from './ssh-crypto.mjs';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const at = (/** @type {string} */ path) => join(root, path);

/** @param {string} path @returns {number} the newest modification time under a file or folder, 0 where there is none */
function newestMs(path) {
  if (!existsSync(path)) return 0;
  const stat = statSync(path);
  let newest = stat.mtimeMs;
  if (!stat.isDirectory()) return newest;
  for (const entry of readdirSync(path)) newest = Math.max(newest, newestMs(join(path, entry)));
  return newest;
}

/** @param {string} stamp @param {string[]} sources @returns {boolean} whether any source is newer than the stamp */
function isStale(stamp, sources) {
  return !existsSync(stamp) || Math.max(...sources.map((source) => newestMs(at(source)))) > statSync(stamp).mtimeMs;
}

/** @param {string} tool a script inside node_modules @param {string[]} args */
function run(tool, args) {
  const result = spawnSync(bundledNode(root), [at(`node_modules/${tool}`), ...args], { cwd: root, stdio: 'inherit' });
  if (result.error) throw result.error;
  if (result.status !== 0) process.exit(result.status ?? 1);
}

/** @param {string} from @param {string} to everything that the compiler does not carry over: migrations, schemas */
function copyAssets(from, to) {
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyAssets(source, target);
    else if (!/\.tsx?$/.test(entry.name)) {
      mkdirSync(to, { recursive: true });
      cpSync(source, target);
    }
  }
}

/** Everything that an earlier build left, but the console and `wherry/react`, which are built by themselves. */
function clearBuilt() {
  if (!existsSync(at('dist'))) return;
  for (const name of readdirSync(at('dist'))) {
    if (!['web', 'react'].includes(name) && at(`dist/${name}`) !== consoleStamp)
      rmSync(at(`dist/${name}`), { recursive: true, force: true });
  }
}

/** @param {string} stamp @param {number} startedMs a stamp carries the time of the start: what was edited meanwhile is stale */
function markBuilt(stamp, startedMs) {
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, `${new Date(startedMs).toISOString()}\n`);
}

const onlyIfStale = process.argv.includes('--if-stale');
const sourcesStamp = at('dist/.built-sources');
const consoleStamp = at('dist/.built-console');
const settings = ['package.json', 'tsconfig.json', 'scripts/build.mjs', 'scripts/bundle.mjs'];
const sources = ['src', 'tsconfig.build.json', ...settings];
const consoleSources = [
  'web',
  'src/model',
  'src/links',
  'src/peer',
  'src/api',
  'tsconfig.web.json',
  'tsconfig.react.json',
  ...settings,
];

buildSshCrypto(root);

if (!onlyIfStale || isStale(sourcesStamp, sources)) {
  const startedMs = Date.now();
  clearBuilt();
  copyAssets(at('src'), at('dist'));
  run('typescript/bin/tsc', ['-p', 'tsconfig.build.json']);
  run('../scripts/bundle.mjs', []);
  markBuilt(sourcesStamp, startedMs);
}

if (existsSync(at('web/index.html')) && (!onlyIfStale || isStale(consoleStamp, consoleSources))) {
  const startedMs = Date.now();
  run('vite/bin/vite.js', ['build', '--config', 'web/vite.config.ts', '--logLevel', 'warn']);
  run('vite/bin/vite.js', ['build', '--config', 'web/react/vite.config.ts', '--logLevel', 'warn']);
  run('typescript/bin/tsc', ['-p', 'tsconfig.react.json']);
  cpSync(at('web/react/style.css'), at('dist/react/style.css'));
  markBuilt(consoleStamp, startedMs);
}
