// T5–T11 together: each kind of call that the mover makes fails with each errno, at its nth time, at the destination and at the source.

import { rmSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import type { FaultFs } from '../../support/fault-fs.ts';
import { compareTrees, filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Copier, naive, ours, runCopy } from '../copier.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, type Stage } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';
import { namesPlace } from '../words.ts';

const { EIO, ENOSPC, EDQUOT, EROFS, EACCES, EPERM, ESTALE, ETIMEDOUT, EINTR, EMFILE, ENOENT, EBUSY, EINVAL } =
  constants.errno;

/** What each call may answer when something is wrong, at either side. */
const failures: Readonly<Record<'destination' | 'source', Readonly<Record<string, readonly number[]>>>> = {
  destination: {
    write: [EIO, ENOSPC, EDQUOT, EROFS, ESTALE, EINTR],
    fsync: [EIO, ENOSPC, EDQUOT, EROFS, EINVAL],
    flush: [EIO, ENOSPC, EDQUOT, ESTALE],
    create: [EIO, ENOSPC, EDQUOT, EROFS, EACCES, EMFILE, ESTALE],
    open: [EIO, EACCES, EMFILE, ESTALE, ENOENT],
    read: [EIO, ESTALE, ETIMEDOUT],
    getattr: [EIO, EACCES, ESTALE, ETIMEDOUT],
    mkdir: [EIO, ENOSPC, EROFS, EACCES],
    link: [EIO, ENOSPC, EROFS, EACCES, EPERM],
    unlink: [EIO, EROFS, EACCES, EBUSY],
    rename: [EIO, ENOSPC, EROFS, EACCES, EBUSY],
    truncate: [EIO, ENOSPC, EROFS],
    utimens: [EIO, EROFS, EPERM],
    chmod: [EIO, EROFS, EPERM],
    readdir: [EIO, EACCES, ESTALE],
    statfs: [EIO, ESTALE],
  },
  source: {
    read: [EIO, ESTALE, ETIMEDOUT, EINTR],
    open: [EIO, EACCES, EMFILE, ESTALE, ENOENT],
    getattr: [EIO, EACCES, ESTALE],
    readdir: [EIO, EACCES, ESTALE],
    flush: [EIO],
  },
};

const nameOf = new Map(Object.entries(constants.errno).map(([name, number]) => [number, name]));

/** Which of them a file gets under its final name by, where nothing may be replaced. */
const publishing = new Set(['link', 'unlink', 'rename', 'getattr']);

type Conflict = 'overwrite' | 'rename';

interface Case {
  readonly conflict: Conflict;
  readonly side: 'destination' | 'source';
  readonly operation: string;
  readonly errno: number;
  readonly n: number;
}

interface Scene {
  readonly card: FaultFs;
  readonly disk: FaultFs;
  readonly source: string;
  readonly kept: string;
}

async function open(stage: Stage): Promise<Scene> {
  const card = await stage.faultFs('card');
  const disk = await stage.faultFs('disk');
  const kept = join(card.backing, 'in');
  // A pack, a file of several blocks, an empty one, and a folder in a folder.
  writeSmallFiles(kept, 4, 30_000);
  writeContent(join(kept, 'films', 'day 1', 'film.mov'), 3, 18_000_000);
  writeContent(join(kept, 'films', 'empty'), 4, 0);
  return { card, disk, source: join(card.mount, 'in'), kept };
}

function under(copier: Copier, conflict: Conflict): Copier {
  if (!copier.isOurs || conflict === 'overwrite') return copier;
  return {
    ...copier,
    command: (source, destination) => [...copier.command(source, destination), '--conflict', conflict],
  };
}

/** How often each call is made by a copy that nothing goes wrong with. */
async function countCalls(
  copier: Copier,
  conflict: Conflict,
  scene: Scene,
  options: RowOptions,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  scene.card.clearCalls();
  scene.disk.clearCalls();
  await runCopy(under(copier, conflict), scene.source, join(scene.disk.mount, 'counted'), {
    state: join(options.scratch, `state-counted-${conflict}`),
  });
  for (const [side, fs] of [
    ['source', scene.card],
    ['destination', scene.disk],
  ] as const)
    for (const { operation } of fs.calls())
      counts.set(`${side} ${operation}`, (counts.get(`${side} ${operation}`) ?? 0) + 1);
  rmSync(join(scene.disk.backing, 'counted'), { recursive: true, force: true });
  return counts;
}

/** Each call × each errno, at up to so many of its times, spread over all of them. */
function casesFrom(conflict: Conflict, counts: ReadonlyMap<string, number>, most: number): Case[] {
  const cases: Case[] = [];
  for (const side of ['destination', 'source'] as const)
    for (const [operation, errnos] of Object.entries(failures[side])) {
      if (conflict === 'rename' && (side === 'source' || !publishing.has(operation))) continue;
      // Calls that are not logged (getattr, statfs) are made at least so often.
      const times =
        counts.get(`${side} ${operation}`) ?? (operation === 'getattr' ? 40 : operation === 'statfs' ? 3 : 0);
      const picked = new Set(
        Array.from({ length: Math.min(most, times) }, (_, at) => 1 + Math.floor((at * times) / Math.min(most, times))),
      );
      for (const n of picked) for (const errno of errnos) cases.push({ conflict, side, operation, errno, n });
    }
  return cases;
}

async function one(
  copier: Copier,
  { conflict, side, operation, errno, n }: Case,
  scene: Scene,
  options: RowOptions,
  tally: Tally,
): Promise<boolean> {
  const label = `${operation} ${n} at the ${side} (${conflict}): ${nameOf.get(errno)}`;
  const { card, disk, source, kept } = scene;
  const destination = join(disk.mount, 'out');
  const state = join(options.scratch, 'state');
  const faulty = side === 'source' ? card : disk;
  const reader = watchForHalfDone(kept, join(disk.backing, 'out'), filesBelow(kept));
  disk.clearCalls();
  card.clearCalls();
  faulty.faults(`fail ${operation} ${errno} ${n} 1`);
  const first = await runCopy(under(copier, conflict), source, destination, { state, timeoutMs: 90_000 });
  faulty.faults();
  for (const path of reader.stop()) tally.corrupt(`${label}: ${path} was seen half done`);
  const happened = faulty.calls().some((call) => call.operation === operation && call.errno === errno);
  if (first.hung) tally.fault(`${label}: it did not come to an end`);
  else if (first.exitCode === 0) {
    disk.loseUnsynced();
    tally.compare(kept, join(disk.backing, 'out'), `${label}, said to be done`);
  } else {
    if (first.exitCode === 7 || /mistake|report it/.test(first.words))
      tally.fault(`${label}: exit ${first.exitCode}: ${first.words.slice(-300)}`);
    if (!namesPlace(first.words, destination, source))
      tally.fault(`${label}: no place is named in: ${first.words.slice(-300)}`);
    for (const path of compareTrees(kept, join(disk.backing, 'out')).different)
      tally.corrupt(`${label}, given up: ${path}`);
    const second = await runCopy(under(copier, conflict), source, destination, { state });
    if (second.exitCode !== 0) tally.fault(`${label}, mended: exit ${second.exitCode}: ${second.words.slice(-300)}`);
    disk.loseUnsynced();
    tally.compare(kept, join(disk.backing, 'out'), `${label}, mended`);
  }
  rmSync(join(disk.backing, 'out'), { recursive: true, force: true });
  rmSync(state, { recursive: true, force: true });
  options.say(
    `${label}: exit ${first.exitCode} after ${first.ms.toFixed(0)} ms: ${first.words.trim().split('\n')[0] ?? ''}`,
  );
  return happened;
}

/** Many of them wait for seconds until they try again: so many are played side by side, each in a scene of its own. */
const sideBySide = 3;

async function torment(copier: Copier, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  let happened = 0;
  const most = Math.max(1, Math.round(6 * options.scale));
  const cases = await onStage(join(options.scratch, 'counting'), async (stage) => {
    const scene = await open(stage);
    const all: Case[] = [];
    for (const conflict of ['overwrite', 'rename'] as const)
      all.push(...casesFrom(conflict, await countCalls(copier, conflict, scene, options), most));
    // Shorter forms take some of them, others for each seed.
    const step = Math.max(1, Math.ceil(all.length / Math.max(8, Math.round(options.runs * options.scale))));
    return all.filter((_, at) => at % step === options.seed % step);
  });
  options.say(`${cases.length} cases`);
  const left = cases.values();
  const play = (lane: number): Promise<void> => {
    const scratch = join(options.scratch, `${lane}`);
    return onStage(scratch, async (stage) => {
      const scene = await open(stage);
      for (const each of left) if (await one(copier, each, scene, { ...options, scratch }, tally)) happened += 1;
    });
  };
  await Promise.all(Array.from({ length: sideBySide }, (_, lane) => play(lane)));
  if (happened === 0) tally.fault('nothing ever failed');
  return tally.result(happened);
}

export const everyErrno: Row = {
  id: 'T5-T11',
  title: 'each call of the mover fails with each errno, at its nth time',
  runs: 2_000,
  run: (options) => torment(ours, options),
  control: (options) => torment(naive('--careless'), { ...options, runs: 10, scale: 0.02 }),
};
