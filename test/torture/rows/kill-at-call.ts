// T2: `wherry copy` is killed at its nth write, rename, link, unlink and fsync, for every n in turn.

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { killingAt } from '../../support/children.ts';
import { wherry } from '../../support/daemon.ts';
import { compareTrees, filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';

const naiveCopy = resolve(import.meta.dirname, '../naive-copy.ts');

/** System calls that change something, as strace names them; one that the kernel here does not know is left out by strace. */
const calls = [
  'pwrite64',
  'write',
  'openat,openat2',
  'rename,renameat,renameat2',
  'link,linkat',
  'unlink,unlinkat',
  'fsync,fdatasync',
  'mkdir,mkdirat',
  'ftruncate',
] as const;

/** strace counts calls thread by thread, so that the nth call of any thread of the copier is the one that kills it. */
async function runKilledAt(
  command: readonly string[],
  call: string,
  n: number,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const child = spawn('strace', [...killingAt(call, n), ...command], {
    env,
    stdio: 'ignore',
    detached: true,
  });
  await once(child, 'exit');
  return child.signalCode !== null || (child.exitCode ?? 0) >= 128;
}

async function torment(
  command: (source: string, destination: string) => readonly string[],
  options: RowOptions,
): Promise<RowResult> {
  const source = join(options.scratch, 'source');
  const destination = join(options.scratch, 'destination');
  const state = join(options.scratch, 'state');
  const env = { ...process.env, XDG_STATE_HOME: state };
  mkdirSync(source);
  writeSmallFiles(source, 30, 20_000);
  writeContent(join(source, 'big.mov'), 3, 20_000_000);
  const faults: string[] = [];
  const lost = new Set<string>();
  const corrupt = new Set<string>();
  let kills = 0;
  for (const call of calls) {
    const most = Math.max(2, Math.round(options.runs / calls.length));
    for (let n = 1; n <= most; n++) {
      const killed = await runKilledAt(command(source, destination), call, n, env);
      if (killed) kills += 1;
      // What stands under a final name right after the kill has to be whole.
      if (existsSync(destination))
        for (const path of compareTrees(source, destination).different) corrupt.add(`${call} ${n}: ${path}`);
      if (killed && n % 4 !== 0) continue;
      const again = spawnSync(command(source, destination)[0] ?? '', command(source, destination).slice(1), {
        env,
        encoding: 'utf8',
      });
      if (again.status !== 0) faults.push(`after ${call} ${n}: exit ${again.status}: ${again.stderr.slice(-300)}`);
      const difference = compareTrees(source, destination);
      for (const path of difference.missing) lost.add(path);
      for (const path of difference.different) corrupt.add(path);
      for (const path of difference.extra) faults.push(`after ${call} ${n}: left behind ${path}`);
      rmSync(destination, { recursive: true, force: true });
      rmSync(state, { recursive: true, force: true });
      options.say(`${call} up to ${n}: ${filesBelow(source).length} files compared`);
      if (!killed) break;
    }
  }
  if (kills === 0) faults.push('nothing was ever killed: is strace there?');
  return { runs: kills, lost: lost.size, corrupt: corrupt.size, bytesAgain: null, faults };
}

export const killAtCall: Row = {
  id: 'T2',
  title: 'kill at the nth write, open, rename, link, unlink, fsync, mkdir and truncate',
  runs: 1_800,
  run: (options) => torment((source, destination) => [wherry, 'copy', '--quiet', source, destination], options),
  control: (options) =>
    torment((source, destination) => [process.execPath, naiveCopy, source, destination], { ...options, runs: 90 }),
};
