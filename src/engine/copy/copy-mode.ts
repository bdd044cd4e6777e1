// The mode copy: makes the destination hold what the sources hold, moving only what differs.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import { Fault, faultFrom } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { baseName, collisionKey, displayPath, joinPath, numberedName, parentPath } from '../../model/names.ts';
import { plainCopySpec } from '../../model/plain-copy.ts';
import type { CopySpec } from '../../model/specs.ts';
import type { Transfer } from '../../model/transfer.ts';
import { parseBandwidth } from '../bandwidth-plan.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { PlannedItem } from '../engine.ts';
import type { Mode, ModeHost, ModeParts, ModeRun, NewTransfer } from '../mode.ts';
import { moveOptions } from '../move-options.ts';
import { createSelection } from '../selection.ts';
import { smallBytes } from '../work.ts';
import { copiedBefore } from './copied-before.ts';
import { createFolderKeeper, type KeptTree } from './folder-keeper.ts';
import { newTransfer } from './new-transfer.ts';
import { createPacker } from './packer.ts';
import { createPruner } from './proven-sources.ts';
import { type ResolvedCopy, resolveCopy } from './resolve-copy.ts';
import { type Surveyed, survey } from './survey.ts';

export const copyMode: Mode = {
  kind: 'copy',

  prepare: async (request, parts, signal) => {
    const spec = await checkSpec(request);
    const copy = await resolveCopy(spec, parts, signal);
    const [first] = spec.sources;
    const more = spec.sources.length > 1 ? ` and ${spec.sources.length - 1} more` : '';
    return {
      spec,
      name: `${displayPath(first ?? '')}${more} → ${displayPath(spec.destination)}`,
      priority: spec.priority,
      keys: copy.sources.map((source) =>
        JSON.stringify(['copy', source.root, source.path, copy.destination, source.destination]),
      ),
    };
  },

  plan: async function* (request, parts, signal = new AbortController().signal) {
    const spec = await checkSpec(request);
    const copy = await resolveCopy(spec, parts, signal);
    const sorted = createSorter(spec, copy, parts);
    const destination = await parts.open(copy.destination);
    for await (const part of survey(copy, parts, { spec, wantSame: spec.move, signal })) {
      const sort = sorted(part, destination.traits.caseSensitive);
      for (const folder of part.folders)
        if (!folder.there) yield { action: 'make-folder', path: folder.path, sizeBytes: 0 };
      for (const { found } of sort.move) {
        if (await copiedBefore(found, copy, spec, parts)) {
          yield item('skip', found, 'was copied before, under another name');
          continue;
        }
        yield item('copy', found, found.existing === null ? undefined : 'differs from what is there');
        if (spec.move) yield item('delete-source', found);
      }
      for (const found of part.sameFiles) yield item('delete-source', found, 'is at the destination already');
      for (const { found, reason } of sort.skip) yield item('skip', found, reason);
      for (const { found, fault } of sort.refuse) yield item('refuse', found, fault.message);
      for (const one of part.refused) {
        yield { action: 'refuse', path: one.path, sizeBytes: 0, reason: one.fault.message };
      }
    }
  },

  open: (job, host) => openCopy(job, host),
  isRefusal: (transfer) => transfer.sizeBytes === null,
};

async function checkSpec(request: unknown): Promise<CopySpec> {
  const spec = plainCopySpec(request) ?? (await readBySchema(request));
  createSelection(spec.include, spec.exclude);
  if (spec.bandwidth !== null) parseBandwidth(spec.bandwidth);
  // Absolute from here on: a daemon has no folder of its own that could be meant.
  const whole = (place: string) => formatEndpoint(parseEndpoint(place, process.cwd()));
  const slash = spec.destination.length > 1 && spec.destination.endsWith('/') ? '/' : '';
  return {
    ...spec,
    sources: spec.sources.map(whole),
    destination: whole(spec.destination).replace(/\/$/, '') + slash || '/',
  };
}

