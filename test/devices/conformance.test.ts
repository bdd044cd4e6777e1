// The suite for authors of adapters: a good one passes, and each misbehaviour fails the check that is about it.

import { describe, expect, test } from 'vitest';
import { type ConformanceSubject, deviceChecks } from '../../src/devices/conformance.ts';
import type { DeviceAdapter, DeviceConnection } from '../../src/devices/device.ts';
import { Fault } from '../../src/model/fault.ts';
import { memoryAdapter } from '../support/memory-device.ts';
import { content } from '../support/trees.ts';

const files = {
  'DCIM/a.mp4': content(1, 900_000),
  'DCIM/a.thm': content(2, 5_000),
  'DCIM/b.jpg': content(3, 150_000),
  'empty.txt': new Uint8Array(0),
};

async function subject(): Promise<ConformanceSubject> {
  const adapter = memoryAdapter();
  const device = adapter.add('cam-1', files);
  return {
    adapter,
    device: device.info,
    files,
    removable: 'DCIM/b.jpg',
    unplug: async () => {
      device.isThere = false;
    },
    replug: async () => {
      device.isThere = true;
    },
  };
}

describe('a good adapter', () => {
  for (const { name, run } of deviceChecks(subject)) test(name, run);
});

/** Names of the checks that fail. */
async function failing(change: (adapter: DeviceAdapter) => DeviceAdapter): Promise<string[]> {
  const failed: string[] = [];
  const open = async () => {
    const good = await subject();
    return { ...good, adapter: change(good.adapter) };
  };
  const checks = deviceChecks(open, { limitMs: 5_000 });
  await Promise.all(
    checks.map(async ({ name, run }) => {
      await run().catch(() => failed.push(name));
    }),
  );
  return failed;
}

const withConnection =
  (change: (connection: DeviceConnection) => Partial<DeviceConnection>) =>
  (adapter: DeviceAdapter): DeviceAdapter => ({
    ...adapter,
    connect: async (info, call) => {
      const connection = await adapter.connect(info, call);
      return { ...connection, ...change(connection) };
    },
  });

const never = new Promise<never>(() => undefined);

describe('a bad one', () => {
  test('that is good fails nothing: the control', async () => {
    expect(await failing((adapter) => ({ ...adapter }))).toEqual([]);
  });

  test.each<[string, (adapter: DeviceAdapter) => DeviceAdapter, string]>([
    ['has a kind with spaces', (adapter) => ({ ...adapter, kind: 'My Camera' }), 'has a kind that is a codename'],
    [
      'gives an id with a slash',
      (adapter) => ({
        ...adapter,
        async *discover(call) {
          for await (const info of adapter.discover?.(call) ?? []) yield { ...info, id: `a/${info.id}` };
        },
      }),
      'discovers the device, under the same id each time',
    ],
    [
      'claims another size',
      withConnection((connection) => ({
        async *list(call) {
          for await (const file of connection.list(call)) yield { ...file, size: file.size + 1 };
        },
      })),
      'lists every file once, with a safe relative path and its size',
    ],
    [
      'leaves out the end',
      withConnection((connection) => ({
        async *list(call) {
          for await (const file of connection.list(call)) if (file.path !== 'empty.txt') yield file;
        },
      })),
      'lists every file once, with a safe relative path and its size',
    ],
    [
      'gives absolute paths',
      withConnection((connection) => ({
        async *list(call) {
          for await (const file of connection.list(call)) yield { ...file, path: `/${file.path}` };
        },
      })),
      'lists every file once, with a safe relative path and its size',
    ],
    [
      'reads from zero although it says otherwise',
      withConnection((connection) => ({ read: (path, _from, call) => connection.read(path, 0, call) })),
      'reads from any byte on, where it says that it can',
    ],
    [
      'does not hear the signal while it reads',
      withConnection(() => ({
        read: async () =>
          new ReadableStream<Uint8Array>({
            start: (controller) => controller.enqueue(new Uint8Array(10)),
            pull: () => never,
          }),
      })),
      'stops a reading when it is told to',
    ],
    [
      'begins a listing that is not wanted any more',
      withConnection((connection) => ({ list: () => connection.list({ signal: new AbortController().signal }) })),
      'begins nothing when it is told to stop before',
    ],
    [
      'gives an empty file for one that is not there',
      withConnection((connection) => ({
        read: async (path, from, call) =>
          connection.read(path, from, call).catch(() => new ReadableStream({ start: (at) => at.close() })),
      })),
      'says of a file that is not there: not_found',
    ],
    [
      'takes any device for the one that is there',
      (adapter) => ({
        ...adapter,
        connect: (info, call) => adapter.connect({ ...info, id: 'cam-1' }, call),
      }),
      'refuses another device than the one that is there',
    ],
    [
      'tells of a device that is away as of a file that is gone',
      withConnection((connection) => ({
        read: (path, from, call) =>
          connection.read(path, from, call).catch((error: unknown) => {
            throw new Fault('not_found', String(error));
          }),
      })),
      'says that the device is away when it is, and finds it again',
    ],
    [
      'has a battery of 120 %',
      withConnection(() => ({ battery: async () => ({ percent: 120 }) })),
      'tells a battery that is between empty and full',
    ],
    [
      'removes nothing',
      withConnection(() => ({ remove: async () => undefined })),
      'removes a file, and one that is gone already',
    ],
  ])('that %s is found out', async (_, change, check) => {
    expect(await failing(change)).toContain(check);
  });
});
