// What the engine is put together from: everything that it does not decide itself.

import type { DeviceRegistry } from '../devices/registry.ts';
import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import type { Clock, NewId, Random } from '../model/clock.ts';
import type { OffloadConfig } from '../model/offload-rules.ts';
import type { Pipeline } from '../model/pipeline.ts';
import type { Store } from '../store/store.ts';
import type { SlotLimits } from './local-dispatcher.ts';
import type { Mover } from './mover/move.ts';
import type { ProcessRunner } from './processing.ts';
import type { RetryRules } from './retry.ts';
import type { JoinRoom } from './share/share-run.ts';

/** Shaped as pino's, so that one fits. Fields name `jobId` and `transferId` where there are any. */
export interface EngineLog {
  debug(fields: object, text: string): void;
  info(fields: object, text: string): void;
  warn(fields: object, text: string): void;
  error(fields: object, text: string): void;
}

/** All are optional: what is left out has the default that stands beside it. */
export interface EngineLimits {
  /** Slots: 4 in all, 2 for each device or host; `endpoints` names single ones by address or path. */
  readonly slots?: Partial<SlotLimits>;
  /** How many files are processed at once. Default is 2. */
  readonly processing?: number;
  readonly retry?: Partial<RetryRules>;
  /** No byte for this long ends an attempt as `stalled`. Default is 60. */
  readonly stallSeconds?: number;
  /** How often the ledger is looked at again. Default is 5. */
  readonly tickSeconds?: number;
  /** How often the holder of a transfer writes that it lives. Default is 30. */
  readonly heartbeatSeconds?: number;
  /** Without a heartbeat for this long a transfer is taken back. Default is 120. */
  readonly leaseSeconds?: number;
  /** After being told to stop, a call that does not come back for this long is left behind. Default is 5. */
  readonly hungSeconds?: number;
  /** How long events are kept. Default is 30. */
  readonly eventDays?: number;
  /** How long transfers that have come to rest, and their receipts, are kept; null keeps them. Default is `null`. */
  readonly historyDays?: number | null;
  /** As `Engine.setBandwidth` takes it. Default is none. */
  readonly bandwidth?: string | null;
}

/** What offloading goes by; can be changed while the engine runs. */
export interface Offloading {
  /** In the order in which they are tried. */
  readonly pipelines: readonly Pipeline[];
  /** Absolute; `transfers/downloads` and `transfers/processed` in it are the default folders. Null: there are none. */
  readonly mediaFolder: string | null;
  readonly config: OffloadConfig;
}

export interface EngineParts {
  readonly store: Store;
  /** Opens a place by its address. Rejects with `unsupported` where no adapter is there, else as the adapter says. */
  readonly openEndpoint: (address: string) => Promise<Endpoint>;
  /** Opened with the modules of the endpoints, the mover and `engineOperations`. */
  readonly mounts: Mounts;
  readonly mover: Mover;
  readonly clock: Clock;
  readonly random: Random;
  readonly newId: NewId;
  /** Name of this node in leases. */
  readonly node: string;
  /** Carries out what files go through after their arrival; left out: nothing can be processed. */
  readonly processRunner?: ProcessRunner;
  readonly offloading?: Partial<Offloading>;
  readonly limits?: EngineLimits;
  readonly log: EngineLog;
  /** Started and stopped with the engine. Absent: there are no devices. */
  readonly devices?: DeviceRegistry;
  /** Brings a member into a room. Absent: no room can be joined. */
  readonly joinRoom?: JoinRoom;
}
