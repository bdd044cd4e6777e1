// Which folders a sync takes, as pairs below its two roots; apart from the schema, whose loading takes longer.

import type { SyncSpec } from './sync-spec.ts';

export interface FolderPair {
  /** Below the source's root and below the destination's; '' is the root itself. */
  readonly from: string;
  readonly to: string;
}

/** The whole source where no folders are named. */
export function folderPairs({ folders }: Pick<SyncSpec, 'folders'>): readonly FolderPair[] {
  if (folders.length === 0) return [{ from: '', to: '' }];
  return folders.map((folder) => (typeof folder === 'string' ? { from: folder, to: folder } : folder));
}
