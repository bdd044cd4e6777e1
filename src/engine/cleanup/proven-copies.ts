// Which files of a place are proven elsewhere, by receipts, and whether the copies still stand there now.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import type { KeptReason } from '../../model/cleanup.ts';
import type { CleanupSpec } from '../../model/cleanup-schema.ts';
import type { ContentHash } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Place, SourceIdentity } from '../../model/transfer.ts';
import type { StoreReader } from '../../store/store.ts';
import { waysToSay, wholePlace } from './ways-to-say.ts';

export interface ProvenFile {
  readonly entry: Entry;
  /** At least as many as are asked for, each of a place of its own. */
  readonly copies: readonly ProvenCopy[];
}

export interface ProvenCopy {
  readonly receipt: Receipt;
  /** Something else has been written to that name since, or the device of the source has another number: size and time are not enough. */
  readonly doubtful: boolean;
}

export type Judged = ProvenFile | { readonly entry: Entry; readonly kept: KeptReason };

export interface ProofParts {
  readonly reader: Pick<StoreReader, 'receipts'>;
  open(address: string): Promise<Endpoint>;
}

export interface Proof {
  /** By receipts alone. */
  judge(entries: readonly Entry[]): Promise<readonly Judged[]>;
  /** The copies that stand there at this moment, as their receipts say. Rejects with what a place says that cannot be looked at. */
  standing(file: ProvenFile): Promise<readonly ProvenCopy[]>;
}

export function createProof(
  source: Endpoint,
  { copies, checksum }: Pick<CleanupSpec, 'copies' | 'checksum'>,
  parts: ProofParts,
  signal: AbortSignal,
): Proof {
  // What is known of a place is known by its address, and, for local ones, by where its symlinks lead.
  const roots = [...new Set([source.name, ...(source.localPath === undefined ? [] : [source.localPath('')])])];

  const judge = async (entries: readonly Entry[]): Promise<readonly Judged[]> => {
    const sources = entries.flatMap(({ path }) => roots.flatMap((root) => waysToSay(root, path)));
    const bySource = grouped(await parts.reader.receipts({ sources }), (one) => one.source);
    const found = await Promise.all(
      entries.map(async (entry) => {
        const all = roots.flatMap((root) => bySource.get(wholePlace({ endpoint: root, path: entry.path })) ?? []);
        // Whose copy was never read again proves nothing.
        const verified = all.filter(({ verify }) => verify !== 'size');
        return { entry, isKnown: verified.length > 0, same: await ofThisVersion(entry, [...new Set(verified)]) };
      }),
    );
    const destinations = found.flatMap(({ same }) =>
      same.flatMap(({ destination }) => waysToSay(destination.endpoint, destination.path)),
    );
    const byDestination = grouped(
      destinations.length === 0 ? [] : await parts.reader.receipts({ destinations }),
      (one) => one.destination,
    );
    return found.map(({ entry, isKnown, same }) => {
      const places = new Map<string, ProvenCopy>();
      for (const receipt of same) {
        const place = wholePlace(receipt.destination);
        const others = byDestination.get(place) ?? [];
        const doubtful = others.some((other) => other.at >= receipt.at && !isSameHash(other.hash, receipt.hash));
        places.set(place, { receipt, doubtful });
      }
      if (places.size >= copies) return { entry, copies: [...places.values()] };
      return { entry, kept: isKnown && same.length === 0 ? 'changed' : 'unproven' };
    });
  };

  /** Receipts of just this version of the file, oldest first. */
  const ofThisVersion = async (entry: Entry, receipts: readonly Receipt[]): Promise<readonly Receipt[]> => {
    const precision = Math.max(source.traits.mtimePrecisionMs, 0.001);
    const alike = receipts.filter(
      ({ sourceIdentity: identity, sizeBytes }) =>
        identity !== null &&
        sizeBytes === entry.sizeBytes &&
        identity.sizeBytes === entry.sizeBytes &&
        Math.abs(identity.mtimeMs - entry.mtimeMs) <= precision,
    );
    const same: Receipt[] = [];
    const hashes = new Map<string, string>();
    for (const receipt of alike.toSorted((one, other) => one.at - other.at)) {
      if (!differs(entry, receipt.sourceIdentity)) {
        same.push(receipt);
        continue;
      }
      // Another inode of the same size and time: a mount that numbers anew, or another file. Its content tells.
      const { algorithm, value } = receipt.hash;
      const hash = hashes.get(algorithm) ?? (await sourceHash(entry, receipt.hash));
      hashes.set(algorithm, hash);
      if (hash === value) same.push(receipt);
    }
    return same;
  };

  /** '' where it cannot be read: such a file is not what was proven. */
  const sourceHash = async (entry: Entry, wanted: ContentHash): Promise<string> => {
    try {
      return await hashOf(source, entry.path, wanted);
    } catch {
      signal.throwIfAborted();
      return '';
    }
  };

  const hashOf = async (endpoint: Endpoint, path: string, { algorithm }: ContentHash): Promise<string> => {
    if (endpoint.hash !== undefined) return endpoint.hash(path, algorithm, { signal });
    const { hashStream } = await import('../../endpoints/content-hash.ts');
    return hashStream(await endpoint.read(path, 0, { signal }), algorithm);
  };

  const stands = async ({ receipt, doubtful }: ProvenCopy): Promise<boolean> => {
    const { destination, sizeBytes, sourceIdentity: identity, hash } = receipt;
    const endpoint = await parts.open(destination.endpoint);
    const entry = await endpoint.stat(destination.path, { signal });
    if (entry?.kind !== 'file' || entry.sizeBytes !== sizeBytes) return false;
    const precision = Math.max(source.traits.mtimePrecisionMs, endpoint.traits.mtimePrecisionMs, 0.001);
    const sameTime =
      entry.mtimeUnknown !== true && identity !== null && Math.abs(entry.mtimeMs - identity.mtimeMs) <= precision;
    if (sameTime && !doubtful && !checksum) return true;
    return (await hashOf(endpoint, destination.path, hash)) === hash.value;
  };

  return {
    judge,
    standing: async (file) => {
      const there = await Promise.all(file.copies.map(async (copy) => ((await stands(copy)) ? [copy] : [])));
      return there.flat();
    },
  };
}

function grouped(receipts: readonly Receipt[], placeOf: (receipt: Receipt) => Place): Map<string, Receipt[]> {
  const groups = new Map<string, Receipt[]>();
  for (const receipt of receipts) {
    const place = wholePlace(placeOf(receipt));
    const group = groups.get(place);
    if (group === undefined) groups.set(place, [receipt]);
    else if (!group.some(({ transferId }) => transferId === receipt.transferId)) group.push(receipt);
  }
  return groups;
}

/** Where both say what they are, and do not say the same. */
function differs(entry: Entry, identity: SourceIdentity | null): boolean {
  const keys = ['device', 'inode', 'version'] as const;
  return keys.some((key) => {
    const now = entry[key];
    const then = identity?.[key];
    return now !== undefined && then !== undefined && now !== then;
  });
}

function isSameHash(one: ContentHash, other: ContentHash): boolean {
  return one.algorithm === other.algorithm && one.value === other.value;
}
