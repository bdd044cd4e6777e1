// Devices in memory: what they hold, whether they are there, and how they misbehave is up to the test.

import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from '../../src/devices/device.ts';
import { Fault } from '../../src/model/fault.ts';

export interface MemoryFile {
  bytes: Uint8Array;
  mtime?: number;
  mediaType?: string;
  companions?: string[];
  /** What the listing says in place of the real size. */
  claims?: number;
  /** Stops giving after so many bytes: ends, breaks, or says nothing any more. `endless` goes on for ever at the file's end. */
  trouble?: { readonly how: 'end' | 'break' | 'hang' | 'endless'; readonly at: number };
}

export interface MemoryDevice {
  readonly info: DeviceInfo;
  readonly files: Map<string, MemoryFile>;
  isThere: boolean;
  /** Offsets that files were read from, in order. */
  readonly reads: { readonly path: string; readonly from: number }[];
  readonly removed: string[];
  connects: number;
  open: number;
  /** Thrown in mid listing, or never answered. */
  listing: 'well' | 'fails' | 'hangs';
}

export interface MemoryAdapterOptions {
  readonly kind?: string;
  readonly readsFrom?: boolean;
  /** Answers for one file without a listing. Default is `true`. */
  readonly stat?: boolean;
  readonly check?: boolean;
  readonly chunkBytes?: number;
}

export interface MemoryAdapter extends DeviceAdapter {
  readonly devices: Map<string, MemoryDevice>;
  add(id: string, files?: Record<string, MemoryFile | Uint8Array>): MemoryDevice;
  looks: number;
  discovering: 'well' | 'fails' | 'hangs';
  connecting: 'well' | 'fails' | 'hangs';
}

const never = new Promise<never>(() => undefined);

export function memoryAdapter(options: MemoryAdapterOptions = {}): MemoryAdapter {
  const { kind = 'memory', readsFrom = true, chunkBytes = 256 * 1024 } = options;
  const devices = new Map<string, MemoryDevice>();
  const fileOf = (path: string, { bytes, claims, mtime, mediaType, companions }: MemoryFile): RemoteFile => ({
    path,
    size: claims ?? bytes.length,
    ...(mtime === undefined ? {} : { mtime }),
    ...(mediaType === undefined ? {} : { mediaType }),
    ...(companions === undefined ? {} : { companions }),
  });
  const present = (device: MemoryDevice) => {
    if (!device.isThere) throw new Fault('device', `${device.info.name} was pulled out.`);
  };

  const adapter: MemoryAdapter = {
    kind,
    devices,
    looks: 0,
    discovering: 'well',
    connecting: 'well',
    add(id, files = {}) {
      const device: MemoryDevice = {
        info: { id, kind, name: `Device ${id}` },
        files: new Map(
          Object.entries(files).map(([path, file]) => [path, file instanceof Uint8Array ? { bytes: file } : file]),
        ),
        isThere: true,
        reads: [],
        removed: [],
        connects: 0,
        open: 0,
        listing: 'well',
      };
      devices.set(id, device);
      return device;
    },
    async *discover() {
      adapter.looks += 1;
      if (adapter.discovering === 'hangs') await never;
      for (const device of devices.values()) {
        if (adapter.discovering === 'fails') throw new Error('the bus is on fire');
        if (device.isThere) yield device.info;
      }
    },
    async connect({ id }, call) {
      call.signal.throwIfAborted();
      if (adapter.connecting === 'hangs') await never;
      if (adapter.connecting === 'fails') throw new Error('no answer');
      const device = devices.get(id);
      if (device === undefined) throw new Fault('device', `There is no ${id}.`);
      present(device);
      device.connects += 1;
      device.open += 1;
      return connectionTo(device);
    },
  };

  const connectionTo = (device: MemoryDevice): DeviceConnection => ({
    readsFrom,
    async *list({ signal }) {
      present(device);
      for (const [path, file] of [...device.files]) {
        signal.throwIfAborted();
        yield fileOf(path, file);
        if (device.listing === 'fails') throw new Error('the listing broke');
        if (device.listing === 'hangs') await never;
      }
    },
    ...(options.stat === false
      ? {}
      : {
          async stat(path: string, { signal }: DeviceCall) {
            signal.throwIfAborted();
            present(device);
            const file = device.files.get(path);
            return file === undefined ? undefined : fileOf(path, file);
          },
        }),
    ...(options.check === true
      ? {
          async check() {
            present(device);
          },
        }
      : {}),
    async read(path, from, { signal }) {
      signal.throwIfAborted();
      present(device);
      const file = device.files.get(path);
      if (file === undefined) throw new Fault('not_found', `${path} is not there.`);
      device.reads.push({ path, from });
      let at = from;
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            signal.throwIfAborted();
            present(device);
            const { bytes, trouble } = file;
            const end = trouble === undefined ? bytes.length : Math.min(bytes.length, trouble.at);
            if (at < end) {
              controller.enqueue(bytes.slice(at, Math.min(at + chunkBytes, end)));
              at = Math.min(at + chunkBytes, end);
            } else if (trouble === undefined || trouble.how === 'end') controller.close();
            else if (trouble.how === 'break') throw new Error('the cable was bent');
            else if (trouble.how === 'hang') await never;
            else controller.enqueue(new Uint8Array(chunkBytes));
          },
        },
        { highWaterMark: 0 },
      );
    },
    async remove(path, { signal }) {
      signal.throwIfAborted();
      present(device);
      device.files.delete(path);
      device.removed.push(path);
    },
    async battery() {
      return { percent: 80, charging: false };
    },
    async close() {
      device.open -= 1;
    },
  });

  return adapter;
}
