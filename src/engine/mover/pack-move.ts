// Moves a pack of small files to a place of this machine: one call of a worker for all of them, one commit for each group. They are read there, or come by one stream.

import { join } from 'node:path';
import { openControl } from '../../endpoints/control.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { isLocalDisk } from '../../endpoints/mount-table.ts';
import { type MountPool, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, Fault, faultFrom } from '../../model/fault.ts';
import type { Verify } from '../../model/hash.ts';
import { displayPath } from '../../model/names.ts';
import { syncWayOf } from './group-sync.ts';
import type { PackFile, PackFileResult, PackOutcome, PackRequest } from './move.ts';
import { localPath, type MoverParts, stopNames } from './mover-parts.ts';
import { fileColumns, publishedFrom } from './pack-columns.ts';
import { PackFeed } from './pack-feed.ts';
import type { PackPublishing } from './pack-journal.ts';
import type { PackInput, PackLaneOutcome, PackMessage } from './pack-lane.ts';
import { recoverPackThere } from './pack-note.ts';
import { type PackRecovery, packSuffix } from './pack-recovery.ts';

/** Codes of files that a stream cannot settle: they are moved one by one. */
export const settledAlone: ReadonlySet<string> = new Set(['unsupported', 'corrupt', 'source_changed']);

/**
 * Rejects with `lease_lost`, with what `finished` rejected with, or with the Fault of what stops all files. `alone` moves files of the pack
 * one by one and reports them.
 */
export async function movePackHere(
  parts: MoverParts,
  request: PackRequest,
  alone: (files: readonly PackFile[]) => Promise<PackOutcome>,
): Promise<PackOutcome> {
  const { source, destination, files, options, fence, control } = request;
  const feed = source.localPath === undefined ? new PackFeed(source, files) : undefined;
  const sourceRoot = feed === undefined ? localPath(source, '') : undefined;
  const destinationRoot = localPath(destination, '');
  const { type, mountPoint } = parts.mounts.mountOf(destinationRoot);
  const pool =
    sourceRoot === undefined ? parts.mounts.pool(destinationRoot) : parts.mounts.pool(sourceRoot, destinationRoot);
  const unsettled = new Map<string, PackFile>(files.map((file) => [file.transferId, file]));
  const later: PackFile[] = [];
  const leave = new Int32Array(new SharedArrayBuffer(8));
  let refused: unknown;
  const arrived: PackFileResult[] = [];
  let groupsArrived = 0;
  let commits: Promise<void> = Promise.resolve();
  const asking: { readonly group: number; readonly looking: Promise<void>; isLooked: boolean }[] = [];
  let grants: Promise<void> = Promise.resolve();

  const refuse = (error: unknown) => {
    refused ??= error;
    Atomics.store(leave, 0, -1);
    Atomics.notify(leave, 0);
  };
  /** One after the other; what comes while one is on its way goes together with the next. */
  const commitAll = async () => {
    while (arrived.length > 0 && refused === undefined) {
      const through = groupsArrived;
      await request.finished(arrived.splice(0));
      Atomics.store(leave, 1, through);
    }
  };
  const commit = (given: readonly PackFileResult[], group?: number) => {
    for (const result of given) {
      unsettled.delete(result.file.transferId);
      if (feed !== undefined && result.kind === 'failed' && settledAlone.has(result.fault.code))
        later.push(result.file);
      else arrived.push(result);
    }
    if (group !== undefined) groupsArrived = group + 1;
    commits = commits.then(commitAll);
    commits.catch(refuse);
  };
  /**
   * A group takes its names only when those whose names are known to be durable are in the ledger, and where it came from has been looked
   * at once more. On a disk its names are known to be durable with the next sync. Looks are on their way side by side.
   */
  const ask = ({ group, at }: PackMessage & { readonly kind: 'staged' }) => {
    const looking = feed?.lookAgain(at) ?? Promise.resolve();
    const one = { group, looking, isLooked: false };
    looking.then(
      () => {
        one.isLooked = true;
      },
      () => undefined,
    );
    asking.push(one);
    grants = grants.then(grantAll);
    grants.catch(refuse);
  };
  const grantAll = async () => {
    for (let first = asking[0]; first !== undefined && refused === undefined; first = asking[0]) {
      await Promise.all([commits, first.looking]);
      await request.checkFence();
      if (refused !== undefined) return;
      let through = first.group;
      for (asking.shift(); asking[0]?.isLooked === true; asking.shift()) through = asking[0].group;
      Atomics.store(leave, 0, through + 1);
      Atomics.notify(leave, 0);
      feed?.wake();
    }
  };
  const input: PackInput = {
    from: feed?.input ?? { root: sourceRoot as string },
    destinationRoot,
    destination: destination.name,
    files: fileColumns(files),
    rules: {
      fence,
      options,
      mtimePrecisionMs: destination.traits.mtimePrecisionMs,
      isPlain: isLocalDisk(type),
    },
    journal: packJournalPath(parts.journalFolder, request.packId),
    isNear: isLocalDisk(type) && (sourceRoot === undefined || isLocalDisk(parts.mounts.mountOf(sourceRoot).type)),
    syncWay: syncWayOf(type),
    leave: leave.buffer as SharedArrayBuffer,
  };
  const view = openControl(control);
  const before = view.bytesDone;
  const bytes = files.reduce((sum, file) => sum + file.entry.sizeBytes, 0);
  const release = parts.reservations.hold({ mountPoint, remaining: () => bytes - (view.bytesDone - before) });
  try {
    feed?.start(view);
    const { stopped } = await pool.run<PackLaneOutcome>('mover.pack', input, {
      control,
      unqueued: true,
      onMessage: (given) => {
        const message = given as PackMessage;
        if (message.kind === 'durable') return commit(resultsOf(message, request, feed), message.group);
        ask(message);
      },
    });
    if (feed !== undefined) commit(feed.failures(unsettled));
    await commits;
    if (refused !== undefined) throw refused;
    await forgetPackJournal(parts, request.packId);
    if (stopped !== stopReasons.run) return { left: [...unsettled.values(), ...later], stopped: stopNames[stopped] };
    if (feed?.fault !== undefined && unsettled.size > 0) throw feed.fault;
    return later.length > 0 ? await alone(later) : { left: [], stopped: null };
  } catch (error) {
    await commits.catch(refuse);
    // What a worker left that came to its end is settled now; what a hung one left, when its place answers again.
    if (asFault(error).code !== 'unreachable' && refused === undefined) {
      const published = await recoverPackJournal(parts, pool, destinationRoot, request.packId);
      if (published.length > 0) await request.finished(published);
      await forgetPackJournal(parts, request.packId);
    }
    throw error;
  } finally {
    feed?.end();
    release();
  }
}

