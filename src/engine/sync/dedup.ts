// Content that a destination has already under another name: found by size and hash before anything is moved, linked there or left out.

import { asFault, Fault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath } from '../../model/names.ts';
import type { KnownFile } from '../../model/packed-entries.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { SyncMedia } from '../../model/sync-spec.ts';
import type { Change, StoreReader } from '../../store/store.ts';
import { wholePlace } from '../cleanup/ways-to-say.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import { newTransfer } from '../copy/new-transfer.ts';
import type { ModeHost } from '../mode.ts';
import type { KnownTree } from './known-tree.ts';
import { destinationPath, type Leg, type LegFindings, sourcePath } from './leg.ts';
import { contentHash, forEachSideBySide, hashAll } from './many-calls.ts';
import { fileAt, pathBelow, type TreeListing } from './tree-listing.ts';

export type DedupRule = Exclude<SyncMedia['dedup'], 'off'>;

export interface Copy {
  /** Below the leg's folders. */
  readonly path: string;
  readonly found: ComparedEntry;
}

/** A file that is proven to stand under another name. Paths are below the leg's folders. */
interface Twin {
  readonly copy: Copy;
  readonly of: string;
  readonly hash: Receipt['hash'];
}

export interface Deduplicated {
  /** To be moved after all. */
  readonly copies: readonly Copy[];
  /** Linked or left out, each with its receipt. */
  readonly proven: readonly { readonly path: string; readonly receipt: Receipt }[];
  /** Of the same content as one of `copies`, which has to arrive first. */
  readonly later: readonly Later[];
}

export interface Later {
  readonly copy: Copy;
  /** Path of the one that is moved. */
  readonly of: string;
}

/** So many files of one content are tried before another copy of it is made. */
const mostTwins = 8;

/** What a file that was left out relies on, by its whole place at the destination. */
const collection = 'sync.twins';

interface Reliance {
  /** Below the destination's root. */
  readonly twin: string;
  readonly hash: string;
}

/**
 * Two files are of one content where size and hash agree, with what is read again at the destination in that moment. A place that cannot hash has
 * its files moved: reading them here would be no gain. Rejects where a place cannot be worked with, or with the signal's reason.
 */
export async function deduplicate(
  { leg, known, copies: moved, deletes, renames, gone }: LegFindings,
  copies: readonly Copy[],
  rule: DedupRule,
  host: ModeHost,
  signal: AbortSignal,
): Promise<Deduplicated> {
  const { source } = leg;
  if (source.hash === undefined && source.hashMany === undefined) return { copies, proven: [], later: [] };
  // What is about to change or to go is nothing to rely on.
  const changing = new Set([
    ...moved.map(({ path }) => path),
    ...deletes.map(({ path }) => path),
    ...renames.map(({ from }) => from),
    ...gone,
  ]);
  const bySize = new Map<number, { path: string; file: KnownFile }[]>();
  for (const [path, file] of known.files()) {
    if (file.hash === '' || file.sizeBytes === 0 || changing.has(path)) continue;
    bySize.set(file.sizeBytes, [...(bySize.get(file.sizeBytes) ?? []), { path, file }]);
  }
  const sizes = new Map<number, number>();
  for (const { found } of copies) sizes.set(found.entry.sizeBytes, (sizes.get(found.entry.sizeBytes) ?? 0) + 1);
  const candidates = copies.filter(
    ({ found: { entry } }) =>
      entry.sizeBytes > 0 && (bySize.has(entry.sizeBytes) || (sizes.get(entry.sizeBytes) ?? 0) > 1),
  );
  if (candidates.length === 0) return { copies, proven: [], later: [] };

  const words = new Map<Copy, string[]>();
  const ofKnown = new Set([...bySize.values()].flat().map(({ file }) => hashOf(file.hash).algorithm));
  const algorithms = ofKnown.size === 0 ? ['sha256' as const] : [...ofKnown];
  for (const algorithm of algorithms) {
    const paths = candidates.map(({ path }) => sourcePath(leg, path));
    const hashes = await hashAll(source, paths, algorithm, signal);
    for (const copy of candidates) {
      const value = hashes.get(sourcePath(leg, copy.path));
      if (value !== undefined) words.set(copy, [...(words.get(copy) ?? []), `${algorithm}:${value}`]);
    }
  }

  const twins: Twin[] = [];
  const later: Later[] = [];
  const leaders = new Map<string, string>();
  for (const copy of candidates) {
    const own = words.get(copy) ?? [];
    const size = copy.found.entry.sizeBytes;
    const twin = bySize.get(size)?.filter(({ path, file }) => path !== copy.path && own.includes(file.hash)) ?? [];
    const [word] = own;
    const leader = word === undefined ? undefined : leaders.get(`${size} ${word}`);
    if (twin.length > 0) {
      for (const { path, file } of twin.slice(0, mostTwins)) twins.push({ copy, of: path, hash: hashOf(file.hash) });
    } else if (leader !== undefined && copy.found.existing === null) later.push({ copy, of: leader });
    else if (word !== undefined) leaders.set(`${size} ${word}`, copy.path);
  }
  const { paths, proven } = await settle(leg, known, twins, rule, host, signal);
  const done = new Set([...paths, ...later.map(({ copy }) => copy.path)]);
  return { copies: copies.filter(({ path }) => !done.has(path)), proven, later };
}

