// Prometheus metrics: what the ledger and the engine say, and how the API answers.

import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Deliveries } from '../engine/deliveries.ts';
import type { Engine } from '../engine/engine.ts';
import type { Rooms } from '../engine/rooms/rooms.ts';
import { displayPath } from '../model/names.ts';
import type { StoreReader } from '../store/store.ts';
import type { EventHub } from './event-hub.ts';

export interface Metrics {
  answered(route: string, method: string, status: number, seconds: number): void;
  authenticationFailed(): void;
  /** The exposition text; the ledger is asked anew. */
  text(): Promise<string>;
  close(): void;
}

export const metricsMediaType = Registry.PROMETHEUS_CONTENT_TYPE;

export function openMetrics(parts: {
  engine: Engine;
  reader: StoreReader;
  hub: EventHub;
  deliveries: Deliveries;
  rooms: Rooms;
  version: string;
}): Metrics {
  const { engine, reader, hub } = parts;
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry, prefix: 'wherry_' });
  new Gauge({
    name: 'wherry_build_info',
    help: 'The version as a label; always 1',
    labelNames: ['version'],
    registers,
  }).set({ version: parts.version }, 1);
  new Gauge({
    name: 'wherry_transfers',
    help: 'Transfers in the ledger by state',
    labelNames: ['state'],
    registers,
    async collect() {
      for (const [state, count] of Object.entries(await reader.countTransfers())) this.set({ state }, count);
    },
  });
  new Gauge({
    name: 'wherry_active_transfers',
    help: 'Transfers whose bytes move now',
    registers,
    collect() {
      this.set(engine.snapshot().activeTransfers);
    },
  });
  new Gauge({
    name: 'wherry_bytes_per_second',
    help: 'Bytes a second over the last seconds, all together',
    registers,
    collect() {
      this.set(engine.snapshot().bytesPerSecond);
    },
  });
  new Gauge({
    name: 'wherry_bandwidth_limit_bytes_per_second',
    help: 'The limit in force; 0 where nothing limits',
    registers,
    collect() {
      this.set(engine.snapshot().bandwidthLimit.bytesPerSecond ?? 0);
    },
  });
  new Gauge({
    name: 'wherry_endpoint_bytes_per_second',
    help: 'Bytes a second over the last seconds, by endpoint',
    labelNames: ['endpoint'],
    registers,
    collect() {
      this.reset();
      for (const [endpoint, rate] of Object.entries(engine.snapshot().rates.endpoints)) {
        this.set({ endpoint: displayPath(endpoint) }, rate);
      }
    },
  });
  new Gauge({
    name: 'wherry_mount_up',
    help: '1 where the mount answers, 0 where it does not',
    labelNames: ['mount'],
    registers,
    collect() {
      this.reset();
      for (const { mountPoint, state } of engine.snapshot().mounts) {
        this.set({ mount: displayPath(mountPoint) }, state === 'unreachable' ? 0 : 1);
      }
    },
  });
  new Gauge({
    name: 'wherry_event_listeners',
    help: 'Listeners to live events',
    registers,
    collect() {
      this.set(hub.listeners);
    },
  });
  new Gauge({
    name: 'wherry_webhook_messages',
    help: 'Messages that wait for a webhook, or were given up',
    labelNames: ['webhook', 'state'],
    registers,
    async collect() {
      this.reset();
      for (const { id, name } of parts.deliveries.list()) {
        for (const state of ['pending', 'dead'] as const) {
          this.set({ webhook: displayPath(name), state }, (await reader.countDeliveries(id, state))[state]);
        }
      }
    },
  });
  addRoomMetrics(parts.rooms, registers);
  const requests = new Histogram({
    name: 'wherry_http_request_seconds',
    help: 'Time to answer by route',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.005, 0.02, 0.05, 0.2, 1, 5],
    registers,
  });
  const failures = new Counter({
    name: 'wherry_authentication_failures_total',
    help: 'Requests with credentials that are nobody’s',
    registers,
  });
  return {
    answered: (route, method, status, seconds) => requests.observe({ route, method, status }, seconds),
    authenticationFailed: () => failures.inc(),
    text: () => registry.metrics(),
    close: () => registry.clear(),
  };
}

/** Of all rooms together: whose they are is their members' business. */
function addRoomMetrics(rooms: Rooms, registers: Registry[]): void {
  new Gauge({
    name: 'wherry_rooms',
    help: 'Rooms',
    registers,
    collect() {
      this.set(rooms.figures().rooms);
    },
  });
  new Gauge({
    name: 'wherry_room_members',
    help: 'Members of rooms, and those of them who are there',
    labelNames: ['presence'],
    registers,
    collect() {
      const { members, present } = rooms.figures();
      this.set({ presence: 'there' }, present);
      this.set({ presence: 'away' }, Math.max(0, members - present));
    },
  });
  new Gauge({
    name: 'wherry_room_transfers',
    help: 'Transfers of rooms by state',
    labelNames: ['state'],
    registers,
    collect() {
      for (const [state, count] of Object.entries(rooms.figures().transfers)) this.set({ state }, count);
    },
  });
  const counted = (name: string, help: string, figure: () => number) => {
    new Counter({
      ...{ name, help, registers },
      collect() {
        this.reset();
        this.inc(figure());
      },
    });
  };
  counted('wherry_room_refused_joins_total', 'Wrong links to rooms', () => rooms.figures().refusedJoins);
  counted(
    'wherry_room_socket_bytes_total',
    'Bytes of frames and chunks that went through sockets of rooms',
    () => rooms.figures().passedBytes,
  );
}
