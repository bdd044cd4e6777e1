// The journal of a pack whose files go elsewhere by streams: written line by line in a worker, like every file of ours; and what it tells after a break.

import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import type { MountPool, OperationContext } from '../../endpoints/mounts.ts';
import { removeMany, statMany } from './many-files.ts';
import type { PackFile } from './move.ts';
import {
  type PackHead,
  type PackJournal,
  PackJournalWriter,
  type PackPublishing,
  readPackJournal,
  type StagedFile,
} from './pack-journal.ts';

export interface PackNote {
  readonly journal: string;
  readonly head: PackHead;
  readonly files?: readonly PackFile[];
  readonly publishing?: { readonly group: number; readonly files: readonly StagedFile[] };
  readonly committed?: number;
}

/** Outlives a power cut, but for what is committed: that the ledger knows. */
export function notePack(note: PackNote, { control }: OperationContext): null {
  const { files, publishing, committed } = note;
  const writer = new PackJournalWriter(note.journal, note.head, control, { durable: files !== undefined });
  try {
    if (files !== undefined) writer.begin(files);
    if (publishing !== undefined) writer.publishing(publishing.group, publishing.files, { durable: true });
    if (committed !== undefined) writer.committed(committed);
    return null;
  } finally {
    writer.close();
  }
}

export function loadPack({ journal }: { journal: string }, { control }: OperationContext): PackJournal | undefined {
  return readPackJournal(journal, control);
}

/**
 * What had been published and not committed when the pack broke off, by its content. What is left of its partials is removed. Rejects where
 * the place cannot be asked; then the journal has to stay.
 */
export async function recoverPackThere(
  own: MountPool,
  destination: Endpoint,
  journal: string,
  call: Call,
): Promise<readonly PackPublishing[]> {
  const pack = await own.run<PackJournal | undefined>('mover.loadPack', { journal }, { unqueued: true });
  if (pack === undefined) return [];
  const finals = pack.publishing.map((record) => record.finalPath);
  const there = await statMany(destination, [...finals, ...pack.partials], call);
  const candidates = pack.publishing.filter(
    ({ finalPath, partialPath, sizeBytes }) =>
      there.get(finalPath)?.sizeBytes === sizeBytes && there.get(partialPath) === undefined,
  );
  const [first] = candidates;
  const asked = candidates.map((record) => record.finalPath);
  const hashes = first === undefined ? undefined : await destination.hashMany?.(asked, first.hash.algorithm, call);
  const left = pack.partials.filter((path) => there.has(path));
  if (left.length > 0) await removeMany(destination, left, call);
  return candidates.filter(({ finalPath, hash }) => hashes?.get(finalPath) === hash.value);
}
