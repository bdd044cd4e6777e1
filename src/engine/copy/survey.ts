// Looks through a copy's source and destination and says, part by part, what differs: in workers for local pairs, by listings for others.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { Fault } from '../../model/fault.ts';
import { type Entry, sameContent } from '../../model/manifest.ts';
import { displayPath, joinPath, pathBytes } from '../../model/names.ts';
import type { CopySpec } from '../../model/specs.ts';
import type { Compared, ComparedEntry, CompareInput, CompareTask } from '../compare-tree.ts';
import type { ModeParts } from '../mode.ts';
import { requireWay } from '../require-way.ts';
import { createSelection } from '../selection.ts';
import type { CopySource, ResolvedCopy } from './resolve-copy.ts';

/** A part of what was found. Roots are addresses. */
export type Surveyed = Omit<Compared, 'rest'>;

export interface SurveyOptions {
  readonly spec: CopySpec;
  /** Name the unchanged files too. */
  readonly wantSame: boolean;
  readonly signal: AbortSignal;
}

/** Rejects where a source itself cannot be listed; what cannot be looked at inside of it is in `refused`. */
export async function* survey(copy: ResolvedCopy, parts: ModeParts, options: SurveyOptions): AsyncGenerator<Surveyed> {
  const destination = await parts.open(copy.destination);
  for (const source of copy.sources) {
    const from = await parts.open(source.root);
    await requireWay(options.spec.transport, from, destination, options);
    if (source.kind === 'file') yield await surveyFile(source, from, destination, options);
    else if (from.localPath !== undefined && destination.localPath !== undefined) {
      yield* surveyLocal(source, copy, from, destination, parts, options);
    } else yield* surveyListed(source, from, destination, options);
  }
}

async function surveyFile(
  source: CopySource,
  from: Endpoint,
  destination: Endpoint,
  options: SurveyOptions,
): Promise<Surveyed> {
  const { signal } = options;
  const entry = await from.stat(source.path, { signal });
  if (entry === undefined) throw new Fault('not_found', `${displayPath(source.given)} is not there any more.`);
  const there = await destination.stat(source.destination, { signal });
  return single(source.root, entry, source.destination, there, from, destination, options);
}

/** Two workers take folders side by side. */
async function* surveyLocal(
  source: CopySource,
  copy: ResolvedCopy,
  from: Endpoint,
  destination: Endpoint,
  parts: ModeParts,
  { spec, wantSame, signal }: SurveyOptions,
): AsyncGenerator<Surveyed> {
  const root = localRoot(from);
  const destinationRoot = localRoot(destination);
  const pool = parts.mounts.pool(root, destinationRoot);
  // A worker that hangs in a place must not keep the job from being stopped.
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
  aborted.catch(() => undefined);
  const waiting: CompareTask[] = [
    { root, source: '', name: '', destination: source.destination, there: copy.destinationThere, followed: [] },
  ];
  const running = new Set<Promise<Compared>>();
  const input: Omit<CompareInput, 'tasks'> = {
    destinationRoot,
    precisionMs: Math.max(from.traits.mtimePrecisionMs, destination.traits.mtimePrecisionMs),
    include: spec.include,
    exclude: spec.exclude,
    symlinks: spec.symlinks,
    checksum: spec.checksum,
    wantSame,
  };
  while (waiting.length > 0 || running.size > 0) {
    while (waiting.length > 0 && running.size < 2) {
      const tasks = takeTasks(waiting, running.size === 0);
      const part = pool.run<Compared>('engine.compare', { ...input, tasks }, { signal, unqueued: true });
      running.add(part);
      part.catch(() => undefined);
    }
    const { part, promise } = await Promise.race([
      aborted,
      ...[...running].map(async (promise) => ({ part: await promise, promise })),
    ]);
    running.delete(promise);
    waiting.push(...part.rest);
    yield named(part, root, source.root);
  }
}

/** As much as makes one step: what crosses to the worker and is not reached there would only cross back again. */
function takeTasks(waiting: CompareTask[], leaveSome: boolean): CompareTask[] {
  const most = leaveSome ? Math.ceil(waiting.length / 2) : waiting.length;
  let count = 0;
  for (let weight = 0; count < most && weight < 3_000; count++) weight += waiting[count]?.names?.length ?? 50;
  return waiting.splice(0, count);
}

/** Absolute roots become addresses: for local places the two are the same, but for the one that symlinks were resolved of. */
function named(part: Compared, root: string, address: string): Surveyed {
  if (root === address) return part;
  const rename = <Item extends { readonly root: string }>(items: readonly Item[]): Item[] =>
    items.map((item) => (item.root === root ? { ...item, root: address } : item));
  return {
    ...part,
    sameFiles: rename(part.sameFiles),
    differing: rename(part.differing),
    symlinks: rename(part.symlinks),
    refused: rename(part.refused),
  };
}

function localRoot(endpoint: Endpoint): string {
  const root = endpoint.localPath?.('') ?? endpoint.name;
  return root.length > 1 ? root.replace(/\/$/, '') : root;
}

const entriesAtOnce = 1_000;

