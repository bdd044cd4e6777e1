// Remembers which folders a transfer has work folders in, so that they are found again after a crash.

import type { Mounts } from '../../endpoints/mounts.ts';
import type { WorkNotes } from './process-runner.ts';

/** In files below an absolute folder, which is made where it is missing. */
export function openWorkNotes(folder: string, mounts: Mounts): WorkNotes {
  const ask = <Output>(operation: string, id: string, more: object = {}) =>
    mounts.pool(folder).run<Output>(operation, { root: folder, id, ...more }, { quick: true });
  const of = (id: string) => ask<readonly string[]>('process.notes', id);
  return {
    of,
    async add(id, place) {
      const known = await of(id);
      if (!known.includes(place)) await ask('process.note', id, { folders: [...known, place] });
    },
    forget: (id) => ask('process.forget', id),
  };
}

/** For one run that nobody takes up: its folder is named again. */
export function passingNotes(folder: string): WorkNotes {
  return { add: async () => undefined, of: async () => [folder], forget: async () => undefined };
}
