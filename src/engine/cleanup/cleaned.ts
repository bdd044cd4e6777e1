// The register of files that were cleaned away at their source: where they stand now they are not surplus, whatever the source has.

import type { Place } from '../../model/transfer.ts';
import type { Change, StoreReader } from '../../store/store.ts';
import type { ProvenFile } from './proven-copies.ts';
import { wholePlace } from './ways-to-say.ts';

const collection = 'sync.cleaned';

/** To be durable before the source is deleted: a sync that deletes what its source has not must never see it gone without this. */
export function cleanedAway(files: readonly ProvenFile[], at: number): Change[] {
  return files.flatMap(({ copies }) =>
    copies.map(({ receipt: { destination, transferId } }): Change => {
      return { kind: 'put_document', collection, key: wholePlace(destination), value: { transferId, at } };
    }),
  );
}

/** They are at their source still. */
export function notCleanedAway(files: readonly ProvenFile[]): Change[] {
  return files.flatMap(({ copies }) =>
    copies.map(({ receipt: { destination } }): Change => {
      return { kind: 'delete_document', collection, key: wholePlace(destination) };
    }),
  );
}

export async function isCleanedAway(reader: Pick<StoreReader, 'document'>, copy: Place): Promise<boolean> {
  return (await reader.document(collection, wholePlace(copy))) !== undefined;
}
