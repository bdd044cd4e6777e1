// GoPro cameras by the Open GoPro HTTP API (https://gopro.github.io/OpenGoPro/http), over USB or their WLAN.

import { networkInterfaces } from 'node:os';
import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { mediaTypeOf } from './companions.ts';
import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from './device.ts';
import { httpCameras } from './http-cameras.ts';
import { encodedPath, type HttpDevice, httpDevice, statByList } from './http-device.ts';

export interface GoproOptions {
  /** `HOST` or `HOST:PORT` of cameras beside those that are found by the network that they make. Default: none. */
  readonly addresses?: readonly string[];
  /** Addresses of this machine; default is the system's own. */
  readonly ownAddresses?: () => readonly string[];
}

const answerMs = 4_000;
/** "The best practice is to send it every 3.0 seconds." */
const keepAliveMs = 3_000;
const atOnce = 4;

const count = z.coerce.number().int().nonnegative();
const infoSchema = z.object({
  model_name: z.string(),
  serial_number: z.string().min(1),
  ap_ssid: z.string().optional(),
});
const itemSchema = z.object({
  n: z.string(),
  s: count,
  mod: count.optional(),
  cre: count.optional(),
  /** Bytes of the low-resolution twin. */
  glrv: count.optional(),
  /** First and last member of a group, and those that are gone. */
  b: count.optional(),
  l: count.optional(),
  m: z.array(count).optional(),
  /** `1` where a RAW image stands beside it. */
  raw: z.coerce.string().optional(),
});
const listSchema = z.object({ media: z.array(z.object({ d: z.string(), fs: z.array(itemSchema) })) });
const stateSchema = z.object({ status: z.record(z.string(), z.unknown()) });
/** Status ids of the specification: "Internal battery percentage", "Internal battery level" (4 is charging). */
const batteryPercent = '70';
const batteryLevel = '2';

type Item = z.output<typeof itemSchema>;

export function createGoproAdapter(options: GoproOptions = {}): DeviceAdapter {
  const { addresses = [], ownAddresses = systemAddresses } = options;

  const ask = async (address: string, call: DeviceCall): Promise<DeviceInfo> => {
    const device = httpDevice(address, `The GoPro at ${address}`);
    const given = await device.json('/gopro/camera/info', call);
    // Cameras before HERO12 put it one level deeper.
    const parsed = infoSchema.safeParse((given as { info?: unknown }).info ?? given);
    if (!parsed.success) throw new Fault('io', `What answers at ${displayPath(address)} is no GoPro.`);
    const { model_name: model, serial_number: serial, ap_ssid: name } = parsed.data;
    const id = `gopro-${serial}`.replace(/[^A-Za-z0-9._-]/g, '_');
    return { id, kind: 'gopro', name: name === undefined || name === '' ? model : name, model, serial, address };
  };

  const cameras = httpCameras(ask);

  return {
    kind: 'gopro',
    discover: (call) => cameras.discover([...addresses, ...cameraAddresses(ownAddresses())], call),
    async connect(info, call) {
      const { address } = await cameras.present(info, call);
      const device = httpDevice(address, info.name);
      // Over USB the camera listens to commands only when it was told to.
      if (isUsb(address)) await device.json('/gopro/camera/control/wired_usb?p=1', call).catch(() => undefined);
      return connectionTo(device, async (own) => void (await cameras.present(info, own)));
    },
  };
}

