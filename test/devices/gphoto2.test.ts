// The real gphoto2 program, with its "Directory Browse" driver on a folder for a camera.

import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deviceChecks } from '../../src/devices/conformance.ts';
import type { DeviceInfo } from '../../src/devices/device.ts';
import { createGphoto2Adapter, parseFiles } from '../../src/devices/gphoto2.ts';
import { createDeviceRegistry } from '../../src/devices/registry.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { content } from '../support/trees.ts';

const files: Readonly<Record<string, Uint8Array>> = {
  'DCIM/100CANON/IMG_0001.JPG': content(1, 300_000),
  'DCIM/100CANON/MVI_0002.MP4': content(2, 12_000_000),
  'DCIM/100CANON/MVI_0002.THM': content(3, 4_000),
  'DCIM/101 odd/B and C.JPG': content(4, 2),
  'DCIM/101 odd/empty.JPG': new Uint8Array(0),
  "DCIM/101 odd/q'uote $ %d ü.JPG": content(5, 7_000),
  "DCIM/101 odd/x' PERMS=rd FILESIZE=9 FILETYPE=a.JPG": content(6, 100),
};
const takenAt = 1_700_000_000;
const quiet = { info: () => undefined, warn: () => undefined };

let folder: string;
const options = () => ({
  ports: [{ port: `disk:${join(folder, 'camera')}`, camera: 'Directory Browse', name: 'A camera' }],
  usbFolder: join(folder, 'no-usb'),
  scratchFolder: join(folder, 'scratch'),
});
const fill = () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-gphoto2-'));
  for (const [path, bytes] of Object.entries(files)) {
    const file = join(folder, 'camera', path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, bytes);
    utimesSync(file, takenAt, takenAt);
  }
};
const call = { signal: new AbortController().signal };

async function theDevice(): Promise<DeviceInfo> {
  for await (const info of createGphoto2Adapter(options()).discover?.(call) ?? []) return info;
  throw new Error('no camera was found');
}

describe('conformance', () => {
  for (const { name, run } of deviceChecks(async () => {
    fill();
    const own = folder;
    return {
      adapter: createGphoto2Adapter(options()),
      device: await theDevice(),
      files,
      removable: 'DCIM/101 odd/B and C.JPG',
      unplug: async () => renameSync(join(own, 'camera'), join(own, 'away')),
      replug: async () => renameSync(join(own, 'away'), join(own, 'camera')),
      dispose: async () => rmSync(own, { recursive: true }),
    };
  })) {
    test(name, run);
  }
});

