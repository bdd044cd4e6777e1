// Which files at a destination do not go with what the source loses: made here of files that arrived, or cleaned away at the source.

import { parseEndpoint } from '../../model/endpoint-url.ts';
import { joinPath, parentPath } from '../../model/names.ts';
import type { StepRecord } from '../../model/pipeline.ts';
import type { Change, PutDocument, StoreReader } from '../../store/store.ts';
import { isCleanedAway } from '../cleanup/cleaned.ts';
import type { Leg } from './leg.ts';

const collection = 'sync.derived';

/** What steps have made of a transfer's file, as rows of the register. */
export function registerDerived(transferId: string, steps: readonly StepRecord[]): PutDocument[] {
  return steps
    .flatMap(({ derived }) => derived)
    .map(({ path, role }) => ({ kind: 'put_document', collection, key: path, value: { transferId, role } }));
}

/** Takes out of the register what stands there no more. */
export function forgetDerived(paths: readonly string[]): Change[] {
  return paths.map((key) => ({ kind: 'delete_document', collection, key }));
}

/** Also true for what lies in a folder that was made so, and for what was cleaned away at its source. `path` is below the destination's root. */
export function createDerivedRegister(
  reader: Pick<StoreReader, 'document'>,
): (leg: Leg, path: string) => Promise<boolean> {
  const folders = new Map<string, Promise<boolean>>();
  const isKnown = async (path: string) => (await reader.document(collection, path)) !== undefined;
  const isFolderKnown = (path: string): Promise<boolean> => {
    const known = folders.get(path) ?? isKnown(path);
    folders.set(path, known);
    return known;
  };
  return async ({ destination, key }, path) => {
    if (await isCleanedAway(reader, { endpoint: key.destination, path })) return true;
    if (destination.localPath === undefined) return false;
    const { path: root } = parseEndpoint(key.destination);
    const whole = (below: string) => joinPath(root === '/' ? '' : root, below);
    if (await isKnown(whole(path))) return true;
    for (let at = parentPath(path); at !== ''; at = parentPath(at)) if (await isFolderKnown(whole(at))) return true;
    return false;
  };
}
