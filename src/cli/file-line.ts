// One line that says what became of one file.

import { displayPath } from '../model/names.ts';
import { formatSize } from '../model/size.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Terminal } from './terminal.ts';

export function fileLine(terminal: Terminal, transfer: Transfer, ok: boolean): string {
  const name = displayPath(transfer.source.path === '' ? transfer.destination.path : transfer.source.path);
  if (!ok) return `${terminal.paint('red', 'failed')}  ${name}: ${transfer.error?.message ?? 'for an unknown reason'}`;
  const { publishedPath, destination } = transfer;
  const under =
    publishedPath === null || publishedPath === destination.path ? '' : `, as ${displayPath(publishedPath)}`;
  const size = transfer.sizeBytes === null ? '' : `  (${formatSize(transfer.sizeBytes)}${under})`;
  return `${terminal.paint('green', 'arrived')} ${name}${size}`;
}
