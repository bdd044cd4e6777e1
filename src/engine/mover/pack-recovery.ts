// After a crash: which files of a pack stand under their final names, and the rest of the pack's partials removed.

import { readdirSync } from 'node:fs';
import { ConfinedRoot } from '../../endpoints/confined.ts';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type OperationContext, sides } from '../../endpoints/mounts.ts';
import { asFault } from '../../model/fault.ts';
import { removeFile } from './lane-file.ts';
import { type PackPublishing, readPackJournal } from './pack-journal.ts';
import { recoverInside } from './publish-partial.ts';

export const packSuffix = '.pack';

/** Ids of packs that have a journal. */
export function listPacks({ folder }: { folder: string }, { control }: OperationContext): readonly string[] {
  control.enter(sides.own);
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(packSuffix))
      .map((name) => name.slice(0, -packSuffix.length));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw errnoFault(error, { operation: 'list', path: folder });
  }
}

/** The name of the pack's destination endpoint; undefined where its journal cannot be read. */
export function packDestination({ journal }: { journal: string }, { control }: OperationContext): string | undefined {
  return readPackJournal(journal, control)?.destination;
}

export interface PackRecovery {
  readonly root: string;
  readonly journal: string;
}

/** The files that were published and not committed, durable under their names. Partials of the others are removed. */
export function recoverPack(
  { root, journal: path }: PackRecovery,
  { control }: OperationContext,
): readonly PackPublishing[] {
  const journal = readPackJournal(path, control);
  if (journal === undefined) return [];
  const published: PackPublishing[] = [];
  let confined: ConfinedRoot;
  try {
    confined = ConfinedRoot.open(root, { beforeCall: () => control.enter(sides.destination) });
  } catch (error) {
    // Without its root nothing of it is there.
    if (asFault(error).code === 'not_found') return [];
    throw error;
  }
  try {
    for (const record of journal.publishing) {
      try {
        if (recoverInside(confined, record, control)) published.push(record);
      } catch (error) {
        if (asFault(error).code !== 'not_found') throw error;
      }
    }
    for (const partial of journal.partials) removeFile(confined, partial, control);
    return published;
  } finally {
    confined.close();
  }
}
