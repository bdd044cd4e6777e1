// T4: a disk says that it has written and has not, or keeps other bytes; `wherry verify` after a remount has to find every file of it.
// While the page cache answers, nobody can know.

import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { wherry } from '../../support/daemon.ts';
import { makeDisk, startGuest } from '../../support/power-cut.ts';
import { compareTrees, filesBelow, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';
import { type Disk, onStage, until } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const naiveCopy = resolve(import.meta.dirname, '../naive-copy.ts');

function makeSource(source: string): void {
  writeSmallFiles(source, 20, 60_000);
  rmSync(join(source, 'part-000', 'file-0.bin'));
  writeContent(join(source, 'film.mov'), 3, 12_000_000);
}

/** Turns one bit of a file over on the medium, behind the back of the file system. */
function spoil(disk: Disk, path: string, part: number): void {
  const told = execFileSync('debugfs', ['-R', `blocks "${path}"`, disk.image], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const blocks = told.trim().split(/\s+/).map(Number);
  const sizes = execFileSync('debugfs', ['-R', 'stats -h', disk.image], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const blockBytes = Number(/Block size:\s+(\d+)/.exec(sizes)?.[1]);
  const at = (blocks[Math.floor(part * (blocks.length - 1))] ?? 0) * blockBytes + 3;
  const image = openSync(disk.image, 'r+');
  const byte = Buffer.alloc(1);
  readSync(image, byte, 0, 1, at);
  byte[0] = (byte[0] ?? 0) ^ 16;
  writeSync(image, byte, 0, 1, at);
  closeSync(image);
}

interface Verdict {
  readonly exitCode: number | null;
  readonly words: string;
}

/** `wherry verify` of a destination; who has no such thing says nothing. */
function verify(copier: Copier, destination: string, state: string): Verdict {
  if (!copier.isOurs) return { exitCode: 0, words: '' };
  const { status, stdout, stderr } = spawnSync(wherry, ['verify', destination], {
    env: { ...process.env, XDG_STATE_HOME: state },
    encoding: 'utf8',
  });
  return { exitCode: status, words: stdout + stderr };
}

function judge(source: string, destination: string, { exitCode, words }: Verdict, label: string, tally: Tally): number {
  const { missing, different } = compareTrees(source, destination);
  const bad = [...missing, ...different];
  for (const path of bad)
    if (!words.includes(path)) tally.lost(`${label}: ${path} is gone or changed, and verify does not say so`);
  if (bad.length > 0 && exitCode !== 11)
    tally.fault(`${label}: verify ends with exit ${exitCode}: ${words.slice(-300)}`);
  if (bad.length === 0 && exitCode !== 0)
    tally.fault(`${label}: all is well, and verify ends with exit ${exitCode}: ${words.slice(-300)}`);
  return bad.length;
}

/** The medium changes under files that had been proven. */
async function spoilt(copier: Copier, options: RowOptions, tally: Tally): Promise<void> {
  const random = randomFrom(options.seed);
  await onStage(join(options.scratch, 'spoilt'), async (stage) => {
    const source = stage.folder('source');
    const state = stage.folder('state');
    makeSource(source);
    const disk = stage.disk('disk', 'ext4', 100);
    const destination = join(disk.mount, 'out');
    const { exitCode, words } = await runCopy(copier, source, destination, { state });
    if (exitCode !== 0) tally.fault(`exit ${exitCode}: ${words.slice(-300)}`);
    const before = verify(copier, destination, state);
    if (before.exitCode !== 0)
      tally.fault(`verify of what is well: exit ${before.exitCode}: ${before.words.slice(-300)}`);
    const rounds = Math.max(2, Math.round(10 * options.scale));
    const paths = filesBelow(source);
    let bad = 0;
    for (let round = 1; round <= rounds; round++) {
      disk.unmount();
      spoil(
        disk,
        `/out/${round === 1 ? 'film.mov' : (paths[Math.floor(random() * paths.length)] ?? 'film.mov')}`,
        random(),
      );
      disk.remount();
      bad = judge(source, destination, verify(copier, destination, state), `medium changed, round ${round}`, tally);
      if (bad === 0) tally.fault(`medium changed, round ${round}: nothing was spoilt`);
    }
    options.say(`medium changed: ${bad} files are bad and found`);
  });
}

/** The disk forgets all that it is given from a moment on; the copy cannot know. */
async function forgetful(copier: Copier, options: RowOptions, tally: Tally): Promise<void> {
  const source = join(options.scratch, 'source');
  makeSource(source);
  const image = join(options.scratch, 'disk.img');
  const told = join(options.scratch, 'told');
  const command = copier.isOurs ? `${wherry} copy --quiet` : `${process.execPath} ${naiveCopy}`;
  for (let run = 1; run <= options.runs; run++) {
    makeDisk(image, 'ext4', 200);
    rmSync(told, { force: true });
    writeFileSync(told, '');
    // The ledger lies on a disk that keeps its word.
    const guest = startGuest(
      join(options.scratch, 'guest'),
      image,
      `export XDG_STATE_HOME=/run/state XDG_CACHE_HOME=/run/cache
       ${command} ${source} /run/disk/first; echo "first $?" >> ${told}
       sync; lie
       ${command} ${source} /run/disk/second; echo "second $?" >> ${told}
       cd /; umount /run/disk; tell_the_truth; mount /dev/mapper/disk /run/disk
       echo "there $(find /run/disk/second -type f | wc -l) of $(find ${source} -type f | wc -l)" >> ${told}
       ${
         copier.isOurs
           ? `${wherry} verify /run/disk/second > ${told}.second 2>&1; echo "verify-second $?" >> ${told}
       ${wherry} verify /run/disk/first > ${told}.first 2>&1; echo "verify-first $?" >> ${told}`
           : ''
       }
       echo end >> ${told}`,
      { lying: true },
    );
    const ended = await until(() => (/^end$/m.test(readFileSync(told, 'utf8')) ? true : undefined), 180_000, 200);
    await guest.cut();
    const words = readFileSync(told, 'utf8');
    const code = (what: string): number => Number(new RegExp(`^${what} (\\d+)`, 'm').exec(words)?.[1] ?? -1);
    options.say(`forgetful disk: ${words.replaceAll('\n', '; ')}`);
    if (ended === undefined) tally.fault(`run ${run}: the guest did not come to an end: ${words}`);
    if (code('first') !== 0 || code('second') !== 0) tally.fault(`run ${run}: the copies themselves failed: ${words}`);
    const verdict = existsSync(`${told}.second`) ? readFileSync(`${told}.second`, 'utf8') : '';
    if (code('there') >= filesBelow(source).length) tally.fault(`run ${run}: the disk did not forget anything`);
    // What is not there any more has to be told, file by file.
    for (const path of filesBelow(source)) if (!verdict.includes(path)) tally.lost(`run ${run}: ${path}`);
    if (copier.isOurs && code('verify-second') !== 11)
      tally.fault(`run ${run}: verify of what was forgotten: ${words}: ${verdict.slice(-300)}`);
    if (copier.isOurs && code('verify-first') !== 0) tally.fault(`run ${run}: verify of what was kept: ${words}`);
  }
}

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  await spoilt(copier, options, tally);
  if (options.scale >= 0.5) await forgetful(copier, options, tally);
  return tally.result(options.scale >= 0.5 ? options.runs + 10 : 2);
}

export const lyingDisk: Row = {
  id: 'T4',
  title: 'a disk lies about what it has written (found by `wherry verify` after a remount)',
  runs: 5,
  run: (options) => torment(ours, options),
  control: (options) => torment(naive(), { ...options, scale: Math.min(options.scale, 0.1) }),
};
