// T6 and T7: one destination runs out of room, or of inodes, in mid copy. Others go on; it goes on by itself when there is room again.

import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { filesBelow, watchForHalfDone, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { naive, runCopy } from '../copier.ts';
import { jobAtRest, shown, submitCopy, transfersOf, watchApi, whatOf } from '../jobs.ts';
import type { Row, RowOptions, RowResult } from '../row.ts';
import { onStage, type Stage } from '../stage.ts';
import { createTally, type Tally } from '../tally.ts';

const blockBytes = 8 * 1024 * 1024;
const filmBytes = 40_000_000;

/** A destination that can run out, and what has been written to it so far where that is known. */
interface Place {
  readonly destination: string;
  fill(): void | Promise<void>;
  makeRoom(): void;
  writtenBytes?(): number;
}

const places: Readonly<Record<string, (stage: Stage) => Promise<Place>>> = {
  'a quota that is not told of': async (stage) => {
    const fs = await stage.faultFs('quota');
    return {
      destination: join(fs.mount, 'out'),
      fill: () => fs.faults('slow 2000', `quota ${filmBytes / 2}`),
      makeRoom: () => fs.faults(),
      writtenBytes: () =>
        fs
          .calls()
          .reduce((sum, { operation, errno, bytes }) => sum + (operation === 'write' && errno === 0 ? bytes : 0), 0),
    };
  },
  'a disk that somebody else fills': async (stage) => {
    const { mount } = stage.disk('disk', 'ext4', 300);
    const filler = join(mount, 'filler');
    return {
      destination: join(mount, 'out'),
      fill: () => {
        // All but half of the film.
        const free = Number(execFileSync('df', ['--output=avail', '-B1', mount], { encoding: 'utf8' }).split('\n')[1]);
        execFileSync('fallocate', ['-l', String(free - filmBytes / 2), filler]);
      },
      makeRoom: () => rmSync(filler),
    };
  },
  'no inode left': async (stage) => {
    const mount = stage.tmpfs('inodes', '1g', 60);
    const fillers = join(mount, 'fillers');
    return {
      destination: join(mount, 'out'),
      fill: () => {
        mkdirSync(fillers);
        for (let at = 0; at < 45; at++) writeFileSync(join(fillers, `filler-${at}`), '');
      },
      makeRoom: () => rmSync(fillers, { recursive: true }),
    };
  },
};

async function torment(kinds: readonly string[], options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  writeSmallFiles(source, 20, 60_000);
  writeContent(join(source, 'film.mov'), 3, filmBytes);
  for (const kind of kinds) {
    const scratch = join(options.scratch, `${kinds.indexOf(kind)}`);
    await onStage(scratch, async (stage) => {
      const place = await (places[kind] as (stage: Stage) => Promise<Place>)(stage);
      const elsewhere = stage.folder('elsewhere');
      const daemon = await stage.daemon('daemon', { config: `roots: [${options.scratch}]\n` });
      const reader = watchForHalfDone(source, place.destination, filesBelow(source));
      await place.fill();
      const full = await submitCopy(daemon, source, place.destination);
      const api = watchApi(daemon);
      const toldMs = await shown(
        daemon,
        full,
        ({ state, waiting, error }) => state === 'waiting' && waiting?.reason === 'space' && error?.code === 'space',
        20_000,
      );
      if (toldMs === undefined) tally.fault(`${kind}: not shown as waiting for space: ${await whatOf(daemon, full)}`);
      const other = await submitCopy(daemon, source, elsewhere);
      if ((await jobAtRest(daemon, other, 20_000))?.state !== 'completed')
        tally.fault(`${kind}: the other destination does not go on: ${await whatOf(daemon, other)}`);
      tally.compare(source, elsewhere, `${kind}, the other destination`);
      await noRush(daemon, full, kind, options.scale, tally);
      place.makeRoom();
      const begun = performance.now();
      const ended = await jobAtRest(daemon, full, 90_000);
      if (ended?.state !== 'completed') tally.fault(`${kind}: did not go on by itself: ${await whatOf(daemon, full)}`);
      options.say(
        `${kind}: shown after ${toldMs?.toFixed(0)} ms, done ${(performance.now() - begun).toFixed(0)} ms after there was room`,
      );
      tally.compare(source, place.destination, kind);
      for (const path of reader.stop()) tally.corrupt(`${kind}: ${path} was seen half done`);
      const worstMs = await api.stop();
      if (worstMs > 3_000) tally.fault(`${kind}: the API took ${worstMs.toFixed(0)} ms to answer`);
      if (place.writtenBytes !== undefined) {
        const total = filesBelow(source).length * 30_000 + filmBytes;
        const attempts = (await transfersOf(daemon, full)).reduce((most, one) => Math.max(most, one.attempts), 1);
        const again = Math.max(0, place.writtenBytes() - total);
        tally.again(again);
        if (again > attempts * 2 * blockBytes)
          tally.fault(`${kind}: ${again} bytes were written again in ${attempts} attempts`);
      }
    });
  }
  return tally.result(kinds.length);
}

/** What waits for room must not try again and again meanwhile. */
async function noRush(
  daemon: Parameters<typeof transfersOf>[0],
  jobId: string,
  kind: string,
  scale: number,
  tally: Tally,
): Promise<void> {
  const attempts = async (): Promise<number> =>
    (await transfersOf(daemon, jobId)).reduce((most, one) => Math.max(most, one.attempts), 0);
  const before = await attempts();
  const seconds = Math.max(2, 40 * scale);
  await after(seconds * 1000);
  const more = (await attempts()) - before;
  if (more > 1 + seconds / 10) tally.fault(`${kind}: ${more} attempts in ${seconds} s while there was no room`);
}

async function control(kind: string, options: RowOptions): Promise<RowResult> {
  const tally = createTally();
  const source = join(options.scratch, 'source');
  writeSmallFiles(source, 20, 60_000);
  writeContent(join(source, 'film.mov'), 3, filmBytes);
  await onStage(options.scratch, async (stage) => {
    const place = await (places[kind] as (stage: Stage) => Promise<Place>)(stage);
    mkdirSync(place.destination);
    await place.fill();
    await runCopy(naive(), source, place.destination, { state: join(options.scratch, 'state') });
    place.makeRoom();
    await after(1_000);
    tally.compare(source, place.destination, kind);
  });
  return tally.result(1);
}

export const noSpace: Row = {
  id: 'T6',
  title: 'the destination runs full in mid copy, and has room again',
  runs: 2,
  run: (options) => torment(Object.keys(places).slice(0, options.scale >= 0.5 ? 2 : 1), options),
  control: (options) => control('a quota that is not told of', options),
};

export const noInodes: Row = {
  id: 'T7',
  title: 'the destination runs out of inodes, and has some again',
  runs: 1,
  run: (options) => torment(['no inode left'], options),
  control: (options) => control('no inode left', options),
};
