// Looks at the places of running jobs every 30 s: reachable, writable, with room. Writes what changed, and wakes what waited for it.

import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import type { Clock, NewId } from '../model/clock.ts';
import { parseEndpoint } from '../model/endpoint-url.ts';
import { asFault } from '../model/fault.ts';
import type { Change } from '../store/store.ts';
import type { ProbeInput } from './storage-probe.ts';
import { judgeStorage, type StorageLook, type StorageRole, type StorageState, storageTimes } from './watch/storage.ts';

export interface StoragePlace {
  readonly endpoint: string;
  readonly role: StorageRole;
}

/** A place as it was last seen. Kept as a document (`storage`, `<role> <endpoint>`), so that a page can be opened without looking again. */
export interface StorageReport extends StoragePlace {
  readonly state: StorageState;
  readonly reason: string;
  readonly freeBytes: number | null;
  readonly totalBytes: number | null;
  readonly writable: boolean | null;
  readonly checkedAt: number;
  /** Since when it has been in this state. */
  readonly since: number;
  /** Free space at earlier looks, oldest first, one for each quarter of an hour of the last day. */
  readonly history: readonly { readonly at: number; readonly freeBytes: number }[];
}

export const storageCollection = 'storage';
const historyStepMs = 15 * 60_000;
const historyLength = 96;

export interface StorageMonitor {
  /** Looks at all places: by a look that begins now or later. Also called every 30 s between `start` and `stop`. */
  look(): Promise<readonly StorageReport[]>;
  readonly reports: readonly StorageReport[];
  start(): void;
  stop(): void;
}

