// Whether two places on this machine are one behind their names: a mount, a symlink on the way.

import { parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import type { Inspected } from '../compare-operations.ts';
import type { ModeParts } from '../mode.ts';

/** Rejects with `invalid` where source and destination lie in each other, and with `exists` where one of them is no folder. */
export async function refuseSamePlace(
  spec: SyncSpec,
  parts: ModeParts,
  signal: AbortSignal | undefined,
): Promise<void> {
  const source = await inspect(spec.source, parts, signal);
  for (const destination of spec.destinations) {
    const target = await inspect(destination, parts, signal);
    if (target !== undefined && target.blockedBy !== null) throw noFolder(target.blockedBy);
    if (target !== undefined && target.kind !== 'folder' && target.kind !== 'missing') throw noFolder(destination);
    if (source === undefined || target === undefined) continue;
    if (source.kind !== 'folder' && source.kind !== 'missing') throw noFolder(spec.source);
    if (isWithin(target, source) || isWithin(source, target)) {
      throw new Fault(
        'invalid',
        `${displayPath(spec.source)} and ${displayPath(destination)} are one folder, or lie in each other; a sync needs two places apart.`,
      );
    }
  }
}

/** Undefined for places elsewhere. */
async function inspect(
  address: string,
  { mounts }: ModeParts,
  signal: AbortSignal | undefined,
): Promise<Inspected | undefined> {
  const { scheme, path } = parseEndpoint(address);
  if (scheme !== 'file') return undefined;
  return mounts
    .pool(path)
    .run<Inspected>(
      'engine.inspect',
      { path, isDestination: false },
      { quick: true, ...(signal === undefined ? {} : { signal }) },
    );
}

/** A lineage begins with what is there itself, and goes up to the root. */
function isWithin(one: Inspected, other: Inspected): boolean {
  const [own] = other.lineage;
  return other.kind === 'folder' && own !== undefined && one.lineage.includes(own);
}

function noFolder(path: string): Fault {
  return new Fault('exists', `${displayPath(path)} is a file, and a folder is needed there.`, {
    place: { path: displayPath(path) },
  });
}
