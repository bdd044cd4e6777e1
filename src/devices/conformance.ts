// What every adapter must do, as a list of checks for any test runner: the public conformance suite for authors of plugins.

import { systemClock } from '../model/clock.ts';
import { type Check, checksOf, must, soon } from '../model/conformance.ts';
import type { DeviceAdapter, DeviceCall, DeviceConnection, DeviceInfo, RemoteFile } from './device.ts';
import { deviceFault } from './device-fault.ts';
import { createDeviceRegistry } from './registry.ts';
import { checkedFile } from './remote-file.ts';

export interface ConformanceSubject {
  readonly adapter: DeviceAdapter;
  /** A device that is there. */
  readonly device: DeviceInfo;
  /** What it holds, all of it, or a part with `partial`; at least one file has 100 kB or more. */
  readonly files: Readonly<Record<string, Uint8Array>>;
  /** It may hold other files too. Default is `false`. */
  readonly partial?: boolean;
  /** Takes the device away, and brings it back. Left out: what happens then is not tried. */
  readonly unplug?: () => Promise<void>;
  readonly replug?: () => Promise<void>;
  /** One of the files, which may be removed. Left out: removing is not tried. */
  readonly removable?: string;
  dispose?(): Promise<void>;
}

export type DeviceCheck = Check;

const idPattern = /^[A-Za-z0-9._-]{1,128}$/;
const kindPattern = /^[a-z][a-z0-9_]{1,40}$/;

/**
 * Each check opens a subject of its own, runs, and disposes of it:
 * `for (const { name, run } of deviceChecks(open)) test(name, run);`
 */
export function deviceChecks(
  open: () => Promise<ConformanceSubject>,
  options: {
    /** How long one check may take, in milliseconds. Default is 30,000. */
    readonly limitMs?: number;
  } = {},
): readonly DeviceCheck[] {
  return checksOf(checks, open, 'the adapter', options.limitMs);
}