/** Both listings come in one order, so that they are read side by side. */
async function* surveyListed(
  source: CopySource,
  from: Endpoint,
  destination: Endpoint,
  options: SurveyOptions,
): AsyncGenerator<Surveyed> {
  const { spec, signal } = options;
  const selection = createSelection(spec.include, spec.exclude);
  const there = destinationReader(destination, source.destination, signal);
  let part = emptyPart();
  let count = 0;
  try {
    for await (const entry of from.list('', { signal })) {
      const target = joinPath(source.destination, entry.path);
      const existing = await there(target);
      if (entry.kind === 'folder') {
        if (!selection.enters(entry.path)) continue;
        part.folders.push({
          path: target,
          mtimeMs: entry.mtimeMs,
          mode: entry.mode ?? 0o755,
          there: existing !== undefined,
          same: existing !== undefined && Math.abs(existing.mtimeMs - entry.mtimeMs) <= precision(from, destination),
        });
      } else if (!selection.takes(entry.path)) continue;
      else if (entry.kind === 'file')
        add(part, await single(source.root, entry, target, existing, from, destination, options));
      else if (entry.kind === 'symlink') {
        part.symlinks.push({
          entry,
          root: source.root,
          destination: target,
          existing: existing ?? null,
          same: existing?.kind === 'symlink' && existing.linkTarget === entry.linkTarget,
        });
      } else part.specials.push(entry.path);
      count += 1;
      if (count % entriesAtOnce === 0) {
        yield part;
        part = emptyPart();
      }
    }
  } catch (error) {
    // All else has been listed; what may not be entered is said and is no reason to give up the rest.
    if (!(error instanceof Fault) || error.code !== 'permission') throw error;
    part.refused.push({ root: source.root, path: '', destination: source.destination, fault: error.report() });
  }
  yield part;
}

/** Looks a path up in a listing that is read only as far as needed. Paths must be asked for in the listing's order. */
function destinationReader(
  endpoint: Endpoint,
  prefix: string,
  signal: AbortSignal,
): (path: string) => Promise<Entry | undefined> {
  const listing = endpoint.list(prefix, { signal })[Symbol.asyncIterator]();
  let ahead: Entry | undefined;
  let ended = false;
  const next = async () => {
    try {
      const { value, done } = await listing.next();
      ahead = done === true ? undefined : value;
      ended = done === true;
    } catch (error) {
      // A destination that is yet to be made holds nothing.
      if (!(error instanceof Fault) || error.code !== 'not_found') throw error;
      ahead = undefined;
      ended = true;
    }
  };
  return async (path) => {
    if (ahead === undefined && !ended) await next();
    while (ahead !== undefined && comparePaths(ahead.path, path) < 0) await next();
    return ahead?.path === path ? ahead : undefined;
  };
}

/** The order of listings: folders before what is in them, siblings by their bytes. */
function comparePaths(one: string, other: string): number {
  const parts = one.split('/');
  const others = other.split('/');
  for (let at = 0; at < parts.length && at < others.length; at++) {
    const part = parts[at] ?? '';
    const against = others[at] ?? '';
    if (part !== against) return Buffer.compare(pathBytes(part), pathBytes(against));
  }
  return parts.length - others.length;
}

async function single(
  root: string,
  entry: Entry,
  destination: string,
  there: Entry | undefined,
  from: Endpoint,
  to: Endpoint,
  { spec, wantSame, signal }: SurveyOptions,
): Promise<Surveyed> {
  const same =
    there !== undefined &&
    (spec.checksum
      ? there.kind === 'file' &&
        there.sizeBytes === entry.sizeBytes &&
        (await sameHash(from, entry.path, to, destination, signal))
      : sameContent(entry, there, { mtimePrecisionMs: precision(from, to) }));
  const found: ComparedEntry = { entry, root, destination, existing: there ?? null };
  return {
    ...emptyPart(),
    files: 1,
    bytes: entry.sizeBytes,
    same: Number(same),
    sameBytes: same ? entry.sizeBytes : 0,
    sameFiles: same && wantSame ? [found] : [],
    differing: same ? [] : [found],
  };
}

async function sameHash(
  from: Endpoint,
  path: string,
  to: Endpoint,
  other: string,
  signal: AbortSignal,
): Promise<boolean> {
  const [one, two] = await Promise.all([contentHash(from, path, signal), contentHash(to, other, signal)]);
  return one === two;
}

async function contentHash(endpoint: Endpoint, path: string, signal: AbortSignal): Promise<string> {
  if (endpoint.hash !== undefined) return endpoint.hash(path, 'sha256', { signal });
  const { hashStream } = await import('../../endpoints/content-hash.ts');
  return hashStream(await endpoint.read(path, 0, { signal }), 'sha256');
}

function precision(one: Endpoint, other: Endpoint): number {
  return Math.max(one.traits.mtimePrecisionMs, other.traits.mtimePrecisionMs);
}

type Part = {
  -readonly [Key in keyof Surveyed]: Surveyed[Key] extends readonly (infer Item)[] ? Item[] : Surveyed[Key];
};

function emptyPart(): Part {
  return {
    files: 0,
    bytes: 0,
    same: 0,
    sameBytes: 0,
    sameFiles: [],
    differing: [],
    folders: [],
    symlinks: [],
    specials: [],
    refused: [],
  };
}

function add(part: Part, one: Surveyed): void {
  part.files += one.files;
  part.bytes += one.bytes;
  part.same += one.same;
  part.sameBytes += one.sameBytes;
  part.sameFiles.push(...one.sameFiles);
  part.differing.push(...one.differing);
}
