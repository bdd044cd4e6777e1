// Cameras at addresses: one that misses a question under load is not gone, one that nobody answers for is.

import { expect, test } from 'vitest';
import { httpCameras } from '../../src/devices/http-cameras.ts';
import { Fault } from '../../src/model/fault.ts';

const info = { id: 'cam-1', kind: 'x', name: 'It', address: 'here' };
const call = { signal: new AbortController().signal };

test('a camera that is slow to answer is there until it has missed three questions', async () => {
  let answer: () => Promise<typeof info> = async () => info;
  const cameras = httpCameras(() => answer());
  const look = async () => {
    const found: string[] = [];
    for await (const { id } of cameras.discover(['here', 'here'], call)) found.push(id);
    return found.length;
  };
  const slow = async () => {
    throw new Error('timed out');
  };
  expect(await look()).toBe(1);
  answer = slow;
  expect([await look(), await look()]).toEqual([1, 1]);
  answer = async () => info;
  expect(await look()).toBe(1);
  answer = slow;
  expect([await look(), await look(), await look(), await look()]).toEqual([1, 1, 0, 0]);
  // The control: where nobody listens, it is gone at once.
  answer = async () => info;
  expect(await look()).toBe(1);
  answer = async () => {
    throw new Fault('device', 'nobody answers');
  };
  expect(await look()).toBe(0);
});

test('another at the address is refused, and one without an address', async () => {
  const cameras = httpCameras(async () => ({ ...info, id: 'cam-2', name: 'Other' }));
  await expect(cameras.present(info, call)).rejects.toMatchObject({
    code: 'device',
    message: 'Another camera than It is at here: Other.',
  });
  const { address: _, ...nowhere } = info;
  await expect(cameras.present(nowhere, call)).rejects.toMatchObject({ code: 'device' });
  expect(await cameras.present({ ...info, id: 'cam-2' }, call)).toMatchObject({ id: 'cam-2', address: 'here' });
});

test('whoever looks no more hears the reason', async () => {
  const stop = new AbortController();
  stop.abort(new Error('enough'));
  const cameras = httpCameras(async (_address, { signal }) => {
    signal.throwIfAborted();
    return info;
  });
  await expect(cameras.discover(['here'], { signal: stop.signal }).next()).rejects.toThrow('enough');
});
