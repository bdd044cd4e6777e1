// Cameras and cards: who is there, and what files they hold.

import type { Engine } from '../../engine/engine.ts';
import { fileKey, takenFrom } from '../../engine/offload/taken.ts';
import type { DeviceFileView, DeviceView } from '../../model/device-views.ts';
import { Fault } from '../../model/fault.ts';
import { comparePaths, displayPath } from '../../model/names.ts';
import { fromBase64, pathText, toBase64 } from '../../model/path-text.ts';
import { faultView, isoTime } from '../present.ts';
import { route } from '../route.ts';

type Registry = NonNullable<Engine['devices']>;

interface ListedFile {
  readonly path: string;
  readonly size: number;
  readonly mtime?: number;
  readonly mediaType?: string;
  readonly companions?: readonly string[];
}

const mostRefused = 100;

export const deviceRoutes = [
  route('listDevices', async (_, { engine }) => listOf(engine.devices)),
  route('lookForDevices', async (_, { engine }) => {
    await engine.devices?.look();
    return listOf(engine.devices);
  }),
  route('getDevice', async ({ params }, { engine }) => {
    const state = engine.devices?.devices.find(({ info }) => info.id === params.id);
    if (state !== undefined) return deviceView(state);
    throw new Fault('not_found', `No device ${displayPath(params.id)} has been seen.`);
  }),
  route('listDeviceFiles', async ({ params, query }, { engine, reader }, { signal }) => {
    if (engine.devices === undefined) throw new Fault('unsupported', 'Nobody looks for devices here.');
    const after = query.cursor === undefined ? undefined : new TextDecoder().decode(fromBase64(query.cursor));
    const files: ListedFile[] = [];
    const refused: { path: string; fault: ReturnType<typeof faultView> }[] = [];
    for await (const listed of engine.devices.files(params.id, { signal })) {
      if (listed.kind === 'file') files.push(listed.file);
      else if (refused.length < mostRefused)
        refused.push({ path: listed.path, fault: faultView(listed.fault.report()) });
    }
    files.sort((one, other) => comparePaths(one.path, other.path));
    const rest = after === undefined ? files : files.filter(({ path }) => comparePaths(path, after) > 0);
    const rows = rest.slice(0, query.limit);
    const taken = await takenFrom(reader, params.id);
    const last = rows.at(-1);
    return {
      rows: rows.map((file) => fileView(file, taken.get(fileKey(file)) ?? null)),
      total: files.length,
      taken: files.filter((file) => taken.has(fileKey(file))).length,
      totalBytes: files.reduce((sum, { size }) => sum + size, 0),
      refused,
      nextCursor:
        rest.length > rows.length && last !== undefined ? toBase64(new TextEncoder().encode(last.path)) : null,
    };
  }),
];

const listOf = (devices: Registry | undefined) => ({
  rows: devices?.devices.map(deviceView) ?? [],
  troubles: (devices?.troubles ?? []).map(({ kind, fault }) => ({ kind, fault: faultView(fault) })),
});

function deviceView({ info, connected, since, fault, battery }: Registry['devices'][number]): DeviceView {
  const shown = (text: string | undefined) => (text === undefined ? null : displayPath(text));
  return {
    id: info.id,
    kind: info.kind,
    name: displayPath(info.name),
    model: shown(info.model),
    serial: shown(info.serial),
    address: shown(info.address),
    connected,
    since: isoTime(since),
    fault: fault === null ? null : faultView(fault),
    battery: battery ?? null,
  };
}

function fileView(file: ListedFile, transferId: string | null): DeviceFileView {
  return {
    ...pathText(file.path),
    sizeBytes: file.size,
    mtime: file.mtime === undefined ? null : isoTime(Math.round(file.mtime)),
    mediaType: file.mediaType ?? null,
    companions: (file.companions ?? []).map(displayPath),
    transferId,
  };
}
