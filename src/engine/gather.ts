// Makes work of queued rows: small files of one job and pair of places become packs, rows that share a reading become one. Pure.

import type { Transfer } from '../model/transfer.ts';
import type { Work } from './dispatcher.ts';
import type { PackFile } from './mover/move.ts';
import { packBytes, packFiles, smallBytes, type TransferWork } from './work.ts';

/** A pack whose places are still to be opened. */
export interface PackPlan extends Work {
  readonly kind: 'pack';
  readonly sourceEndpoint: string;
  readonly destinationEndpoint: string;
  readonly transfers: readonly Transfer[];
  readonly files: readonly PackFile[];
}

export interface GatherWords {
  slotsOf(source: string, destination: string): readonly string[];
  togetherKey(row: Transfer): string | undefined;
  /** False for a row that must travel alone (its source grows). */
  canPack(row: Transfer): boolean;
  /** Of a new pack; never one that a pack had before, as that may still be at its end. */
  packKey(): string;
}

/** Fewer small files than this are moved one by one: each then has its own resume point and progress. */
const fewestInPack = 4;

/** `rows` in the order in which they should go. */
export function gather(rows: readonly Transfer[], words: GatherWords): readonly (TransferWork | PackPlan)[] {
  const works: (TransferWork | PackPlan)[] = [];
  const small = new Map<string, Transfer[]>();
  const together = new Map<string, Transfer[]>();
  for (const row of rows) {
    if (isSmall(row) && words.canPack(row)) {
      push(small, [row.jobId, row.priority, row.source.endpoint, row.destination.endpoint].join('\n'), row);
      continue;
    }
    const key = words.togetherKey(row);
    if (key === undefined) works.push(workOf([row], words));
    else push(together, `${row.jobId}\n${key}`, row);
  }
  for (const group of together.values()) works.push(workOf(group, words));
  for (const group of small.values()) {
    for (const part of partsOf(group)) {
      if (part.length < fewestInPack) for (const row of part) works.push(workOf([row], words));
      else works.push(packOf(part, words));
    }
  }
  return works;
}

/** What ends a whole pack: which of its files it was that broke off, if any, cannot be told. */
const packEnds: ReadonlySet<string> = new Set(['network', 'timeout', 'stalled']);
/** Attempts after which a file that may be the one that breaks its packs is tried alone. */
const mostBrokenPacks = 3;

/** A file whose last attempt broke off by itself is tried alone; one that only had to wait for its place is not. */
function isSmall(row: Transfer): boolean {
  const { error } = row;
  return (
    row.phase === 'transfer' &&
    (error === null ||
      !error.transient ||
      error.code === 'unreachable' ||
      (packEnds.has(error.code) && row.attempts <= mostBrokenPacks)) &&
    row.bytesDone === 0 &&
    row.publishing === null &&
    row.sizeBytes !== null &&
    row.sizeBytes < smallBytes
  );
}

function partsOf(rows: readonly Transfer[]): Transfer[][] {
  const parts: Transfer[][] = [];
  let part: Transfer[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (part.length >= packFiles || (part.length > 0 && bytes + (row.sizeBytes ?? 0) > packBytes)) {
      parts.push(part);
      part = [];
      bytes = 0;
    }
    part.push(row);
    bytes += row.sizeBytes ?? 0;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function workOf(transfers: readonly Transfer[], words: GatherWords): TransferWork {
  const first = transfers[0] as Transfer;
  return { ...common(transfers, words), kind: 'transfers', key: first.id, transfers };
}

function packOf(transfers: readonly Transfer[], words: GatherWords): PackPlan {
  const first = transfers[0] as Transfer;
  return {
    ...common(transfers, words),
    kind: 'pack',
    key: words.packKey(),
    sourceEndpoint: first.source.endpoint,
    destinationEndpoint: first.destination.endpoint,
    transfers,
    files: transfers.map((row) => ({
      transferId: row.id,
      sourcePath: row.source.path,
      destinationPath: row.destination.path,
      entry: {
        path: row.source.path,
        kind: 'file',
        sizeBytes: row.sizeBytes ?? 0,
        mtimeMs: row.mtimeMs ?? 0,
        ...(row.fileMode === null ? {} : { mode: row.fileMode }),
      },
    })),
  };
}

function common(
  transfers: readonly Transfer[],
  words: GatherWords,
): Pick<Work, 'jobId' | 'priority' | 'queuedAt' | 'endpoints'> {
  const first = transfers[0] as Transfer;
  const slots = transfers.flatMap((row) => words.slotsOf(row.source.endpoint, row.destination.endpoint));
  return {
    jobId: first.jobId,
    priority: first.priority,
    queuedAt: first.firstQueuedAt ?? first.createdAt,
    endpoints: [...new Set(slots)],
  };
}

function push(groups: Map<string, Transfer[]>, key: string, row: Transfer): void {
  const group = groups.get(key);
  if (group === undefined) groups.set(key, [row]);
  else group.push(row);
}
