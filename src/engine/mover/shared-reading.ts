// One reading of a source for several destinations: those that are ready together are fed by the same lanes.

import { limitOf, newControl } from '../../endpoints/control.ts';
import { Fault } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import type { LaneInput, LaneResult } from './block-lane.ts';
import { BlockTable, blockStates } from './block-table.ts';
import { LaneRunner } from './lane-runner.ts';
import type { LaneOutputResult } from './lane-writer.ts';
import type { MoveRequest } from './move.ts';
import { localPath, type MoverParts } from './mover-parts.ts';
import { ReadingRing, type RingSetup, writerStates } from './reading-ring.ts';
import type { RingReadInput, RingWriteInput } from './ring-lanes.ts';
import { sameSource } from './source-identity.ts';

/** What one destination got out of a shared reading. What is missing it copies by a reading of its own. */
export interface SharedPart {
  readonly output: LaneOutputResult | undefined;
  readonly contentHash: string | null;
}

interface Member {
  readonly request: MoveRequest;
  readonly input: LaneInput;
  readonly mountPoint: string;
  readonly done: PromiseWithResolvers<SharedPart>;
}

const nothing: SharedPart = { output: undefined, contentHash: null };

/**
 * Made for a number of destinations; begins when each of them has joined or left. Every destination joins at most once; whoever
 * comes again gets nothing and reads by itself.
 */
export class SharedReading {
  readonly #parts: MoverParts;
  readonly #expected = new Set<MoveRequest>();
  readonly #members: Member[] = [];

  constructor(parts: MoverParts, requests: readonly MoveRequest[]) {
    this.#parts = parts;
    for (const request of requests) this.#expected.add(request);
  }

  /** Resolves when the shared reading is over for this destination; rejects with what is wrong with the source. */
  join(request: MoveRequest, input: LaneInput, mountPoint: string): Promise<SharedPart> {
    if (!this.#expected.delete(request)) return Promise.resolve(nothing);
    const done = Promise.withResolvers<SharedPart>();
    this.#members.push({ request, input, mountPoint, done });
    this.#begin();
    return done.promise;
  }

  /** The destination needs no reading, or has failed before it came to it. */
  leave(request: MoveRequest): void {
    if (this.#expected.delete(request)) this.#begin();
  }

  #begin(): void {
    if (this.#expected.size > 0) return;
    const [first] = this.#members;
    if (first === undefined) return;
    const alike = this.#members.filter((member) => isAlike(member.input, first.input));
    for (const member of this.#members) if (!alike.includes(member)) member.done.resolve(nothing);
    const groups = Map.groupBy(alike, (member) => member.mountPoint);
    if (alike.length === 1) first.done.resolve(nothing);
    else if (groups.size === 1) void this.#readTogether(alike);
    else void this.#readThroughRing([...groups.values()]);
  }

  /** All destinations are on one mount: each lane writes what it reads to all of them. */
  async #readTogether(members: readonly Member[]): Promise<void> {
    const [first] = members;
    if (first === undefined) return;
    const { request, input } = first;
    const limit = limitOf(request.control);
    const control = newControl(limit === undefined ? {} : { limit });
    const { source, destination, transfer } = request;
    const runner = new LaneRunner({
      parts: this.#parts,
      pool: this.#parts.mounts.pool(
        localPath(source, transfer.source.path),
        localPath(destination, transfer.destination.path),
      ),
      control,
      transferIds: members.map((member) => member.request.transfer.id),
    });
    const outputs = members.flatMap((member) => member.input.outputs);
    try {
      const results = await runner.lanes(input.algorithm === null ? runner.lanesFor(input.endBytes) : 1, () =>
        runner.run<LaneResult>('mover.copy', { ...input, outputs }),
      );
      for (const [at, member] of members.entries()) {
        member.done.resolve({
          output: sumOf(results.map((result) => result.outputs[at])),
          contentHash: results[0]?.contentHash ?? null,
        });
      }
    } catch (error) {
      for (const member of members) member.done.reject(error);
    }
  }

  /** Destinations on several mounts: a worker reads, and one for each mount writes, so that none waits for a slow one. */
  async #readThroughRing(groups: readonly (readonly Member[])[]): Promise<void> {
    const first = groups[0]?.[0];
    if (first === undefined) return;
    const { input, request } = first;
    const members = groups.flat();
    const needed = neededBlocks(members.map((member) => new BlockTable(memberTable(member))));
    if (needed.length === 0) {
      for (const member of members) member.done.resolve(nothing);
      return;
    }
    const setup: RingSetup = {
      memory: ReadingRing.memoryFor(groups.length, needed.length),
      writers: groups.length,
      blocks: needed,
      endBytes: input.endBytes,
    };
    const ring = new ReadingRing(setup);
    const isWhole = needed.length === Math.ceil(input.endBytes / blockBytes);
    const limit = limitOf(request.control);
    const reader = this.#runner(newControl(limit === undefined ? {} : { limit }), [request], null);
    const reading = reader
      .run<string | null>('mover.ringRead', {
        ring: setup,
        source: input.source,
        identity: input.identity,
        growing: input.growing,
        algorithm: isWhole ? input.algorithm : null,
      } satisfies RingReadInput)
      .finally(() => ring.end());
    reading.catch(() => undefined);
    this.#parts.lanes.running += 1 + groups.length;
    await Promise.all(
      groups.map(async (group, writer) => {
        const requests = group.map((member) => member.request);
        const runner = this.#runner(newControl(), requests, requests[0] ?? request);
        try {
          const results = await runner.run<LaneOutputResult[]>('mover.ringWrite', {
            ring: setup,
            writer,
            outputs: group.flatMap((member) => member.input.outputs),
          } satisfies RingWriteInput);
          // A destination that was left behind does not wait for the reader, but a fault of the source is everybody's.
          const contentHash = ring.state(writer) === writerStates.left ? null : await reading;
          for (const [at, member] of group.entries()) member.done.resolve({ output: results[at], contentHash });
        } catch (error) {
          for (const member of group) member.done.reject(error);
        } finally {
          ring.setState(writer, writerStates.gone);
        }
      }),
    );
    await reading.catch(() => undefined);
    this.#parts.lanes.running -= 1 + groups.length;
  }