describe('gphoto2', () => {
  beforeEach(fill);
  afterEach(() => rmSync(folder, { recursive: true }));

  /** A program in gphoto2's place. */
  const standIn = (script: string): string => {
    const path = join(folder, 'stand-in');
    writeFileSync(path, `#!/bin/sh\n${script}\n`);
    chmodSync(path, 0o755);
    return path;
  };

  test('lists with times, types and what belongs together', async () => {
    const connection = await createGphoto2Adapter(options()).connect(await theDevice(), call);
    const found = new Map<string, unknown>();
    for await (const file of connection.list(call)) found.set(file.path, file);
    expect(found.get('DCIM/100CANON/MVI_0002.MP4')).toEqual({
      path: 'DCIM/100CANON/MVI_0002.MP4',
      size: 12_000_000,
      mtime: takenAt * 1000,
      mediaType: 'video/mp4',
      companions: ['DCIM/100CANON/MVI_0002.THM'],
    });
    expect([...found.keys()].sort()).toEqual(Object.keys(files).sort());
  });

  test('a reading that is cancelled leaves no process', async () => {
    const pidFile = join(folder, 'pid');
    const program = standIn(
      `case "$*" in *--get-file*) echo $$ > ${pidFile}; sleep 60 & sleep 60 & wait;; *) exec gphoto2 "$@";; esac`,
    );
    const adapter = createGphoto2Adapter({ ...options(), program });
    const connection = await adapter.connect(await theDevice(), call);
    const stop = new AbortController();
    const reader = (await connection.read('DCIM/100CANON/MVI_0002.MP4', 0, { signal: stop.signal })).getReader();
    const reading = reader.read();
    reading.catch(() => undefined);
    const groupOf = (pid: string) =>
      readdirSync('/proc').filter((name) => {
        try {
          const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
          const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
          return group === pid && state !== 'Z';
        } catch {
          return false;
        }
      });
    await vi.waitFor(() => expect(existsSync(pidFile) && readFileSync(pidFile, 'utf8')).toMatch(/\d/));
    const pid = readFileSync(pidFile, 'utf8').trim();
    // The control: it is there as long as it is not stopped.
    expect(groupOf(pid).length).toBeGreaterThan(0);
    stop.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
    await vi.waitFor(() => expect(groupOf(pid)).toEqual([]), { timeout: 10_000 });
    await vi.waitFor(() => expect(readdirSync(join(folder, 'scratch'))).toEqual([]));
  });

  test('a process that is killed leaves no gphoto2 behind, and the next one clears up after it', async () => {
    const pidFile = join(folder, 'pid');
    const program = standIn(`echo $$ > ${pidFile}; exec sleep 60`);
    const script = join(folder, 'killed.mjs');
    const module = new URL('../../src/devices/gphoto2-program.ts', import.meta.url).href;
    const scratch = join(folder, 'scratch');
    writeFileSync(
      script,
      `import { gphoto2Program } from ${JSON.stringify(module)};
       await gphoto2Program(${JSON.stringify(program)}, ${JSON.stringify(scratch)}).text('p', [], new AbortController().signal);`,
    );
    const child = spawn(process.execPath, [script], { stdio: 'ignore' });
    const isRunning = () => existsSync(`/proc/${readFileSync(pidFile, 'utf8').trim()}/exe`);
    await vi.waitFor(() => expect(existsSync(pidFile) && readFileSync(pidFile, 'utf8')).toMatch(/\d/), {
      timeout: 15_000,
    });
    expect(isRunning()).toBe(true);
    child.kill('SIGKILL');
    await vi.waitFor(() => expect(isRunning()).toBe(false), { timeout: 10_000 });
    expect(readdirSync(scratch)).toHaveLength(1);
    createGphoto2Adapter(options());
    expect(readdirSync(scratch)).toEqual([]);
  });

  describe('of a camera that goes away no file is said to be missing', () => {
    const film = 'DCIM/100CANON/MVI_0002.MP4';
    const photo = 'DCIM/100CANON/IMG_0001.JPG';
    const unplug = () => renameSync(join(folder, 'camera'), join(folder, 'away'));
    const opened = async (program?: string) => {
      const given = program === undefined ? options() : { ...options(), program };
      const connection = await createGphoto2Adapter(given).connect(await theDevice(), call);
      await connection.stat?.(film, call);
      return connection;
    };
    const codeOf = (work: Promise<unknown>) => work.then(String, ({ code }: { code: string }) => code);
    const readingOf = async (stream: Promise<ReadableStream<Uint8Array>>) => codeOf(bytesOf(await stream));

    test('nor where others wait in line for the same camera', async () => {
      const connection = await opened();
      unplug();
      const codes = await Promise.all([film, photo].map((path) => readingOf(connection.read(path, 0, call))));
      expect(codes).toEqual(['device', 'device']);
    });

    test('nor where it was away just while it was asked', async () => {
      const camera = join(folder, 'camera');
      const program = standIn(
        `case "$*" in *--get-file*|*--delete-file*) mv ${camera} ${camera}-away; gphoto2 "$@"; code=$?; mv ${camera}-away ${camera}; exit $code;; *) exec gphoto2 "$@";; esac`,
      );
      const connection = await opened(program);
      expect(await readingOf(connection.read(film, 0, call))).toBe('network');
      expect(await codeOf(Promise.resolve(connection.remove?.(film, call)))).toBe('network');
      expect(existsSync(join(camera, film))).toBe(true);
    });

    test('nor where it is listed or a file is to be removed', async () => {
      const connection = await opened();
      unplug();
      expect(await codeOf(connection.list(call)[Symbol.asyncIterator]().next())).toBe('device');
      expect(await codeOf(Promise.resolve(connection.remove?.(film, call)))).toBe('device');
    });

    test('a file that is gone is missing, and needs not be removed', async () => {
      const connection = await opened();
      rmSync(join(folder, 'camera', film));
      expect(await readingOf(connection.read(film, 0, call))).toBe('not_found');
      await connection.remove?.(film, call);
    });
  });

  test('one that breaks off in the middle of a file is a fault, with what it said', async () => {
    const program = standIn(
      `case "$*" in *--get-file*) head -c 100000 ${join(folder, 'camera/DCIM/100CANON/MVI_0002.MP4')}; echo "*** Error (-7: 'I/O problem') ***" >&2; exit 1;; *) exec gphoto2 "$@";; esac`,
    );
    const registry = createDeviceRegistry({
      adapters: [createGphoto2Adapter({ ...options(), program })],
      clock: systemClock,
      log: quiet,
    });
    await registry.look();
    const place = await registry.open((await theDevice()).id);
    expect(place.traits.resumableRead).toBe(false);
    await expect(bytesOf(await place.read('DCIM/100CANON/MVI_0002.MP4', 0))).rejects.toMatchObject({
      code: 'network',
      message: expect.stringContaining('I/O problem'),
    });
    await registry.close();
  });

  test('two at once wait for one another, as a camera takes one', async () => {
    const log = join(folder, 'log');
    const program = standIn(
      `case "$*" in *--get-file*) echo in >> ${log}; gphoto2 "$@"; echo out >> ${log};; *) exec gphoto2 "$@";; esac`,
    );
    const adapter = createGphoto2Adapter({ ...options(), program });
    const connection = await adapter.connect(await theDevice(), call);
    const paths = Object.keys(files).slice(0, 3);
    const read = await Promise.all(paths.map(async (path) => bytesOf(await connection.read(path, 0, call))));
    expect(read.map(({ length }) => length)).toEqual(paths.map((path) => files[path]?.length));
    expect(readFileSync(log, 'utf8')).toBe('in\nout\n'.repeat(3));
  });

  test('where it is not installed, it is said what to install', async () => {
    const registry = createDeviceRegistry({
      adapters: [createGphoto2Adapter({ ...options(), program: 'gphoto2-is-not-here' })],
      clock: systemClock,
      log: quiet,
    });
    await registry.look();
    expect(registry.troubles).toMatchObject([
      { kind: 'gphoto2', fault: { code: 'tool_missing', message: expect.stringContaining('apt-get install gphoto2') } },
    ]);
    await registry.close();
  });

  test('cameras at USB are known by their serial numbers, else by model and socket', async () => {
    const usbFolder = join(folder, 'usb');
    const plug = (socket: string, device: string, serial?: string) => {
      mkdirSync(join(usbFolder, socket), { recursive: true });
      writeFileSync(join(usbFolder, socket, 'busnum'), '1\n');
      writeFileSync(join(usbFolder, socket, 'devnum'), `${device}\n`);
      if (serial !== undefined) writeFileSync(join(usbFolder, socket, 'serial'), `${serial}\n`);
    };
    plug('1-1', '5', '0123ABCD');
    plug('1-2', '7');
    const asked = join(folder, 'asked');
    const program = standIn(`case "$*" in
      --auto-detect) echo x >> ${asked}; printf '%-30s %-16s\\n' Model Port; echo ----------; printf '%-30s %-16s\\n' 'Canon EOS 5D' 'usb:001,005' 'Nikon DSC Coolpix with a name of 40 letters' 'usb:001,007';;
      *) exit 1;; esac`);
    const adapter = createGphoto2Adapter({ program, usbFolder });
    const ids = async () => {
      const found: string[] = [];
      for await (const { id } of adapter.discover?.(call) ?? []) found.push(id);
      return found;
    };
    expect(await ids()).toEqual([
      'gphoto2-Canon_EOS_5D-0123ABCD',
      'gphoto2-Nikon_DSC_Coolpix_with_a_name_of_40_letters-at-1-2',
    ]);
    await ids();
    expect(readFileSync(asked, 'utf8')).toBe('x\n');
    plug('1-1', '9', '0123ABCD');
    await ids();
    expect(readFileSync(asked, 'utf8')).toBe('x\nx\n');
  });

  test('a name with a line feed is one file, and a list that breaks off is none', () => {
    const line = (name: string) =>
      `FILENAME='${name}' PERMS=rd FILESIZE=    2 FILETYPE=image/jpeg FILEMTIME=${takenAt}\n`;
    expect(parseFiles(`${line('/a.jpg')}${line('/b\nc.jpg')}${line('/d.jpg')}`).map(({ path }) => path)).toEqual([
      'a.jpg',
      'b\nc.jpg',
      'd.jpg',
    ]);
    expect(() => parseFiles("FILENAME='/a.jpg")).toThrow('broke off');
    expect(parseFiles("FILENAME='/a.jpg' PERMS=rd\n")).toEqual([
      { path: 'a.jpg', size: Number.NaN, mediaType: 'image/jpeg' },
    ]);
  });
});
