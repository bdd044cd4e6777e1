// The table of `npm run torture`: a line for each row, printed, and kept in the README between two marks.

import { held, type Row, type RowResult } from './row.ts';

const begin = '<!-- torture -->';
const end = '<!-- end of torture -->';

export const tableHead =
  '| row | what goes wrong | runs | lost | corrupt | sent again | verdict | seen |\n| --- | --- | --- | --- | --- | --- | --- | --- |';

/** A row is held where nothing was lost, corrupt or at fault, and its control, which does without Wherry's care, did fail. */
export function tableLine(row: Row, result: RowResult, control: RowResult, day: string): string {
  const verdict = held(control)
    ? 'FAILED: its control saw nothing'
    : held(result)
      ? 'held'
      : `FAILED: ${result.faults.length} faults`;
  const cells = [
    row.id,
    row.title,
    result.runs,
    result.lost,
    result.corrupt,
    bytesInWords(result.bytesAgain),
    verdict,
    day,
  ];
  return `| ${cells.join(' | ')} |`;
}

/** The text with these lines in its table: those of the same rows are replaced, all others stay. */
export function withTableLines(text: string, lines: readonly string[], order: readonly string[]): string {
  const from = text.indexOf(begin);
  const to = text.indexOf(end);
  if (from < 0 || to < from) throw new Error(`There is no place for the table: ${begin} and ${end} are missing.`);
  const byRow = new Map<string, string>();
  for (const line of [...text.slice(from, to).split('\n'), ...lines]) {
    const id = /^\| (T[^ ]*) \|/.exec(line)?.[1];
    if (id !== undefined && order.includes(id)) byRow.set(id, line);
  }
  const kept = order.flatMap((id) => byRow.get(id) ?? []);
  return `${text.slice(0, from)}${begin}\n\n${[tableHead, ...kept].join('\n')}\n\n${text.slice(to)}`;
}

/** `–` where nobody counted. */
function bytesInWords(bytes: number | null): string {
  if (bytes === null) return '–';
  if (bytes < 1_000) return `${bytes} B`;
  if (bytes < 1_000_000) return `${(bytes / 1e3).toFixed(0)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(0)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}
