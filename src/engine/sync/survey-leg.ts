// Finds out what one way of a sync has to do: from the manifest alone where that is enough, else from a look at the destination.

import { Fault } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { collisionKey, displayPath, joinPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { SyncSpec } from '../../model/sync-spec.ts';
import type { StoreReader } from '../../store/store.ts';
import type { ComparedEntry, ComparedFolder } from '../compare-tree.ts';
import { createSelection, type Selection } from '../selection.ts';
import { isOf, type KnownDiff, type KnownTree, type SameHash } from './known-tree.ts';
import { destinationPath, type Leg, type LegFindings, sourcePath } from './leg.ts';
import { contentHash, forEachSideBySide, hashAll, statAll } from './many-calls.ts';
import { nameCheck } from './name-check.ts';
import { findRenames, findSurplus } from './surplus.ts';
import { fileAt, listDestination, pathBelow, type TreeListing } from './tree-listing.ts';

export interface SurveyParts {
  readonly reader: Pick<StoreReader, 'receiptsAt'>;
  /** True for what does not go with what the source loses (derived.ts). `path` is below the destination's root. */
  readonly isDerived: (leg: Leg, path: string) => Promise<boolean>;
}

/** Beyond so many the destination is listed as a whole. */
const lookedAtSingly = 256;
/** So many of the known folders are looked at before nothing is said to have changed. */
const foldersLookedAt = { local: 2_000, remote: 32 };
const receiptsAtOnce = 1_000;

type Candidate = { readonly path: string; readonly entry: Entry; readonly inManifest: boolean };

/** `listing` is of the source's folder. Rejects where the destination cannot be looked at. */
export async function surveyLeg(
  leg: Leg,
  listing: TreeListing,
  known: KnownTree,
  spec: SyncSpec,
  selection: Selection,
  parts: SurveyParts,
  signal: AbortSignal,
): Promise<LegFindings> {
  const { source, destination } = leg;
  const precisionMs = Math.max(source.traits.mtimePrecisionMs, destination.traits.mtimePrecisionMs);
  const sameHash = spec.checksum && known.isKnown ? await hashesAgain(leg, listing, known, signal) : undefined;
  const diff = known.diff(listing, {
    precisionMs: source.traits.mtimePrecisionMs,
    ...(sameHash === undefined ? {} : { sameHash }),
  });
  const gone = listing.fault === null ? trulyGone(leg, diff, listing, selection) : [];
  const look = await lookAtDestination(leg, diff, listing, known, spec, signal);
  const existingAt = existingIn(leg, look);

  const changed: Candidate[] = [...diff.fresh, ...diff.modified].map(({ path, entry }) => ({
    path,
    entry,
    inManifest: false,
  }));
  const candidates = look.tree === undefined ? changed : everything(listing, changed);
  const refused: LegFindings['refused'][number][] = [];
  const skipped: LegFindings['skipped'][number][] = [...passedOver(leg, listing, spec.symlinks)];
  const copies: { path: string; found: ComparedEntry }[] = [];
  const alike: Candidate[] = [];
  const byHash: { candidate: Candidate; found: ComparedEntry }[] = [];
  const byReceipt: { candidate: Candidate; found: ComparedEntry }[] = [];
  const names = nameCheck(leg, listing);
  let files = look.tree === undefined ? diff.same : 0;
  let bytes = look.tree === undefined ? diff.sameBytes : 0;

  const foundOf = ({ path, entry }: Candidate, existing: Entry | undefined): ComparedEntry => ({
    root: leg.key.source,
    entry,
    destination: destinationPath(leg, path),
    existing: existing ?? null,
  });
  const differs = (candidate: Candidate, found: ComparedEntry) => {
    const { existing } = found;
    if (existing !== null && spec.conflict === 'skip') {
      skipped.push({ found, reason: 'something else has that name, and the rule is to skip' });
    } else if (existing !== null && spec.conflict === 'newer' && existing.mtimeMs >= candidate.entry.mtimeMs) {
      skipped.push({ found, reason: 'what is there is not older' });
    } else copies.push({ path: candidate.path, found });
  };

  for (const candidate of candidates) {
    const { path, entry, inManifest } = candidate;
    const existing = existingAt(path);
    const found = foundOf(candidate, existing);
    const problem = names(path);
    if (problem !== undefined) refused.push({ found, fault: problem });
    else if (existing?.kind === 'folder') refused.push({ found, fault: inTheWay(leg, path) });
    else if (existing?.kind !== 'file' || existing.sizeBytes !== entry.sizeBytes) differs(candidate, found);
    else if (spec.checksum && !inManifest) byHash.push({ candidate, found });
    else if (Math.abs(existing.mtimeMs - entry.mtimeMs) <= precisionMs && existing.mtimeUnknown !== true) {
      alike.push(candidate);
    } else if (existing.mtimeUnknown === true || entry.mtimeUnknown === true || !spec.preserve.mtime || spec.checksum) {
      if (inManifest) alike.push(candidate);
      else byReceipt.push({ candidate, found });
    } else differs(candidate, found);
  }
  await forEachSideBySide(
    byHash,
    async ({ candidate, found }) => {
      if (await sameContent(leg, candidate.path, signal)) alike.push(candidate);
      else differs(candidate, found);
    },
    4,
  );

  const proven: LegFindings['proven'][number][] = [];
  const receipts = await receiptsOf(
    leg,
    [...alike.filter(({ inManifest }) => !inManifest), ...byReceipt.map(({ candidate }) => candidate)],
    parts,
  );
  for (const { candidate, found } of byReceipt) {
    const receipt = receipts.get(candidate.path);
    if (receipt !== null && receipt !== undefined && isOf(receipt, candidate.entry, precisionMs)) alike.push(candidate);
    else differs(candidate, found);
  }
  for (const { path, entry, inManifest } of alike) {
    files += 1;
    bytes += entry.sizeBytes;
    const receipt = inManifest ? undefined : receipts.get(path);
    if (receipt !== null && receipt !== undefined && isOf(receipt, entry, precisionMs)) proven.push({ path, receipt });
  }

  const mayDelete = spec.delete && listing.fault === null && look.tree !== undefined;
  const renames =
    mayDelete && spec.detectRenames
      ? await findRenames(leg, copies, await withoutKept(leg, gone, parts), look.tree, precisionMs, signal)
      : [];
  const renamed = new Set(renames.map(({ path }) => path));
  const vacated = new Set(renames.map(({ from }) => from));
  const surplus = mayDelete
    ? await findSurplus(leg, look.tree, listing, selection, vacated, parts.isDerived)
    : { files: [], folders: [] };
  const touched = [...(sameHash ?? [])].flatMap(([path, same]) => {
    const entry = same ? fileAt(listing, path) : undefined;
    return entry === undefined ? [] : [{ path, entry }];
  });
  return {
    leg,
    known,
    listing,
    destinationThere: look.isThere,
    copies: copies.filter(({ path }) => !renamed.has(path)),
    proven,
    touched,
    unchanged: { files, bytes },
    skipped,
    refused,
    renames,
    deletes: surplus.files,
    deleteFolders: surplus.folders,
    filesThere: look.tree?.files ?? null,
    folders: await foldersOf(leg, listing, known, look, existingAt, precisionMs, signal),
    symlinks: spec.symlinks === 'keep' ? symlinksOf(leg, listing, existingAt) : [],
    gone: gone.map(({ path }) => path),
  };
}

interface Look {
  /** All that the destination holds; undefined where only single files were looked at. */
  readonly tree: TreeListing | undefined;
  readonly single: ReadonlyMap<string, Entry>;
  readonly isThere: boolean;
}

async function lookAtDestination(
  leg: Leg,
  diff: KnownDiff,
  listing: TreeListing,
  known: KnownTree,
  spec: SyncSpec,
  signal: AbortSignal,
): Promise<Look> {
  const { destination, key } = leg;
  const changed = [
    ...[...diff.fresh, ...diff.modified].map(({ path }) => path),
    ...(spec.symlinks === 'keep' ? listing.symlinks.map((entry) => pathBelow(key.from, entry.path)) : []),
  ];
  const isEnough =
    known.isKnown && !spec.delete && changed.length <= lookedAtSingly && (await foldersStand(leg, known, signal));
  if (isEnough) {
    const paths = changed.map((path) => destinationPath(leg, path));
    return { tree: undefined, single: await statAll(destination, paths, signal), isThere: true };
  }
  const root = await destination.stat(key.to, { signal });
  // What it holds beside the source's files must be seen, too, but for our own unfinished copies.
  const tree = await listDestination(destination, key.to, createSelection([], []), signal);
  return { tree, single: new Map(), isThere: root !== undefined };
}

/** A cheap look: the destination's own folder, and those within it that stand highest. */
async function foldersStand({ destination, key }: Leg, known: KnownTree, signal: AbortSignal): Promise<boolean> {
  const most = destination.localPath === undefined ? foldersLookedAt.remote : foldersLookedAt.local;
  const folders = [...new Set(['', ...known.folders])].sort(
    (one, other) => one.split('/').length - other.split('/').length,
  );
  const paths = folders.slice(0, most).map((path) => joinPath(key.to, path));
  const there = await statAll(destination, paths, signal);
  return paths.every((path) => there.get(path)?.kind === 'folder');
}

/** By the path below the leg's folders. A place that folds case finds what has the name in another spelling. */
function existingIn(leg: Leg, { tree, single }: Look): (path: string) => Entry | undefined {
  if (tree === undefined) return (path) => single.get(destinationPath(leg, path));
  const folds = !leg.destination.traits.caseSensitive;
  const others = new Map<string, Entry>();
  const key = folds ? collisionKey : (path: string) => path;
  for (const entry of [...tree.folderEntries, ...tree.symlinks])
    others.set(key(pathBelow(leg.key.to, entry.path)), entry);
  if (folds) {
    for (const [folder, files] of tree.folders) {
      for (const [name, entry] of files) others.set(key(joinPath(folder, name)), entry);
    }
  }
  return (path) => fileAt(tree, path) ?? others.get(key(path));
}

function* everything(listing: TreeListing, changed: readonly Candidate[]): Generator<Candidate> {
  const fresh = new Set(changed.map(({ path }) => path));
  for (const [folder, files] of listing.folders) {
    for (const [name, entry] of files) {
      const path = joinPath(folder, name);
      yield { path, entry, inManifest: !fresh.has(path) };
    }
  }
}

/** What selections pass over, or what is there as something else, has not gone. */
function trulyGone(leg: Leg, diff: KnownDiff, listing: TreeListing, selection: Selection): KnownDiff['gone'] {
  return diff.gone.filter(({ path }) => !listing.there.has(path) && selection.takes(sourcePath(leg, path)));
}

/** What was cleaned away at the source keeps its name at the destination. */
async function withoutKept(leg: Leg, gone: KnownDiff['gone'], { isDerived }: SurveyParts): Promise<KnownDiff['gone']> {
  const own: KnownDiff['gone'][number][] = [];
  for (const one of gone) if (!(await isDerived(leg, destinationPath(leg, one.path)))) own.push(one);
  return own;
}

/** Of files whose size is the known one: whether their content still is, too. One that cannot be read is taken for changed. */
async function hashesAgain(leg: Leg, listing: TreeListing, known: KnownTree, signal: AbortSignal): Promise<SameHash> {
  const byAlgorithm = new Map<string, { path: string; value: string }[]>();
  for (const [folder, files] of listing.folders) {
    for (const [name, entry] of files) {
      const path = joinPath(folder, name);
      const file = known.get(path);
      if (file === undefined || file.hash === '' || file.sizeBytes !== entry.sizeBytes) continue;
      const [algorithm = '', value = ''] = file.hash.split(':');
      const group = byAlgorithm.get(algorithm) ?? [];
      byAlgorithm.set(algorithm, group);
      group.push({ path, value });
    }
  }
  const same = new Map<string, boolean>();
  for (const [algorithm, files] of byAlgorithm) {
    const paths = files.map(({ path }) => sourcePath(leg, path));
    const hashes = await hashAll(leg.source, paths, algorithm as HashAlgorithm, signal);
    for (const { path, value } of files) same.set(path, hashes.get(sourcePath(leg, path)) === value);
  }
  return same;
}

async function sameContent({ source, destination, key }: Leg, path: string, signal: AbortSignal): Promise<boolean> {
  const [one, other] = await Promise.all([
    contentHash(source, joinPath(key.from, path), 'sha256', signal),
    contentHash(destination, joinPath(key.to, path), 'sha256', signal),
  ]);
  return one === other;
}

/** The newest for each, where it is of this very source. */
async function receiptsOf(
  leg: Leg,
  candidates: readonly Candidate[],
  { reader }: SurveyParts,
): Promise<ReadonlyMap<string, Receipt>> {
  const found = new Map<string, Receipt>();
  for (let at = 0; at < candidates.length; at += receiptsAtOnce) {
    const some = candidates.slice(at, at + receiptsAtOnce);
    const paths = some.map(({ path }) => destinationPath(leg, path));
    const receipts = await reader.receiptsAt(leg.key.destination, paths);
    for (const [index, { path }] of some.entries()) {
      const receipt = receipts[index];
      if (receipt?.source.endpoint === leg.key.source && receipt.source.path === sourcePath(leg, path)) {
        found.set(path, receipt);
      }
    }
  }
  return found;
}

async function foldersOf(
  leg: Leg,
  listing: TreeListing,
  known: KnownTree,
  look: Look,
  existingAt: (path: string) => Entry | undefined,
  precisionMs: number,
  signal: AbortSignal,
): Promise<ComparedFolder[]> {
  const folders: ComparedFolder[] = [];
  if (leg.key.to !== '' && !look.isThere) {
    const own = await leg.source.stat(leg.key.from, { signal });
    folders.push({
      path: leg.key.to,
      mtimeMs: own?.mtimeMs ?? 0,
      mode: own?.mode ?? 0o755,
      there: false,
      same: own === undefined,
    });
  }
  for (const entry of listing.folderEntries) {
    const path = pathBelow(leg.key.from, entry.path);
    const existing = look.tree === undefined ? undefined : existingAt(path);
    const there = look.tree === undefined ? known.hasFolder(path) : existing?.kind === 'folder';
    const same =
      look.tree === undefined
        ? there
        : existing !== undefined && Math.abs(existing.mtimeMs - entry.mtimeMs) <= precisionMs;
    folders.push({ path: destinationPath(leg, path), mtimeMs: entry.mtimeMs, mode: entry.mode ?? 0o755, there, same });
  }
  return folders;
}

function symlinksOf(
  leg: Leg,
  listing: TreeListing,
  existingAt: (path: string) => Entry | undefined,
): LegFindings['symlinks'] {
  return listing.symlinks.map((entry) => {
    const path = pathBelow(leg.key.from, entry.path);
    const existing = existingAt(path);
    return {
      entry,
      root: leg.key.source,
      destination: destinationPath(leg, path),
      existing: existing ?? null,
      same: existing?.kind === 'symlink' && existing.linkTarget === entry.linkTarget,
    };
  });
}

function passedOver(leg: Leg, listing: TreeListing, symlinks: SyncSpec['symlinks']): LegFindings['skipped'] {
  const skipped = (path: string, entry: Entry, reason: string) => ({
    found: { root: leg.key.source, entry, destination: destinationPath(leg, path), existing: null },
    reason,
  });
  const nothing = (path: string): Entry => ({ path: sourcePath(leg, path), kind: 'other', sizeBytes: 0, mtimeMs: 0 });
  return [
    ...(symlinks === 'keep' ? [] : listing.symlinks).map((entry) =>
      skipped(pathBelow(leg.key.from, entry.path), entry, 'is a symlink'),
    ),
    ...listing.specials.map((path) => skipped(path, nothing(path), 'is a FIFO, socket or device')),
  ];
}

function inTheWay({ key }: Leg, path: string): Fault {
  const place = { path: displayPath(joinPath(key.to, path)), endpoint: displayPath(key.destination) };
  const text = `${place.path} in ${place.endpoint} is a folder, and a file is to take its name.`;
  return new Fault('exists', text, { place });
}
