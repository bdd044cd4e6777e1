// 360° cameras by the Open Spherical Camera API, level 2 (https://developers.google.com/streetview/open-spherical-camera): Ricoh Theta, Insta360.

import { setTimeout as pause } from 'node:timers/promises';
import { z } from 'zod';
import { Fault, type FaultCode } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import { mediaTypeOf } from './companions.ts';
import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from './device.ts';
import { httpCameras } from './http-cameras.ts';
import { type HttpDevice, httpDevice, statByList } from './http-device.ts';

export interface OscOptions {
  /** `HOST` or `HOST:PORT` of each camera: a Theta is at 192.168.1.1 in its own WLAN, an Insta360 at 192.168.42.1. Default: none. */
  readonly addresses?: readonly string[];
}

const pageEntries = 100;
const lookAgainMs = 250;

const infoSchema = z.object({
  manufacturer: z.string(),
  model: z.string(),
  serialNumber: z.string().min(1),
  apiLevel: z.array(z.number()).optional(),
});
const stateSchema = z.object({
  state: z.object({
    batteryLevel: z.number().optional(),
    _batteryState: z.string().optional(),
    _apiVersion: z.number().optional(),
  }),
});
const answerSchema = z.object({
  state: z.enum(['done', 'inProgress', 'error']),
  id: z.string().optional(),
  results: z.unknown().optional(),
  error: z.object({ code: z.string(), message: z.string().optional() }).optional(),
});
const filesSchema = z.object({
  entries: z.array(
    z.object({
      name: z.string(),
      fileUrl: z.string(),
      size: z.number(),
      dateTimeZone: z.string().optional(),
      /** False for what is only a preview as yet. */
      isProcessed: z.boolean().optional(),
    }),
  ),
  totalEntries: z.number(),
});

export function createOscAdapter({ addresses = [] }: OscOptions = {}): DeviceAdapter {
  const ask = async (
    address: string,
    call: DeviceCall,
  ): Promise<DeviceInfo & { readonly levels: readonly number[] }> => {
    const parsed = infoSchema.safeParse(await httpDevice(address, `The camera at ${address}`).json('/osc/info', call));
    if (!parsed.success) throw new Fault('io', `What answers at ${displayPath(address)} is no camera of this kind.`);
    const { manufacturer, model, serialNumber, apiLevel = [1] } = parsed.data;
    const id = `osc-${manufacturer}-${serialNumber}`.replace(/[^A-Za-z0-9._-]/g, '_').slice(0, 128);
    return {
      id,
      kind: 'osc',
      name: `${model} ${serialNumber}`,
      model,
      serial: serialNumber,
      address,
      levels: apiLevel,
    };
  };

  const cameras = httpCameras(ask);

  return {
    kind: 'osc',
    async *discover(call) {
      for await (const { levels: _, ...info } of cameras.discover(addresses, call)) yield info;
    },
    async connect(info, call) {
      const { address, levels } = await cameras.present(info, call);
      if (!levels.includes(2)) {
        throw new Fault(
          'unsupported',
          `${info.name} speaks level ${levels.join(', ')} of the API; its files are listed by level 2.`,
        );
      }
      const device = httpDevice(address, info.name);
      await chooseLevelTwo(device, call);
      return connectionTo(device, info.name, async (own) => void (await cameras.present(info, own)));
    },
  };
}

/** Some begin with level 1 after each start, and say so. */
async function chooseLevelTwo(device: HttpDevice, call: DeviceCall): Promise<void> {
  const parsed = stateSchema.safeParse(await device.json('/osc/state', call, {}));
  if (!parsed.success || parsed.data.state._apiVersion !== 1) return;
  const session = await execute(device, 'camera.startSession', {}, call);
  const sessionId = z.object({ sessionId: z.string() }).parse(session).sessionId;
  await execute(device, 'camera.setOptions', { sessionId, options: { clientVersion: 2 } }, call);
}

