// Everything about devices that is not of one batch: who comes and goes, rules, triggers from outside, and what is to be deleted there.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { OffloadConfig } from '../../model/offload-rules.ts';
import type { OffloadRequest } from '../../model/specs.ts';
import type { EngineParts } from '../engine-parts.ts';
import type { Ledger } from '../ledger.ts';
import { createDeletions } from './deletions.ts';
import { type Devices, deviceAddress, deviceIdOf, findDevice, type PresentDevice } from './devices.ts';
import { createRules } from './rules.ts';

export interface Offloads {
  /** Listens to devices from now on, and looks at those that are there. */
  start(): void;
  stop(): void;
  /** Something happened outside. Rejects with `unsupported` for a name that is no trigger, `invalid` for data that makes no sense. */
  observe(name: string, data: Readonly<Record<string, unknown>>): Promise<void>;
  isAway(endpoint: string): boolean;
  /** With the scheduler's tick. */
  look(): void;
}

export const connectionStatus = 'observation.device.connection_status.update';
const tickMs = 5_000;

export function createOffloads(
  parts: Pick<EngineParts, 'store' | 'clock' | 'log'> & {
    readonly ledger: Ledger;
    readonly devices: Devices;
    readonly config: () => OffloadConfig;
    readonly open: (address: string) => Promise<Endpoint>;
    readonly submit: (request: OffloadRequest) => Promise<unknown>;
    /** Transfers that wait for this device go on. */
    readonly back: (address: string) => void;
  },
): Offloads {
  const { devices, ledger, clock, log, config } = parts;
  const ending = new AbortController();
  const connected = new Map<string, boolean>();
  const stops: (() => void)[] = [];
  const write = (changes: Parameters<Ledger['write']>[0]) => ledger.write(changes);
  const now = () => clock.now();
  const deletions = createDeletions({ ...parts, reader: parts.store, write, now });
  const rules = createRules({ ...parts, rules: () => config().rules, reader: parts.store, write, now });
  let lookedAt = Number.NEGATIVE_INFINITY;
  const isThere = (id: string) => findDevice(devices, id)?.connected === true;

  const changed = ({ info, connected: isConnected }: PresentDevice) => {
    const was = connected.get(info.id);
    connected.set(info.id, isConnected);
    if (was === isConnected || (was === undefined && !isConnected)) return;
    if (!isConnected) return;
    goOn(info.id);
    void rules.run(info.id, ending.signal);
  };

  const goOn = (id: string) => {
    parts.back(deviceAddress(id));
    void deletions.look(isThere);
  };

  /** Looks at what is there, and does for all of it what is done when it comes. */
  const lookAtAll = async () => {
    await devices.look();
    for (const { info, connected: isConnected } of devices.devices) {
      if (!isConnected || ending.signal.aborted) continue;
      goOn(info.id);
      await rules.run(info.id, ending.signal);
    }
  };

  return {
    start: () => {
      stops.push(devices.onChange(changed));
      for (const device of devices.devices) changed(device);
      stops.push(
        ledger.onTransfer((before, after) => {
          if (after.mode !== 'offload' || after.state !== 'completed' || before?.state === 'completed') return;
          void deletions.look(isThere);
        }),
      );
    },

    stop: () => {
      ending.abort(new Fault('interrupted', 'Wherry is shutting down.'));
      for (const stop of stops.splice(0)) stop();
    },

    observe: async (name, data) => {
      if (name === connectionStatus) {
        const { device, connected: isConnected } = data;
        if (typeof device !== 'string' || typeof isConnected !== 'boolean') {
          throw new Fault('invalid', `${name} takes {device, connected}: an id, and true or false.`);
        }
        devices.told(device, isConnected);
        return;
      }
      if (!config().triggers.includes(name)) {
        throw new Fault('unsupported', `This daemon takes no event named ${displayPath(name)}.`);
      }
      // Who tells of it need not wait until a slow device has answered.
      void lookAtAll().catch((error) => {
        log.warn({ trigger: name, fault: asFault(error).report() }, 'Devices could not be looked at');
      });
    },

    isAway: (endpoint) => {
      const id = deviceIdOf(endpoint);
      return id !== undefined && !isThere(id);
    },

    look: () => {
      const at = clock.monotonic();
      if (at - lookedAt < tickMs) return;
      lookedAt = at;
      // A copy elsewhere may have made up the number that a deletion waits for.
      void deletions.look(isThere);
    },
  };
}