async function readBySchema(request: unknown): Promise<CopySpec> {
  const { copySpecSchema } = await import('../../model/specs.ts');
  const checked = copySpecSchema.safeParse(request);
  if (checked.success) return checked.data;
  const [issue] = checked.error.issues;
  throw new Fault('invalid', `The copy cannot be read: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`.trim());
}

function item(action: PlannedItem['action'], found: ComparedEntry, reason?: string): PlannedItem {
  const { path, sizeBytes } = found.entry;
  return { action, path, sizeBytes, ...(reason === undefined ? {} : { reason }) };
}

interface Sorted {
  readonly move: readonly { readonly found: ComparedEntry; readonly destination: string }[];
  readonly skip: readonly { readonly found: ComparedEntry; readonly reason: string }[];
  readonly refuse: readonly { readonly found: ComparedEntry; readonly fault: Fault }[];
}

/** Decides by the conflict rule and by names what becomes of each file that differs. */
function createSorter(spec: CopySpec, copy: ResolvedCopy, parts: Pick<ModeParts, 'log'>) {
  /** Names that are taken by this copy itself, where two could meet. */
  const taken = new Map<string, string>();
  const inside = copy.sources.map((source) => source.inside).filter((path) => path !== null);
  const manySources = copy.sources.length > 1;
  let skippedLinks = 0;

  return (part: Surveyed, caseSensitive: boolean): Sorted => {
    const move: Sorted['move'][number][] = [];
    const skip: Sorted['skip'][number][] = [];
    const refuse: Sorted['refuse'][number][] = [];

    const freeName = (found: ComparedEntry): string | undefined => {
      if (caseSensitive && !manySources) return found.destination;
      const keyOf = (path: string) => (caseSensitive ? path : collisionKey(path));
      let name = found.destination;
      for (let n = 1; taken.has(keyOf(name)); n++) {
        if (spec.conflict !== 'rename') return undefined;
        name = joinPath(parentPath(found.destination), numberedName(baseName(found.destination), n));
      }
      taken.set(keyOf(name), found.entry.path);
      return name;
    };

    for (const found of part.differing) {
      const { existing } = found;
      if (inside.some((path) => found.destination === path || found.destination.startsWith(`${path}/`))) {
        refuse.push({
          found,
          fault: new Fault(
            'invalid',
            `${displayPath(found.destination)} lies in the source itself, which must not be written over.`,
          ),
        });
        continue;
      }
      const destination = freeName(found);
      if (destination === undefined) {
        refuse.push({
          found,
          fault: new Fault(
            'exists',
            `${displayPath(found.destination)} is the name of two files of this copy; only the first is copied.`,
          ),
        });
      } else if (existing !== null && spec.conflict === 'skip') {
        skip.push({ found, reason: 'something else has that name, and the rule is to skip' });
      } else if (existing !== null && spec.conflict === 'newer' && existing.mtimeMs >= found.entry.mtimeMs) {
        skip.push({ found, reason: 'what is there is not older' });
      } else move.push({ found, destination });
    }
    for (const found of part.symlinks) {
      if (spec.symlinks === 'skip') skip.push({ found, reason: 'is a symlink' });
    }
    for (const path of part.specials) {
      skip.push({
        found: {
          root: '',
          destination: path,
          existing: null,
          entry: { path, kind: 'other', sizeBytes: 0, mtimeMs: 0 },
        },
        reason: 'is a FIFO, socket or device',
      });
    }
    skippedLinks += skip.length;
    if (skip.length > 0) parts.log.debug({ skipped: skippedLinks }, 'Some entries are passed over');
    return { move, skip, refuse };
  };
}

function keptTree({ destination, destinationThere, sources }: ResolvedCopy): KeptTree {
  // A file that goes into a folder brings its folder along by itself.
  return { destination, destinationThere: destinationThere || sources[0]?.kind !== 'folder' };
}

function bytesOf(files: readonly ComparedEntry[]): number {
  return files.reduce((sum, { entry }) => sum + entry.sizeBytes, 0);
}

function asFound(found: ComparedEntry): Sorted['move'][number] {
  return { found, destination: found.destination };
}

