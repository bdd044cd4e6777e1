// Numbers, times and names as a person reads them on a terminal.

import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';

/** `1 file`, `5,000 files`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${grouped(count)} ${count === 1 ? one : many}`;
}

/** `5,000`. Not by toLocaleString, which loads the tables of all languages. */
export function grouped(count: number): string {
  return String(count).replace(/\B(?=(\d{3})+$)/g, ',');
}

/** `0.4 s`, `12 s`, `3 min 4 s`, `2 h 5 min`. */
export function formatDuration(seconds: number): string {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? '' : ` ${whole % 60} s`}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? '' : ` ${minutes % 60} min`}`;
}

export function formatSpeed(bytesPerSecond: number): string {
  return bytesPerSecond < 1 ? 'no bytes now' : `${formatSize(bytesPerSecond)}/s`;
}

export interface EtaFigures {
  readonly from: number | null;
  readonly to: number | null;
  readonly cause: string;
}

/** `8–10 s left`, with its cause where that says more than that it goes on as now. */
export function formatEta({ from, to, cause }: EtaFigures): string {
  const because = cause === '' || cause === 'at the present speed' ? '' : ` (${cause})`;
  if (from === null && to === null) return cause;
  if (from === null || to === null) {
    return `${from === null ? 'up to' : 'at least'} ${whole(from ?? to ?? 0)} left${because}`;
  }
  const low = whole(from);
  const high = whole(to);
  const [lowNumber, ...lowUnit] = low.split(' ');
  const [, ...highUnit] = high.split(' ');
  if (low === high) return `${high} left${because}`;
  const isSameUnit = lowUnit.length === 1 && lowUnit[0] === highUnit[0] && highUnit.length === 1;
  return `${isSameUnit ? `${lowNumber}–` : `${low} – `}${high} left${because}`;
}

/** An estimate has no tenths. */
function whole(seconds: number): string {
  return seconds < 10 ? `${Math.ceil(seconds)} s` : formatDuration(seconds);
}

/** `2026-11-20 14:05:09` in the local time zone. */
export function formatTime(iso: string): string {
  const time = new Date(iso);
  const two = (number: number) => String(number).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())} ${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`;
}

/** The name made safe to show, its middle left out where it is longer than `columns`. */
export function shortName(path: string, columns: number): string {
  const shown = displayPath(path);
  const characters = [...shown];
  if (characters.length <= columns) return shown;
  const tail = Math.ceil((columns - 1) * 0.6);
  const head = Math.max(0, columns - 1 - tail);
  return `${characters.slice(0, head).join('')}…${characters.slice(characters.length - tail).join('')}`;
}

/** Columns as wide as their widest cell; the last is not padded. */
export function alignedRows(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}
