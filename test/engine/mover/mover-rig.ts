// A mover over two temporary folders, with the hooks of a ledger that only remembers.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newControl, stopControl } from '../../../src/endpoints/control.ts';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { localOperations, openLocal } from '../../../src/endpoints/local.ts';
import { openMounts } from '../../../src/endpoints/mount-pool.ts';
import type { Mounts, StopReason } from '../../../src/endpoints/mounts.ts';
import { createMover, laneOperations } from '../../../src/engine/mover/create-mover.ts';
import type { MoveHooks, MoveOptions, MoveOutcome, MoveRequest, Mover } from '../../../src/engine/mover/move.ts';
import { idSource, systemClock, systemRandom } from '../../../src/model/clock.ts';
import type { Fault } from '../../../src/model/fault.ts';
import type { Publishing, Transfer } from '../../../src/model/transfer.ts';
import { literalTransfer } from '../../support/literal-transfer.ts';

export interface RigRequest extends MoveRequest {
  readonly published: Publishing[];
  readonly restarts: Fault[];
  readonly progress: number[];
  stop(reason: StopReason): void;
}

export interface Rig {
  readonly folder: string;
  readonly from: string;
  readonly to: string;
  readonly journals: string;
  readonly mounts: Mounts;
  readonly mover: Mover;
  readonly source: Endpoint;
  readonly destination: Endpoint;
  request(path: string, change?: RequestChange): RigRequest;
  close(): Promise<void>;
}

export interface RequestChange {
  readonly options?: Partial<Omit<MoveOptions, 'preserve'>> & { preserve?: Partial<MoveOptions['preserve']> };
  readonly transfer?: Partial<Transfer>;
  readonly destinationPath?: string;
  readonly hooks?: Partial<MoveHooks>;
  readonly source?: Endpoint;
  readonly destination?: Endpoint;
}

export const newId = idSource(systemClock, systemRandom);

export const plainOptions: MoveOptions = {
  conflict: 'overwrite',
  verify: 'read-back',
  algorithm: null,
  preserve: { mtime: true, mode: true, owner: false, xattrs: false, sparse: false },
  reserveBytes: 0,
};

const openPools = (options: { hangMs?: number } = {}): Mounts =>
  openMounts({ modules: [localOperations, laneOperations], ...options });

let shared: Mounts | undefined;

/** The same for all tests of a file: starting worker threads takes longer than most of them. The threads keep no process alive. */
function sharedMounts(): Mounts {
  shared ??= openPools();
  return shared;
}

export async function openRig(
  places: { folder?: string; from?: string; to?: string; hangMs?: number } = {},
): Promise<Rig> {
  const folder = places.folder ?? mkdtempSync(join(tmpdir(), 'wherry-mover-'));
  const from = places.from ?? join(folder, 'from');
  const to = places.to ?? join(folder, 'to');
  const journals = join(folder, 'journals');
  for (const each of [from, to, journals]) mkdirSync(each, { recursive: true });
  const mounts = places.hangMs === undefined ? sharedMounts() : openPools({ hangMs: places.hangMs });
  const mover = createMover({ mounts, journalFolder: journals });
  const source = await openLocal(from, { mounts });
  const destination = await openLocal(to, { mounts });
  return {
    folder,
    from,
    to,
    journals,
    mounts,
    mover,
    source,
    destination,
    request: (path, change) => request({ source, destination, from, to }, path, change),
    async close() {
      if (mounts === shared) mounts.limitBandwidth(null);
      else await mounts.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function request(
  rig: Pick<Rig, 'source' | 'destination' | 'from' | 'to'>,
  path: string,
  change: RequestChange = {},
): RigRequest {
  const published: Publishing[] = [];
  const restarts: Fault[] = [];
  const progress: number[] = [];
  const control = newControl();
  const { preserve, ...options } = change.options ?? {};
  const size = statSync(join(rig.from, path), { throwIfNoEntry: false })?.size ?? null;
  return {
    transfer: {
      ...literalTransfer({ id: newId() }),
      source: { endpoint: rig.from, path },
      destination: { endpoint: rig.to, path: change.destinationPath ?? path },
      state: 'transferring',
      sizeBytes: size,
      fence: 1,
      publishing: null,
      ...change.transfer,
    },
    source: change.source ?? rig.source,
    destination: change.destination ?? rig.destination,
    options: { ...plainOptions, ...options, preserve: { ...plainOptions.preserve, ...preserve } },
    control,
    hooks: {
      async publishing(record) {
        published.push(record);
      },
      progress: (bytes) => void progress.push(bytes),
      restarted: (reason) => void restarts.push(reason),
      ...change.hooks,
    },
    published,
    restarts,
    progress,
    stop: (reason) => stopControl(control, reason),
  };
}

export function published(outcome: MoveOutcome): Extract<MoveOutcome, { kind: 'published' }> {
  if (outcome.kind !== 'published') throw new Error(`the move ended as ${JSON.stringify(outcome)}`);
  return outcome;
}

export function namesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true }).map(String).sort();
}

export function sameFiles(left: string, right: string): boolean {
  return readFileSync(left).equals(readFileSync(right));
}
