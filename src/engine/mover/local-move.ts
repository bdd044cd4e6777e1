// Moves one local file to a local place: the mover's algorithm around the lanes in the mount pools' workers.

import { join } from 'node:path';
import { openControl } from '../../endpoints/control.ts';
import type { Endpoint } from '../../endpoints/endpoint.ts';
import { isLocalDisk } from '../../endpoints/mount-table.ts';
import {
  type Control,
  type MountPool,
  type Mounts,
  type StopReason,
  sides,
  stopReasons,
} from '../../endpoints/mounts.ts';
import { asFault, Fault, faultFrom } from '../../model/fault.ts';
import { blockBytes, type ContentHash, type HashAlgorithm } from '../../model/hash.ts';
import { baseName, displayPath, joinPath, parentPath, partialName } from '../../model/names.ts';
import type { Publishing } from '../../model/transfer.ts';
import type { LaneInput, LaneResult } from './block-lane.ts';
import { BlockTable } from './block-table.ts';
import type { CheckInput, CheckResult } from './check-lane.ts';
import type { At } from './lane-file.ts';
import type { LaneOutput } from './lane-writer.ts';
import type { MoveOutcome, MoveRequest } from './move.ts';
import type { Inode, OpenedPartial, OpenInput } from './open-partial.ts';
import type { Plan, PlanInput } from './plan-move.ts';
import type { FinishInput, FreeNameInput, PublishInput } from './publish-partial.ts';
import type { Reservations } from './reservations.ts';
import { sourceChanged } from './source-identity.ts';

/** What all moves share. */
export interface MoverParts {
  readonly mounts: Mounts;
  readonly journalFolder: string;
  readonly reservations: Reservations;
  /** Transfers of which a worker was given up and may still write to their partial. */
  readonly holdersAlive: Set<string>;
  /** Int32: failures of group syncs, counted over all workers (group-sync.ts). */
  readonly syncFailures: SharedArrayBuffer;
  /** Lanes that run now, and how many pay off on this machine. */
  readonly lanes: { running: number; readonly most: number };
}

export type StoppedOutcome = Extract<MoveOutcome, { kind: 'stopped' }>;

/** A stop that was asked for; ends an attempt from the inside. */
export class Stopped extends Error {
  readonly reason: StoppedOutcome['reason'];
  constructor(reason: StopReason) {
    super('stopped');
    this.reason = stopNames[reason];
  }
}

export const stopNames: Readonly<Record<StopReason, StoppedOutcome['reason']>> = {
  [stopReasons.run]: 'shutdown',
  [stopReasons.pause]: 'pause',
  [stopReasons.cancel]: 'cancel',
  [stopReasons.fence]: 'fence',
  [stopReasons.stall]: 'stall',
  [stopReasons.shutdown]: 'shutdown',
};

interface Copied {
  moved: number;
  resumed: number;
  readonly contentHash: string | null;
}

const progressMs = 200;
/** Files from here on are worth a second lane. */
const secondLaneBytes = 2 * blockBytes;
/** A number of blocks that no file has: makes all lanes come to an end. */
const pastAllBlocks = 2 ** 30;
const roundsOfRewriting = 3;

/** One attempt. Throws Stopped where the stop flag was set, else a Fault; `source_changed` and `sync_failed` may be tried again at once. */
export async function moveLocal(parts: MoverParts, request: MoveRequest): Promise<MoveOutcome> {
  return new LocalMove(parts, request).run();
}

class LocalMove {
  readonly #parts: MoverParts;
  readonly #request: MoveRequest;
  readonly #pool: MountPool;
  readonly #control: Control;
  readonly #source: At;
  readonly #destination: At;
  readonly #partial: At;
  readonly #journal: string;
  /** The destination's page cache and the place are one machine's: reading back at once shows what was written. */
  readonly #isPlain: boolean;
  readonly #isMemory: boolean;

