// What is known of the health of one mount: its hung calls, the workers left behind in it, and the probe that finds it well again.

import type { Mount } from './mount-table.ts';
import type { MountHealth } from './mounts.ts';
import type { PoolWorker } from './pool-worker.ts';

/** Workers that a mount may tie up before it is unreachable. */
const usualLimit = 2;
/** Where probes are answered and calls hang all the same, no more than this are left behind. */
const hardLimit = 8;

export interface MountWatch {
  readonly mount: Mount;
  readonly unreachable: boolean;
  /** How many calls may be under way that have not proved yet that they get on: without end, but few once a call was given up. */
  readonly trust: number;
  health(): MountHealth;
  /** Tells when those calls went in that hang but are not given up yet. */
  setHung(sinceMs: readonly number[]): void;
  /** A worker has been given up; `since` is when its call went in. */
  leaveBehind(worker: PoolWorker, since: number): void;
  /** The thread of a worker that was given up is gone: its call came back. */
  reap(worker: PoolWorker): void;
}

export interface MountWatchOptions {
  readonly changed: (health: MountHealth) => void;
  /** Resolves when the mount has answered, with an error or without. */
  readonly probe: () => Promise<void>;
}

export function watchMount(mount: Mount, options: MountWatchOptions): MountWatch {
  const behind = new Map<PoolWorker, number>();
  let hung: readonly number[] = [];
  let limit = usualLimit;
  let probing = false;
  let lastState: MountHealth['state'] = 'well';

  const isUnreachable = () => behind.size >= limit;
  const health = (): MountHealth => {
    const sinces = [...hung, ...behind.values()];
    return {
      mountPoint: mount.mountPoint,
      state: isUnreachable() ? 'unreachable' : sinces.length > 0 ? 'slow' : 'well',
      hungForMs: sinces.length > 0 ? performance.now() - Math.min(...sinces) : 0,
      abandonedWorkers: behind.size,
    };
  };
  const announce = () => {
    const now = health();
    if (now.state === lastState) return;
    lastState = now.state;
    options.changed(now);
  };
  const probe = async () => {
    if (probing || !isUnreachable() || behind.size >= hardLimit) return;
    probing = true;
    await options.probe();
    probing = false;
    if (isUnreachable()) limit = behind.size + 1;
    announce();
  };

  return {
    mount,
    get unreachable() {
      return isUnreachable();
    },
    health,
    get trust() {
      return behind.size === 0 ? Number.POSITIVE_INFINITY : limit - behind.size;
    },
    setHung(sinceMs) {
      hung = sinceMs;
      announce();
    },
    leaveBehind(worker, since) {
      behind.set(worker, since);
      announce();
      void probe();
    },
    reap(worker) {
      if (!behind.delete(worker)) return;
      if (behind.size < usualLimit) limit = usualLimit;
      announce();
    },
  };
}
