// Cameras by PTP and the other protocols of libgphoto2, through Debian's gphoto2 program.

import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../model/fault.ts';
import { displayPath, pathFromBytes } from '../model/names.ts';
import { mediaTypeOf, withCompanions } from './companions.ts';
import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from './device.ts';
import { type Gphoto2Program, gphoto2Program } from './gphoto2-program.ts';
import { skipped } from './skipped.ts';

export interface Gphoto2Port {
  /** As gphoto2 writes it: `disk:/path`, `ptpip:192.168.1.20`, `serial:/dev/ttyS0`. */
  readonly port: string;
  /** As `gphoto2 --list-cameras` writes it. */
  readonly camera: string;
  readonly name?: string;
}

export interface Gphoto2Options {
  /** Ports beside those of USB, which are found by themselves. Default: none. */
  readonly ports?: readonly Gphoto2Port[];
  /** Default is `gphoto2`. */
  readonly program?: string;
  /** Where a file lies while it is read: the program writes it down before it gives it out. Default is one below the system's own. */
  readonly scratchFolder?: string;
  /** Where the system tells of USB devices. */
  readonly usbFolder?: string;
}

/** A listing that is no older stands for one of now; files of a camera do not change in place. */
const freshMs = 60_000;

interface Found {
  readonly info: DeviceInfo;
  readonly port: string;
  readonly camera: string;
}

export function createGphoto2Adapter(options: Gphoto2Options = {}): DeviceAdapter {
  const { ports = [], usbFolder = '/sys/bus/usb/devices' } = options;
  const program = gphoto2Program(
    options.program ?? 'gphoto2',
    options.scratchFolder ?? join(tmpdir(), `wherry-gphoto2-${process.pid}`),
  );
  let usb: { readonly sign: string; readonly found: readonly Found[] } | undefined;

  const onPorts = async (call: DeviceCall): Promise<Found[]> => {
    const looked = ports.map(async ({ port, camera, name }): Promise<Found | undefined> => {
      const hash = createHash('sha256').update(`${camera}\0${port}`).digest('hex').slice(0, 16);
      const info = { id: `gphoto2-port-${hash}`, kind: 'gphoto2', name: name ?? camera, model: camera, address: port };
      // Who is being read from is there.
      if (program.isBusy(port)) return { info, port, camera };
      try {
        await program.text(
          port,
          ['--parsable', '--camera', camera, '--port', port, '--folder', '/', '--num-files'],
          call.signal,
        );
        return { info, port, camera };
      } catch (error) {
        call.signal.throwIfAborted();
        if (error instanceof Fault && error.code === 'tool_missing') throw error;
        return undefined;
      }
    });
    return (await Promise.all(looked)).filter((one) => one !== undefined);
  };

  /** Asked anew only when something was plugged or pulled: the program looks at every driver that it has. */
  const onUsb = async (call: DeviceCall): Promise<readonly Found[]> => {
    const devices = usbDevices(usbFolder);
    const sign = devices.map(({ socket, port, serial }) => `${socket} ${port} ${serial}`).join('\n');
    if (usb?.sign === sign) return usb.found;
    if (devices.length === 0) return [];
    const found: Found[] = [];
    for (const [camera, port] of detected(await program.text('detect', ['--auto-detect'], call.signal))) {
      const device = devices.find((one) => one.port === port);
      const serial = device?.serial ?? (await serialOf(program, camera, port, call));
      // Without a serial number it is the one of its model in that socket.
      const own = serial ?? `at-${device?.socket ?? port}`;
      const id = `gphoto2-${camera}-${own}`.replace(/[^A-Za-z0-9._-]+/g, '_').slice(0, 128);
      const info: DeviceInfo = { id, kind: 'gphoto2', name: camera, model: camera, address: port };
      found.push({ info: serial === undefined ? info : { ...info, serial }, port, camera });
    }
    usb = { sign, found };
    return found;
  };

  const all = async (call: DeviceCall): Promise<readonly Found[]> => [...(await onUsb(call)), ...(await onPorts(call))];

  return {
    kind: 'gphoto2',
    async *discover(call) {
      for (const { info } of await all(call)) yield info;
    },
    async connect(info, call) {
      call.signal.throwIfAborted();
      const present = async (own: DeviceCall): Promise<Found> => {
        const found = (await all(own)).find((one) => one.info.id === info.id);
        if (found !== undefined) return found;
        throw new Fault('device', `${displayPath(info.name)} is not connected.`);
      };
      return connectionTo(program, await present(call), async (own) => void (await present(own)));
    },
  };
}

function isNotFound(error: unknown): boolean {
  return error instanceof Fault && error.code === 'not_found';
}