const checks: Readonly<Record<string, (subject: ConformanceSubject) => Promise<void>>> = {
  'has a kind that is a codename': async ({ adapter }) => {
    must(kindPattern.test(adapter.kind), `kind "${adapter.kind}" is not of the form ${kindPattern.source}`);
  },

  'discovers the device, under the same id each time': async ({ adapter, device }) => {
    if (adapter.discover === undefined) return;
    for (let round = 0; round < 2; round++) {
      const found: DeviceInfo[] = [];
      for await (const info of adapter.discover(calling())) found.push(info);
      const ids = found.map(({ id }) => id);
      must(ids.includes(device.id), `discover gave ${ids.join(', ') || 'nothing'} and not ${device.id}`);
      must(new Set(ids).size === ids.length, `discover gave an id twice: ${ids.join(', ')}`);
      for (const { id, kind } of found) {
        must(idPattern.test(id), `the id "${id}" is not of the form ${idPattern.source}`);
        must(kind === adapter.kind, `${id} has the kind ${kind}, its adapter is ${adapter.kind}`);
      }
    }
  },

  'lists every file once, with a safe relative path and its size': (subject) =>
    connected(subject, async (connection) => {
      const listed = await listOf(connection);
      const paths = new Set<string>();
      for (const file of listed) {
        const checked = checkedFile(file);
        must(checked.path === file.path, `the path "${file.path}" should be written "${checked.path}"`);
        must(!paths.has(file.path), `${file.path} is listed twice`);
        paths.add(file.path);
      }
      for (const [path, bytes] of Object.entries(subject.files)) {
        const file = listed.find((one) => one.path === path);
        must(file !== undefined, `${path} is not listed`);
        must(file?.size === bytes.length, `${path} is listed with ${file?.size} bytes and has ${bytes.length}`);
      }
      if (subject.partial !== true) {
        const extra = [...paths].filter((path) => !(path in subject.files));
        must(extra.length === 0, `listed although it is not there: ${extra.join(', ')}`);
      }
      for (const { path, companions = [] } of listed) {
        for (const other of companions)
          must(paths.has(other), `${path} has the companion ${other}, which is not listed`);
      }
    }),

  'lists the same twice at once': (subject) =>
    connected(subject, async (connection) => {
      const [one = [], other = []] = await Promise.all([listOf(connection), listOf(connection)]);
      const text = (files: readonly RemoteFile[]) =>
        files
          .map(({ path, size }) => `${path} ${size}`)
          .sort()
          .join('\n');
      must(text(one) === text(other), 'two listings at once differ');
    }),

  'answers for one file what it lists': (subject) =>
    connected(subject, async (connection) => {
      if (connection.stat === undefined) return;
      for (const listed of (await listOf(connection)).slice(0, 20)) {
        const one = await connection.stat(listed.path, calling());
        must(one?.size === listed.size && one.mtime === listed.mtime, `stat of ${listed.path} is not as it is listed`);
      }
      const none = await connection.stat('no/such/file', calling());
      must(none === undefined, 'stat of a file that is not there did not resolve with undefined');
    }),

  'reads each file whole': (subject) =>
    connected(subject, async (connection) => {
      for (const [path, bytes] of Object.entries(subject.files)) {
        same(await allOf(await connection.read(path, 0, calling())), bytes, path);
      }
    }),

  'reads from any byte on, where it says that it can': (subject) =>
    connected(subject, async (connection) => {
      if (connection.readsFrom !== true) return;
      const [path, bytes] = largest(subject);
      for (const from of [1, Math.floor(bytes.length / 2), bytes.length - 1, bytes.length]) {
        same(await allOf(await connection.read(path, from, calling())), bytes.subarray(from), `${path} from ${from}`);
      }
    }),

  'reads several files at once': (subject) =>
    connected(subject, async (connection) => {
      const some = Object.entries(subject.files).slice(0, 4);
      const read = await Promise.all(some.map(async ([path]) => allOf(await connection.read(path, 0, calling()))));
      for (const [at, [path, bytes]] of some.entries()) same(read[at] ?? new Uint8Array(), bytes, path);
    }),

  'says of a file that is not there: not_found': (subject) =>
    connected(subject, async (connection) => {
      const code = await refusal(async () => allOf(await connection.read('no/such/file', 0, calling())));
      must(code === 'not_found', `reading a file that is not there rejected with ${code}, not with not_found`);
    }),

  'goes on after a reading that was cancelled': (subject) =>
    connected(subject, async (connection) => {
      const [path, bytes] = largest(subject);
      const reader = (await connection.read(path, 0, calling())).getReader();
      await reader.read();
      await soon(reader.cancel('seen enough'), 'a reading that is cancelled');
      same(await allOf(await connection.read(path, 0, calling())), bytes, path);
    }),

  'stops a reading when it is told to': (subject) =>
    connected(subject, async (connection) => {
      const [path, bytes] = largest(subject);
      const stop = new AbortController();
      const reader = (await connection.read(path, 0, { signal: stop.signal })).getReader();
      const first = await reader.read();
      stop.abort(new Error('enough'));
      let got = first.value?.length ?? 0;
      const rest = async () => {
        for (;;) {
          const { done, value } = await reader.read();
          if (done) return;
          got += value.length;
        }
      };
      const ended = await soon(
        rest().then(
          () => 'ended',
          () => 'rejected',
        ),
        'a reading that is aborted',
      );
      // What was on its way already may come whole.
      must(ended === 'rejected' || got === bytes.length, 'a reading that was aborted ended as if it were whole');
      await reader.cancel().catch(() => undefined);
    }),

  'begins nothing when it is told to stop before': async (subject) => {
    const stopped: DeviceCall = { signal: AbortSignal.abort(new Error('enough')) };
    const { adapter, device } = subject;
    await soon(
      refusal(async () => (await adapter.connect(device, stopped)).close()),
      'connecting',
    ).then((code) => must(code !== undefined, 'connect went on although it was aborted before'));
    await connected(subject, async (connection) => {
      const listing = await soon(
        refusal(() => listOf(connection, stopped)),
        'a listing',
      );
      must(listing !== undefined, 'list went on although it was aborted before');
      const [path] = largest(subject);
      const reading = await soon(
        refusal(async () => allOf(await connection.read(path, 0, stopped))),
        'a reading',
      );
      must(reading !== undefined, 'read went on although it was aborted before');
    });
  },

  'a listing that is left early keeps nobody waiting': (subject) =>
    connected(subject, async (connection) => {
      const iterator = connection.list(calling())[Symbol.asyncIterator]();
      await iterator.next();
      await soon(Promise.resolve(iterator.return?.()), 'a listing that is left');
      await listOf(connection);
    }),

  'connects twice, and closes twice': async ({ adapter, device }) => {
    const [one, other] = await Promise.all([adapter.connect(device, calling()), adapter.connect(device, calling())]);
    await one.close();
    await listOf(other);
    await other.close();
    await other.close();
  },

  'refuses another device than the one that is there': async ({ adapter, device }) => {
    const other = { ...device, id: `${device.id}-other`.slice(-128), serial: 'OTHER0000001' };
    const code = await refusal(async () => (await adapter.connect(other, calling())).close());
    must(code === 'device', `connecting to a device that is not there rejected with ${code}, not with device`);
  },

  'tells a battery that is between empty and full': (subject) =>
    connected(subject, async (connection) => {
      const battery = await connection.battery?.(calling());
      const isPercent = battery === undefined || (battery.percent >= 0 && battery.percent <= 100);
      must(isPercent, `the battery is at ${battery?.percent} %`);
    }),

  'removes a file, and one that is gone already': (subject) =>
    connected(subject, async (connection) => {
      const path = subject.removable;
      if (connection.remove === undefined || path === undefined) return;
      await connection.remove(path, calling());
      const listed = await listOf(connection);
      must(!listed.some((file) => file.path === path), `${path} is listed although it was removed`);
      const again = await refusal(async () => connection.remove?.(path, calling()));
      must(again === undefined || again === 'not_found', `removing what is gone already rejected with ${again}`);
    }),

  'says that the device is away when it is, and finds it again': async (subject) => {
    const { adapter, device, unplug, replug } = subject;
    if (unplug === undefined || replug === undefined) return;
    const connection = await adapter.connect(device, calling());
    const [path, bytes] = largest(subject);
    await unplug();
    const refusals = {
      list: await soon(
        refusal(() => listOf(connection)),
        'a listing of a device that is away',
        10_000,
      ),
      read: await soon(
        refusal(async () => allOf(await connection.read(path, 0, calling()))),
        'a reading',
        10_000,
      ),
      connect: await soon(
        refusal(async () => (await adapter.connect(device, calling())).close()),
        'connecting',
        10_000,
      ),
    };
    for (const [what, code] of Object.entries(refusals)) {
      must(code !== undefined, `${what} went well although the device was away`);
      must(code !== 'not_found', `${what} told of a device that is away as if only its file were gone (not_found)`);
    }
    must(refusals.connect === 'device', `connect told of a device that is away by ${refusals.connect}, not by device`);
    if (adapter.discover !== undefined) {
      for await (const { id } of adapter.discover(calling()))
        must(id !== device.id, 'discover gave a device that is away');
    }
    await connection.close();
    await replug();
    const again = await adapter.connect(device, calling());
    same(await allOf(await again.read(path, 0, calling())), bytes, path);
    await again.close();
  },

  'opens as a place, as the engine will use it': async ({ adapter, device, files }) => {
    const quiet = { info: () => undefined, warn: () => undefined };
    const registry = createDeviceRegistry({ adapters: [adapter], clock: systemClock, log: quiet, known: [device] });
    try {
      // The first look is part of starting.
      registry.start();
      await registry.look();
      const place = await registry.open(device.id);
      for (const [path, bytes] of Object.entries(files)) {
        must((await place.stat(path))?.sizeBytes === bytes.length, `${path} does not have its size as a place's file`);
        same(await allOf(await place.read(path, 0)), bytes, path);
      }
    } finally {
      await registry.close();
    }
  },
};

