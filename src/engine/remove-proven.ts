// Deletes sources whose copies are proven, and only while they still are what was proven; for all who delete at a source.

import type { Endpoint } from '../endpoints/endpoint.ts';
import { asFault, type FaultReport } from '../model/fault.ts';
import { noLongerThat, type ProvenSource } from './compare-operations.ts';
import type { ModeParts } from './mode.ts';

export interface KeptSource {
  readonly path: string;
  /** `source_changed`, `not_found` (it was gone already), or what the place says. */
  readonly fault: FaultReport;
}

/** So many questions to a far place are under way at once. */
const lanes = 8;

/** Comes back with those that were not deleted. Rejects where the place cannot be worked with at all, or with the signal's reason. */
export async function removeProven(
  endpoint: Endpoint,
  files: readonly ProvenSource[],
  { mounts }: Pick<ModeParts, 'mounts'>,
  signal?: AbortSignal,
): Promise<readonly KeptSource[]> {
  if (endpoint.localPath !== undefined) {
    const root = endpoint.localPath('');
    const options = { quick: true, ...(signal === undefined ? {} : { signal }) };
    return mounts.pool(root).run<readonly KeptSource[]>('engine.removeSources', { root, files }, options);
  }
  const call = signal === undefined ? {} : { signal };
  const kept: KeptSource[] = [];
  const one = async (file: ProvenSource) => {
    signal?.throwIfAborted();
    try {
      const entry = await endpoint.stat(file.path, call);
      const isSame =
        entry?.kind === 'file' &&
        entry.sizeBytes === file.sizeBytes &&
        Math.abs(entry.mtimeMs - file.mtimeMs) <= Math.max(endpoint.traits.mtimePrecisionMs, 0.001) &&
        (file.inode === undefined || entry.inode === undefined || file.inode === entry.inode);
      if (isSame) await endpoint.remove(file.path, call);
      else kept.push({ path: file.path, fault: noLongerThat(file.path, endpoint.name, entry !== undefined).report() });
    } catch (error) {
      signal?.throwIfAborted();
      kept.push({ path: file.path, fault: asFault(error).report() });
    }
  };
  await inLanes(files, lanes, one);
  return kept;
}

/** Works on each item, so many at once, in order of their beginnings. Rejects with the first rejection. */
export async function inLanes<Item>(
  items: readonly Item[],
  most: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const lane = async () => {
    for (const item of queue) await work(item);
  };
  await Promise.all(Array.from({ length: Math.min(most, items.length) }, lane));
}
