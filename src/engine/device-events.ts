// Makes facts of it when a device comes or goes, cannot be reached, or its battery has changed.

import type { DeviceRegistry, DeviceState } from '../devices/registry.ts';
import type { Clock } from '../model/clock.ts';
import type { EventName } from '../model/event.ts';
import { asFault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Change } from '../store/store.ts';
import type { EngineLog } from './engine-parts.ts';

export interface DeviceEvents {
  start(): void;
  stop(): void;
}

/** A charge that differs by less than this from the one last told is not worth a fact. */
const batteryStep = 5;

/** The payloads stand in docs/events.md. */
export function createDeviceEvents(parts: {
  readonly devices?: DeviceRegistry;
  readonly clock: Clock;
  readonly log: EngineLog;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
}): DeviceEvents {
  const { clock, log } = parts;
  const told = new Map<string, DeviceState>();
  let stop: (() => void) | undefined;

  const append = (names: readonly EventName[], data: Readonly<Record<string, unknown>>) => {
    const at = clock.now();
    const changes = names.map((name): Change => ({ kind: 'append_event', event: { name, at, data } }));
    parts.write(changes).catch((error) => {
      log.error({ fault: asFault(error).report() }, 'The ledger could not be written');
    });
  };

  const hear = (state: DeviceState) => {
    const before = told.get(state.info.id);
    const isNews = before?.connected !== state.connected;
    if (!isNews && before.fault?.code === state.fault?.code && !hasOtherBattery(before, state)) return;
    told.set(state.info.id, state);
    const { info, connected, fault, battery } = state;
    const update = 'observation.device.connection_status.update';
    const change = connected ? 'observation.device.connected' : 'observation.device.disconnected';
    append(isNews ? [change, update] : [update], {
      device: info.id,
      kind: info.kind,
      name: displayPath(info.name),
      model: info.model === undefined ? null : displayPath(info.model),
      serial: info.serial === undefined ? null : displayPath(info.serial),
      address: info.address === undefined ? null : displayPath(info.address),
      connected,
      fault: fault === null ? null : { code: fault.code, message: fault.message },
      battery: battery ?? null,
    });
  };

  return {
    start: () => {
      stop = parts.devices?.onChange(hear);
    },
    stop: () => stop?.(),
  };
}

function hasOtherBattery({ battery: before }: DeviceState, { battery: now }: DeviceState): boolean {
  if (now === undefined) return false;
  if (before === undefined || before.charging !== now.charging) return true;
  return Math.abs(before.percent - now.percent) >= batteryStep;
}
