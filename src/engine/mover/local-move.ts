// Moves one local file to a local place: the mover's algorithm around the lanes in the mount pools' workers.

import { isLocalDisk } from '../../endpoints/mount-table.ts';
import { type Side, sides } from '../../endpoints/mounts.ts';
import { Fault, faultFrom } from '../../model/fault.ts';
import { blockBytes, type ContentHash } from '../../model/hash.ts';
import { baseName, displayPath, joinPath, parentPath, parsePartialName, partialName } from '../../model/names.ts';
import type { Publishing } from '../../model/transfer.ts';
import type { LaneInput, LaneResult } from './block-lane.ts';
import { BlockTable, blockStates } from './block-table.ts';
import type { CheckInput, CheckResult } from './check-lane.ts';
import { type ExposeInput, markerPath } from './exposed-partial.ts';
import type { At, Inode } from './lane-file.ts';
import { LaneRunner } from './lane-runner.ts';
import type { LaneOutput, LaneOutputResult } from './lane-writer.ts';
import type { Growth, MoveOutcome, MoveRequest } from './move.ts';
import { journalPath, localPath, type MoverParts } from './mover-parts.ts';
import type { OpenedPartial, OpenInput } from './open-partial.ts';
import type { LookInput, Plan, PlanInput, SourceFacts } from './plan-move.ts';
import type { FinishInput, FreeNameInput, PublishInput } from './publish-partial.ts';
import type { SharedReading } from './shared-reading.ts';
import { grownFrom, onMedium, sameSource, sourceChanged } from './source-identity.ts';
import type { RemoveInput } from './sweep.ts';

const progressMs = 200;
/** How often blocks are written again that do not read back as they were written. */
const roundsOfRewriting = 3;
/** How often a source is compared that is still written to although its growth has ended. */
const roundsOfSealing = 5;

/**
 * One attempt. Rejects with Stopped where the stop flag was set, else with a Fault; `source_changed` and `sync_failed` may be tried
 * again at once. `shared` is the reading that other destinations of the same source take part in, `medium` the name of what the source is
 * on now, where that can change.
 */
export async function moveLocal(
  parts: MoverParts,
  request: MoveRequest,
  shared: SharedReading | null,
  medium?: string,
): Promise<MoveOutcome> {
  return new LocalMove(parts, request, shared, medium).run();
}

interface Opened {
  readonly inode: Inode;
  readonly table: BlockTable;
  oldPath: string | null;
}

class LocalMove {
  readonly #parts: MoverParts;
  readonly #request: MoveRequest;
  readonly #lanes: LaneRunner;
  readonly #shared: SharedReading | null;
  readonly #medium: string | undefined;
  readonly #source: At;
  readonly #destination: At;
  readonly #journal: string;
  /** The destination's page cache and the place are one machine's: reading back at once shows what was written. */
  readonly #isPlain: boolean;
  readonly #isMemory: boolean;
  readonly #mountPoint: string;
  #partial: At;
  #growth: Growth | null;
  #movedBytes = 0;
  #resumedBytes = 0;

