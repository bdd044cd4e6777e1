// Finds and removes what moves left whose transfers are gone: journals with their partials, and partials without a journal.

import { readdirSync } from 'node:fs';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type OperationContext, sides } from '../../endpoints/mounts.ts';
import { joinPath, parsePartialName, pathFromBytes } from '../../model/names.ts';
import { type At, removeFile, within } from './lane-file.ts';
import { journalSuffix } from './mover-parts.ts';

export interface FoundPartial {
  readonly path: string;
  readonly transferId: string;
}

/** Partials of our own making that lie in one folder. */
export function findPartials({ root, path: folder }: At, { control }: OperationContext): readonly FoundPartial[] {
  try {
    return within(control, sides.destination, root, (confined) => {
      const at = confined.openFolder(folder).self;
      control.enter(sides.destination);
      return readdirSync(at, { encoding: 'buffer' }).flatMap((bytes) => {
        const name = pathFromBytes(bytes);
        const parsed = parsePartialName(name);
        return parsed === undefined ? [] : [{ path: joinPath(folder, name), transferId: parsed.transferId }];
      });
    });
  } catch (error) {
    const fault = errnoFault(error, { operation: 'list', path: folder, place: root });
    if (fault.code === 'not_found') return [];
    throw fault;
  }
}

export interface RemoveInput {
  readonly root: string;
  readonly paths: readonly string[];
}

/** How many there were and are gone. */
export function removePartials({ root, paths }: RemoveInput, { control }: OperationContext): number {
  return within(control, sides.destination, root, (confined) => {
    for (const path of paths) removeFile(confined, path, control);
    return paths.length;
  });
}

/** Ids of the transfers that have a journal. */
export function listJournals({ folder }: { folder: string }, { control }: OperationContext): readonly string[] {
  control.enter(sides.own);
  try {
    return readdirSync(folder)
      .filter((name) => name.endsWith(journalSuffix))
      .map((name) => name.slice(0, -journalSuffix.length));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return [];
    throw errnoFault(error, { operation: 'list', path: folder });
  }
}