  /** For calls at the source, or at the destination of one request. */
  #runner(control: SharedArrayBuffer, requests: readonly MoveRequest[], at: MoveRequest | null): LaneRunner {
    const [request] = requests;
    const { source, transfer } = request as MoveRequest;
    const path =
      at === null ? localPath(source, transfer.source.path) : localPath(at.destination, at.transfer.destination.path);
    return new LaneRunner({
      parts: this.#parts,
      pool: this.#parts.mounts.pool(path),
      control,
      // A reader writes nothing, whatever becomes of it.
      transferIds: at === null ? [] : requests.map((each) => each.transfer.id),
    });
  }
}

function memberTable({ input }: Member): SharedArrayBuffer {
  const [output] = input.outputs;
  if (output === undefined) throw new Fault('internal', 'A shared reading was joined without an output.');
  return output.table;
}

/** Blocks that at least one of them has still to get, in order. */
function neededBlocks(tables: readonly BlockTable[]): Int32Array {
  const needed: number[] = [];
  for (let block = 0; block < (tables[0]?.count ?? 0); block++) {
    if (tables.some((table) => table.state(block) === blockStates.none)) needed.push(block);
  }
  return Int32Array.from(needed);
}

function isAlike(one: LaneInput, other: LaneInput): boolean {
  return (
    sameSource(one.identity, other.identity) &&
    one.endBytes === other.endBytes &&
    one.algorithm === other.algorithm &&
    one.growing === other.growing &&
    one.source.root === other.source.root &&
    one.source.path === other.source.path
  );
}

function sumOf(results: readonly (LaneOutputResult | undefined)[]): LaneOutputResult | undefined {
  return results.reduce((sum, result) => {
    if (sum === undefined || result === undefined) return sum ?? result;
    return {
      movedBytes: sum.movedBytes + result.movedBytes,
      resumedBytes: sum.resumedBytes + result.resumedBytes,
      stopped: sum.stopped === 0 ? result.stopped : sum.stopped,
      fault: sum.fault ?? result.fault,
    };
  });
}