/** At a run's end: what waited for another of its content. Gives those that have to be moved by the next run, with why. */
export async function settleLater(
  leg: Leg,
  known: KnownTree,
  later: readonly Later[],
  rule: DedupRule,
  host: ModeHost,
  signal: AbortSignal,
): Promise<{ readonly proven: Deduplicated['proven']; readonly left: readonly Copy[] }> {
  const twins = later.flatMap(({ copy, of }): Twin[] => {
    const file = known.get(of);
    return file === undefined || file.hash === '' ? [] : [{ copy, of, hash: hashOf(file.hash) }];
  });
  const same: Twin[] = [];
  await forEachSideBySide(
    twins,
    async (twin) => {
      try {
        // It may have become another since it was looked at.
        const path = sourcePath(leg, twin.copy.path);
        const value = await contentHash(leg.source, path, twin.hash.algorithm, signal);
        if (value === twin.hash.value) same.push(twin);
      } catch {
        signal.throwIfAborted();
      }
    },
    4,
  );
  const { paths, proven } = await settle(leg, known, same, rule, host, signal);
  return { proven, left: later.map(({ copy }) => copy).filter(({ path }) => !paths.has(path)) };
}

/**
 * Of files that were left out those whose twin is no more what they relied on are taken out of the manifest, so that they are moved: also where
 * files are not left out any more.
 */
export async function forgetStranded(
  leg: Leg,
  known: KnownTree,
  rule: SyncMedia['dedup'],
  host: ModeHost,
  signal: AbortSignal,
): Promise<void> {
  const documents = await host.reader.documents(collection);
  if (documents.length === 0) return;
  const relied = new Map(documents.map(({ key, value }) => [key, value as Reliance]));
  const stranded: { path: string; place: string }[] = [];
  for (const [path] of known.files()) {
    const place = wholePlace({ endpoint: leg.key.destination, path: destinationPath(leg, path) });
    const reliance = relied.get(place);
    if (reliance === undefined) continue;
    const standing = await leg.destination.stat(reliance.twin, { signal });
    const twin = known.get(pathBelow(leg.key.to, reliance.twin));
    const holds = standing?.kind === 'file' && twin?.hash === reliance.hash && standing.sizeBytes === twin.sizeBytes;
    if (rule !== 'skip' || !holds) stranded.push({ path, place });
  }
  for (const { path } of stranded) known.takeOut(path);
  if (stranded.length > 0)
    await host.write(stranded.map(({ place }): Change => ({ kind: 'delete_document', collection, key: place })));
}

/** Left out, and relying on what is about to change or to go: they are moved now. */
export async function newlyStranded(
  { leg, listing, copies, deletes, renames }: LegFindings,
  reader: Pick<StoreReader, 'documents'>,
): Promise<readonly Copy[]> {
  const documents = await reader.documents(collection);
  if (documents.length === 0) return [];
  const changing = new Set(
    [...copies.map(({ path }) => path), ...deletes.map(({ path }) => path), ...renames.map(({ from }) => from)].map(
      (path) => destinationPath(leg, path),
    ),
  );
  const relied = new Map(documents.map(({ key, value }) => [key, value as Reliance]));
  const own = new Set(copies.map(({ path }) => path));
  return filesOf(listing).flatMap(([path, entry]) => {
    const destination = destinationPath(leg, path);
    const reliance = relied.get(wholePlace({ endpoint: leg.key.destination, path: destination }));
    if (reliance === undefined || own.has(path) || !changing.has(reliance.twin)) return [];
    return [{ path, found: { root: leg.key.source, entry, destination, existing: null } }];
  });
}