export function createStorageMonitor(parts: {
  readonly places: () => readonly StoragePlace[];
  readonly open: (address: string) => Promise<Endpoint>;
  readonly mounts: Mounts;
  readonly write: (changes: readonly Change[]) => Promise<unknown>;
  /** What was written of a place in an earlier run; undefined where there is nothing. */
  readonly read: (key: string) => Promise<unknown>;
  readonly clock: Clock;
  readonly newId: NewId;
  /** A place answers again, can be written to again, or has room again: what waited for it can go on. */
  readonly recovered: (place: StoragePlace) => void;
}): StorageMonitor {
  const reports = new Map<string, StorageReport>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<readonly StorageReport[]> | undefined;
  let next: Promise<readonly StorageReport[]> | undefined;

  async function lookAt(place: StoragePlace): Promise<void> {
    const key = `${place.role} ${place.endpoint}`;
    const before = reports.get(key) ?? ((await parts.read(key)) as StorageReport | undefined);
    const seen = await lookPatiently(place, parts);
    const at = parts.clock.now();
    const verdict = judgeStorage(place.role, seen);
    const changed = before?.state !== verdict.state;
    const report: StorageReport = {
      ...place,
      ...verdict,
      freeBytes: seen.freeBytes,
      totalBytes: seen.totalBytes,
      writable: seen.writable,
      checkedAt: at,
      since: before === undefined || changed ? at : before.since,
      history: withPoint(before?.history ?? [], at, seen.freeBytes),
    };
    reports.set(key, report);
    const changes: Change[] = [{ kind: 'put_document', collection: storageCollection, key, value: report }];
    // The first look is news only where something is wrong.
    if (changed && (before !== undefined || verdict.state !== 'ok')) {
      const { history: _, ...data } = report;
      changes.push({ kind: 'append_event', event: { name: 'observation.storage.changed', at, data } });
    }
    await parts.write(changes);
    if (before !== undefined && isBetter(before, report)) parts.recovered(place);
  }

  async function lookAtAll(): Promise<readonly StorageReport[]> {
    const places = parts.places();
    const wanted = new Set(places.map((place) => `${place.role} ${place.endpoint}`));
    for (const key of reports.keys()) if (!wanted.has(key)) reports.delete(key);
    await Promise.allSettled(places.map(lookAt));
    return [...reports.values()];
  }

  const monitor: StorageMonitor = {
    look() {
      if (looking !== undefined) {
        // A look under way may have passed by already what is asked about now.
        next ??= looking.then(() => {
          next = undefined;
          return monitor.look();
        });
        return next;
      }
      looking = lookAtAll().finally(() => {
        looking = undefined;
      });
      return looking;
    },
    get reports() {
      return [...reports.values()];
    },
    start() {
      timer ??= setInterval(() => void monitor.look(), storageTimes.everyMs).unref();
      void monitor.look();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
  return monitor;
}

interface Looking {
  readonly open: (address: string) => Promise<Endpoint>;
  readonly mounts: Mounts;
  readonly newId: NewId;
}

/** A machine that is busy may not even get a thread started in time: only a place that is late twice does not answer. */
async function lookPatiently(place: StoragePlace, parts: Looking): Promise<StorageLook> {
  return (await lookOnce(place, parts)) ?? (await lookOnce(place, parts)) ?? late;
}

const late: StorageLook = {
  reachable: false,
  writable: null,
  freeBytes: null,
  totalBytes: null,
  reason: `It did not answer within ${storageTimes.answerMs / 1000} s.`,
};

/** Undefined where it did not answer in time. */
async function lookOnce(place: StoragePlace, parts: Looking): Promise<StorageLook | undefined> {
  const signal = AbortSignal.timeout(storageTimes.answerMs);
  try {
    return await Promise.race([look(place, parts, signal), expired(signal)]);
  } catch (error) {
    if (signal.aborted) return undefined;
    const fault = asFault(error);
    const refused = fault.code === 'read_only' || fault.code === 'permission' || fault.code === 'space';
    return {
      reachable: refused,
      writable: refused ? false : null,
      freeBytes: fault.code === 'space' ? 0 : null,
      totalBytes: null,
      reason: fault.message,
    };
  }
}

async function look(place: StoragePlace, parts: Looking, signal: AbortSignal): Promise<StorageLook> {
  const endpoint = await parts.open(place.endpoint);
  const space = await endpoint.space?.({ signal });
  if (place.role === 'destination') await probe(endpoint, parts, signal);
  else if ((await endpoint.stat('', { signal })) === undefined) {
    return { reachable: false, writable: null, freeBytes: null, totalBytes: null, reason: 'The folder is not there.' };
  }
  return {
    reachable: true,
    writable: place.role === 'destination' ? true : null,
    freeBytes: space?.freeBytes ?? null,
    totalBytes: space?.totalBytes ?? null,
  };
}

/** Of each place the same while we run: what a line that broke has left there is taken away with the next one. */
const probeNames = new Map<string, string>();

function probeName(place: string, newId: NewId): string {
  const name = probeNames.get(place) ?? `.wherry-probe-${newId()}`;
  probeNames.set(place, name);
  return name;
}

/** A file of our own, written and always removed again, also where writing it failed half way. */
async function probe(endpoint: Endpoint, { mounts, newId }: Looking, signal: AbortSignal): Promise<void> {
  const name = probeName(endpoint.name, newId);
  const { scheme, path } = parseEndpoint(endpoint.name);
  if (scheme === 'file') {
    const input: ProbeInput = { root: path, name };
    await mounts.pool(path).run('engine.probe', input, { signal, quick: true });
    return;
  }
  try {
    await endpoint.write(name, 0, new Blob(['wherry']).stream(), { signal });
  } finally {
    await endpoint.remove(name);
  }
}

function expired(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true }));
}

/** A place of little room is never well, and may come back all the same. */
function isBetter(before: StorageReport, now: StorageReport): boolean {
  if (now.state === 'unreachable' || now.writable === false) return false;
  return before.state === 'unreachable' || before.writable === false || (isWell(now.state) && !isWell(before.state));
}

function isWell(state: StorageState): boolean {
  return state === 'ok' || state === 'warning';
}

function withPoint(history: StorageReport['history'], at: number, freeBytes: number | null): StorageReport['history'] {
  const last = history.at(-1);
  if (freeBytes === null || (last !== undefined && at - last.at < historyStepMs)) return history;
  return [...history, { at, freeBytes }].slice(-historyLength);
}