function connectionTo(device: HttpDevice, check: (call: DeviceCall) => Promise<void>): DeviceConnection {
  const ending = new AbortController();
  const awake = setInterval(() => {
    const signal = AbortSignal.any([ending.signal, AbortSignal.timeout(answerMs)]);
    device.json('/gopro/camera/keep_alive', { signal }).catch(() => undefined);
  }, keepAliveMs);
  awake.unref();
  /** Sizes that the list does not tell, by path and time; null where there is no such file. */
  const sizes = new Map<string, number | null>();
  let known: ReadonlyMap<string, RemoteFile> = new Map();

  const sizeOf = async (path: string, mod: number | undefined, call: DeviceCall): Promise<number | null> => {
    const key = `${path} ${mod}`;
    const before = sizes.get(key);
    if (before !== undefined) return before;
    const size = await device.sizeOf(urlOf(path), call).catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'not_found') return null;
      throw error;
    });
    sizes.set(key, size);
    return size;
  };

  const relist = async (call: DeviceCall): Promise<ReadonlyMap<string, RemoteFile>> => {
    const parsed = listSchema.safeParse(await device.json('/gopro/media/list', call));
    if (!parsed.success) throw new Fault('io', `The camera at ${device.origin} sent a list of files that is none.`);
    const wanted = parsed.data.media.flatMap(({ d, fs }) => fs.flatMap((item) => membersOf(`DCIM/${d}`, item)));
    const files = new Map<string, RemoteFile>();
    for (let at = 0; at < wanted.length; at += atOnce) {
      const some = wanted.slice(at, at + atOnce);
      const found = await Promise.all(some.map(async (one) => one.size ?? (await sizeOf(one.path, one.mod, call))));
      for (const [index, { path, mod, companions }] of some.entries()) {
        const size = found[index];
        if (size === null || size === undefined) continue;
        const mediaType = mediaTypeOf(path);
        files.set(path, {
          path,
          size,
          ...(mod === undefined ? {} : { mtime: mod * 1000 }),
          ...(mediaType === undefined ? {} : { mediaType }),
          ...(companions === undefined ? {} : { companions }),
        });
      }
    }
    for (const [path, file] of files) {
      const there = file.companions?.filter((companion) => files.has(companion)) ?? [];
      const { companions: _, ...plain } = file;
      files.set(path, there.length === 0 ? plain : { ...plain, companions: there });
    }
    known = files;
    return files;
  };

  return {
    readsFrom: true,
    check,
    async *list(call) {
      yield* (await relist(call)).values();
    },
    stat: (path, call) =>
      statByList(
        path,
        known,
        () => device.sizeOf(urlOf(path), call),
        () => relist(call),
      ),
    read: (path, from, call) => device.read(urlOf(path), from, call),
    async remove(path, call) {
      // They go with the recording that they belong to.
      if (/\.(lrv|thm)$/i.test(path)) return;
      const below = path.replace(/^DCIM\//, '');
      await device.json(`/gopro/media/delete/file?path=${encodedPath(below)}`, call);
    },
    async battery(call) {
      const parsed = stateSchema.safeParse(await device.json('/gopro/camera/state', call));
      const percent = parsed.success ? Number(parsed.data.status[batteryPercent]) : Number.NaN;
      if (!(percent >= 0 && percent <= 100)) return undefined;
      return { percent, charging: parsed.data?.status[batteryLevel] === 4 };
    },
    async close() {
      clearInterval(awake);
      ending.abort();
    },
  };
}

interface Member {
  readonly path: string;
  /** Undefined where the list does not tell it. */
  readonly size: number | undefined;
  /** Seconds since 1970, by the camera's clock. */
  readonly mod: number | undefined;
  readonly companions?: readonly string[];
}

/** The files that stand behind one item of the list: "grouped media items are represented with a single item". */
function membersOf(folder: string, item: Item): Member[] {
  const mod = item.mod ?? item.cre;
  const group = /^(G\w{3})\d{4}(\.\w+)$/.exec(item.n);
  if (item.b !== undefined && item.l !== undefined && group !== null && item.l - item.b < 10_000) {
    const gone = new Set(item.m ?? []);
    const names: string[] = [];
    for (let id = item.b; id <= item.l; id++) {
      if (!gone.has(id)) names.push(`${group[1]}${String(id).padStart(4, '0')}${group[2]}`);
    }
    // Its size is that of all together.
    return names.map((name) => ({ path: `${folder}/${name}`, size: names.length === 1 ? item.s : undefined, mod }));
  }
  const path = `${folder}/${item.n}`;
  const beside: Member[] = [];
  const stem = item.n.replace(/\.\w+$/, '');
  if (/\.mp4$/i.test(item.n)) {
    // "Chapters": Gqccmmmm, where the quality of the twin is Low.
    const twin = `${stem.replace(/^G[XHM](\d{6})$/, 'GL$1')}.LRV`;
    if ((item.glrv ?? 0) > 0) beside.push({ path: `${folder}/${twin}`, size: item.glrv, mod });
    beside.push({ path: `${folder}/${stem}.THM`, size: undefined, mod });
  }
  if (item.raw === '1') beside.push({ path: `${folder}/${stem}.GPR`, size: undefined, mod });
  const companions = beside.map((one) => one.path);
  return [{ path, size: item.s, mod, ...(companions.length === 0 ? {} : { companions }) }, ...beside];
}

/** The base address, then /videos/DCIM/, the folder and the name. */
function urlOf(path: string): string {
  return `/videos/${encodedPath(path)}`;
}

function isUsb(address: string): boolean {
  return /^(http:\/\/)?172\.2\d\.1\d\d\.51(:|$)/.test(address);
}

/** "10.5.5.9:8080 for WiFi, 172.2X.1YZ.51:8080 for USB": where this machine is in such a network, the camera made it. */
function cameraAddresses(own: readonly string[]): string[] {
  return own.flatMap((address) => {
    if (/^10\.5\.5\.\d+$/.test(address)) return ['10.5.5.9:8080'];
    const usb = /^(172\.2\d\.1\d\d)\.\d+$/.exec(address)?.[1];
    return usb === undefined ? [] : [`${usb}.51:8080`];
  });
}

function systemAddresses(): string[] {
  return Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).filter(({ family, internal }) => family === 'IPv4' && !internal).map(({ address }) => address),
  );
}
