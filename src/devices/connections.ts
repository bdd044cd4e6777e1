// One connection for each device, shared by all who use it, opened again when it broke, and never waited for longer than its time.

import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import { bounded, type Patience } from './bounded.ts';
import type { Battery, DeviceAdapter, DeviceConnection, DeviceInfo } from './device.ts';
import type { DeviceLink, HeldConnection } from './device-endpoint.ts';
import { deviceFault } from './device-fault.ts';

export interface ConnectionsParts {
  readonly clock: Clock;
  readonly patience: Patience;
  /** Rejects with `device` while it is away, `not_found` where nobody knows it. */
  readonly find: (id: string) => { readonly info: DeviceInfo; readonly adapter: DeviceAdapter };
  /** Looks whether it is there now; resolves with why not. */
  readonly confirm: (id: string) => Promise<Fault | undefined>;
  /** Opening it failed, or went well again. */
  readonly told: (id: string, fault: Fault | undefined) => void;
}

export interface Connections {
  link(id: string, name: string): DeviceLink;
  current(id: string): DeviceConnection | undefined;
  /** The device is away, or somewhere else: its connection is closed under whoever uses it. */
  drop(id: string, why: Fault): void;
  /** Rejects where an open connection's device is not there any more. */
  check(id: string, signal: AbortSignal): Promise<void>;
  /** True where the battery can be asked for and has not been for `ms`. */
  isDue(id: string, ms: number): boolean;
  battery(id: string): Promise<Battery | undefined>;
  close(): Promise<void>;
}

interface Shared {
  readonly opening: Promise<DeviceConnection>;
  connection: DeviceConnection | undefined;
  users: number;
  /** No longer given to anybody; closed when the last user lets go. */
  isOld: boolean;
  isClosed: boolean;
  batteryAt: number;
  readonly gone: AbortController;
}

/** Faults after which the next call had better have a new connection. */
const broken = new Set(['device', 'network', 'unreachable', 'timeout', 'io']);

export function createConnections(parts: ConnectionsParts): Connections {
  const { clock, patience } = parts;
  const shared = new Map<string, Shared>();
  const ending = new Set<Promise<void>>();

  const closeNow = (one: Shared) => {
    if (one.isClosed || one.connection === undefined) return;
    one.isClosed = true;
    const { connection } = one;
    const closing = bounded({ clock, ms: patience.callMs, what: 'to close a device' }, () => connection.close()).catch(
      () => undefined,
    );
    ending.add(closing);
    void closing.finally(() => ending.delete(closing));
  };
  const retire = (id: string, one: Shared) => {
    if (shared.get(id) === one) shared.delete(id);
    one.isOld = true;
    if (one.users === 0) closeNow(one);
  };

  const open = (id: string): Shared => {
    const known = shared.get(id);
    if (known !== undefined) return known;
    const { info, adapter } = parts.find(id);
    const gone = new AbortController();
    let connecting: Promise<DeviceConnection> | undefined;
    const bound = { clock, ms: patience.connectMs, what: `to connect to ${info.name}`, signal: gone.signal };
    const opening = bounded(bound, (signal) => {
      connecting = adapter.connect(info, { signal });
      return connecting;
    });
    const one: Shared = {
      opening,
      connection: undefined,
      users: 0,
      isOld: false,
      isClosed: false,
      batteryAt: Number.NEGATIVE_INFINITY,
      gone,
    };
    shared.set(id, one);
    opening.then(
      (connection) => {
        one.connection = connection;
        parts.told(id, undefined);
        if (one.isOld && one.users === 0) closeNow(one);
      },
      (error: unknown) => {
        retire(id, one);
        if (!gone.signal.aborted) parts.told(id, deviceFault(error, info.name));
        // What is opened too late is nobody's.
        connecting?.then((late) => late.close()).catch(() => undefined);
      },
    );
    return one;
  };

  const hold = async (id: string, signal: AbortSignal | undefined): Promise<HeldConnection> => {
    const one = open(id);
    one.users += 1;
    let isReleased = false;
    const release = () => {
      if (isReleased) return;
      isReleased = true;
      one.users -= 1;
      if (one.isOld && one.users === 0) closeNow(one);
    };
    try {
      const connection = await untilAborted(one.opening, signal);
      return { connection, release, gone: one.gone.signal };
    } catch (error) {
      release();
      throw error;
    }
  };

  return {
    link(id, name) {
      const failed = async (held: HeldConnection | undefined, error: unknown): Promise<Fault> => {
        const fault = deviceFault(error, name);
        if (!broken.has(fault.code)) return fault;
        const one = shared.get(id);
        if (one !== undefined && (held === undefined || one.connection === held.connection)) retire(id, one);
        const away = await parts.confirm(id).catch((why: unknown) => deviceFault(why, name));
        if (away !== undefined) return new Fault('device', `${fault.message} ${away.message}`, { cause: fault });
        // It is there: whoever tries again need not wait until it comes.
        return fault.code === 'device' ? new Fault('network', fault.message, { cause: fault }) : fault;
      };
      return {
        id,
        name,
        clock,
        patience,
        hold: async ({ signal }) => {
          try {
            return await hold(id, signal);
          } catch (error) {
            signal?.throwIfAborted();
            if (error instanceof Fault && (error.code === 'not_found' || isAway(id))) throw error;
            throw await failed(undefined, error);
          }
        },
        failed,
      };
    },
    current: (id) => shared.get(id)?.connection,
    drop(id, why) {
      const one = shared.get(id);
      if (one === undefined) return;
      shared.delete(id);
      one.isOld = true;
      one.gone.abort(why);
      closeNow(one);
    },
    async check(id, signal) {
      const connection = shared.get(id)?.connection;
      if (connection !== undefined) return connection.check?.({ signal });
      const { info, adapter } = parts.find(id);
      await (await adapter.connect(info, { signal })).close();
    },
    isDue(id, ms) {
      const one = shared.get(id);
      return one?.connection?.battery !== undefined && clock.monotonic() - one.batteryAt >= ms;
    },
    async battery(id) {
      const one = shared.get(id);
      if (one?.connection === undefined) return undefined;
      one.batteryAt = clock.monotonic();
      const { connection } = one;
      const bound = { clock, ms: patience.callMs, what: 'to ask for the battery', signal: one.gone.signal };
      return await bounded(bound, async (signal) => connection.battery?.({ signal })).catch(() => undefined);
    },
    async close() {
      for (const [id, one] of [...shared]) {
        retire(id, one);
        one.gone.abort(new Fault('interrupted', 'Wherry is shutting down.'));
        closeNow(one);
      }
      await Promise.all(ending);
    },
  };

  function isAway(id: string): boolean {
    try {
      parts.find(id);
      return false;
    } catch {
      return true;
    }
  }
}

function untilAborted<Result>(promise: Promise<Result>, signal: AbortSignal | undefined): Promise<Result> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}
