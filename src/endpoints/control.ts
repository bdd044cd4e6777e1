// The shared memory between a running operation and whoever asked for it.

import { Fault } from '../model/fault.ts';
import { waitBandwidth } from './bandwidth.ts';
import type { Control, Side, StopReason } from './mounts.ts';
import { sides, stopReasons } from './mounts.ts';

const stopAt = 0;
const nextAt = 1;
const beatsAt = 2;
const bytesDoneAt = 2;
const controlBytes = 24;

const limits = new WeakMap<SharedArrayBuffer, SharedArrayBuffer>();

/** New memory for one attempt. `limit` is a bandwidth (bandwidth.ts) of its own, a job's for example, beside the one for all. */
export function newControl(options: { limit?: SharedArrayBuffer } = {}): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(controlBytes);
  if (options.limit !== undefined) limits.set(memory, options.limit);
  return memory;
}

/** The bandwidth that `newControl` was given for this memory; known in the thread that made it. */
export function limitOf(memory: SharedArrayBuffer): SharedArrayBuffer | undefined {
  return limits.get(memory);
}

/** What a worker thread shows of itself: in which side it is, that it lives, and whether it has been given up. */
export interface Pulse {
  side: Side;
  readonly beats: number;
  /** How long the call that it is in may take; 0 is the mount's usual patience. */
  readonly patienceMs: number;
  abandoned: boolean;
}

const sideCell = 0;
const pulseBeatsCell = 1;
const abandonedCell = 2;
const patienceCell = 3;

export function newPulse(): SharedArrayBuffer {
  return new SharedArrayBuffer(16);
}

export function openPulse(memory: SharedArrayBuffer): Pulse {
  const cells = new Int32Array(memory);
  return {
    get side() {
      return Atomics.load(cells, sideCell) as Side;
    },
    set side(side) {
      Atomics.store(cells, sideCell, side);
    },
    get beats() {
      return Atomics.load(cells, pulseBeatsCell);
    },
    get patienceMs() {
      return Atomics.load(cells, patienceCell);
    },
    get abandoned() {
      return Atomics.load(cells, abandonedCell) === 1;
    },
    set abandoned(abandoned) {
      Atomics.store(cells, abandonedCell, abandoned ? 1 : 0);
    },
  };
}

/** Ends every wait of a throttled worker within 100 ms and every loop at its next buffer. The first reason stays. */
export function stopControl(memory: SharedArrayBuffer, reason: StopReason): void {
  Atomics.compareExchange(new Int32Array(memory), stopAt, stopReasons.run, reason);
}

/** The view of a control. In a worker thread its pulse and the limits that it is under are given too. */
export function openControl(
  memory: SharedArrayBuffer,
  worker: { pulse?: SharedArrayBuffer; limits?: readonly SharedArrayBuffer[] } = {},
): Control {
  const cells = new Int32Array(memory);
  const bytes = new BigInt64Array(memory);
  const pulse = new Int32Array(worker.pulse ?? newPulse());
  const limitsHere = worker.limits ?? [];
  const stopped = () => {
    Atomics.add(pulse, pulseBeatsCell, 1);
    Atomics.add(cells, beatsAt, 1);
    return Atomics.load(cells, stopAt) !== stopReasons.run;
  };
  return {
    memory,
    get stop() {
      return Atomics.load(cells, stopAt) as StopReason;
    },
    set stop(reason) {
      Atomics.store(cells, stopAt, reason);
    },
    get bytesDone() {
      return Number(Atomics.load(bytes, bytesDoneAt));
    },
    get beats() {
      return Atomics.load(cells, beatsAt);
    },
    addBytes(count) {
      Atomics.add(bytes, bytesDoneAt, BigInt(count));
    },
    takeNext() {
      return Atomics.add(cells, nextAt, 1);
    },
    get taken() {
      return Atomics.load(cells, nextAt);
    },
    skipTo(next) {
      Atomics.store(cells, nextAt, next);
    },
    enter(side, patienceMs = 0) {
      if (Atomics.load(pulse, abandonedCell) === 1) {
        throw new Fault('unreachable', 'The call came back after its worker had been given up.');
      }
      Atomics.store(pulse, patienceCell, patienceMs);
      Atomics.store(pulse, sideCell, side);
      Atomics.add(pulse, pulseBeatsCell, 1);
      Atomics.add(cells, beatsAt, 1);
    },
    throttle(count) {
      for (const limit of limitsHere) waitBandwidth(limit, count, stopped);
    },
  };
}

/** Throws `interrupted` where the control says stop; what loops call for each buffer when they have nothing to keep. */
export function checkStop(control: Control): void {
  if (control.stop !== stopReasons.run) {
    control.enter(sides.none);
    throw new Fault('interrupted', 'The call was stopped.');
  }
}
