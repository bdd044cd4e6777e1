// T35: a listing of the source fails, or ends early without an error. Nothing is taken for removed, nothing for unchanged that is not.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { compareTrees, filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { ours, runCopy } from '../copier.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';
import { namesPlace } from '../words.ts';

const naiveWatch = resolve(import.meta.dirname, '../naive-watch.ts');

/** The nth listing of a copy fails; what it moved is whole, what it has not moved is still at the source. */
async function copies(options: RowOptions, tally: Tally): Promise<number> {
  let runs = 0;
  await onStage(join(options.scratch, 'copies'), async (stage) => {
    const fs = await stage.faultFs('card');
    const most = Math.max(3, Math.round(20 * options.scale));
    for (let n = 1; n <= most; n++) {
      for (const isMove of [false, true]) {
        const label = `listing ${n} fails in a ${isMove ? 'move' : 'copy'}`;
        const name = `in-${runs}`;
        const kept = join(options.scratch, `kept-${runs}`);
        const source = join(fs.mount, name);
        const destination = join(options.scratch, `out-${runs}`);
        const state = join(options.scratch, `state-${runs}`);
        runs += 1;
        writeSmallFiles(kept, 350, 2_000);
        writeSmallFiles(join(fs.backing, name), 350, 2_000);
        const copier = isMove
          ? {
              ...ours,
              command: (from: string, to: string) => [...ours.command(from, to).slice(0, 3), '--move', from, to],
            }
          : ours;
        fs.clearCalls();
        fs.faults(`fail readdir ${n % 2 === 0 ? 5 : 116} ${n} 1`);
        const first = await runCopy(copier, source, destination, { state });
        fs.faults();
        const failed = fs.calls().some(({ operation, errno }) => operation === 'readdir' && errno !== 0);
        if (failed && first.exitCode === 0 && compareTrees(kept, destination).missing.length > 0)
          tally.fault(`${label}: exit 0, and files are missing`);
        if (first.exitCode !== 0 && !namesPlace(first.words, destination, source))
          tally.fault(`${label}: no place is named in: ${first.words.slice(-300)}`);
        tally.compare(kept, destination, label, { mayMiss: true });
        const there = new Set([...filesBelow(destination), ...filesBelow(join(fs.backing, name))]);
        for (const path of filesBelow(kept)) if (!there.has(path)) tally.lost(`${label}: ${path} is nowhere any more`);
        const second = await runCopy(copier, source, destination, { state });
        if (second.exitCode !== 0)
          tally.fault(`${label}, mended: exit ${second.exitCode}: ${second.words.slice(-300)}`);
        tally.compare(kept, destination, `${label}, mended`);
        options.say(`${label}: exit ${first.exitCode}: ${first.words.trim().split('\n')[0] ?? ''}`);
        if (!failed) return;
      }
    }
    const source = join(fs.mount, 'in-cut');
    const destination = join(options.scratch, 'out-cut');
    const state = join(options.scratch, 'state-cut');
    writeSmallFiles(join(fs.backing, 'in-cut'), 350, 2_000);
    fs.faults('cut_listing 2');
    await runCopy(ours, source, destination, { state });
    fs.faults();
    tally.compare(join(fs.backing, 'in-cut'), destination, 'a listing that ends early', { mayMiss: true });
    const second = await runCopy(ours, source, destination, { state });
    if (second.exitCode !== 0)
      tally.fault(`after a listing that ended early: exit ${second.exitCode}: ${second.words.slice(-300)}`);
    tally.compare(join(fs.backing, 'in-cut'), destination, 'after a listing that ended early');
    runs += 1;
  });
  return runs;
}

/** A watch whose source lists nothing, less, or not at all for some scans, with finished files, files under way and new ones. */
async function watched(options: RowOptions, tally: Tally): Promise<void> {
  await onStage(join(options.scratch, 'watched'), async (stage) => {
    const fs = await stage.faultFs('share');
    const out = stage.folder('out');
    const source = join(fs.backing, 'in');
    writeSmallFiles(source, 30, 20_000);
    const config = [
      'watches:',
      `  - source: ${join(fs.mount, 'in')}`,
      `    destination: ${out}`,
      '    scanSeconds: 0.3',
      '    stableSeconds: 0.5',
      '    growthPollSeconds: 0.3',
      '    emptySeconds: 0.5',
      '    after: keep',
      '',
    ].join('\n');
    const daemon = await stage.daemon('daemon', { config });
    const arrived = (label: string): Promise<true | undefined> =>
      until(() => (compareTrees(source, out).missing.length === 0 ? true : undefined), 40_000).then((answer) => {
        if (answer === undefined) tally.fault(`${label}: not everything arrives`);
        return answer;
      });
    await arrived('before');
    const troubles: Readonly<Record<string, readonly string[]>> = {
      'listings end early': ['cut_listing 1'],
      'listings are empty': ['cut_listing 0'],
      'listings fail (EIO)': ['fail readdir 5 1 0'],
      'listings fail (ESTALE)': ['fail readdir 116 1 0'],
      'every second listing fails': ['fail readdir 5 2 1'],
    };
    for (const [label, faults] of Object.entries(troubles)) {
      // One file is under way, and one appears, while the listing is wrong.
      writeContent(join(source, `film ${label}.mov`), label.length, 12_000_000);
      await after(900);
      fs.faults('slow 20000', ...faults);
      writeContent(join(source, 'part-000', `new ${label}.bin`), label.length, 5_000);
      await after(Math.max(2_000, 6_000 * options.scale));
      fs.faults();
      await arrived(label);
      tally.compare(source, out, label);
      const { rows } = await daemon.client.call('listTransfers', { query: { limit: 1000 } });
      for (const { state, source: place, error } of rows)
        if (state === 'cancelled' || state === 'failed')
          tally.fault(`${label}: ${place.path} is ${state}: ${error?.message ?? ''}`);
      const twice = rows.length - new Set(rows.map(({ source: place }) => place.path)).size;
      if (twice > 0) tally.fault(`${label}: ${twice} files are moved a second time`);
      options.say(`${label}: ${rows.length} transfers`);
    }
  });
}

async function torment(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const runs = await copies(options, tally);
  await watched(options, tally);
  return tally.result(runs + 5);
}

/** A mirror that believes every listing. */
async function control(options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await onStage(options.scratch, async (stage) => {
    const fs = await stage.faultFs('share');
    const out = stage.folder('out');
    const source = join(fs.backing, 'in');
    mkdirSync(source);
    for (let at = 0; at < 10; at++) writeContent(join(source, `file-${at}`), at, 1_000);
    const mirror = spawn(process.execPath, [naiveWatch, '--mirror', join(fs.mount, 'in'), out], { stdio: 'ignore' });
    const ended = once(mirror, 'exit');
    await until(() => (compareTrees(source, out).missing.length === 0 ? true : undefined), 10_000);
    fs.faults('cut_listing 1');
    await after(1_500);
    mirror.kill('SIGKILL');
    await ended;
    fs.faults();
    tally.compare(source, out, 'the naive mirror');
  });
  return tally.result(1);
}

export const cutListing: Row = {
  id: 'T35',
  title: 'a listing of the source fails, or ends early without an error',
  runs: 1,
  run: torment,
  control,
};
