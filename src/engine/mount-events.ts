// Makes facts of it when a mount stops answering and when it is back.

import type { MountHealth, Mounts } from '../endpoints/mounts.ts';
import type { Clock } from '../model/clock.ts';
import { asFault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Change } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';

export interface MountEvents {
  start(): void;
  stop(): void;
}

export function createMountEvents(parts: {
  readonly mounts: Mounts;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
  /** A mount answers again. */
  readonly recovered: () => void;
  /** It has stopped answering, or answers again. */
  readonly changed: () => void;
}): MountEvents {
  const { mounts, clock, log } = parts;
  const away = new Set<string>();
  let stop: (() => void) | undefined;

  const tell = (name: 'observation.mount.unreachable' | 'observation.mount.recovered', health: MountHealth) => {
    const data = { mountPoint: displayPath(health.mountPoint), hungForMs: health.hungForMs };
    parts.write([{ kind: 'append_event', event: { name, at: clock.now(), data } }]).catch((error) => {
      log.error({ fault: asFault(error).report() }, 'The ledger could not be written');
    });
  };

  return {
    start: () => {
      stop = mounts.onHealth((health) => {
        if (health.state === 'unreachable' && !away.has(health.mountPoint)) {
          away.add(health.mountPoint);
          parts.changed();
          log.warn({ mount: displayPath(health.mountPoint) }, 'A mount does not answer');
          tell('observation.mount.unreachable', health);
        } else if (health.state === 'well') {
          if (away.delete(health.mountPoint)) {
            parts.changed();
            log.info({ mount: displayPath(health.mountPoint) }, 'A mount answers again');
            tell('observation.mount.recovered', health);
          }
          parts.recovered();
        }
      });
    },
    stop: () => stop?.(),
  };
}