  constructor(parts: MoverParts, request: MoveRequest) {
    const { transfer, source, destination, control } = request;
    this.#parts = parts;
    this.#request = request;
    this.#source = { root: localPath(source, ''), path: transfer.source.path };
    this.#destination = { root: localPath(destination, ''), path: transfer.destination.path };
    const target = localPath(destination, transfer.destination.path);
    this.#pool = parts.mounts.pool(localPath(source, transfer.source.path), target);
    this.#control = openControl(control);
    const { path } = transfer.destination;
    const name = partialName(baseName(path), transfer.id, transfer.fence);
    this.#partial = { root: this.#destination.root, path: joinPath(parentPath(path), name) };
    this.#journal = journalPath(parts.journalFolder, transfer.id);
    const { type } = parts.mounts.mountOf(target);
    this.#isPlain = isLocalDisk(type);
    this.#isMemory = type === 'tmpfs' || type === 'ramfs';
  }

  async run(): Promise<MoveOutcome> {
    const { options, hooks } = this.#request;
    const plan = await this.#run<Plan>('mover.plan', {
      source: this.#source,
      destination: this.#destination,
      conflict: options.conflict,
      journal: this.#journal,
      mtimePrecisionMs: this.#request.destination.traits.mtimePrecisionMs,
    } satisfies PlanInput);
    const { identity } = plan.source;
    if (plan.alreadyThere !== null) {
      const hash: ContentHash = { algorithm: 'xxh128-8m', value: plan.alreadyThere };
      return this.#published(this.#destination.path, identity, hash, { moved: 0, resumed: 0, alreadyThere: true });
    }
    const table = BlockTable.forSize(identity.sizeBytes);
    const release = this.#reserve(plan);
    const ticker = setInterval(() => hooks.progress(this.#control.bytesDone), progressMs);
    try {
      const opened = await this.#open(plan, table);
      const algorithm = options.algorithm ?? 'xxh128-8m';
      const copied = await this.#copy(plan, table, opened, algorithm);
      await this.#verify(plan, table, opened, copied);
      const value = algorithm === 'xxh128-8m' ? table.contentHash() : copied.contentHash;
      if (value === null) throw new Fault('internal', `The hash of ${displayPath(this.#source.path)} is not whole.`);
      const inode = await this.#run<Inode>('mover.finish', {
        source: this.#source,
        facts: plan.source,
        partial: this.#partial,
        inode: opened,
        preserve: options.preserve,
      } satisfies FinishInput);
      const hash: ContentHash = { algorithm, value };
      const finalPath = await this.#publish(plan, inode, hash);
      hooks.progress(identity.sizeBytes);
      return this.#published(finalPath, identity, hash, { ...copied, alreadyThere: false });
    } finally {
      clearInterval(ticker);
      release();
    }
  }

  #reserve(plan: Plan): () => void {
    const { identity, allocatedBytes } = plan.source;
    const { preserve, reserveBytes } = this.#request.options;
    const needed = preserve.sparse ? Math.min(allocatedBytes, identity.sizeBytes) : identity.sizeBytes;
    const before = this.#control.bytesDone;
    return this.#parts.reservations.take({
      mountPoint: this.#parts.mounts.mountOf(join(this.#destination.root, this.#destination.path)).mountPoint,
      freeBytes: plan.freeBytes,
      reserveBytes,
      remaining: () => needed - Math.max(plan.journaledBytes, this.#control.bytesDone - before),
      path: this.#destination.path,
      place: this.#destination.root,
    });
  }

  async #open(plan: Plan, table: BlockTable): Promise<OpenedPartial> {
    const { transfer, hooks, options } = this.#request;
    const isAlive = this.#parts.holdersAlive.delete(transfer.id);
    const name = partialName(`old.${baseName(this.#destination.path)}`, transfer.id, transfer.fence);
    const opened = await this.#run<OpenedPartial>('mover.open', {
      partial: this.#partial,
      fence: transfer.fence,
      journal: this.#journal,
      identity: plan.source.identity,
      growing: false,
      asidePath: isAlive ? joinPath(parentPath(this.#destination.path), name) : null,
      known: null,
      mode: options.preserve.mode ? 0o600 : 0o666,
      table: table.memory,
    } satisfies OpenInput);
    if (opened.restarted !== null) hooks.restarted(restartFault(opened.restarted, this.#source, this.#destination));
    return opened;
  }

  async #copy(plan: Plan, table: BlockTable, opened: OpenedPartial, algorithm: HashAlgorithm): Promise<Copied> {
    const { options, control } = this.#request;
    const output: LaneOutput = {
      partial: this.#partial,
      inode: opened,
      journal: this.#journal,
      table: table.memory,
      oldPath: opened.oldPath,
      readBack: this.#isPlain && options.verify !== 'size',
      checkpoints: !this.#isMemory,
      sparse: options.preserve.sparse,
      control,
    };
    const isOrdered = algorithm !== 'xxh128-8m';
    const { identity } = plan.source;
    const lanes = await this.#lanes(isOrdered ? 1 : this.#lanesFor(identity.sizeBytes), () =>
      this.#run<LaneResult>('mover.copy', {
        source: this.#source,
        identity,
        growing: false,
        endBytes: identity.sizeBytes,
        outputs: [output],
        algorithm: isOrdered ? algorithm : null,
      } satisfies LaneInput),
    );
    const results = lanes.flatMap((lane) => lane.outputs);
    const fault = results.find((result) => result.fault !== null)?.fault;
    if (fault !== null && fault !== undefined) throw faultFrom(fault);
    this.#throwIfStopped();
    if (opened.oldPath !== null) await this.#removeOld(opened.oldPath);
    return {
      moved: results.reduce((sum, result) => sum + result.movedBytes, 0),
      resumed: results.reduce((sum, result) => sum + result.resumedBytes, 0),
      contentHash: lanes[0]?.contentHash ?? null,
    };
  }

  /** Where the page cache may hide what was really written: everything is read again after an fsync, through new descriptors. */
  async #verify(plan: Plan, table: BlockTable, opened: OpenedPartial, copied: Copied): Promise<void> {
    if (this.#isPlain || this.#request.options.verify === 'size') return;
    const { sizeBytes } = plan.source.identity;
    for (let round = 0; ; round++) {
      await this.#run('mover.sync', { partial: this.#partial });
      const results = await this.#lanes(this.#lanesFor(sizeBytes), () =>
        this.#run<CheckResult>('mover.check', {
          file: this.#partial,
          side: sides.destination,
          endBytes: sizeBytes,
          table: table.memory,
          algorithm: null,
        } satisfies CheckInput),
      );
      this.#throwIfStopped();
      const different = results.flatMap((result) => result.differentBlocks);
      const [first] = different;
      if (first === undefined) return;
      if (round + 1 >= roundsOfRewriting) throw corrupt(this.#partial, first);
      this.#control.addBytes(-Math.min(sizeBytes, different.length * blockBytes));
      const again = await this.#copy(plan, table, { ...opened, oldPath: null }, 'xxh128-8m');
      copied.moved += again.moved;
    }
  }

  async #publish(plan: Plan, inode: Inode, hash: ContentHash): Promise<string> {
    const { hooks, options } = this.#request;
    const { root, path } = this.#destination;
    const replace = options.conflict === 'overwrite' || plan.replaces;
    for (let finalPath = path; ; ) {
      if (options.conflict === 'rename') {
        finalPath = await this.#run<string>('mover.freeName', { root, path } satisfies FreeNameInput);
      }
      this.#throwIfStopped();
      const record: Publishing = {
        partialPath: this.#partial.path,
        finalPath,
        device: inode.device,
        inode: inode.inode,
        sizeBytes: plan.source.identity.sizeBytes,
        hash,
      };
      await hooks.publishing(record);
      const published = await this.#run<boolean>('mover.publish', {
        partial: this.#partial,
        finalPath,
        replace,
      } satisfies PublishInput);
      if (published) {
        await this.#run('mover.forget', { journal: this.#journal });
        return finalPath;
      }
      if (options.conflict !== 'rename') throw appeared({ root, path: finalPath });
    }
  }

  /** Runs lanes side by side from block 0; when one fails the others end after their block. Throws what the first one threw. */
  async #lanes<Result>(count: number, run: () => Promise<Result>): Promise<Result[]> {
    const { lanes } = this.#parts;
    this.#control.skipTo(0);
    let failed: Fault | undefined;
    const running = Array.from({ length: count }, async () => {
      lanes.running++;
      try {
        return await run();
      } catch (error) {
        // A worker that hangs says more than what its end makes of the others.
        const fault = asFault(error);
        if (failed === undefined || fault.code === 'unreachable') failed = fault;
        this.#control.skipTo(pastAllBlocks);
        return undefined;
      } finally {
        lanes.running--;
      }
    });
    const results = await Promise.all(running);
    if (failed !== undefined) throw failed;
    return results.filter((result) => result !== undefined);
  }

  #lanesFor(sizeBytes: number): number {
    const { running, most } = this.#parts.lanes;
    return sizeBytes > secondLaneBytes ? Math.max(1, most - running) : 1;
  }

  async #removeOld(path: string): Promise<void> {
    await this.#run('mover.remove', { root: this.#partial.root, path });
  }

  #throwIfStopped(): void {
    if (this.#control.stop !== stopReasons.run) throw new Stopped(this.#control.stop);
  }

  async #run<Output>(operation: string, input: unknown): Promise<Output> {
    try {
      return await this.#pool.run<Output>(operation, input, { control: this.#request.control, unqueued: true });
    } catch (error) {
      const fault = asFault(error);
      // The pool says so of a worker that hangs in the operating system, and only then.
      if (fault.code === 'unreachable') this.#parts.holdersAlive.add(this.#request.transfer.id);
      else if (fault.code === 'interrupted') this.#throwIfStopped();
      throw fault;
    }
  }

  #published(
    publishedPath: string,
    identity: Plan['source']['identity'],
    hash: ContentHash,
    counts: { moved: number; resumed: number; alreadyThere: boolean },
  ): MoveOutcome {
    return {
      kind: 'published',
      publishedPath,
      sizeBytes: identity.sizeBytes,
      hash,
      verify: this.#request.options.verify === 'size' ? 'size' : 'read-back',
      identity,
      movedBytes: counts.moved,
      resumedBytes: counts.resumed,
      alreadyThere: counts.alreadyThere,
    };
  }
}

