// The mode "watch": what a request must be like, what would be done, and how a watch is begun.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type { JobRequest, WatchSpec } from '../../model/specs.ts';
import type { PlannedItem } from '../engine.ts';
import type { Mode, ModeHost, ModeParts, Prepared } from '../mode.ts';
import { createSelection } from '../selection.ts';
import { compileRules } from './placement.ts';
import { createPlacer, type Placer } from './placer.ts';
import { WatchRun } from './watch-run.ts';
import { createWatchers, type Watchers } from './watcher.ts';

/** A checked watch: addresses are absolute. */
export interface PreparedWatch extends WatchSpec {
  /** On which mounts the places were when the watch was made; a place that is on a shorter one now is away. */
  readonly mountPoints: { readonly source: string | null; readonly destinations: readonly (string | null)[] };
  /** The folder above source and `moveTo`, within which a file is put aside by renaming; null where nothing is. */
  readonly asideRoot: string | null;
}

export function createWatchMode(): Mode & { close(): Promise<boolean> } {
  let watchers: Watchers | undefined;
  return {
    kind: 'watch',
    editable: true,
    prepare: (request, parts) => prepare(request, parts),
    plan,
    open(job: Job, host: ModeHost) {
      watchers ??= createWatchers({ mounts: host.mounts, clock: host.clock });
      return new WatchRun(job, host, watchers);
    },
    close: async () => (await watchers?.close()) ?? true,
  };
}

async function prepare(request: JobRequest, parts: ModeParts): Promise<Prepared> {
  const { watchSpecSchema } = await import('../../model/specs.ts');
  const spec = watchSpecSchema.parse(wishesOf(request));
  const source = absolute(spec.source);
  const destinations = spec.destinations.map(absolute);
  if (parseEndpoint(source).scheme !== 'file') {
    throw new Fault(
      'unsupported',
      `${displayPath(spec.source)} cannot be watched: a watch looks at folders of this machine.`,
    );
  }
  compileRules(spec.rules);
  createSelection(spec.include, spec.exclude);
  const place = await parts.open(source);
  const top = await place.stat('');
  if (top === undefined) throw new Fault('not_found', `The folder ${displayPath(source)} to be watched is not there.`);
  if (top.kind !== 'folder') throw new Fault('invalid', `${displayPath(source)} is not a folder.`);
  const real = await realPath(parts, source);
  for (const destination of destinations) await mustBeApart(parts, source, real, destination);
  if (new Set(destinations).size < destinations.length)
    throw new Fault('invalid', 'The same destination is named twice.');
  const moveTo = spec.after === 'move-to' ? aside(spec, source) : null;
  const prepared: PreparedWatch = {
    ...spec,
    source,
    destinations,
    moveTo,
    asideRoot: moveTo === null ? null : commonFolder(source, moveTo),
    mountPoints: { source: mountPoint(parts, source), destinations: destinations.map((one) => mountPoint(parts, one)) },
  };
  return { spec: prepared, name: displayPath(source), priority: spec.priority, keys: [`watch ${real}`] };
}

/** A job's own spec may be checked again: what was kept beside the wishes is found out anew. */
function wishesOf(request: JobRequest): object {
  const { mountPoints: _, asideRoot: __, ...wishes } = request as JobRequest & Partial<PreparedWatch>;
  return wishes;
}

/** What is there now and where it would go. */
async function* plan(request: JobRequest, parts: ModeParts, signal?: AbortSignal): AsyncIterable<PlannedItem> {
  const { spec } = await prepare(request, parts);
  const watch = spec as PreparedWatch;
  const placer = createPlacer(watch.rules, parts.clock);
  try {
    yield* planned(watch, placer, parts, signal);
  } finally {
    placer.close();
  }
}

async function* planned(
  watch: PreparedWatch,
  placer: Placer,
  parts: ModeParts,
  signal?: AbortSignal,
): AsyncIterable<PlannedItem> {
  const { takes } = createSelection(watch.include, watch.exclude);
  const source = await parts.open(watch.source);
  for await (const entry of source.list('', signal === undefined ? {} : { signal })) {
    if (entry.kind !== 'file' || entry.path.split('/').some((part) => part.startsWith('.'))) continue;
    if (!takes(entry.path)) continue;
    const { path, mtimeMs, sizeBytes } = entry;
    const facts = { path, mtimeMs, foundAt: parts.clock.now(), hash: '0'.repeat(64) };
    const [placed] = await placer.place([facts]);
    if (placed?.kind === 'placed') {
      yield { action: 'copy', path, sizeBytes, reason: `to ${displayPath(placed.path)}` };
    } else if (placed?.kind === 'refused') yield { action: 'refuse', path, sizeBytes, reason: placed.fault.message };
  }
}

function absolute(address: string): string {
  return formatEndpoint(parseEndpoint(address, process.cwd()));
}

function mountPoint(parts: ModeParts, address: string): string | null {
  const { scheme, path } = parseEndpoint(address);
  return scheme === 'file' ? parts.mounts.mountOf(path).mountPoint : null;
}

async function mustBeApart(parts: ModeParts, source: string, realSource: string, destination: string): Promise<void> {
  if (parseEndpoint(destination).scheme !== 'file') return;
  const real = await realPath(parts, destination);
  for (const [one, other] of [
    [source, destination],
    [realSource, real],
  ] as const) {
    if (one === other) throw new Fault('invalid', `${displayPath(source)} cannot be watched into itself.`);
    if (isBelow(other, one))
      throw new Fault(
        'invalid',
        `The destination ${displayPath(destination)} is inside the watched folder ${displayPath(source)}.`,
      );
    if (isBelow(one, other))
      throw new Fault(
        'invalid',
        `The watched folder ${displayPath(source)} is inside the destination ${displayPath(destination)}.`,
      );
  }
}

/** Symlinks resolved as far as the path exists; what is not there yet keeps its name. */
function realPath(parts: ModeParts, path: string): Promise<string> {
  return parts.mounts.pool(path).run<string>('local.resolve', { root: path }, { quick: true });
}

function aside(spec: WatchSpec, source: string): string {
  if (spec.moveTo === null)
    throw new Fault('invalid', '`after: move-to` needs `moveTo`, the folder that files are put into.');
  const moveTo = absolute(spec.moveTo);
  if (moveTo === source || isBelow(moveTo, source)) {
    throw new Fault(
      'invalid',
      `${displayPath(moveTo)} is inside the watched folder: files put there would be found again.`,
    );
  }
  return moveTo;
}

function isBelow(path: string, folder: string): boolean {
  return path.startsWith(folder === '/' ? '/' : `${folder}/`) && path !== folder;
}

function commonFolder(one: string, other: string): string {
  const left = one.split('/');
  const right = other.split('/');
  let at = 0;
  while (at < left.length && left[at] === right[at]) at++;
  const common = left.slice(0, at).join('/');
  return common === '' ? '/' : common;
}
