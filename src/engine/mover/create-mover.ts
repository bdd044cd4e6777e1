// The one byte mover: chooses the data path of a move, starts it again where that helps, and cleans up after it.

import { availableParallelism } from 'node:os';
import { isAbsolute } from 'node:path';
import { openControl } from '../../endpoints/control.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { type MountPool, type Mounts, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Publishing, Transfer } from '../../model/transfer.ts';
import { requireWay } from '../require-way.ts';
import type { Journal } from './block-journal.ts';
import type { DiscardInput } from './discard-move.ts';
import { moveLocal } from './local-move.ts';
import type { MoveOutcome, MoveRequest, Mover, PackFile } from './move.ts';
import { journalPath, localPath, type MoverParts, Stopped } from './mover-parts.ts';
import { forgetPackJournal, movePackHere, recoverPackJournals } from './pack-move.ts';
import { canSend, movePackThere } from './pack-send.ts';
import type { RecoverInput } from './publish-partial.ts';
import { Reservations } from './reservations.ts';
import { SharedReading } from './shared-reading.ts';
import { discardByStream, recoverByStream } from './stream-cleanup.ts';
import { moveByStream } from './stream-move.ts';
import { movePackByStream } from './stream-pack.ts';
import type { FoundPartial } from './sweep.ts';

export interface MoverOptions {
  /** Opened with `laneOperations` among its modules. */
  readonly mounts: Mounts;
  /** An absolute folder of the mover's own, below the data folder; it must exist. */
  readonly journalFolder: string;
}

/** The worker module that the mount pools need for the mover. */
export const laneOperations = new URL(
  import.meta.url.endsWith('.ts') ? './lane-operations.ts' : './lane-operations.js',
  import.meta.url,
);

/** How often a source that changes is begun again within one attempt. */
const freshStarts = 3;

