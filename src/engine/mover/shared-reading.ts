// One reading of a source for several destinations: those that are ready together are fed by the same lanes.

import { limitOf, newControl } from '../../endpoints/control.ts';
import type { LaneInput, LaneResult } from './block-lane.ts';
import { LaneRunner } from './lane-runner.ts';
import type { LaneOutputResult } from './lane-writer.ts';
import type { MoveRequest } from './move.ts';
import { localPath, type MoverParts } from './mover-parts.ts';
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
    else for (const member of alike) member.done.resolve(nothing);
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