function same(read: Uint8Array, wanted: Uint8Array, what: string): void {
  must(read.length === wanted.length, `${what} gave ${read.length} bytes and not ${wanted.length}`);
  const at = wanted.findIndex((byte, index) => read[index] !== byte);
  must(at < 0, `${what} differs from what it should be at byte ${at}`);
}

const calling = (): DeviceCall => ({ signal: new AbortController().signal });

async function connected(
  { adapter, device }: ConformanceSubject,
  use: (connection: DeviceConnection) => Promise<void>,
): Promise<void> {
  const connection = await adapter.connect(device, calling());
  try {
    await use(connection);
  } finally {
    await connection.close();
  }
}

async function listOf(connection: DeviceConnection, call = calling()): Promise<RemoteFile[]> {
  const files: RemoteFile[] = [];
  for await (const file of connection.list(call)) files.push(file);
  return files;
}

async function allOf(stream: ReadableStream<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return Buffer.concat(parts);
}

function largest({ files }: ConformanceSubject): [string, Uint8Array] {
  const [first] = Object.entries(files).sort(([, one], [, other]) => other.length - one.length);
  if (first === undefined || first[1].length < 100_000) throw new Error('the subject needs a file of 100 kB or more');
  return first;
}

/** The code it rejects with; undefined where it does not. */
async function refusal(act: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await act();
    return undefined;
  } catch (error) {
    return deviceFault(error, 'The device').code;
  }
}