function filesOf(listing: TreeListing): [string, Entry][] {
  return [...listing.folders].flatMap(([folder, files]) =>
    [...files.keys()].flatMap((name): [string, Entry][] => {
      const path = folder === '' ? name : `${folder}/${name}`;
      const entry = fileAt(listing, path);
      return entry === undefined ? [] : [[path, entry]];
    }),
  );
}

interface Settled {
  readonly paths: ReadonlySet<string>;
  readonly proven: Deduplicated['proven'];
}

/** What cannot be linked, or relied upon, is not among the paths. */
async function settle(
  leg: Leg,
  known: KnownTree,
  twins: readonly Twin[],
  rule: DedupRule,
  host: ModeHost,
  signal: AbortSignal,
): Promise<Settled> {
  const done: Twin[] = [];
  await forEachSideBySide(
    [...Map.groupBy(twins, ({ copy }) => copy).values()],
    async (choice) => {
      for (const twin of choice) {
        try {
          await settleOne(leg, twin, rule, signal);
          done.push(twin);
          return;
        } catch (error) {
          signal.throwIfAborted();
          const fault = asFault(error);
          host.log.info({ jobId: host.job.id, fault: fault.report() }, 'A twin at the destination is of no use');
        }
      }
    },
    4,
  );
  const isKnown = ({ copy, hash }: Twin) => {
    const before = known.get(copy.path);
    return before?.hash === wordOf(hash) && before.mtimeMs === copy.found.entry.mtimeMs;
  };
  const fresh = done.filter((twin) => !isKnown(twin));
  const again = done.filter(isKnown);
  const againBytes = again.reduce((sum, { copy }) => sum + copy.found.entry.sizeBytes, 0);
  if (again.length > 0) host.skipped(again.length, againBytes);
  if (rule === 'skip' && done.length > 0) await host.write(done.map((twin) => reliesOn(leg, twin)));
  const receipts =
    fresh.length === 0 ? [] : await host.adopt(fresh.map((twin) => adoption(leg, twin, rule, host.clock.now())));
  const proven = fresh.flatMap(({ copy }, at) => {
    const receipt = receipts[at];
    return receipt === undefined ? [] : [{ path: copy.path, receipt }];
  });
  return { paths: new Set(done.map(({ copy }) => copy.path)), proven };
}

/** Rejects where the twin is not what was copied there, where something has the name already, or where the place cannot link. */
async function settleOne(leg: Leg, { copy, of, hash }: Twin, rule: DedupRule, signal: AbortSignal): Promise<void> {
  const { destination } = leg;
  const twin = destinationPath(leg, of);
  const own = copy.found.destination;
  const standing = await contentHash(destination, twin, hash.algorithm, signal);
  if (standing !== hash.value) throw new Fault('corrupt', `${displayPath(twin)} is not what was copied there.`);
  const existing = await destination.stat(own, { signal });
  if (rule === 'hardlink' && existing?.inode !== undefined) {
    const entry = await destination.stat(twin, { signal });
    if (entry?.inode === existing.inode && entry.device === existing.device) return;
  }
  if (existing !== undefined) throw new Fault('exists', `${displayPath(own)} is there, with other content.`);
  if (rule === 'skip') return;
  if (destination.link === undefined)
    throw new Fault('unsupported', `${displayPath(destination.name)} knows no links.`);
  await destination.link(twin, own, { signal });
}

function adoption(
  leg: Leg,
  { copy, of, hash }: Twin,
  rule: DedupRule,
  at: number,
): Parameters<ModeHost['adopt']>[0][number] {
  const { entry, destination } = copy.found;
  const { device, inode, version, sizeBytes, mtimeMs } = entry;
  return {
    file: newTransfer(leg.key.destination, copy.found, rule === 'skip' ? destinationPath(leg, of) : destination),
    proof: {
      sourceIdentity: {
        ...(device === undefined ? {} : { device }),
        ...(inode === undefined ? {} : { inode }),
        ...(version === undefined ? {} : { version }),
        ...{ sizeBytes, mtimeMs },
      },
      hash,
      verify: 'read-back',
      at,
    },
  };
}

function reliesOn({ key, ...leg }: Leg, { copy, of, hash }: Twin): Change {
  const value: Reliance = { twin: destinationPath({ key, ...leg }, of), hash: wordOf(hash) };
  const place = wholePlace({ endpoint: key.destination, path: copy.found.destination });
  return { kind: 'put_document', collection, key: place, value };
}

function wordOf({ algorithm, value }: Receipt['hash']): string {
  return `${algorithm}:${value}`;
}

function hashOf(word: string): Receipt['hash'] {
  const [algorithm = '', value = ''] = word.split(':');
  return { algorithm: algorithm as HashAlgorithm, value };
}
