// The native cryptography of ssh2 is there for the Node that runs: without it SSH is slow, and ssh2 does not say so.

import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';

const require = createRequire(import.meta.url);
const native = require.resolve('ssh2/lib/protocol/crypto/build/Release/sshcrypto.node');

test('it is loaded, also in two threads at once', async () => {
  expect(Object.keys(require(native))).toContain('AESGCMDecipher');
  const program = `
    const { parentPort } = require('node:worker_threads');
    const { bindingAvailable } = require(${JSON.stringify(require.resolve('ssh2/lib/protocol/crypto.js'))});
    parentPort.postMessage(bindingAvailable);`;
  const answers = Array.from({ length: 2 }, async () => {
    const thread = new Worker(program, { eval: true, execArgv: [] });
    const answer = await new Promise((resolve, reject) => {
      thread.once('message', resolve);
      thread.once('error', reject);
    });
    await thread.terminate();
    return answer;
  });
  expect(await Promise.all(answers)).toEqual([true, true]);
});
