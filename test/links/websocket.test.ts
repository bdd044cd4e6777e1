// Links through the server’s socket, over a real Socket.IO server that passes frames on as that of rooms does.

import type { Socket } from 'socket.io-client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { defaultWindowBytes } from '../../src/links/framed-link.ts';
import { deadLinkMs, type Link, lostReason } from '../../src/links/link.ts';
import { type WebsocketLinks, websocketLinks } from '../../src/links/websocket.ts';
import { systemClock } from '../../src/model/clock.ts';
import { fakeClock } from '../support/fake-clock.ts';
import { connectMember, frameSocket } from '../support/frame-member.ts';
import { type FrameServer, frameServer } from '../support/frame-server.ts';
import { type LinkSubject, linkSuite } from '../support/link-conformance.ts';
import { content } from '../support/trees.ts';

let server: FrameServer;

beforeAll(async () => {
  server = await frameServer();
});
afterAll(() => server.close());

interface Member {
  readonly socket: Socket;
  readonly links: WebsocketLinks;
  /** The next link that another member opens. */
  next(): Promise<Link>;
}

let made = 0;

async function join(name: string, clock = systemClock): Promise<Member> {
  const socket = await connectMember(server.url, name);
  const waiting: ((link: Link) => void)[] = [];
  const come: Link[] = [];
  const links = websocketLinks({
    socket: frameSocket(socket),
    clock,
    newId: () => `link-${++made}`,
    incoming: (link) => (waiting.shift() ?? ((late) => come.push(late)))(link),
  });
  return {
    socket,
    links,
    next: () =>
      new Promise((resolve) => {
        const first = come.shift();
        if (first === undefined) waiting.push(resolve);
        else resolve(first);
      }),
  };
}

const rigs = new WeakMap<
  LinkSubject,
  { members: readonly [Member, Member]; clock: ReturnType<typeof fakeClock>; name: string }
>();

linkSuite(
  'a link through the server’s socket',
  async () => {
    const clock = fakeClock();
    const names = [`left-${++made}`, `right-${made}`] as const;
    const members = [await join(names[0], clock), await join(names[1], clock)] as const;
    const arriving = members[1].next();
    const first = members[0].links.open(names[1]);
    const second = await arriving;
    const subject = {
      first,
      second,
      mostUnderWayBytes: defaultWindowBytes,
      dispose: async () => {
        for (const { socket } of members) socket.disconnect();
      },
    };
    rigs.set(subject, { members, clock, name: names[0] });
    return subject;
  },
  {
    real: true,
    faults: {
      async silence(subject) {
        const rig = rigs.get(subject);
        server.silent.add(rig?.name ?? '');
        await rig?.clock.advance(deadLinkMs);
      },
      async inject(subject, data) {
        const { members, name } = rigs.get(subject) ?? {};
        members?.[1].socket.emit('frame', { to: name, link: `link-${made}`, data }, () => undefined);
      },
      garbage: {
        'nothing in the middle': new Uint8Array(),
        'more than goes at once': new Uint8Array(200_000).fill(1, 0, 1),
        'a kind that there is not': new Uint8Array([42]),
      },
    },
  },
);

test('the server never holds more than a quarter MiB of a link, however slow the reader', async () => {
  const [left, right] = [await join('slow-left'), await join('slow-right')];
  const link = left.links.open('slow-right');
  const there = await right.next();
  server.mostHeldBytes = 0;
  const reading = (async () => {
    const reader = there.frames();
    for (let at = 0; at < 30; at++) await reader.next();
  })();
  for (let at = 0; at < 30; at++) await link.send(content(at, 500_000));
  await reading;
  expect(server.mostHeldBytes).toBeGreaterThan(0);
  expect(server.mostHeldBytes).toBeLessThanOrEqual(262_144 + 69_632);
  await link.close('done');
  for (const { socket } of [left, right]) socket.disconnect();
});

test('who is not there, or has begun anew, is lost at once; a new link is another one', async () => {
  const left = await join('first-come');
  expect(await left.links.open('nobody').closed).toBe(lostReason);

  const right = await join('reloads');
  const link = left.links.open('reloads');
  await right.next();
  right.socket.disconnect();
  const again = await join('reloads');
  const lost = link.send(content(1, 10)).then(() => link.closed);
  expect(await lost).toBe(lostReason);

  const anew = left.links.open('reloads');
  const there = await again.next();
  await anew.send(content(2, 10));
  expect((await there.frames().next()).value).toEqual(new Uint8Array(content(2, 10)));
  again.links.lose();
  expect(await there.closed).toBe(lostReason);
  left.links.lose();
  expect(await anew.closed).toBe(lostReason);
  for (const { socket } of [left, right, again]) socket.disconnect();
});

test('a member that opens one link after another is refused at eight', async () => {
  const [left, right] = [await join('many-left'), await join('many-right')];
  const links = Array.from({ length: 9 }, () => left.links.open('many-right'));
  expect(await links.at(-1)?.closed).toBe(lostReason);
  for (const link of links.slice(0, 8)) {
    await link.send(content(1, 10));
    const there = await right.next();
    expect((await there.frames().next()).value).toEqual(new Uint8Array(content(1, 10)));
  }
  for (const { links: all } of [left, right]) all.lose();
  for (const { socket } of [left, right]) socket.disconnect();
});
