// An adapter whose devices are in memory, for tests that go through the real registry.

import type { DeviceAdapter, RemoteFile } from '../../src/devices/device.ts';
import { Fault } from '../../src/model/fault.ts';
import { contentOf } from './memory-devices.ts';

export interface MemoryAdapter extends DeviceAdapter {
  /** By id; what is not here is away. */
  readonly present: Map<string, readonly (RemoteFile & { readonly content?: Buffer })[]>;
  /** Files that were read, each time. */
  readonly reads: string[];
}

/** Content follows from a file's name, unless it brings its own. */
export function createMemoryAdapter(kind = 'memory'): MemoryAdapter {
  const present: MemoryAdapter['present'] = new Map();
  const reads: string[] = [];
  const filesOf = (id: string) => {
    const files = present.get(id);
    if (files === undefined) throw new Fault('device', `The device ${id} is away.`);
    return files;
  };
  return {
    kind,
    present,
    reads,
    async *discover() {
      for (const id of present.keys()) yield { id, kind, name: `Device ${id}` };
    },
    connect: async ({ id }) => {
      filesOf(id);
      return {
        readsFrom: true,
        async *list() {
          for (const { content: _, ...file } of filesOf(id)) yield file;
        },
        read: async (path, from) => {
          const file = filesOf(id).find((one) => one.path === path);
          if (file === undefined) throw new Fault('not_found', `${path} is not there.`);
          reads.push(path);
          let at = from;
          return new ReadableStream({
            pull: (controller) => {
              filesOf(id);
              const chunk = file.content?.subarray(at, at + 1_048_576) ?? contentOf(path, file.size, at);
              at += chunk.length;
              if (chunk.length === 0) controller.close();
              else controller.enqueue(new Uint8Array(chunk));
            },
          });
        },
        close: async () => undefined,
      };
    },
  };
}