  constructor(parts: MoverParts, request: MoveRequest, shared: SharedReading | null, medium: string | undefined) {
    const { transfer, source, destination, control } = request;
    const { path } = transfer.destination;
    const root = localPath(destination, '');
    const target = localPath(destination, path);
    const { type, mountPoint } = parts.mounts.mountOf(target);
    this.#parts = parts;
    this.#request = request;
    this.#shared = shared;
    this.#medium = medium;
    this.#growth = request.growth ?? null;
    this.#source = { root: localPath(source, ''), path: transfer.source.path };
    this.#destination = { root, path };
    this.#partial = { root, path: this.#partialPath(transfer.fence) };
    this.#journal = journalPath(parts.journalFolder, transfer.id);
    this.#lanes = new LaneRunner({
      parts,
      pool: parts.mounts.pool(localPath(source, transfer.source.path), target),
      control,
      transferIds: [transfer.id],
    });
    this.#isPlain = isLocalDisk(type);
    this.#isMemory = type === 'tmpfs' || type === 'ramfs';
    this.#mountPoint = mountPoint;
  }

  async run(): Promise<MoveOutcome> {
    const { options, hooks, transfer, destination } = this.#request;
    this.#lanes.prepareFor(transfer.sizeBytes ?? 0);
    const plan = await this.#lanes.run<Plan>('mover.plan', {
      source: this.#source,
      destination: this.#destination,
      conflict: options.conflict,
      journal: this.#journal,
      mtimePrecisionMs: destination.traits.mtimePrecisionMs,
    } satisfies PlanInput);
    if (plan.alreadyThere !== null) {
      const hash: ContentHash = { algorithm: 'xxh128-8m', value: plan.alreadyThere };
      return this.#published(plan.source, this.#destination.path, hash, true);
    }
    // What was begun while the source grew is sealed like a growing one, also where nobody says any more that it grows.
    if (plan.wasGrowing) this.#growth ??= { limitBytes: plan.source.identity.sizeBytes, ended: true, readable: false };
    const ticker = setInterval(() => hooks.progress(this.#lanes.control.bytesDone), progressMs);
    const release = this.#reserve(plan);
    try {
      if (this.#growth !== null && !this.#growth.ended) return await this.#follow(plan, this.#growth);
      const { facts, opened, contentHash } = await this.#copyWhole(plan);
      await this.#verify(facts, opened);
      const algorithm = options.algorithm ?? 'xxh128-8m';
      const value = algorithm === 'xxh128-8m' ? opened.table.contentHash() : contentHash;
      if (value === null) throw new Fault('internal', `The hash of ${displayPath(this.#source.path)} is not whole.`);
      // Each file that was opened was the one of the plan; that the plan was of this medium is seen by what is there still.
      if (this.#medium !== undefined) await this.#request.source.medium?.();
      const inode = await this.#lanes.run<Inode>('mover.finish', {
        source: this.#source,
        facts,
        partial: this.#partial,
        inode: opened.inode,
        preserve: options.preserve,
      } satisfies FinishInput);
      const hash: ContentHash = { algorithm, value };
      const finalPath = await this.#publish(plan, facts, inode, hash);
      this.#parts.growing.delete(transfer.id);
      hooks.progress(facts.identity.sizeBytes);
      return this.#published(facts, finalPath, hash, false);
    } finally {
      clearInterval(ticker);
      release();
    }
  }

  #published(facts: SourceFacts, publishedPath: string, hash: ContentHash, alreadyThere: boolean): MoveOutcome {
    return {
      kind: 'published',
      publishedPath,
      sizeBytes: facts.identity.sizeBytes,
      hash,
      verify: this.#request.options.verify === 'size' && !alreadyThere ? 'size' : 'read-back',
      identity: onMedium(facts.identity, this.#medium),
      movedBytes: this.#movedBytes,
      resumedBytes: this.#resumedBytes,
      alreadyThere,
    };
  }

  #reserve(plan: Plan): () => void {
    const { identity, allocatedBytes } = plan.source;
    const { preserve, reserveBytes } = this.#request.options;
    const { control } = this.#lanes;
    const before = control.bytesDone;
    const known = this.#parts.growing
      .get(this.#request.transfer.id)
      ?.table.bytesIn(blockStates.done, identity.sizeBytes);
    const there = Math.max(plan.journaledBytes, known ?? 0);
    const needed = preserve.sparse ? allocatedBytes : identity.sizeBytes;
    return this.#parts.reservations.take({
      mountPoint: this.#mountPoint,
      freeBytes: plan.freeBytes,
      reserveBytes,
      remaining: () => Math.max(0, needed - Math.max(there, control.bytesDone - before)),
      path: this.#destination.path,
      place: this.#destination.root,
    });
  }

  /** A source that grows: whole blocks up to the limit, then the slot goes to somebody else. */
  async #follow(plan: Plan, growth: Growth): Promise<MoveOutcome> {
    const { identity } = plan.source;
    const limit = Math.min(growth.limitBytes, identity.sizeBytes);
    const endBytes = Math.max(0, limit - (limit % blockBytes));
    const opened = await this.#open(plan, endBytes);
    await this.#copy(plan.source, opened, endBytes, null);
    this.#parts.growing.set(this.#request.transfer.id, opened);
    this.#request.hooks.progress(endBytes);
    return { kind: 'caught_up', bytesDone: endBytes };
  }

  async #copyWhole(plan: Plan): Promise<{ facts: SourceFacts; opened: Opened; contentHash: string | null }> {
    const { algorithm } = this.#request.options;
    const ordered = algorithm === null || algorithm === 'xxh128-8m' ? null : algorithm;
    const { sizeBytes } = plan.source.identity;
    const opened = await this.#open(plan, sizeBytes);
    if (this.#growth !== null) return this.#seal(plan.source, opened, ordered);
    const contentHash = await this.#copy(plan.source, opened, sizeBytes, ordered);
    return { facts: plan.source, opened, contentHash };
  }

  /**
   * Growth has ended: copies the rest, reads the whole source again and copies what the writer has changed behind the copy, until
   * a whole reading finds nothing new and the source was the same before and after it. Rejects with `busy` where it never comes to that.
   */
  async #seal(
    first: SourceFacts,
    begun: Opened,
    algorithm: 'sha256' | 'blake3' | null,
  ): Promise<{ facts: SourceFacts; opened: Opened; contentHash: string | null }> {
    let facts = first;
    let opened = begun;
    for (let round = 0; round < roundsOfSealing; round++) {
      const { sizeBytes } = facts.identity;
      await this.#copy(facts, opened, sizeBytes, null);
      const checked = await this.#check(this.#source, sides.source, facts, opened.table, algorithm);
      const now = await this.#lanes.run<SourceFacts>('mover.look', { source: this.#source } satisfies LookInput);
      if (checked.different.length === 0 && sameSource(facts.identity, now.identity)) {
        return { facts, opened, contentHash: checked.contentHash };
      }
      if (!grownFrom(facts.identity, now.identity)) throw sourceChanged(this.#source);
      this.#lanes.control.addBytes(-blockBytes * checked.different.length);
      facts = now;
      opened = { ...opened, table: BlockTable.forSize(now.identity.sizeBytes, opened.table) };
    }
    const place = { path: displayPath(this.#source.path), endpoint: displayPath(this.#source.root) };
    throw new Fault('busy', `${place.path} in ${place.endpoint} is still being written to.`, { place });
  }

  async #open(plan: Plan, endBytes: number): Promise<Opened> {
    const { transfer, hooks, options } = this.#request;
    const { path } = this.#destination;
    const known = this.#parts.growing.get(transfer.id);
    const table = BlockTable.forSize(endBytes, known?.table);
    const isHeld = this.#parts.holdersAlive.delete(transfer.id);
    const aside = joinPath(parentPath(path), partialName(`old.${baseName(path)}`, transfer.id, transfer.fence));
    const opened = await this.#lanes.run<OpenedPartial>('mover.open', {
      partial: this.#partial,
      fence: transfer.fence,
      journal: this.#journal,
      identity: onMedium(plan.source.identity, this.#medium),
      growing: this.#growth !== null,
      asidePath: isHeld ? aside : null,
      known: known?.inode ?? null,
      mode: options.preserve.mode && this.#growth?.readable !== true ? 0o600 : 0o666,
      table: table.memory,
    } satisfies OpenInput);
    this.#partial = { root: this.#partial.root, path: opened.path };
    if (opened.restarted !== null) hooks.restarted(restartFault(opened.restarted, this.#source, this.#destination));
    this.#lanes.control.addBytes(table.bytesIn(blockStates.done, endBytes));
    const { device, inode } = opened;
    if (this.#growth?.readable === true && !opened.isExposed) await this.#expose(plan, { device, inode });
    return { inode: { device, inode }, table, oldPath: opened.oldPath };
  }

  /** Copies what is not there yet. Resolves with the hash of the whole content where an ordered one is asked for. */
  async #copy(
    { identity }: SourceFacts,
    opened: Opened,
    endBytes: number,
    algorithm: 'sha256' | 'blake3' | null,
  ): Promise<string | null> {
    const { options, control } = this.#request;
    const output: LaneOutput = {
      partial: this.#partial,
      inode: opened.inode,
      journal: this.#journal,
      table: opened.table.memory,
      oldPath: opened.oldPath,
      readBack: this.#isPlain && options.verify !== 'size',
      checkpoints: !this.#isMemory,
      sparse: options.preserve.sparse && this.#growth === null,
      control,
    };
    const input: LaneInput = {
      source: this.#source,
      identity,
      growing: this.#growth !== null,
      endBytes,
      outputs: [output],
      algorithm,
    };
    let contentHash: string | null = null;
    const part = await this.#shared?.join(this.#request, input, this.#mountPoint);
    if (part !== undefined) {
      this.#count(part.output);
      contentHash = part.contentHash;
    }
    this.#lanes.throwIfStopped();
    const isWhole = opened.table.bytesIn(blockStates.done, endBytes) === endBytes;
    if (!isWhole || (algorithm !== null && contentHash === null)) {
      const results = await this.#lanes.lanes(algorithm === null ? this.#lanes.lanesFor(endBytes) : 1, () =>
        this.#lanes.run<LaneResult>('mover.copy', input),
      );
      for (const { outputs } of results) this.#count(outputs[0]);
      contentHash = results[0]?.contentHash ?? null;
      this.#lanes.throwIfStopped();
    }
    if (opened.oldPath !== null) {
      await this.#lanes.run('mover.remove', { root: this.#partial.root, path: opened.oldPath } satisfies At);
      opened.oldPath = null;
    }
    return contentHash;
  }

  #count(result: LaneOutputResult | undefined): void {
    if (result === undefined) return;
    this.#movedBytes += result.movedBytes;
    this.#resumedBytes += result.resumedBytes;
    if (result.fault !== null) throw faultFrom(result.fault);
  }

  /** Where the page cache may hide what was really written: everything is read again after an fsync, through new descriptors. */
  async #verify(facts: SourceFacts, opened: Opened): Promise<void> {
    if (this.#isPlain || this.#request.options.verify === 'size') return;
    for (let round = 1; ; round++) {
      await this.#lanes.run('mover.sync', { partial: this.#partial });
      const { different } = await this.#check(this.#partial, sides.destination, facts, opened.table, null);
      const [first] = different;
      if (first === undefined) return;
      if (round === roundsOfRewriting) throw corrupt(this.#partial, first);
      this.#lanes.control.addBytes(-blockBytes * different.length);
      await this.#copy(facts, opened, facts.identity.sizeBytes, null);
    }
  }

  /** Reads a file again and compares it with what was copied; blocks that differ are to be copied again. */
  async #check(
    file: At,
    side: Side,
    { identity }: SourceFacts,
    table: BlockTable,
    algorithm: 'sha256' | 'blake3' | null,
  ): Promise<{ different: readonly number[]; contentHash: string | null }> {
    const input: CheckInput = { file, side, endBytes: identity.sizeBytes, table: table.memory, algorithm };
    const count = algorithm === null ? this.#lanes.lanesFor(identity.sizeBytes) : 1;
    const results = await this.#lanes.lanes(count, () => this.#lanes.run<CheckResult>('mover.check', input));
    this.#lanes.throwIfStopped();
    return {
      different: results.flatMap((result) => result.differentBlocks),
      contentHash: results[0]?.contentHash ?? null,
    };
  }

  /** Gives the partial its final name already while it grows, with a marker beside it. */
  async #expose(plan: Plan, inode: Inode): Promise<void> {
    const { transfer } = this.#request;
    await this.#withFinalName(plan, async (finalPath, replace) => {
      const isExposed = await this.#lanes.run<boolean>('mover.expose', {
        partial: this.#partial,
        inode,
        finalPath,
        replace,
        identity: plan.source.identity,
        fence: transfer.fence,
        journal: this.#journal,
      } satisfies ExposeInput);
      if (isExposed) this.#partial = { root: this.#partial.root, path: finalPath };
      return isExposed;
    });
  }

  async #publish(plan: Plan, { identity }: SourceFacts, inode: Inode, hash: ContentHash): Promise<string> {
    const { hooks } = this.#request;
    const { root, path } = this.#partial;
    const record = (partialPath: string, finalPath: string): Publishing => ({
      partialPath,
      finalPath,
      ...inode,
      sizeBytes: identity.sizeBytes,
      hash,
      verify: this.#request.options.verify === 'size' ? 'size' : 'read-back',
      source: onMedium(identity, this.#medium),
    });
    let finalPath = path;
    if (parsePartialName(baseName(path)) === undefined) {
      this.#lanes.throwIfStopped();
      await hooks.publishing(record(markerPath(path), path));
      await this.#lanes.run('mover.unveil', { root, path } satisfies At);
    } else {
      finalPath = await this.#withFinalName(plan, async (name, replace) => {
        this.#lanes.throwIfStopped();
        await hooks.publishing(record(path, name));
        const input: PublishInput = { partial: this.#partial, finalPath: name, replace };
        return await this.#lanes.run<boolean>('mover.publish', input);
      });
    }
    await this.#lanes.run('mover.forget', { journal: this.#journal });
    await this.#removeOlder();
    return finalPath;
  }

  #partialPath(fence: number): string {
    const { transfer } = this.#request;
    const { path } = transfer.destination;
    return joinPath(parentPath(path), partialName(baseName(path), transfer.id, fence));
  }

  /** A place that was away while an attempt began anew has kept the partial of the one before, which no journal speaks of any more. */
  async #removeOlder(): Promise<void> {
    const { fence } = this.#request.transfer;
    const first = Math.max(1, fence - olderPartials);
    const paths = Array.from({ length: fence - first }, (_, at) => this.#partialPath(first + at));
    if (paths.length === 0) return;
    const input: RemoveInput = { root: this.#destination.root, paths };
    // The file stands: what cannot be removed now is swept at the next start.
    await this.#lanes.run('mover.removePartials', input).catch(() => undefined);
  }

  /** Tries the names that the conflict rule allows until `take` has taken one. Rejects with `exists`. */
  async #withFinalName(plan: Plan, take: (finalPath: string, replace: boolean) => Promise<boolean>): Promise<string> {
    const { conflict } = this.#request.options;
    const { root, path } = this.#destination;
    for (;;) {
      const finalPath =
        conflict === 'rename'
          ? await this.#lanes.run<string>('mover.freeName', { root, path } satisfies FreeNameInput)
          : path;
      if (await take(finalPath, conflict === 'overwrite' || plan.replaces)) return finalPath;
      if (conflict !== 'rename') throw appeared({ root, path });
    }
  }
}

/** How many attempts back a forgotten partial is looked for. */
const olderPartials = 32;

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
