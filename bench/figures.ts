// Keeps the figures of each race (bench/figures.json) and writes them into the documents between their marks.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Sheet } from './race.ts';

/** The sheets of one race, and where and when they came about. */
export interface RaceFigures {
  readonly day: string;
  readonly machine: string;
  readonly rounds: number;
  readonly sheets: readonly Sheet[];
}

type AllFigures = Readonly<Record<string, RaceFigures>>;

const repository = resolve(import.meta.dirname, '..');
const kept = resolve(import.meta.dirname, 'figures.json');

/** Races that did not run this time keep the figures that they have. `order` is that of the documents. */
export function keepFigures(seen: AllFigures, order: readonly string[]): void {
  const before = existsSync(kept) ? (JSON.parse(readFileSync(kept, 'utf8')) as AllFigures) : {};
  const all = { ...before, ...seen };
  const figures = Object.fromEntries(order.flatMap((name) => (all[name] === undefined ? [] : [[name, all[name]]])));
  writeFileSync(kept, `${JSON.stringify(figures, null, 2)}\n`);
  writeBetween('README.md', overview(figures));
  writeBetween('docs/speed.md', details(figures));
}

const peers = ['wherry', 'cp', 'rsync', 'rclone'] as const;

/** What races beside the usual peers, in one table; the rest by its goals. */
function overview(figures: AllFigures): string {
  const sheets = Object.values(figures).flatMap((race) => race.sheets);
  const besidePeers = sheets.filter(({ cells }) => cells?.wherry !== undefined);
  const lines = [
    'Medians in seconds (CPU seconds), each beside the others in the same run. Wherry reads back and proves what it writes; `cp` and `rsync` do not. How it is measured, and all goals: [docs/speed.md](docs/speed.md).',
    '',
    `| race | ${peers.join(' | ')} |`,
    '| --- | --- | --- | --- | --- |',
    ...besidePeers.map(({ title, cells }) => `| ${title} | ${peers.map((peer) => cells?.[peer] ?? '').join(' | ')} |`),
  ];
  const others = sheets.filter(({ cells }) => cells?.wherry === undefined).flatMap(({ goals }) => goals);
  if (others.length > 0) {
    lines.push('', '| figure | seen | goal | |', '| --- | --- | --- | --- |');
    for (const { what, seen, goal, met } of others)
      lines.push(`| ${what} | ${seen} | ${goal} | ${met ? '' : 'missed'} |`);
  }
  return lines.join('\n');
}

function details(figures: AllFigures): string {
  return Object.entries(figures)
    .map(([name, { day, machine, rounds, sheets }]) => {
      const head = `## ${name}\n\n${day}; ${machine}${rounds > 0 ? `; ${rounds} rounds` : ''}.`;
      return [head, ...sheets.map(sheetSection)].join('\n\n');
    })
    .join('\n\n');
}

function sheetSection({ title, table, goals }: Sheet): string {
  const rows = goals.map(({ what, seen, goal, met }) => `| ${what} | ${seen} | ${goal} | ${met ? 'met' : 'missed'} |`);
  const goalTable = ['| figure | seen | goal | |', '| --- | --- | --- | --- |', ...rows].join('\n');
  return [`### ${title}`, table, ...(rows.length === 0 ? [] : [goalTable])].filter((part) => part !== '').join('\n\n');
}

function writeBetween(path: string, text: string): void {
  const file = resolve(repository, path);
  const old = readFileSync(file, 'utf8');
  const [open, close] = ['<!-- figures -->', '<!-- end of figures -->'];
  const from = old.indexOf(open);
  const to = old.indexOf(close);
  if (from < 0 || to < from) throw new Error(`${path} has no place for figures: ${open} … ${close}`);
  writeFileSync(file, `${old.slice(0, from + open.length)}\n\n${text}\n\n${old.slice(to)}`);
}
