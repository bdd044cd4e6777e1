// What is said of one file that has arrived or failed: a line, or with --json an object.

import { displayPath } from '../model/names.ts';
import { pathText } from '../model/path-text.ts';
import { formatSize } from '../model/size.ts';
import type { Transfer } from '../model/transfer.ts';
import type { Terminal } from './terminal.ts';

export function fileObject(transfer: Transfer, ok: boolean) {
  const { id, source, destination, publishedPath, sizeBytes, hash, error } = transfer;
  return {
    type: 'file',
    state: ok ? 'completed' : 'failed',
    transferId: id,
    source: { endpoint: displayPath(source.endpoint), ...pathText(source.path) },
    destination: { endpoint: displayPath(destination.endpoint), ...pathText(publishedPath ?? destination.path) },
    sizeBytes,
    hash,
    error,
  };
}

export function fileLine(terminal: Terminal, transfer: Transfer, ok: boolean): string {
  const name = displayPath(transfer.source.path === '' ? transfer.destination.path : transfer.source.path);
  if (!ok) return `${terminal.paint('red', 'failed')}  ${name}: ${transfer.error?.message ?? 'for an unknown reason'}`;
  const { publishedPath, destination } = transfer;
  const under =
    publishedPath === null || publishedPath === destination.path ? '' : `, as ${displayPath(publishedPath)}`;
  const size = transfer.sizeBytes === null ? '' : `  (${formatSize(transfer.sizeBytes)}${under})`;
  return `${terminal.paint('green', 'arrived')} ${name}${size}`;
}