/** Where a journal lies: by the transfer's id, below the data folder. */
export function journalPath(folder: string, transferId: string): string {
  return join(folder, `${transferId}.journal`);
}

export function localPath(endpoint: Endpoint, path: string): string {
  if (endpoint.localPath === undefined) {
    throw new Fault('unsupported', `${displayPath(endpoint.name)} is not on this machine.`);
  }
  return endpoint.localPath(path);
}

function restartFault(why: 'source_changed' | 'partial_gone', source: At, destination: At): Fault {
  if (why === 'source_changed') return sourceChanged(source);
  const place = { path: displayPath(destination.path), endpoint: displayPath(destination.root) };
  return new Fault(
    'not_found',
    `What had been copied of ${place.path} to ${place.endpoint} is gone; it starts again.`,
    {
      place,
    },
  );
}

function corrupt({ root, path }: At, block: number): Fault {
  const offsetBytes = block * blockBytes;
  const place = { path: displayPath(path), endpoint: displayPath(root), offsetBytes, operation: 'read back' };
  return new Fault(
    'corrupt',
    `${place.path} in ${place.endpoint} reads back other than it was written, in the 8 MiB at ${offsetBytes}.`,
    { place },
  );
}

function appeared({ root, path }: At): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  return new Fault(
    'exists',
    `${place.path} appeared in ${place.endpoint} while it was copied, and was left as it is.`,
    {
      place,
    },
  );
}