function connectionTo(device: HttpDevice, name: string, check: (call: DeviceCall) => Promise<void>): DeviceConnection {
  let known: ReadonlyMap<string, RemoteFile> = new Map();
  let urls: ReadonlyMap<string, string> = new Map();
  /** By the specification null leaves thumbnails out; a Theta wants 0 for that. */
  let noThumbnails: null | 0 = null;

  const page = async (startPosition: number, call: DeviceCall): Promise<z.output<typeof filesSchema>> => {
    const parameters = { fileType: 'all', startPosition, entryCount: pageEntries, maxThumbSize: noThumbnails };
    try {
      const parsed = filesSchema.safeParse(await execute(device, 'camera.listFiles', parameters, call));
      if (parsed.success) return parsed.data;
      throw new Fault('io', `${name} sent a list of files that is none.`);
    } catch (error) {
      if (noThumbnails === 0 || !(error instanceof Fault) || error.code !== 'invalid') throw error;
      noThumbnails = 0;
      return page(startPosition, call);
    }
  };

  const relist = async (call: DeviceCall): Promise<ReadonlyMap<string, RemoteFile>> => {
    const files = new Map<string, RemoteFile>();
    const places = new Map<string, string>();
    for (let start = 0; ; ) {
      const { entries, totalEntries } = await page(start, call);
      for (const { fileUrl, size, dateTimeZone, isProcessed } of entries) {
        if (isProcessed === false) continue;
        const path = pathOf(fileUrl);
        const mtime = timeOf(dateTimeZone);
        const mediaType = mediaTypeOf(path);
        files.set(path, {
          path,
          size,
          ...(mtime === undefined ? {} : { mtime }),
          ...(mediaType === undefined ? {} : { mediaType }),
        });
        places.set(path, fileUrl);
      }
      start += entries.length;
      if (entries.length === 0 && start < totalEntries) {
        throw new Fault('io', `${name} has ${totalEntries} files and lists ${start} of them.`);
      }
      if (start >= totalEntries) break;
    }
    known = files;
    urls = places;
    return files;
  };

  /** Where a file lies by the camera's own word; whatever host that names, it is the camera that is asked. */
  const urlPath = async (
    path: string,
    call: DeviceCall,
  ): Promise<{ readonly whole: string; readonly below: string }> => {
    if (!urls.has(path)) await relist(call);
    const whole = urls.get(path);
    if (whole === undefined) throw new Fault('not_found', `${displayPath(path)} is not on ${name}.`);
    if (!URL.canParse(whole)) throw new Fault('io', `${name} says that ${displayPath(path)} lies at no address.`);
    const { pathname, search } = new URL(whole);
    return { whole, below: pathname + search };
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
        async () => device.sizeOf((await urlPath(path, call)).below, call),
        () => relist(call),
      ),
    read: async (path, from, call) => device.read((await urlPath(path, call)).below, from, call),
    async remove(path, call) {
      const { whole } = await urlPath(path, call);
      await execute(device, 'camera.delete', { fileUrls: [whole] }, call);
    },
    async battery(call) {
      const parsed = stateSchema.safeParse(await device.json('/osc/state', call, {}));
      const { batteryLevel, _batteryState } = parsed.data?.state ?? {};
      if (batteryLevel === undefined || batteryLevel < 0 || batteryLevel > 1) return undefined;
      const percent = Math.round(batteryLevel * 100);
      return _batteryState === undefined ? { percent } : { percent, charging: _batteryState === 'charging' };
    },
    async close() {
      // Nothing is kept open between calls.
    },
  };
}

/** What a command gives, also where the camera takes its time. */
async function execute(device: HttpDevice, name: string, parameters: object, call: DeviceCall): Promise<unknown> {
  let given = await device.json('/osc/commands/execute', call, { name, parameters });
  for (;;) {
    const parsed = answerSchema.safeParse(given);
    if (!parsed.success) throw new Fault('io', `The camera at ${device.origin} answered nothing of sense to ${name}.`);
    const { state, results, error, id } = parsed.data;
    if (state === 'done') return results;
    if (state === 'error' || id === undefined) {
      const code = errorCodes[error?.code ?? ''] ?? 'io';
      throw new Fault(
        code,
        `The camera at ${device.origin} refused ${name}: ${displayPath(error?.message ?? error?.code ?? 'no reason')}.`,
      );
    }
    await pause(lookAgainMs, undefined, { signal: call.signal });
    given = await device.json('/osc/commands/status', call, { id });
  }
}

/** Codes of the specification ("Error Handling") and of Theta's. */
const errorCodes: Readonly<Record<string, FaultCode>> = {
  unknownCommand: 'unsupported',
  disabledCommand: 'busy',
  cameraInExclusiveUse: 'busy',
  serviceUnavailable: 'busy',
  missingParameter: 'invalid',
  invalidParameterName: 'invalid',
  invalidParameterValue: 'invalid',
  corruptedFile: 'io',
  powerOffSequenceRunning: 'device',
};

/** Folder and name of the file; what else the address holds is the camera's own (a session, a storage). */
function pathOf(fileUrl: string): string {
  const path = URL.canParse(fileUrl) ? new URL(fileUrl).pathname : fileUrl;
  const parts = path.split('/').filter((part) => part !== '');
  return parts.slice(-2).map(decoded).join('/');
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** `YYYY:MM:DD HH:MM:SS+HH:MM`. */
function timeOf(text: string | undefined): number | undefined {
  const match = /^(\d{4}):(\d\d):(\d\d) (\d\d:\d\d:\d\d)([+-]\d\d:\d\d)$/.exec(text ?? '');
  if (match === null) return undefined;
  const [, year, month, day, time, zone] = match;
  const ms = Date.parse(`${year}-${month}-${day}T${time}${zone}`);
  return Number.isNaN(ms) ? undefined : ms;
}
