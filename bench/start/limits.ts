// What a small copy and a file under way cannot cost less than here: a bare Node, a bare thread, a new ledger.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openLedgerDesk } from '../../src/store/ledger-desk.ts';
import { median } from '../race.ts';

const rounds = 15;
const folder = mkdtempSync('/dev/shm/wherry-limits-');

interface Cost {
  readonly wallMs: number;
  readonly cpuMs: number;
}

const show = (what: string, { wallMs, cpuMs }: Cost) =>
  console.log(`${what}: ${wallMs.toFixed(1)} ms, CPU ${cpuMs.toFixed(1)} ms`);

async function each(work: () => unknown): Promise<Cost> {
  const walls: number[] = [];
  const cpus: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const cpuBefore = process.cpuUsage();
    const begun = performance.now();
    await work();
    walls.push(performance.now() - begun);
    const { user, system } = process.cpuUsage(cpuBefore);
    cpus.push((user + system) / 1000);
  }
  return { wallMs: median(walls), cpuMs: median(cpus) };
}

/** Of the process alone: what no file backs. */
function ownBytes(): number {
  return 1024 * Number(/Pss_Anon:\s+(\d+)/.exec(readFileSync('/proc/self/smaps_rollup', 'utf8'))?.[1] ?? 0);
}

function startBare(script: string): Promise<Worker> {
  const worker = new Worker(script, { execArgv: [] });
  return new Promise((resolve, reject) => {
    worker.once('message', () => resolve(worker));
    worker.once('error', reject);
  });
}

try {
  const empty = join(folder, 'empty.mjs');
  writeFileSync(empty, '');
  const thread = join(folder, 'thread.mjs');
  writeFileSync(
    thread,
    `import { parentPort } from 'node:worker_threads';\nparentPort.on('message', () => 0);\nparentPort.postMessage(0);\n`,
  );

  const processes = [];
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now();
    const { stderr } = spawnSync('/usr/bin/time', ['-f', '%U %S', process.execPath, empty], { encoding: 'utf8' });
    const [user = 0, system = 0] = stderr.trim().split(' ').map(Number);
    processes.push({ wallMs: performance.now() - begun, cpuMs: 1000 * (user + system) });
  }
  show('A Node that runs an empty module', {
    wallMs: median(processes.map(({ wallMs }) => wallMs)),
    cpuMs: processes.reduce((sum, { cpuMs }) => sum + cpuMs, 0) / rounds,
  });

  show(
    'A thread that answers once, and its end',
    await each(async () => void (await (await startBare(thread)).terminate())),
  );

  let at = 0;
  show(
    'A new ledger made, opened and closed (tables, indices and lock; in memory)',
    await each(() => {
      at += 1;
      openLedgerDesk({ role: 'writer', folder: join(folder, `ledger-${at}`), nowMs: Date.now() }).answer({
        kind: 'close',
      });
    }),
  );

  const before = ownBytes();
  const threads = await Promise.all(Array.from({ length: 10 }, () => startBare(thread)));
  console.log(`An idle thread: ${((ownBytes() - before) / threads.length / 1e6).toFixed(1)} MB`);
  for (const one of threads) await one.terminate();
} finally {
  rmSync(folder, { recursive: true });
}
