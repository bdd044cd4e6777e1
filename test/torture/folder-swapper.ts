// Swaps a folder for a link that leads out, and back, as fast as it can: what somebody does who wants files written elsewhere.

import { mkdirSync, renameSync, symlinkSync, unlinkSync } from 'node:fs';
import { join } from 'node:path';

const [root = '', name = '', outside = ''] = process.argv.slice(2);
const folder = join(root, name);

for (;;) {
  try {
    mkdirSync(folder, { recursive: true });
    renameSync(folder, `${folder}.kept`);
    symlinkSync(outside, folder);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 4);
    unlinkSync(folder);
    renameSync(`${folder}.kept`, folder);
  } catch {
    // Whoever writes there may have made it anew meanwhile.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
    try {
      unlinkSync(folder);
    } catch {
      // It is a folder.
    }
  }
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.random() * 4);
}
