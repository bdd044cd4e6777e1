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
}

export interface Race {
  readonly name: string;
  readonly title: string;
  readonly contenders: readonly Contender[];
  /** Ratio of times, first contender's over the named one's, that is to be reached. */
  readonly goals: readonly { readonly against: string; readonly atMost: number }[];
  readonly bytes?: number;
  readonly files?: number;
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

/** User and system time and peak memory are the operating system's own accounting of the finished process (GNU time). */
function once(contender: Contender, scratch: string): { wallSeconds: number; cpuSeconds: number; peakBytes: number } {
  contender.prepare();
  const report = join(scratch, 'report');
  const begun = process.hrtime.bigint();
  const result = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', report, ...contender.command], {
    env: { ...process.env, ...contender.env },
    stdio: ['ignore', 'ignore', 'pipe'],
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
  return { wallSeconds, cpuSeconds: user + system, peakBytes: peakKiB * 1024 };
}

/** A Markdown table: medians, spread, throughput, and the ratio to the first contender. */
export function table(race: Race, figures: readonly Figures[]): string {
  const first = figures[0];
  if (first === undefined) return '';
  const ours = median(first.wallSeconds);
  const lines = [
    `### ${race.title}`,
    '',
    `| | median s | min–max s | CPU s | peak MB | ${race.files === undefined ? 'MB/s' : 'files/s'} | wherry's time over its |`,
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
  for (const goal of race.goals) {
    const other = figures.find((one) => one.name === goal.against);
    if (other === undefined) continue;
    const ratio = ours / median(other.wallSeconds);
    lines.push(
      '',
      `Goal: at most ${goal.atMost} of ${goal.against}; seen ${ratio.toFixed(2)}: ${ratio <= goal.atMost ? 'met' : 'missed'}.`,
    );
  }
  return `${lines.join('\n')}\n`;
}
