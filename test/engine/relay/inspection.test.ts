// Rooms with inspection: content that is not what it was declared, that is a program, or that the scanner has not passed, arrives nowhere.

import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Clamd, eicar, prepareClamd } from '../../support/clamd.ts';
import { makePng } from '../../support/png.ts';
import { openRelayRig, type RelayRig } from '../../support/relay-rig.ts';

const mebibyte = 2 ** 20;
const sha = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');
const patiently = { timeout: 30_000, interval: 20 };

let clamd: Clamd;
let rig: RelayRig | undefined;
beforeAll(async () => {
  clamd = prepareClamd();
  await clamd.start();
});
afterEach(async () => {
  await rig?.close();
  rig = undefined;
});
afterAll(() => clamd.close());

/** Sends content as `fileName` and reads what comes of it: all of it, or what came before the end. */
async function pass(content: Uint8Array, fileName: string, mimeType: string | null) {
  const here = rig as RelayRig;
  here.gate.add({ id: 't1', sizeBytes: content.length, fileName, mimeType, inspection: 'server' });
  const path = await here.create(['t1'], content.length);
  const reading = here.read(path).then(async (answer) => {
    const pieces: Uint8Array[] = [];
    // It may have been refused before it was asked for.
    if (answer.status !== 206) return { isWhole: false, bytes: Buffer.alloc(0) };
    try {
      for await (const piece of answer.body as ReadableStream<Uint8Array>) pieces.push(piece);
    } catch {
      return { isWhole: false, bytes: Buffer.concat(pieces) };
    }
    return { isWhole: true, bytes: Buffer.concat(pieces) };
  });
  const sent = await here.patch(path, 0, content).catch(() => undefined);
  const read = await reading;
  return {
    sent: sent?.status,
    read,
    code: here.gate.failures[0]?.fault.code,
    why: here.gate.failures[0]?.fault.message,
  };
}

const png = Buffer.concat([makePng(), randomBytes(3 * mebibyte)]);
const elf = Buffer.concat([Buffer.from('7f454c4602010100000000000000000002003e0001000000', 'hex'), randomBytes(6000)]);

test.each([
  ['a picture as a picture', png, 'a.png', 'image/png', undefined],
  ['text as text', Buffer.from('hello'), 'a.txt', 'text/plain', undefined],
  ['a program as a picture', elf, 'a.png', 'image/png', 'type_refused'],
  ['a program that says nothing', elf, 'a', null, 'type_refused'],
  ['a script as text', Buffer.from('#!/bin/sh\nrm -rf /\n'), 'a.txt', 'text/plain', 'type_refused'],
  ['a picture as a film', png, 'a.mov', 'video/quicktime', 'type_refused'],
  ['noise as a picture', randomBytes(5000), 'a.jpg', 'image/jpeg', 'type_refused'],
])('%s', async (_, content, fileName, mimeType, code) => {
  rig = await openRelayRig();
  const passed = await pass(content, fileName, mimeType);
  expect(passed.code).toBe(code);
  if (code === undefined) expect([passed.read.isWhole, sha(passed.read.bytes)]).toEqual([true, sha(content)]);
  else expect([passed.read.isWhole, passed.read.bytes.length]).toEqual([false, 0]);
  const here = rig;
  rig.gate.setState('t1', 'over');
  await vi.waitFor(() => expect(here.onDisk().names).toEqual([]), patiently);
});

const clean = Buffer.concat([Buffer.from('notes\n'), randomBytes(4 * mebibyte)]);
const infected = Buffer.concat([
  Buffer.from('notes\n'),
  Buffer.alloc(2 * mebibyte),
  Buffer.from(eicar),
  Buffer.alloc(mebibyte),
]);

test('what the scanner has passed arrives; what it has found something in does not', async () => {
  rig = await openRelayRig({ config: { scan: { socket: clamd.socket, quietSeconds: 20 } } });
  const well = await pass(clean, 'notes.bin', null);
  expect([well.code, well.read.isWhole, sha(well.read.bytes)]).toEqual([undefined, true, sha(clean)]);
  const ill = await pass(infected, 'notes.bin', null);
  expect([ill.code, ill.why]).toEqual(['infected', expect.stringContaining('Eicar')]);
  expect([ill.read.isWhole, ill.read.bytes.length <= infected.length - mebibyte]).toEqual([false, true]);
  await rig.close();
  // The control: without the scanner it goes through.
  rig = await openRelayRig();
  expect((await pass(infected, 'notes.bin', null)).read.isWhole).toBe(true);
});

test('without a verdict nothing arrives whole: a scanner that hangs, and one that is down', async () => {
  rig = await openRelayRig({ config: { scan: { socket: clamd.socket, quietSeconds: 1 } } });
  clamd.hang();
  const hung = await pass(clean, 'notes.bin', null);
  clamd.goOn();
  expect([hung.code, hung.read.isWhole]).toEqual(['tool_unavailable', false]);
  expect(hung.read.bytes.length).toBeLessThanOrEqual(clean.length - mebibyte);
  await rig.close();
  rig = await openRelayRig({ config: { scan: { socket: `${clamd.socket}.away`, quietSeconds: 20 } } });
  const down = await pass(clean, 'notes.bin', null);
  expect([down.code, down.read.isWhole]).toEqual(['tool_unavailable', false]);
});