function resultsOf(
  message: PackMessage & { kind: 'durable' },
  { files, options }: PackRequest,
  feed: PackFeed | undefined,
): PackFileResult[] {
  const verify: Verify = options.verify === 'size' ? 'size' : 'read-back';
  const algorithm = options.algorithm ?? 'xxh128-8m';
  const published = publishedFrom(message.published).map((one): PackFileResult => {
    const { at, finalPath, source: identity, hash: value, alreadyThere } = one;
    const file = files[at] as PackFile;
    return {
      kind: 'published',
      file,
      publishedPath: finalPath === '' ? file.destinationPath : finalPath,
      sizeBytes: identity.sizeBytes,
      // What was there already is compared by the fast hash, whatever was asked for.
      hash: { algorithm: alreadyThere ? 'xxh128-8m' : algorithm, value },
      verify: alreadyThere ? 'read-back' : verify,
      identity,
      alreadyThere,
    };
  });
  const failed = message.failed.map(
    ({ at, fault }): PackFileResult => ({
      kind: 'failed',
      file: files[at] as PackFile,
      fault: feed?.faultOf(at) ?? faultFrom(fault),
    }),
  );
  return [...published, ...failed];
}

export function recovered({ file, finalPath, sizeBytes, hash, verify, identity }: PackPublishing): PackFileResult {
  return { kind: 'published', file, publishedPath: finalPath, sizeBytes, hash, verify, identity, alreadyThere: true };
}

export function packJournalPath(folder: string, packId: string): string {
  return join(folder, packId + packSuffix);
}

export async function forgetPackJournal(parts: MoverParts, packId: string): Promise<void> {
  const journal = packJournalPath(parts.journalFolder, packId);
  await parts.mounts.pool(parts.journalFolder).run('mover.forget', { journal }, { unqueued: true });
}

async function recoverPackJournal(
  parts: MoverParts,
  pool: MountPool,
  root: string,
  packId: string,
): Promise<PackFileResult[]> {
  const input: PackRecovery = { root, journal: packJournalPath(parts.journalFolder, packId) };
  const records = await pool.run<PackPublishing[]>('mover.recoverPack', input, { unqueued: true });
  return records.map(recovered);
}

/** What packs that a crash broke off have published but not yet committed. A pack of which nothing is left to commit is forgotten at once. */
export async function* recoverPackJournals(
  parts: MoverParts,
  open: (endpoint: string) => Promise<Endpoint>,
): AsyncGenerator<{ readonly packId: string; readonly results: readonly PackFileResult[] }> {
  const own = parts.mounts.pool(parts.journalFolder);
  const ids = await own.run<string[]>('mover.listPacks', { folder: parts.journalFolder }, { unqueued: true });
  for (const packId of ids) {
    const journal = packJournalPath(parts.journalFolder, packId);
    const name = await own.run<string | undefined>('mover.packDestination', { journal }, { unqueued: true });
    if (name !== undefined) {
      const endpoint = await open(name);
      const results =
        endpoint.localPath === undefined
          ? await recoverElsewhere(own, endpoint, journal)
          : await recoverPackJournal(parts, parts.mounts.pool(endpoint.localPath('')), endpoint.localPath(''), packId);
      if (results === undefined) continue;
      if (results.length > 0) {
        yield { packId, results };
        continue;
      }
    }
    await forgetPackJournal(parts, packId);
  }
}

/** Undefined where the place does not answer: it is asked again at the next start, and what stands there is found until then. */
async function recoverElsewhere(
  own: MountPool,
  destination: Endpoint,
  journal: string,
): Promise<PackFileResult[] | undefined> {
  const stop = new AbortController();
  const late = new Fault('timeout', `${displayPath(destination.name)} did not answer in time.`);
  const timer = setTimeout(() => stop.abort(late), answerMs);
  try {
    return (await recoverPackThere(own, destination, journal, { signal: stop.signal })).map(recovered);
  } catch (error) {
    if (asFault(error).code === 'internal') throw error;
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** How long a start waits for a place elsewhere. */
const answerMs = 5_000;
