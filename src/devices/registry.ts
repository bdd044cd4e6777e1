// Which devices there are: looks for them again and again, tells who comes and goes, and opens what is there by its id.

import type { Call, Endpoint } from '../endpoints/endpoint.ts';
import type { Clock } from '../model/clock.ts';
import { asFault, Fault, type FaultReport } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { bounded, defaultPatience, type Patience } from './bounded.ts';
import { type Connections, createConnections } from './connections.ts';
import type { Battery, DeviceAdapter, DeviceInfo } from './device.ts';
import { deviceEndpoint, listDevice } from './device-endpoint.ts';
import { deviceFault } from './device-fault.ts';
import type { ListedFile } from './remote-file.ts';

/** A device that has been there since the start, or is known from the configuration. */
export interface DeviceState {
  readonly info: DeviceInfo;
  readonly connected: boolean;
  /** Since when it is as it is: milliseconds since 1970. */
  readonly since: number;
  /** Why it cannot be looked at or opened at present. */
  readonly fault: FaultReport | null;
  readonly battery?: Battery;
}

/** Adapters that cannot look for devices at present, and why. */
export interface AdapterTrouble {
  readonly kind: string;
  readonly fault: FaultReport;
}

export interface DeviceRegistry {
  start(): void;
  close(): Promise<void>;
  /** In order of their ids. */
  readonly devices: readonly DeviceState[];
  readonly troubles: readonly AdapterTrouble[];
  readonly adapters: readonly DeviceAdapter[];
  /** Told of each change; returns how to stop listening. */
  onChange(listener: (state: DeviceState) => void): () => void;
  /** Somebody outside says so: it is looked at once. What does not name a known device makes all adapters look. */
  told(id: string, connected: boolean): void;
  /** Looks with all adapters now; resolves when those that answer in time have. */
  look(): Promise<void>;
  /**
   * The device as a read-only place, below `root`; it stays usable when the device goes and comes back. Rejects with `device` while it is
   * away, `not_found` where nobody knows it, or as its adapter does.
   */
  open(id: string, call?: Call, root?: string): Promise<Endpoint>;
  /** What it lists, with media types and companions, and the files that are refused. Rejects as `open` and `Endpoint.list` do. */
  files(id: string, call?: Call): AsyncIterable<ListedFile>;
  adapterOf(kind: string): DeviceAdapter | undefined;
}

export interface RegistryParts {
  readonly adapters: readonly DeviceAdapter[];
  readonly clock: Clock;
  readonly log: { warn(fields: object, text: string): void; info(fields: object, text: string): void };
  /** Default is 5. */
  readonly pollSeconds?: number;
  /** Devices of adapters that cannot look for them. */
  readonly known?: readonly DeviceInfo[];
  /** Names for people, by id; they go before what the adapter says. */
  readonly names?: Readonly<Record<string, string>>;
  readonly patience?: Partial<Patience>;
}

/** Calls of an adapter that were left behind and have not come back; one more and it is not asked until one does. */
const mostLeftBehind = 2;
const batteryMs = 60_000;
const idPattern = /^[A-Za-z0-9._-]{1,128}$/;

