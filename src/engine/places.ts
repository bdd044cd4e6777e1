// The places that are open, and which slots a transfer between two of them takes.

import type { Endpoint } from '../endpoints/endpoint.ts';
import type { Mounts } from '../endpoints/mounts.ts';
import { formatEndpoint, parseEndpoint } from '../model/endpoint-url.ts';
import { defaultSlotLimits, type SlotLimits } from './local-dispatcher.ts';

export interface Places {
  /** Opened once and kept. A place that could not be opened is tried again the next time. */
  open(address: string): Promise<Endpoint>;
  /** What a limit per device or host counts against: the mount of a local path, else scheme and host. */
  slotOf(address: string): string;
  /** What a transfer between two places takes: a device's own slots alone, however many devices come home to the same disk; else those of both. */
  slotsOf(source: string, destination: string): readonly string[];
  close(): Promise<void>;
}

export function createPlaces(parts: { openEndpoint: (address: string) => Promise<Endpoint>; mounts: Mounts }): Places {
  const opened = new Map<string, Promise<Endpoint>>();
  const slotOf = (address: string) => {
    const { scheme, authority, path } = parseEndpoint(address);
    return scheme === 'file' ? `mount:${parts.mounts.mountOf(path).mountPoint}` : `${scheme}://${authority}`;
  };
  return {
    open: (address) => {
      const known = opened.get(address);
      if (known !== undefined) return known;
      const opening = parts.openEndpoint(address);
      opened.set(address, opening);
      opening.catch(() => {
        if (opened.get(address) === opening) opened.delete(address);
      });
      return opening;
    },
    slotOf,
    slotsOf: (source, destination) =>
      parseEndpoint(source).scheme === 'device'
        ? [slotOf(source)]
        : [...new Set([slotOf(source), slotOf(destination)])],
    close: async () => {
      const all = [...opened.values()];
      opened.clear();
      await Promise.allSettled(all.map(async (opening) => (await opening).close()));
    },
  };
}

/** Limits for single places are given by address or path, and hold for the whole mount or host. */
export function slotLimits(given: Partial<SlotLimits> = {}, places: Pick<Places, 'slotOf'>): SlotLimits {
  const endpoints: Record<string, number> = {};
  for (const [address, most] of Object.entries(given.endpoints ?? {})) {
    const slot = places.slotOf(formatEndpoint(parseEndpoint(address)));
    endpoints[slot] = Math.min(most, endpoints[slot] ?? most);
  }
  return { ...defaultSlotLimits, ...given, endpoints };
}
