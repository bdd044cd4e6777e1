// Two devices that serve at memory speed, beside the mover's own rate between local files: what offloading costs.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { DeviceAdapter } from '../../src/devices/device.ts';
import type { RemoteFile, Wherry } from '../../src/main.ts';
import type { Goal, Sheet } from '../race.ts';
import { makeFile, memoryStage, noise, numbers } from '../stage.ts';

/** As it is installed: a thread that begins has no types to take out of its modules. */
const built = new URL('../../dist/main.js', import.meta.url).href;
const goal = 0.8;
const devices = ['one', 'two'] as const;
const smallest = 8 * 1024 * 1024;
const largest = 200 * 1024 * 1024;

/** `files` files for each of two devices, 8 to 200 MiB times `scale`; the middle of `rounds` rounds in turn. */
export async function offload(files: number, scale: number, rounds: number): Promise<Sheet> {
  const next = numbers(23);
  const sizes = devices.map(() =>
    Array.from({ length: files }, () => Math.round((smallest + next() * (largest - smallest)) * scale)),
  );
  const total = sizes.flat().reduce((sum, size) => sum + size, 0);
  const stage = memoryStage(total);
  try {
    const source = join(stage.folder, 'in');
    for (const [at, name] of devices.entries()) {
      mkdirSync(join(source, name), { recursive: true });
      for (const [file, size] of (sizes[at] ?? []).entries()) makeFile(join(source, name, `${file}.mp4`), size);
    }
    const seen: { local: number[]; streams: number[]; folder: number[] } = { local: [], streams: [], folder: [] };
    for (let round = 0; round <= rounds; round++) {
      const local = await copied(stage.folder, source, total);
      const streams = await offloaded(stage.folder, sizes, total, round, undefined);
      const folder = await offloaded(stage.folder, sizes, total, round, source);
      // The first warms up.
      if (round === 0) continue;
      seen.local.push(local);
      seen.streams.push(streams);
      seen.folder.push(folder);
    }
    const goals = [
      goalOf('devices that give streams', middle(seen.streams), middle(seen.local)),
      goalOf('devices whose files lie in a folder', middle(seen.folder), middle(seen.local)),
    ];
    const what = `two devices with ${files} files of ${mib(smallest * scale)}–${mib(largest * scale)} MiB each`;
    return { title: `Offloading ${what}, into memory`, table: '', goals };
  } finally {
    stage.close();
  }
}

function goalOf(what: string, seen: number, local: number): Goal {
  const rate = (perSecond: number) => `${(perSecond / 1e6).toFixed(0)} MB/s`;
  const ratio = seen / local;
  return {
    what: `${what}, beside the mover's rate between local files`,
    goal: `≥ ${goal}`,
    seen: `${ratio.toFixed(2)} (${rate(seen)} beside ${rate(local)})`,
    met: ratio >= goal,
  };
}

function mib(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(bytes < 2 ** 20 ? 1 : 0);
}

function middle(rates: readonly number[]): number {
  return [...rates].sort((one, other) => one - other)[Math.floor(rates.length / 2)] ?? 0;
}

async function timed(
  folder: string,
  total: number,
  adapters: readonly DeviceAdapter[],
  work: (wherry: Wherry) => Promise<void>,
) {
  const data = join(folder, 'data');
  const { openWherry } = (await import(built)) as typeof import('../../src/main.ts');
  const wherry = await openWherry({ dataFolder: data, adapters, mediaFolder: join(folder, 'media') });
  try {
    const begun = performance.now();
    await work(wherry);
    return total / ((performance.now() - begun) / 1000);
  } finally {
    await wherry.close();
    for (const name of ['data', 'out', 'media']) rmSync(join(folder, name), { recursive: true, force: true });
  }
}

/** Bytes a second. */
function copied(folder: string, source: string, total: number): Promise<number> {
  return timed(folder, total, [], async (wherry) => {
    const job = await wherry.submit({ kind: 'copy', sources: [source], destination: join(folder, 'out') });
    const { state } = await job.done;
    if (state !== 'completed') throw new Error(`the copy is ${state}`);
  });
}

/** Bytes a second. `source`: the files lie there, and the adapter says so. */
function offloaded(
  folder: string,
  sizes: readonly (readonly number[])[],
  total: number,
  round: number,
  source: string | undefined,
): Promise<number> {
  return timed(folder, total, [memoryAdapter(sizes, round, source)], async (wherry) => {
    const jobs = await Promise.all(
      devices.map((name) => wherry.queueBatch({ device: `${name}-${round}`, downloadDir: join(folder, 'out', name) })),
    );
    for (const { done } of jobs) {
      const { state, counts } = await done;
      if (state !== 'completed' || counts.completed !== sizes[0]?.length) throw new Error(`the offload is ${state}`);
    }
  });
}

function memoryAdapter(
  sizes: readonly (readonly number[])[],
  round: number,
  source: string | undefined,
): DeviceAdapter {
  const block = noise(1024 * 1024, numbers(5));
  return {
    kind: 'memory',
    async *discover() {
      for (const name of devices) yield { id: `${name}-${round}`, kind: 'memory', name };
    },
    connect: async ({ id }) => {
      const at = devices.findIndex((name) => id.startsWith(name));
      const files = (sizes[at] ?? []).map((size, file): RemoteFile => ({ path: `${file}.mp4`, size, mtime: 1e12 }));
      return {
        readsFrom: true,
        ...(source === undefined ? {} : { localFolder: join(source, devices[at] ?? '') }),
        async *list() {
          yield* files;
        },
        stat: async (path) => files.find((file) => file.path === path),
        read: async (path, from) => {
          let left = (files.find((file) => file.path === path)?.size ?? 0) - from;
          return new ReadableStream({
            pull: (controller) => {
              if (left <= 0) return controller.close();
              const chunk = block.subarray(0, Math.min(block.length, left));
              left -= chunk.length;
              controller.enqueue(chunk);
            },
          });
        },
        close: async () => undefined,
      };
    },
  };
}