export function createMover(options: MoverOptions): Mover {
  const parts: MoverParts = {
    ...options,
    reservations: new Reservations(),
    holdersAlive: new Set(),
    growing: new Map(),
    lanes: { running: 0, sources: 0, most: Math.max(2, Math.min(4, availableParallelism())) },
  };

  /** By transfer, the attempt that counts: one that an earlier one still hangs under has taken over. */
  const latest = new Map<string, MoveRequest>();

  const move = async (request: MoveRequest, shared: SharedReading | null): Promise<MoveOutcome> => {
    await checkAbilities(request);
    const { id } = request.transfer;
    // The earlier one has been left behind, and a call of it may still come back to its partial.
    if (latest.has(id)) parts.holdersAlive.add(id);
    latest.set(id, request);
    try {
      if (request.transfer.publishing !== null) {
        const adopted = await recoverPublishing(request.transfer, request.destination);
        if (adopted !== undefined) return adopted;
      }
      return await attempts(request, shared);
    } finally {
      if (latest.get(id) === request) latest.delete(id);
    }
  };

  const attempts = async (request: MoveRequest, shared: SharedReading | null): Promise<MoveOutcome> => {
    const control = openControl(request.control);
    let changes = 0;
    let failedSyncs = 0;
    for (;;) {
      const bytesBefore = control.bytesDone;
      try {
        const medium = await request.source.medium?.();
        return await (isLocal(request) ? moveLocal(parts, request, shared, medium) : moveByStream(parts, request));
      } catch (error) {
        if (error instanceof Stopped) return await stopped(request, error);
        const fault = await sourceAway(request, asFault(error));
        if (control.stop !== stopReasons.run && fault.code === 'interrupted') {
          return await stopped(request, new Stopped(control.stop));
        }
        // Whoever starts again reads by himself.
        shared?.leave(request);
        if (fault.code === 'source_changed') changes++;
        else if (isLostWrite(fault)) failedSyncs++;
        else throw fault;
        // What was written proves nothing any more, whatever its cache pages say.
        await discardOwn(request);
        if (changes >= freshStarts || failedSyncs > 1 || fault.code === 'space') throw fault;
        control.addBytes(bytesBefore - control.bytesDone);
        request.hooks.restarted(fault);
      }
    }
  };

  const stopped = async (request: MoveRequest, { reason }: Stopped): Promise<MoveOutcome> => {
    if (reason === 'cancel') await discardOwn(request);
    return { kind: 'stopped', reason };
  };

  /** Rejects with `lease_lost` where partial and journal are another attempt's by now. */
  const discardOwn = async (request: MoveRequest): Promise<void> => {
    const { transfer, destination } = request;
    if (latest.get(transfer.id) !== request) {
      throw new Fault('lease_lost', `Another attempt has taken over ${displayPath(transfer.destination.path)}.`);
    }
    await discard(transfer, destination);
  };

  const discard = async (transfer: Transfer, destination: Endpoint): Promise<void> => {
    parts.growing.delete(transfer.id);
    if (destination.localPath === undefined) return await discardByStream(parts, transfer, destination);
    const root = localPath(destination, '');
    const journal = journalPath(options.journalFolder, transfer.id);
    await options.mounts.pool(root).run('mover.discard', { root, journal } satisfies DiscardInput, { unqueued: true });
  };

  const recoverPublishing = async (transfer: Transfer, destination: Endpoint): Promise<MoveOutcome | undefined> => {
    const { publishing, identity } = transfer;
    if (publishing === null) return undefined;
    if (!(await isPublished(publishing, destination))) return undefined;
    // Only the journal: what it speaks of may stand under its final name by now.
    const journal = journalPath(options.journalFolder, transfer.id);
    await options.mounts.pool(options.journalFolder).run('mover.forget', { journal }, { unqueued: true });
    return {
      kind: 'published',
      publishedPath: publishing.finalPath,
      sizeBytes: publishing.sizeBytes,
      hash: publishing.hash,
      verify: publishing.verify ?? 'read-back',
      identity: publishing.source ?? identity ?? { sizeBytes: publishing.sizeBytes, mtimeMs: transfer.mtimeMs ?? 0 },
      movedBytes: 0,
      resumedBytes: publishing.sizeBytes,
      alreadyThere: true,
    };
  };

  const isPublished = (publishing: Publishing, destination: Endpoint): Promise<boolean> => {
    // A record of a move by streams knows no inode.
    if (destination.localPath === undefined || publishing.inode === '') return recoverByStream(publishing, destination);
    const root = localPath(destination, '');
    return options.mounts
      .pool(root)
      .run<boolean>('mover.recover', { root, publishing } satisfies RecoverInput, { unqueued: true });
  };

  const sweep: Mover['sweep'] = async (folders, isAlive) => {
    let removed = 0;
    for (const { destination, folder } of folders) {
      if (destination.localPath === undefined) continue;
      const root = localPath(destination, '');
      const pool = options.mounts.pool(root);
      const found = await pool.run<FoundPartial[]>('mover.findPartials', { root, path: folder }, { unqueued: true });
      const paths: string[] = [];
      for (const { path, transferId } of found) if (!(await isAlive(transferId))) paths.push(path);
      if (paths.length > 0)
        removed += await pool.run<number>('mover.removePartials', { root, paths }, { unqueued: true });
    }
    const far = new Map(folders.map(({ destination }) => [destination.name, destination]));
    const own = options.mounts.pool(options.journalFolder);
    const input = { folder: options.journalFolder };
    for (const id of await own.run<string[]>('mover.listJournals', input, { unqueued: true })) {
      if (!(await isAlive(id))) removed += await removeJournalled(own, id, far);
    }
    return removed;
  };

  /** A journal knows where its partial lies; what only streams reach, and is not among `far`, was removed when the transfer was. */
  const removeJournalled = async (own: MountPool, id: string, far: ReadonlyMap<string, Endpoint>): Promise<number> => {
    const path = journalPath(options.journalFolder, id);
    const journal = await own.run<Journal | undefined>('mover.loadJournal', { journal: path }, { unqueued: true });
    const root = journal?.head.partial.root ?? '';
    const destination = far.get(root);
    if (destination !== undefined && destination.localPath === undefined) {
      await discardByStream(parts, { id }, destination);
      return 1;
    }
    const isLocal = isAbsolute(root);
    const pool = isLocal ? options.mounts.pool(root) : own;
    if (isLocal) await pool.run('mover.discard', { root, journal: path } satisfies DiscardInput, { unqueued: true });
    else await own.run('mover.forget', { journal: path }, { unqueued: true });
    return 1;
  };

  const moveOf = (requests: readonly MoveRequest[], shared: SharedReading | null) => {
    parts.lanes.sources++;
    const moves = requests.map((request) => move(request, shared).finally(() => shared?.leave(request)));
    void Promise.allSettled(moves).then(() => parts.lanes.sources--);
    return moves;
  };

  return {
    move: async (request) => {
      const [outcome] = await Promise.all(moveOf([request], null));
      return outcome as MoveOutcome;
    },
    moveTogether: (requests) => moveOf(requests, new SharedReading(parts, requests)),
    movePack: (request) => {
      const { source, destination } = request;
      const alone = (files: readonly PackFile[]) => movePackByStream({ ...request, files }, (file) => move(file, null));
      // Whether a medium is still there is asked file by file.
      const isHere = destination.localPath !== undefined && source.medium === undefined;
      if (isHere && source.localPath !== undefined) return movePackHere(parts, request, alone);
      if (request.options.transport === 'sftp') return alone(request.files);
      if (isHere && source.readMany !== undefined && !request.options.preserve.xattrs)
        return movePackHere(parts, request, alone);
      if (canSend(request)) return movePackThere(parts, request, alone);
      return alone(request.files);
    },
    recoverPublishing,
    recoverPacks: (open) => recoverPackJournals(parts, open),
    forgetPack: (packId) => forgetPackJournal(parts, packId),
    verified: (transferId) =>
      options.mounts
        .pool(options.journalFolder)
        .run('mover.verified', { journal: journalPath(options.journalFolder, transferId) }, { quick: true }),
    discard,
    sweep,
    get reservedBytes() {
      return parts.reservations.byMount;
    },
  };
}

/** Files that are gone, unreadable or others than before are so because the card is: that it is away is what to tell and to wait for. */
async function sourceAway({ source, control }: MoveRequest, fault: Fault): Promise<Fault> {
  if (source.medium === undefined || openControl(control).stop !== stopReasons.run) return fault;
  return source.medium().then(
    () => fault,
    (away: unknown) => asFault(away),
  );
}

/** A failed fsync or close, whatever the reason: what had been written before it may be lost. */
function isLostWrite(fault: Fault): boolean {
  const operation = fault.place?.operation;
  return fault.code === 'sync_failed' || operation === 'make durable' || operation === 'close';
}

function isLocal({ source, destination }: Pick<MoveRequest, 'source' | 'destination'>): boolean {
  return source.localPath !== undefined && destination.localPath !== undefined;
}

async function checkAbilities(request: MoveRequest): Promise<void> {
  await requireWay(request.options.transport, request.source, request.destination);
  if (!request.options.preserve.xattrs || isLocal(request)) return;
  const { source, destination } = request;
  throw new Fault(
    'unsupported',
    `Extended attributes are kept between places of this machine only, not from ${displayPath(source.name)} to ${displayPath(destination.name)}.`,
  );
}