function openCopy(job: Job, host: ModeHost): ModeRun {
  const spec = job.spec as CopySpec;
  const options = moveOptions(spec);
  const folders = createFolderKeeper(spec, host);
  const pruner = createPruner(spec, host);

  const find = async (signal: AbortSignal) => {
    // Rows of an earlier run stand for their files; whatever else is missing is found again. They are read before any of them moves on.
    const known = new Set<string>();
    for await (const row of host.rows(['queued', 'waiting', 'transferring', 'paused', 'failed', 'cancelled'])) {
      // What was refused, and dropped for a retry, is judged anew.
      if (row.state === 'cancelled' && copyMode.isRefusal?.(row) === true) continue;
      known.add(row.destination.path);
    }
    const copy = await resolveCopy(spec, host, signal);
    const destination = await host.open(copy.destination);
    const sorted = createSorter(spec, copy, host);
    const packer = createPacker(host, destination);
    const passed = new Map<string, number>();
    for await (const part of survey(copy, host, { spec, wantSame: spec.move || known.size > 0, signal })) {
      signal.throwIfAborted();
      const sort = sorted(part, destination.traits.caseSensitive);
      const skipped = sort.skip.map(({ found }) => found).filter(({ entry }) => entry.kind === 'file');
      // A row that has arrived by the time its file is looked at counts as completed, not as found unchanged.
      const arrived = part.sameFiles.filter((found) => known.has(found.destination));
      host.found(part.files, part.bytes);
      host.skipped(part.same - arrived.length + skipped.length, part.sameBytes - bytesOf(arrived) + bytesOf(skipped));
      for (const { found, reason } of sort.skip) {
        passed.set(reason, (passed.get(reason) ?? 0) + 1);
        host.log.info({ jobId: job.id, path: displayPath(found.entry.path) }, `Not copied: it ${reason}`);
      }
      if (spec.dryRun) continue;
      await folders.make(keptTree(copy), part.folders);
      const large: NewTransfer[] = [];
      const unproven = spec.move ? await pruner.same(part.sameFiles, copy) : [];
      for (const { found, destination: path } of [...sort.move, ...unproven.map(asFound)]) {
        if (known.has(path)) continue;
        if (await copiedBefore(found, copy, spec, host)) {
          host.skipped(1, found.entry.sizeBytes);
          continue;
        }
        folders.touched(parentPath(path));
        if (found.entry.sizeBytes < smallBytes) await packer.add(found, path);
        else large.push(newTransfer(copy.destination, found, path));
      }
      if (large.length > 0) await host.add(large, 'queued');
      await packer.flushFull();
      await refuse(copy, sort, part, known);
      if (spec.symlinks === 'keep') await folders.keepSymlinks(destination, part.symlinks);
    }
    await packer.flush();
    await folders.found(copy.destination);
  };

  const refuse = async (copy: ResolvedCopy, sort: Sorted, part: Surveyed, known: ReadonlySet<string>) => {
    const files = [
      ...sort.refuse.map(({ found, fault }) => ({
        file: newTransfer(copy.destination, found, found.destination),
        fault,
      })),
      ...part.refused.map((one) => ({
        file: {
          source: { endpoint: one.root, path: one.path },
          destination: { endpoint: copy.destination, path: one.destination },
          sizeBytes: null,
          mtimeMs: null,
          fileMode: null,
        },
        fault: faultFrom(one.fault),
      })),
    ].filter(({ file }) => !known.has(file.destination.path));
    for (const { fault } of files) host.log.warn({ jobId: job.id, fault: fault.report() }, fault.message);
    // What a worker could not look at was not counted there.
    host.found(part.refused.length, 0);
    if (files.length > 0) await host.refuse(files);
  };

  return {
    find,
    options: () => options,
    mostAtOnce: spec.transfers,
    bandwidth: spec.bandwidth,
    finish: async () => {
      await folders.finish();
    },
    ...(spec.move
      ? {
          arrived: (transfer: Transfer, receipt) => pruner.arrived([{ transfer, receipt }]),
          arrivedTogether: (arrived) => pruner.arrived(arrived),
        }
      : {}),
  };
}
