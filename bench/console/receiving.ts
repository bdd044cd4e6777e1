// `node bench/console/receiving.ts`: what a page costs that takes a large file to disk: speed, and how much its process grows. `--gib 5 --way staged|streamed`.

import { readFileSync } from 'node:fs';
import { setTimeout as after } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { openReceivingRig } from '../../test/browser/receiving-rig.ts';
import { say } from './say.ts';

const { values } = parseArgs({
  options: { gib: { type: 'string', default: '5' }, way: { type: 'string', default: 'staged' } },
});
const bytes = Math.round(Number(values.gib) * 2 ** 30);
const everyMs = 100;

/** Of all tabs together, in bytes. */
function residentBytes(pids: readonly number[]): number {
  const kibibytes = pids.map((pid) => /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  return kibibytes.reduce((sum, each) => sum + Number(each ?? 0) * 1024, 0);
}

const rig = await openReceivingRig();
try {
  const page = await rig.page();
  // Workers, hashes and a first file are there before it is looked at: growth is what the size brings.
  await page.evaluate('run("hashed", 10000000)');
  const pids = await rig.rendererPids();
  const before = residentBytes(pids);
  let most = before;
  const watching = new AbortController();
  const watch = (async () => {
    while (!watching.signal.aborted) {
      most = Math.max(most, residentBytes(pids));
      await after(everyMs);
    }
  })();
  const begun = performance.now();
  const download = values.way === 'streamed' ? page.waitForEvent('download') : undefined;
  const scenario = values.way === 'streamed' ? 'stream' : 'receive';
  await page.evaluate(`run("${scenario}", "large", ${bytes}, "large.bin")`);
  const seconds = (performance.now() - begun) / 1000;
  await (await download)?.path();
  watching.abort();
  await watch;
  say(`received ${values.gib} GiB, ${values.way}`, `${(bytes / 1e6 / seconds).toFixed(0)} MB/s, hashed and on disk`);
  say('growth of the page', `${((most - before) / 1e6).toFixed(0)} MB above ${(before / 1e6).toFixed(0)} MB`);
} finally {
  await rig.close();
}
