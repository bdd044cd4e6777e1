// The relay's client against the relay itself: what one uploads another reads while it grows, and neither a broken line nor a lie gets through.

import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/model/clock.ts';
import { asFault } from '../../src/model/fault.ts';
import { relayClient } from '../../src/peer/relay-client.ts';
import { openRelayRig, type RelayRig, roomId } from '../support/relay-rig.ts';

const open: RelayRig[] = [];
const secret = randomBytes(32);
const transferId = 't1';
const never = new AbortController().signal;

afterEach(async () => {
  for (const rig of open.splice(0)) await rig.close();
});

async function rigOf() {
  const rig = await openRelayRig();
  open.push(rig);
  return rig;
}

function clientOf(
  rig: RelayRig,
  member: string,
  options: { secret?: Uint8Array | undefined; fetch?: typeof fetch } = {},
) {
  return relayClient({
    server: rig.url,
    roomId,
    memberToken: `token-${member}`,
    secret: 'secret' in options ? options.secret : secret,
    clock: systemClock,
    random: systemRandom,
    ...(options.fetch === undefined ? {} : { fetch: options.fetch }),
  });
}

function orderOf(bytes: Uint8Array, fromByte = 0, signal: AbortSignal = never) {
  const read = async (from: number, to: number) => bytes.subarray(from, to);
  return { transferId, sizeBytes: bytes.length, fromByte, signal, read };
}

describe.each([
  ['encrypted', 'none', secret],
  ['inspected', 'server', undefined],
] as const)('an upload that is %s', (_name, inspection, secretOf) => {
  test.each([
    [1, 0],
    [65_536, 0],
    [9_000_001, 0],
    [9_000_001, 4_500_000],
  ])('of %i bytes from byte %i on is read while it grows', async (sizeBytes, fromByte) => {
    const rig = await rigOf();
    rig.gate.add({ id: transferId, sizeBytes, inspection, mimeType: 'application/octet-stream' });
    const bytes = randomBytes(sizeBytes);
    const upload = await clientOf(rig, 'anna', { secret: secretOf }).upload(orderOf(bytes, fromByte));
    const { ticket } = upload;
    const pieces = clientOf(rig, 'ben', { secret: secretOf }).read({
      transferId,
      ticket,
      sizeBytes,
      fromByte,
      signal: never,
    });
    let at = Math.floor(fromByte / 65_536) * 65_536;
    for await (const piece of pieces) {
      expect(piece.from).toBe(at);
      expect(Buffer.compare(piece.bytes, bytes.subarray(at, at + piece.bytes.length))).toBe(0);
      at += piece.bytes.length;
    }
    expect(at).toBe(sizeBytes);
    await upload.done;
  });
});

describe('the line', () => {
  /** Breaks requests off as `when` says, before or after the server has seen them. */
  function breaking(when: (method: string, count: number) => 'before' | 'after' | 'body' | undefined): typeof fetch {
    const counts = new Map<string, number>();
    return async (input, init) => {
      const method = init?.method ?? 'GET';
      const count = counts.get(method) ?? 0;
      counts.set(method, count + 1);
      const how = when(method, count);
      if (how === 'before') throw new TypeError('fetch failed');
      const response = await fetch(input, init);
      if (how === 'after') throw new TypeError('fetch failed');
      if (how !== 'body' || response.body === null) return response;
      let passed = 0;
      const cut = new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => {
          passed += chunk.length;
          if (passed > 300_000) controller.error(new TypeError('terminated'));
          else controller.enqueue(chunk);
        },
      });
      return new Response(response.body.pipeThrough(cut), response);
    };
  }

  test('may break on either side as it likes: what arrives is what was sent', async () => {
    const rig = await rigOf();
    const bytes = randomBytes(10_000_000);
    rig.gate.add({ id: transferId, sizeBytes: bytes.length });
    const seen: string[] = [];
    const sender = breaking((method, count) => {
      if (method !== 'PATCH') return undefined;
      seen.push(method);
      return count % 3 === 0 ? 'after' : count % 3 === 1 ? 'before' : undefined;
    });
    const upload = await clientOf(rig, 'anna', { fetch: sender }).upload(orderOf(bytes));
    const reader = breaking((method, count) => (method === 'GET' && count < 4 ? 'body' : undefined));
    const { ticket } = upload;
    const sizeBytes = bytes.length;
    const client = clientOf(rig, 'ben', { fetch: reader });
    const got: Uint8Array[] = [];
    for await (const piece of client.read({ transferId, ticket, sizeBytes, fromByte: 0, signal: never }))
      got.push(piece.bytes);
    await upload.done;
    expect(Buffer.compare(Buffer.concat(got), bytes)).toBe(0);
    expect(seen.length).toBeGreaterThan(3);
  });

  test('is given up where the server refuses, with its reason', async () => {
    const rig = await rigOf();
    rig.gate.add({ id: transferId, sizeBytes: 10 });
    rig.gate.isAllowed = false;
    await expect(clientOf(rig, 'anna').upload(orderOf(randomBytes(10)))).rejects.toMatchObject({
      code: 'not_authorised',
    });
  });
});

test('an upload that is stopped says up to which byte it can be read, and that much is read', async () => {
  const rig = await rigOf();
  const bytes = randomBytes(20_000_000);
  rig.gate.add({ id: transferId, sizeBytes: bytes.length });
  const gate = Promise.withResolvers<void>();
  const order = {
    ...orderOf(bytes),
    read: async (from: number, to: number) => {
      if (from >= 8_000_000) await gate.promise;
      return bytes.subarray(from, to);
    },
  };
  const upload = await clientOf(rig, 'anna').upload(order);
  const leave = new AbortController();
  const { ticket } = upload;
  const pieces = clientOf(rig, 'ben').read({
    transferId,
    ticket,
    sizeBytes: bytes.length,
    fromByte: 0,
    signal: leave.signal,
  });
  let read = 0;
  let stored = Number.POSITIVE_INFINITY;
  for await (const piece of pieces) {
    read = piece.from + piece.bytes.length;
    if (read >= 1_000_000 && stored === Number.POSITIVE_INFINITY) stored = await upload.stop();
    if (read >= stored) break;
  }
  leave.abort();
  gate.resolve();
  expect(stored % 65_536).toBe(0);
  expect(read).toBe(stored);
});

test('a relay that changes what it holds is caught', async () => {
  const rig = await rigOf();
  const bytes = randomBytes(1_000_000);
  rig.gate.add({ id: transferId, sizeBytes: bytes.length });
  const upload = await clientOf(rig, 'anna').upload(orderOf(bytes));
  const lying: typeof fetch = async (input, init) => {
    const response = await fetch(input, init);
    if (init?.method !== 'GET' || response.body === null) return response;
    const lie = new TransformStream<Uint8Array, Uint8Array>({
      transform: (chunk, controller) => {
        const changed = chunk.slice();
        changed[changed.length - 1] = (changed.at(-1) ?? 0) ^ 1;
        controller.enqueue(changed);
      },
    });
    return new Response(response.body.pipeThrough(lie), response);
  };
  const { ticket } = upload;
  const order = { transferId, ticket, sizeBytes: bytes.length, fromByte: 0, signal: never };
  const codeOf = async (client: ReturnType<typeof clientOf>) => {
    try {
      for await (const _piece of client.read(order)) if (false as boolean) break;
      return 'read';
    } catch (error) {
      return asFault(error).code;
    }
  };
  expect(await codeOf(clientOf(rig, 'ben', { fetch: lying }))).toBe('corrupt');
  expect(await codeOf(clientOf(rig, 'ben'))).toBe('read');
});
