// Under the rule "rename" a name that is taken would be copied under a new one each time: a receipt says that it was copied already.

import type { CopySpec } from '../../model/specs.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { ModeParts } from '../mode.ts';
import type { ResolvedCopy } from './resolve-copy.ts';

/** True where this version of the source stands proven under another name at the destination, and still does. */
export async function copiedBefore(
  found: ComparedEntry,
  copy: ResolvedCopy,
  spec: CopySpec,
  parts: ModeParts,
): Promise<boolean> {
  if (spec.conflict !== 'rename' || found.existing === null) return false;
  const { entry } = found;
  const receipts = await parts.reader.receipts({ source: { endpoint: found.root, path: entry.path } });
  const destination = await parts.open(copy.destination);
  for (const receipt of receipts) {
    if (receipt.destination.endpoint !== copy.destination || receipt.sizeBytes !== entry.sizeBytes) continue;
    if (receipt.sourceIdentity?.mtimeMs !== entry.mtimeMs) continue;
    const there = await destination.stat(receipt.destination.path);
    if (there?.kind === 'file' && there.sizeBytes === entry.sizeBytes) return true;
  }
  return false;
}
