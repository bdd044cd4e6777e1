// One transfer over several ways: a link, and the relay itself, switched in mid transfer without starting again and without sending much twice.

import { randomBytes } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import { systemClock, systemRandom } from '../../src/model/clock.ts';
import { limits } from '../../src/peer/messages.ts';
import { PathChoice } from '../../src/peer/path-choice.ts';
import { relayClient } from '../../src/peer/relay-client.ts';
import type { RelayPort } from '../../src/peer/relay-port.ts';
import type { PathRule } from '../../src/peer/room-client.ts';
import { Session } from '../../src/peer/session.ts';
import { openRelayRig, type RelayRig, roomId } from '../support/relay-rig.ts';
import {
  chunkBytes,
  holds,
  isChunk,
  join,
  type MemoryFile,
  memoryFile,
  memorySource,
  nodeHash,
} from './session-rig.ts';

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

const transferId = 't1';
const secret = randomBytes(32);

/** Counts the bytes of the file that were handed to the relay. */
function counted(port: RelayPort, count: (bytes: number) => void): RelayPort {
  return {
    ...port,
    upload: (order) =>
      port.upload({
        ...order,
        read: async (from, to) => {
          const bytes = await order.read(from, to);
          count(bytes.length);
          return bytes;
        },
      }),
  };
}

async function scene(sizeBytes: number, rule: PathRule, links: ('direct' | 'relay')[] = ['direct', 'relay']) {
  const rig: RelayRig = await openRelayRig();
  open.push(() => rig.close());
  rig.gate.add({ id: transferId, sizeBytes });
  const sent = { relay: 0, link: 0 };
  const client = (member: string) =>
    relayClient({
      ...{ server: rig.url, roomId, memberToken: `token-${member}`, secret },
      ...{ clock: systemClock, random: systemRandom },
    });
  const session = (peerId: string, relay: RelayPort) =>
    new Session({ peerId, instance: `${peerId}-1`, clock: systemClock, newHash: nodeHash, relay });
  const sender = session(
    'ben',
    counted(client('anna'), (bytes) => {
      sent.relay += bytes;
    }),
  );
  const receiver = session('anna', client('ben'));
  open.push(async () => {
    await Promise.all([sender.close('over'), receiver.close('over')]);
  });
  const joined = links.map((path) =>
    join(
      { sender, receiver },
      {
        path,
        fate: (frame) => {
          if (isChunk(frame)) sent.link += chunkBytes;
          return 'pass';
        },
      },
    ),
  );
  const choice = new PathChoice(rule, () => systemClock.monotonic());
  return { rig, sender, receiver, choice, sent, joined };
}

function begin({ sender, receiver, choice }: Awaited<ReturnType<typeof scene>>, bytes: Uint8Array, into: MemoryFile) {
  const source = memorySource(bytes);
  sender.send({ transferId, source, chunkBytes });
  const { sizeBytes } = source;
  return receiver.receive({ transferId, sizeBytes, chunkBytes, into, choice });
}

/** A file that does something once when so many bytes are written, and writes no more before that is through. */
function watched(marks: readonly (readonly [bytes: number, act: () => unknown])[]): MemoryFile {
  const file = memoryFile();
  let passed = 0;
  return Object.assign(Object.create(file) as MemoryFile, {
    write: async (from: number, bytes: Uint8Array) => {
      await file.write(from, bytes);
      for (; from + bytes.length >= (marks[passed]?.[0] ?? Number.POSITIVE_INFINITY); passed++)
        await marks[passed]?.[1]();
    },
  });
}

describe('a transfer', () => {
  test('goes by the relay alone, with its words over the socket', async () => {
    const bytes = randomBytes(9_000_001);
    const all = await scene(bytes.length, 'relay', ['relay']);
    const into = memoryFile();
    expect(await begin(all, bytes, into).ended).toMatchObject({ kind: 'done' });
    expect(holds(into, bytes)).toBe(true);
    expect(all.sent).toEqual({ relay: bytes.length, link: 0 });
  });

  test.each([[['direct', 'relay', 'direct']], [['relay', 'direct', 'relay']]] as const)(
    'goes %j without starting again, and nearly nothing is sent twice',
    async (rules) => {
      const bytes = randomBytes(40_000_000);
      const [first, second, third] = rules;
      // Words go over the direct link, too, so that there is no third way to fall back upon.
      const all = await scene(bytes.length, first, ['direct']);
      const go = async (rule: PathRule) => {
        all.choice.setRule(rule);
        while (receiving.view.path !== rule) await systemClock.sleep(5);
      };
      const into = watched([
        [8_000_000, () => go(second)],
        [22_000_000, () => go(third)],
      ]);
      const receiving = begin(all, bytes, into);
      expect(await receiving.ended).toMatchObject({ kind: 'done' });
      expect(holds(into, bytes)).toBe(true);
      expect(all.sent.relay).toBeGreaterThan(0);
      expect(into.restarts).toBe(0);
      // What was read ahead for the relay when it was stopped counts as sent here, though most of it never left.
      expect(all.sent.relay + all.sent.link - bytes.length).toBeLessThanOrEqual(3 * limits.windowBytes);
    },
  );

  test('whose direct way breaks in the middle goes on by the relay', async () => {
    const bytes = randomBytes(20_000_000);
    const all = await scene(bytes.length, 'auto');
    const [direct] = all.joined;
    const into = watched([[5_000_000, () => direct?.lose()]]);
    const receiving = begin(all, bytes, into);
    expect(await receiving.ended).toMatchObject({ kind: 'done' });
    expect(holds(into, bytes)).toBe(true);
    expect(all.sent.relay).toBeGreaterThan(0);
    expect(all.sent.relay + all.sent.link - bytes.length).toBeLessThanOrEqual(limits.windowBytes + chunkBytes);
  });

  test('whose relay is forbidden in the middle goes on by the link', async () => {
    const bytes = randomBytes(20_000_000);
    const all = await scene(bytes.length, 'auto', ['relay']);
    const into = watched([
      [
        5_000_000,
        () => {
          all.rig.gate.isAllowed = false;
          all.rig.gate.setState(transferId, 'over');
        },
      ],
    ]);
    const receiving = begin(all, bytes, into);
    expect(await receiving.ended).toMatchObject({ kind: 'done' });
    expect(holds(into, bytes)).toBe(true);
    expect(all.sent.link).toBeGreaterThan(0);
  });
});
