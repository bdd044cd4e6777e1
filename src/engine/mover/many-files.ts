// Questions about many files of one place, asked at once where it can and one by one where it cannot.

import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import { asFault, type Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';

const callsAtOnce = 16;

/** What is not there is left out. */
export async function statMany(
  endpoint: Endpoint,
  paths: readonly string[],
  call: Call,
): Promise<ReadonlyMap<string, Entry>> {
  if (endpoint.statMany !== undefined) return await endpoint.statMany(paths, call);
  const found = new Map<string, Entry>();
  await each(paths, async (path) => {
    const entry = await endpoint.stat(path, call);
    if (entry !== undefined) found.set(path, entry);
  });
  return found;
}

/** Resolves with a fault for each that could not be removed. */
export async function removeMany(
  endpoint: Endpoint,
  paths: readonly string[],
  call: Call,
): Promise<ReadonlyMap<string, Fault>> {
  if (endpoint.removeMany !== undefined) return await endpoint.removeMany(paths, call);
  const faults = new Map<string, Fault>();
  await each(paths, (path) => endpoint.remove(path, call).catch((error) => void faults.set(path, asFault(error))));
  return faults;
}

async function each(paths: readonly string[], work: (path: string) => Promise<void>): Promise<void> {
  const left = paths.values();
  const run = async () => {
    for (const path of left) await work(path);
  };
  await Promise.all(Array.from({ length: Math.min(callsAtOnce, paths.length) }, run));
}
