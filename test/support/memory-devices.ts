// Devices in memory: they come and go when a test says so, serve bytes that follow from a file's name, and remember what was read.

import type { DeviceAdapter, DeviceInfo, RemoteFile } from '../../src/devices/device.ts';
import type { DeviceRegistry, DeviceState } from '../../src/devices/registry.ts';
import type { Endpoint } from '../../src/endpoints/endpoint.ts';
import type { DeviceFile } from '../../src/engine/offload/devices.ts';
import { Fault } from '../../src/model/fault.ts';
import type { Entry } from '../../src/model/manifest.ts';

export interface MemoryFile extends RemoteFile {
  /** True: it has not these bytes but as many as it says, and the reading breaks off there. */
  readonly endsAt?: number;
  /** In place of what follows from its name. */
  readonly content?: Uint8Array;
}

interface MemoryDevice {
  readonly info: DeviceInfo;
  files: MemoryFile[];
  connected: boolean;
  readonly gone: Set<(fault: Fault) => void>;
}

export interface MemoryDevices extends DeviceRegistry {
  /** Known from now on, and there unless `connected` is false. */
  add(id: string, files: readonly MemoryFile[], options?: { kind?: string; name?: string; connected?: boolean }): void;
  setFiles(id: string, files: readonly MemoryFile[]): void;
  filesOf(id: string): readonly MemoryFile[];
  connect(id: string): void;
  /** Readings under way break off. */
  disconnect(id: string): void;
  open(id: string): Promise<Endpoint>;
  /** Each reading: which file, from which byte, and how many bytes it gave. */
  readonly reads: { readonly id: string; readonly path: string; readonly from: number; bytes: number }[];
  /** Called before each chunk; a rejection breaks the reading off. */
  beforeChunk: (path: string, at: number) => Promise<void> | undefined;
  /** What somebody outside has said. */
  readonly heard: { readonly id: string; readonly connected: boolean }[];
  adapters: DeviceAdapter[];
}

const chunkBytes = 1024 * 1024;

/** What a file of this path holds from a byte on, at most a chunk. */
export function contentOf(path: string, size: number, from: number, most = chunkBytes): Buffer {
  const pattern = patternOf(path);
  const length = Math.max(0, Math.min(most, size - from));
  const bytes = Buffer.allocUnsafe(length);
  for (let done = 0; done < length; ) {
    const at = (from + done) % pattern.length;
    done += pattern.copy(bytes, done, at, Math.min(pattern.length, at + length - done));
  }
  return bytes;
}

const patterns = new Map<string, Buffer>();

/** Of an odd length, so that no two blocks are alike. */
function patternOf(path: string): Buffer {
  const known = patterns.get(path);
  if (known !== undefined) return known;
  const made = Buffer.alloc(1_048_573);
  let state = [...path].reduce((sum, char) => (sum * 31 + (char.codePointAt(0) ?? 0)) >>> 0, 7);
  for (let at = 0; at < made.length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    made[at] = state >>> 24;
  }
  patterns.set(path, made);
  return made;
}

export function createMemoryDevices(): MemoryDevices {
  const all = new Map<string, MemoryDevice>();
  const listeners = new Set<(device: DeviceState) => void>();
  const stateOf = ({ info, connected }: MemoryDevice): DeviceState => ({ info, connected, since: 0, fault: null });
  const awayOf = (id: string) => new Fault('device', `The device ${id} is away.`);
  const deviceOf = (id: string): MemoryDevice => {
    const device = all.get(id);
    if (device === undefined) throw new Fault('not_found', `No device ${id}.`);
    if (!device.connected) throw awayOf(id);
    return device;
  };
  const tell = (device: MemoryDevice) => {
    for (const listener of [...listeners]) listener(stateOf(device));
  };
  const entryOf = ({ path, size, mtime }: MemoryFile): Entry => ({
    path,
    kind: 'file',
    sizeBytes: size,
    mtimeMs: mtime ?? 0,
  });

  const memory: MemoryDevices = {
    reads: [],
    heard: [],
    adapters: [],
    troubles: [],
    start: () => undefined,
    close: async () => undefined,
    beforeChunk: () => undefined,
    add: (id, files, { kind = 'memory', name = id, connected = true } = {}) => {
      all.set(id, { info: { id, kind, name }, files: [...files], connected, gone: new Set() });
      tell(all.get(id) as MemoryDevice);
    },
    setFiles: (id, files) => {
      (all.get(id) as MemoryDevice).files = [...files];
    },
    filesOf: (id) => all.get(id)?.files ?? [],
    connect: (id) => {
      const device = all.get(id) as MemoryDevice;
      device.connected = true;
      tell(device);
    },
    disconnect: (id) => {
      const device = all.get(id) as MemoryDevice;
      device.connected = false;
      for (const breakOff of [...device.gone]) breakOff(awayOf(id));
      tell(device);
    },
    get devices() {
      return [...all.values()].map(stateOf);
    },
    onChange: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    told: (id, connected) => void memory.heard.push({ id, connected }),
    look: async () => undefined,
    async *files(id): AsyncGenerator<DeviceFile> {
      for (const file of deviceOf(id).files) yield { kind: 'file', file };
    },
    adapterOf: (kind) => memory.adapters.find((one) => one.kind === kind),
    open: async (id) => {
      deviceOf(id);
      return endpointOf(id);
    },
  };

  const endpointOf = (id: string): Endpoint => {
    const find = (path: string) => deviceOf(id).files.find((file) => file.path === path);
    const refuse = async (): Promise<never> => {
      throw new Fault('read_only', 'A device is not written to.');
    };
    return {
      name: `device://${id}/`,
      traits: { atomicRename: false, mtimePrecisionMs: 0, resumableWrite: false, caseSensitive: true },
      async *list() {
        for (const file of deviceOf(id).files) yield entryOf(file);
      },
      stat: async (path) => {
        const file = find(path);
        return file === undefined ? undefined : entryOf(file);
      },
      read: async (path, from, call) => {
        const file = find(path);
        if (file === undefined) throw new Fault('not_found', `${path} is not on ${id}.`);
        const device = deviceOf(id);
        const reading = { id, path, from, bytes: 0 };
        memory.reads.push(reading);
        const broken = Promise.withResolvers<never>();
        broken.promise.catch(() => undefined);
        device.gone.add(broken.reject);
        const over = () => void device.gone.delete(broken.reject);
        return new ReadableStream(
          {
            pull: async (controller) => {
              try {
                call?.signal?.throwIfAborted();
                const at = from + reading.bytes;
                await Promise.race([memory.beforeChunk(path, at), broken.promise]);
                call?.signal?.throwIfAborted();
                if (!device.connected) throw awayOf(id);
                const chunk = file.content?.subarray(at) ?? contentOf(path, file.endsAt ?? file.size, at);
                if (chunk.length === 0) {
                  over();
                  if (file.endsAt !== undefined) throw new Fault('network', `${path} ended too early.`);
                  return controller.close();
                }
                reading.bytes += chunk.length;
                controller.enqueue(chunk);
              } catch (error) {
                over();
                controller.error(error);
              }
            },
            cancel: over,
          },
          { highWaterMark: 0 },
        );
      },
      write: refuse,
      remove: async (path) => {
        const device = deviceOf(id);
        device.files = device.files.filter((file) => file.path !== path);
      },
      close: async () => undefined,
    };
  };
  return memory;
}
