// Brings a large file of which the destination has an older version by what differs: the old content is copied where it is, and changed there.

import type { Call, Deltas, Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import { displayPath } from '../../model/names.ts';
import type { MoveRequest } from './move.ts';

/** What is smaller is sent as quickly as it is compared. */
const worthItBytes = 4 * 1024 * 1024;

export interface Delta {
  /** What both sides tell the hash of their file by. */
  readonly algorithm: HashAlgorithm;
  /** Makes the partial what the source is; resolves with the bytes that it took on the line. It is still to be proved. */
  bring(limits: readonly SharedArrayBuffer[], call: Call): Promise<number>;
}

/**
 * Undefined where the file goes whole. Rejects with `unsupported` where the job insists on rsync, it would be of use, and it cannot be.
 */
export async function deltaFor(
  request: MoveRequest,
  { partial, sizeBytes }: { readonly partial: string; readonly sizeBytes: number },
  call: Call,
): Promise<Delta | undefined> {
  const { source, destination, options, transfer } = request;
  const { transport } = options;
  if (transport === 'sftp' || transport === 'tar' || sizeBytes < worthItBytes) return undefined;
  const way = wayOf(source, destination);
  if (way === undefined || destination.copy === undefined || destination.rename === undefined) return undefined;
  const { path } = transfer.destination;
  const old = await destination.stat(path, call);
  if (old?.kind !== 'file' || old.sizeBytes < worthItBytes) return undefined;
  const algorithm = options.algorithm ?? 'sha256';
  const obstacle = await way.deltas.obstacle(algorithm, call);
  if (obstacle !== undefined) {
    if (transport !== 'rsync') return undefined;
    const place = { path: displayPath(path), endpoint: displayPath(destination.name) };
    throw new Fault('unsupported', `${place.path} cannot go by rsync: ${obstacle}.`, { place });
  }
  return {
    algorithm,
    async bring(limits, given) {
      const there = await destination.stat(partial, given);
      // One that is as long has been begun with before, and holds what was brought until it broke off.
      if (there === undefined || there.sizeBytes < old.sizeBytes) await destination.copy?.(path, partial, given);
      const { localPath } = way.isFetched ? destination : source;
      if (localPath === undefined) throw new Error('neither place is on this machine');
      return way.isFetched
        ? await way.deltas.fetch(transfer.source.path, localPath(partial), { limits }, given)
        : await way.deltas.send(localPath(transfer.source.path), partial, { limits }, given);
    },
  };
}

function wayOf(source: Endpoint, destination: Endpoint): { deltas: Deltas; isFetched: boolean } | undefined {
  if (source.deltas !== undefined && destination.localPath !== undefined)
    return { deltas: source.deltas, isFetched: true };
  if (destination.deltas !== undefined && source.localPath !== undefined)
    return { deltas: destination.deltas, isFetched: false };
  return undefined;
}

/** What went wrong with a delta alone: the file can still go whole. */
export function goesWhole(error: unknown): boolean {
  const { code } = asFault(error);
  return code === 'unsupported' || code === 'io';
}
