// Runs contenders side by side, in turn, as whole processes, and compares medians.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Contender {
  readonly name: string;
  /** Program and arguments; no shell. */
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Puts the stage back before each run; not timed. */
  readonly prepare: () => void;
  /** Throws where the run did not do its work; not timed. */
  readonly check: () => void;
  /** Says its own seconds as a line of JSON, {"wallSeconds", "cpuSeconds"}: what it does before and after is not counted. */
  readonly saysOwn?: boolean;
}

export interface Race {
  readonly name: string;
  readonly title: string;
  readonly contenders: readonly Contender[];
  readonly goals: readonly RaceGoal[];
  readonly bytes?: number;
  readonly files?: number;
}

/** What one contender (default: the first) is to reach beside the named one: a ratio of their median times, or seconds more than it takes. */
export type RaceGoal = { readonly of?: string; readonly against: string } & (
  | { readonly atMost: number }
  | { readonly atMostSecondsMore: number }
);

/** A figure that was to be reached, and what was seen. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly seen: string;
  readonly met: boolean;
}

/** What a race leaves: figures for people. */
export interface Sheet {
  readonly title: string;
  /** Markdown. */
  readonly table: string;
  readonly goals: readonly Goal[];
  /** Seconds (CPU seconds) by contender, for a table of all races; none where nothing races. */
  readonly cells?: Readonly<Record<string, string>>;
}

export interface Figures {
  readonly name: string;
  readonly wallSeconds: readonly number[];
  readonly cpuSeconds: readonly number[];
  readonly peakBytes: number;
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2;
}

/** A warm-up round that is not counted, then `rounds` rounds in which every contender runs once. */
export function run(race: Race, rounds: number): readonly Figures[] {
  const scratch = mkdtempSync(join(tmpdir(), 'wherry-bench-'));
  const figures = race.contenders.map((contender) => ({
    name: contender.name,
    wallSeconds: [] as number[],
    cpuSeconds: [] as number[],
    peakBytes: 0,
  }));
  try {
    for (let round = -1; round < rounds; round++) {
      for (const [at, contender] of race.contenders.entries()) {
        const seen = once(contender, scratch);
        const mine = figures[at];
        if (round < 0 || mine === undefined) continue;
        mine.wallSeconds.push(seen.wallSeconds);
        mine.cpuSeconds.push(seen.cpuSeconds);
        mine.peakBytes = Math.max(mine.peakBytes, seen.peakBytes);
      }
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return figures;
}

interface OwnSeconds {
  readonly wallSeconds: number;
  readonly cpuSeconds: number;
}

/** User and system time and peak memory are the operating system's own accounting of the finished process (GNU time). */
function once(contender: Contender, scratch: string): { wallSeconds: number; cpuSeconds: number; peakBytes: number } {
  contender.prepare();
  const report = join(scratch, 'report');
  const begun = process.hrtime.bigint();
  const result = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', report, ...contender.command], {
    env: { ...process.env, ...contender.env },
    stdio: ['ignore', contender.saysOwn === true ? 'pipe' : 'ignore', 'pipe'],
    maxBuffer: 64 * 1024 * 1024,
  });
  const wallSeconds = Number(process.hrtime.bigint() - begun) / 1e9;
  if (result.status !== 0) {
    throw new Error(`${contender.name}: exit ${result.status}: ${result.stderr?.toString().slice(-2000)}`);
  }
  contender.check();
  const [user = 0, system = 0, peakKiB = 0] = (readFileSync(report, 'utf8').trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  const peakBytes = peakKiB * 1024;
  if (contender.saysOwn === true) return { ...(JSON.parse(String(result.stdout)) as OwnSeconds), peakBytes };
  return { wallSeconds, cpuSeconds: user + system, peakBytes };
}

/** Medians, spread, throughput, the ratio of each to the first contender, and which goals were met. */
export function sheetOf(race: Race, figures: readonly Figures[]): Sheet {
  const first = figures[0];
  const ours = median(first?.wallSeconds ?? []);
  const lines = [
    `| | median s | min–max s | CPU s | peak MB | ${race.files === undefined ? 'MB/s' : 'files/s'} | ${first?.name}: time over its |`,
    '| --- | --- | --- | --- | --- | --- | --- |',
  ];
  for (const one of figures) {
    const wall = median(one.wallSeconds);
    const speed = race.files === undefined ? (race.bytes ?? 0) / 1e6 / wall : race.files / wall;
    lines.push(
      `| ${one.name} | ${wall.toFixed(3)} | ${Math.min(...one.wallSeconds).toFixed(3)}–${Math.max(...one.wallSeconds).toFixed(3)} | ` +
        `${median(one.cpuSeconds).toFixed(2)} | ${(one.peakBytes / 1e6).toFixed(0)} | ${speed.toFixed(0)} | ${one === first ? '' : (ours / wall).toFixed(2)} |`,
    );
  }
  const goals = race.goals.map((goal): Goal => {
    const one = figures.find(({ name }) => name === goal.of) ?? first;
    const other = figures.find(({ name }) => name === goal.against);
    const [time, against] = [median(one?.wallSeconds ?? []), median(other?.wallSeconds ?? [])];
    if ('atMostSecondsMore' in goal) {
      const more = time - against;
      return {
        what: `${race.title}: ${one?.name}, time more than ${goal.against} takes`,
        goal: `≤ ${goal.atMostSecondsMore.toFixed(2)} s`,
        seen: `${more.toFixed(2)} s`,
        met: more <= goal.atMostSecondsMore,
      };
    }
    const ratio = time / against;
    return {
      what: `${race.title}: ${one?.name}, time over that of ${goal.against}`,
      goal: `≤ ${goal.atMost.toFixed(2)}`,
      seen: ratio.toFixed(2),
      met: ratio <= goal.atMost,
    };
  });
  const cells = Object.fromEntries(
    figures.map((one) => [
      one.name.split(' ')[0] ?? one.name,
      `${median(one.wallSeconds).toFixed(2)} (${median(one.cpuSeconds).toFixed(2)})`,
    ]),
  );
  return { title: race.title, table: lines.join('\n'), goals, cells };
}

export function sheetText({ title, table, goals }: Sheet): string {
  const said = goals.map((goal) => `- ${goal.what}: ${goal.seen}, goal ${goal.goal}: ${goal.met ? 'met' : 'missed'}`);
  return `### ${title}\n\n${table}\n\n${said.join('\n')}\n`;
}
