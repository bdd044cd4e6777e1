// Builds the native cryptography of ssh2 for the Node that Wherry runs on. npm builds it for the Node that npm runs on, and ssh2 then falls back to slow JavaScript without a word.

import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { bundledNode } from './bundled-node.mjs';

const folderOf = (/** @type {string} */ root) => join(root, 'node_modules/ssh2/lib/protocol/crypto');

/** @param {string} node @param {string} folder @returns {boolean} whether that Node loads what is built there */
function loads(node, folder) {
  const program = `require(${JSON.stringify(join(folder, 'build/Release/sshcrypto.node'))})`;
  return spawnSync(node, ['-e', program], { stdio: 'ignore' }).status === 0;
}

/** @returns {string | undefined} node-gyp as npm brings it, else one on the PATH */
function nodeGyp() {
  const npm = process.env.npm_execpath;
  const besideNpm = npm === undefined ? [] : [join(dirname(npm), '../node_modules/node-gyp/bin/node-gyp.js')];
  const onPath = (process.env.PATH ?? '').split(delimiter).flatMap((folder) => {
    const [npmLink, gypLink] = [join(folder, 'npm'), join(folder, 'node-gyp')];
    return [
      ...(existsSync(npmLink)
        ? [join(dirname(realpathSync(npmLink)), '../node_modules/node-gyp/bin/node-gyp.js')]
        : []),
      ...(existsSync(gypLink) ? [realpathSync(gypLink)] : []),
    ];
  });
  return [...besideNpm, ...onPath].find((path) => path.endsWith('.js') && existsSync(path));
}

/**
 * Does nothing where it is built already. Downloads nothing; where something is missing it says so in one line, and Wherry works without.
 * @param {string} root the repository's folder
 */
export function buildSshCrypto(root) {
  const folder = folderOf(root);
  if (!existsSync(join(folder, 'binding.gyp'))) return;
  const node = bundledNode(root);
  const stamp = join(folder, 'build/.built-for');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === node) return;
  if (!loads(node, folder)) {
    const gyp = nodeGyp();
    const headers = dirname(dirname(node));
    const trouble =
      gyp === undefined
        ? 'node-gyp was not found'
        : existsSync(join(headers, 'include/node/node.h'))
          ? compile(node, gyp, headers, folder)
          : 'the headers of Node were not found';
    if (trouble !== undefined) {
      process.stderr.write(
        `The native cryptography of ssh2 could not be built (${trouble}): SSH works, at a third of its speed. With g++, make and python3, \`npm run build\` builds it.\n`,
      );
      return;
    }
  }
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, node);
}

/** @returns {string | undefined} what went wrong */
function compile(
  /** @type {string} */ node,
  /** @type {string} */ gyp,
  /** @type {string} */ headers,
  /** @type {string} */ folder,
) {
  const asked = spawnSync(node, ['-p', 'process.version + " " + process.versions.openssl'], { encoding: 'utf8' });
  const [version = '', openssl = ''] = asked.stdout.trim().split(' ');
  const built = spawnSync(
    node,
    [gyp, 'rebuild', `--target=${version}`, `--nodedir=${headers}`, `--real_openssl_major=${openssl.split('.')[0]}`],
    {
      cwd: folder,
      encoding: 'utf8',
      // What builds it asks for `node` by name, too.
      env: {
        ...process.env,
        npm_config_nodedir: headers,
        PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`,
      },
    },
  );
  if (built.status === 0 && loads(node, folder)) return undefined;
  const lines = `${built.stdout}${built.stderr}`.split('\n');
  return (
    lines.find((line) => /not found|Could not find|No such file|error:/i.test(line))?.trim() ?? 'the compiler failed'
  );
}