function connectionTo(
  program: Gphoto2Program,
  { info, port, camera }: Found,
  check: (call: DeviceCall) => Promise<void>,
): DeviceConnection {
  const at = ['--camera', camera, '--port', port];
  let known: { readonly at: number; readonly files: ReadonlyMap<string, RemoteFile> } | undefined;

  const relist = async ({ signal }: DeviceCall): Promise<ReadonlyMap<string, RemoteFile>> => {
    const args = ['--parsable', ...at, '--folder', '/', '--recurse', '--list-files'];
    const text = await program.text(port, args, signal).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
      // A camera that is there has a root.
      throw new Fault('device', `${displayPath(info.name)} is not connected.`, { cause: error });
    });
    const files = new Map(withCompanions(parseFiles(text)).map((file) => [file.path, file]));
    known = { at: performance.now(), files };
    return files;
  };
  /** Rejects with why a file was not found, unless it is gone: of a camera that is away, or was for a moment, none is found. */
  const lookAgain = async (path: string, error: unknown, call: DeviceCall): Promise<void> => {
    if (!isNotFound(error)) throw error;
    if (!(await relist(call)).has(path)) return;
    throw new Fault(
      'network',
      `${displayPath(path)} was not found on ${displayPath(info.name)}, and is there now: the camera was away for a moment.`,
      { cause: error },
    );
  };
  const argumentFor = (path: string): string => {
    // What holds no dot is taken for numbers of files.
    if (path.includes('.')) return `/${path}`;
    throw new Fault(
      'unsupported',
      `${displayPath(path)} on ${info.name} has a name that gphoto2 does not take: it has no dot.`,
    );
  };

  return {
    check,
    async *list(call) {
      yield* (await relist(call)).values();
    },
    async stat(path, call) {
      call.signal.throwIfAborted();
      // While a file is read nobody else can ask the camera.
      const isFresh = known !== undefined && (program.isBusy(port) || performance.now() - known.at < freshMs);
      if (known === undefined || !isFresh) return (await relist(call)).get(path);
      await check(call);
      return known.files.get(path);
    },
    async read(path, from, call) {
      call.signal.throwIfAborted();
      const files = known?.files ?? (await relist(call));
      if (!files.has(path)) throw new Fault('not_found', `${displayPath(path)} is not on ${info.name}.`);
      const args = ['--quiet', ...at, `--get-file=${argumentFor(path)}`, '--stdout'];
      const stream = program.stream(port, args, call.signal, async (error) => {
        await lookAgain(path, error, call);
        throw error;
      });
      return from === 0 ? stream : skipped(stream, from);
    },
    async remove(path, { signal }) {
      try {
        await program.text(port, ['--quiet', ...at, `--delete-file=${argumentFor(path)}`], signal);
      } catch (error) {
        await lookAgain(path, error, { signal });
      }
      known = undefined;
    },
    async close() {
      // Each call is a program of its own.
    },
  };
}

/** Lines of `--parsable --list-files`: FILENAME='/DCIM/A B.JPG' PERMS=rd FILESIZE=  2 FILETYPE=image/jpeg FILEMTIME=1795279453. */
export function parseFiles(text: string): RemoteFile[] {
  const files: RemoteFile[] = [];
  let line = '';
  for (const part of text.split('\n')) {
    line = line === '' ? part : `${line}\n${part}`;
    if (!line.startsWith("FILENAME='")) {
      line = '';
      continue;
    }
    const match =
      /^FILENAME='([\s\S]*)' PERMS=\S*(?: FILESIZE=\s*(\d+))?(?: FILETYPE=(\S+))?(?: \w+=\S+)*?(?: FILEMTIME=(\d+))?$/.exec(
        line,
      );
    // A name with a line feed goes on in the next line.
    if (match === null) continue;
    line = '';
    const [, name = '', size, type, seconds] = match;
    const path = pathFromBytes(Buffer.from(name, 'latin1')).replace(/^\/+/, '');
    const mediaType = mediaTypeOf(path) ?? type;
    files.push({
      path,
      size: size === undefined ? Number.NaN : Number(size),
      ...(seconds === undefined || seconds === '0' ? {} : { mtime: Number(seconds) * 1000 }),
      ...(mediaType === undefined ? {} : { mediaType }),
    });
  }
  if (line !== '') throw new Fault('io', `gphoto2 listed files and broke off in the middle of a name.`);
  return files;
}

/** Model and port, from a table whose columns are apart by the width of the first. */
function detected(text: string): [string, string][] {
  return text.split('\n').flatMap((line): [string, string][] => {
    const match = /^(.+?)\s+(usb:\S*)\s*$/.exec(line);
    return match?.[1] === undefined || match[2] === undefined ? [] : [[match[1].trim(), match[2]]];
  });
}

async function serialOf(
  program: Gphoto2Program,
  camera: string,
  port: string,
  call: DeviceCall,
): Promise<string | undefined> {
  try {
    const text = await program.text(port, ['--quiet', '--camera', camera, '--port', port, '--summary'], call.signal);
    const serial = /^\s*Serial Number:\s*(\S+)\s*$/m.exec(text)?.[1];
    return serial === undefined || /^[0x]*$/.test(serial) ? undefined : serial;
  } catch {
    call.signal.throwIfAborted();
    return undefined;
  }
}

interface UsbDevice {
  /** Where it is plugged in: `1-1.2`. */
  readonly socket: string;
  /** As gphoto2 writes it: `usb:001,005`. */
  readonly port: string;
  readonly serial: string | undefined;
}

function usbDevices(folder: string): UsbDevice[] {
  const read = (path: string): string | undefined => {
    try {
      return readFileSync(path, 'utf8').trim() || undefined;
    } catch {
      return undefined;
    }
  };
  let sockets: string[];
  try {
    sockets = readdirSync(folder);
  } catch {
    return [];
  }
  return sockets.sort().flatMap((socket) => {
    const bus = read(`${folder}/${socket}/busnum`);
    const device = read(`${folder}/${socket}/devnum`);
    if (bus === undefined || device === undefined) return [];
    const port = `usb:${bus.padStart(3, '0')},${device.padStart(3, '0')}`;
    return [{ socket, port, serial: read(`${folder}/${socket}/serial`) }];
  });
}