export function createDeviceRegistry(parts: RegistryParts): DeviceRegistry {
  const { adapters, clock, log, known = [], names = {} } = parts;
  const patience = { ...defaultPatience, ...parts.patience };
  const states = new Map<string, DeviceState>();
  const listeners = new Set<(state: DeviceState) => void>();
  const troubles = new Map<string, FaultReport>();
  const looking = new Map<string, Promise<void>>();
  const leftBehind = new Map<string, number>();
  const closing = new AbortController();
  let polling: Promise<void> | undefined;

  const adapterOf = (kind: string) => adapters.find((one) => one.kind === kind);
  const awayFault = ({ info }: DeviceState) =>
    new Fault('device', `${displayPath(info.name)} is away; connect it again.`, {
      place: { endpoint: `device://${info.id}/` },
    });
  const stateOf = (id: string): DeviceState => {
    const state = states.get(id);
    if (state !== undefined) return state;
    throw new Fault(
      'not_found',
      `No device ${displayPath(id)} has been seen. \`wherry devices\` lists those that have.`,
    );
  };

  const put = (state: DeviceState) => {
    states.set(state.info.id, state);
    for (const listener of listeners) {
      try {
        listener(state);
      } catch (error) {
        log.warn({ fault: asFault(error).report() }, 'Somebody who was told of a device failed');
      }
    }
  };

  const connections: Connections = createConnections({
    clock,
    patience,
    find: (id) => {
      const state = stateOf(id);
      const adapter = adapterOf(state.info.kind);
      if (!state.connected || adapter === undefined) throw awayFault(state);
      return { info: state.info, adapter };
    },
    confirm: async (id) => {
      const { kind } = stateOf(id).info;
      const adapter = adapterOf(kind);
      if (adapter !== undefined) await lookWith(adapter, true);
      const state = stateOf(id);
      return state.connected ? undefined : awayFault(state);
    },
    told: (id, fault) => {
      const state = states.get(id);
      if (state !== undefined && state.fault?.code !== fault?.code) put({ ...state, fault: fault?.report() ?? null });
    },
  });

  const named = (info: DeviceInfo): DeviceInfo => {
    const name = names[info.id];
    return name === undefined ? info : { ...info, name };
  };

  const arrived = (given: DeviceInfo, kind: string) => {
    if (!idPattern.test(given.id) || given.kind !== kind) {
      log.warn({ kind, id: displayPath(String(given.id)) }, 'An adapter told of a device without a proper id');
      return;
    }
    const info = named(given);
    const before = states.get(info.id);
    if (before !== undefined && before.info.kind !== kind) {
      log.warn({ kind, id: info.id, other: before.info.kind }, 'Two adapters have a device of the same id');
      return;
    }
    if (before?.connected === true && sameInfo(before.info, info)) return;
    if (before?.connected === true) connections.drop(info.id, awayFault(before));
    const since = before?.connected === true ? before.since : clock.now();
    put({ info, connected: true, since, fault: null });
    if (before?.connected !== true)
      log.info({ device: info.id, kind, name: displayPath(info.name) }, 'A device is here');
  };

  const left = (state: DeviceState) => {
    const { info } = state;
    connections.drop(info.id, awayFault(state));
    put({ info, connected: false, since: clock.now(), fault: null });
    log.info({ device: info.id, kind: info.kind, name: displayPath(info.name) }, 'A device has gone');
  };

  /** Devices whose adapter cannot look for them are there where they can be connected to. */
  async function* tryKnown(adapter: DeviceAdapter, signal: AbortSignal): AsyncGenerator<DeviceInfo> {
    for (const info of known.filter((one) => one.kind === adapter.kind)) {
      try {
        const state = states.get(info.id);
        if (state?.connected === true) await connections.check(info.id, signal);
        else await (await adapter.connect(info, { signal })).close();
        yield info;
      } catch (error) {
        if (deviceFault(error, info.name).code !== 'device' && !signal.aborted) throw error;
      }
    }
  }

  const discover = async (adapter: DeviceAdapter): Promise<void> => {
    const { kind } = adapter;
    const found = new Set<string>();
    const what = `to look for devices of the kind ${kind}`;
    const bound = { clock, ms: patience.discoverMs, what, signal: closing.signal };
    let late: Promise<unknown> | undefined;
    try {
      await bounded(bound, (signal) => {
        const run = async () => {
          const items = adapter.discover?.({ signal }) ?? tryKnown(adapter, signal);
          for await (const info of items) {
            if (signal.aborted) return;
            found.add(info.id);
            arrived(info, kind);
          }
        };
        late = run();
        return late as Promise<void>;
      });
      troubles.delete(kind);
    } catch (error) {
      if (closing.signal.aborted) return;
      const fault = deviceFault(error, `The adapter ${kind}`);
      if (troubles.get(kind)?.message !== fault.message) log.warn({ kind, fault: fault.report() }, fault.message);
      troubles.set(kind, fault.report());
      if (fault.code === 'timeout' && late !== undefined) {
        leftBehind.set(kind, (leftBehind.get(kind) ?? 0) + 1);
        const back = () => leftBehind.set(kind, (leftBehind.get(kind) ?? 1) - 1);
        late.then(back, back);
      }
      // Who was not named may be there all the same.
      return;
    }
    for (const state of [...states.values()]) {
      if (state.info.kind === kind && state.connected && !found.has(state.info.id)) left(state);
    }
  };

  /** `anew`: a look that began before the question does not answer it. */
  const lookWith = async (adapter: DeviceAdapter, anew: boolean): Promise<void> => {
    const { kind } = adapter;
    const under = looking.get(kind);
    if (under !== undefined && !anew) return under;
    if (under !== undefined) {
      await under;
      const next = looking.get(kind);
      if (next !== undefined) return next;
    }
    if (closing.signal.aborted || (leftBehind.get(kind) ?? 0) >= mostLeftBehind) return;
    const look = discover(adapter).finally(() => {
      if (looking.get(kind) === look) looking.delete(kind);
    });
    looking.set(kind, look);
    return look;
  };

  const look = async (): Promise<void> => {
    await Promise.all(adapters.map((adapter) => lookWith(adapter, false)));
  };

  const batteries = async () => {
    for (const state of states.values()) {
      if (!state.connected || !connections.isDue(state.info.id, batteryMs)) continue;
      const battery = await connections.battery(state.info.id);
      const now = states.get(state.info.id);
      if (battery === undefined || now?.connected !== true) continue;
      if (now.battery?.percent !== battery.percent || now.battery.charging !== battery.charging)
        put({ ...now, battery });
    }
  };

  /** Each adapter has a rhythm of its own, so that one that hangs delays no other. */
  const poll = async (adapter: DeviceAdapter) => {
    for (;;) {
      await lookWith(adapter, false);
      await clock.sleep((parts.pollSeconds ?? 5) * 1000, closing.signal);
    }
  };
  const pollBatteries = async () => {
    for (;;) {
      await clock.sleep((parts.pollSeconds ?? 5) * 1000, closing.signal);
      await batteries();
    }
  };

  const linkOf = (id: string) => connections.link(id, displayPath(stateOf(id).info.name));

  return {
    start() {
      for (const info of known) {
        if (!states.has(info.id))
          states.set(info.id, { info: named(info), connected: false, since: clock.now(), fault: null });
      }
      polling ??= Promise.allSettled([...adapters.map(poll), pollBatteries()]).then(() => undefined);
    },
    async close() {
      closing.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      await polling;
      await connections.close();
    },
    get devices() {
      return [...states.values()].sort((one, other) => (one.info.id < other.info.id ? -1 : 1));
    },
    get troubles() {
      return [...troubles].map(([kind, fault]) => ({ kind, fault }));
    },
    adapters,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    told(id) {
      const state = states.get(id);
      const adapter = state === undefined ? undefined : adapterOf(state.info.kind);
      void (adapter === undefined ? look() : lookWith(adapter, true));
    },
    look,
    async open(id, call = {}, root = '') {
      const link = linkOf(id);
      const held = await link.hold(call);
      held.release();
      return deviceEndpoint(link, root, () => connections.current(id));
    },
    files(id, call = {}) {
      return listDevice(linkOf(id), call);
    },
    adapterOf,
  };
}

function sameInfo(one: DeviceInfo, other: DeviceInfo): boolean {
  return (
    one.address === other.address &&
    one.name === other.name &&
    one.model === other.model &&
    one.serial === other.serial &&
    one.kind === other.kind
  );
}
