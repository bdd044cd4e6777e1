// A server that passes frames and signals on between members as that of rooms does, for tests of links; and what a member connects with.

import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket as ServerSocket } from 'socket.io';
import { io, type Socket } from 'socket.io-client';
import type { Signals } from '../../src/links/webrtc-signals.ts';
import type { FrameSocket } from '../../src/links/websocket.ts';

interface Frame {
  readonly to: string;
  readonly from: string;
  readonly link: string;
  readonly data: Uint8Array;
}
type Answer = { readonly ok: boolean };

export interface FrameServer {
  readonly url: string;
  /** Members whose frames get lost on the way, with no word of it. */
  readonly silent: Set<string>;
  /** What it holds at most: passed on and not acknowledged. */
  mostHeldBytes: number;
  /** Bytes of frames that were passed on. */
  readonly passedBytes: number;
  close(): Promise<void>;
}

/** `page` answers what is asked for besides, such as a page and its script. */
export async function frameServer(
  host = '127.0.0.1',
  page?: (request: IncomingMessage, answer: ServerResponse) => void,
): Promise<FrameServer> {
  const http = createServer(page);
  const server = new Server(http, { maxHttpBufferSize: 4_000_000 });
  const here = new Map<string, ServerSocket>();
  const silent = new Set<string>();
  let held = 0;
  let passed = 0;
  let url = '';
  const made: FrameServer = {
    get url() {
      return url;
    },
    silent,
    mostHeldBytes: 0,
    get passedBytes() {
      return passed;
    },
    async close() {
      await server.close();
    },
  };

  server.on('connection', (socket) => {
    const from: string = socket.handshake.auth.member;
    here.set(from, socket);
    const target = (to: string, done: (answer: Answer) => void) => {
      if (silent.has(from) || silent.has(to)) return undefined;
      const there = here.get(to);
      if (there?.connected === true) return there;
      done({ ok: false });
      return undefined;
    };
    socket.on('frame', async ({ to, link, data }: Frame, done: (answer: Answer) => void) => {
      const there = target(to, done);
      if (there === undefined) return;
      held += data.length;
      passed += data.length;
      made.mostHeldBytes = Math.max(made.mostHeldBytes, held);
      const answer: Answer = await there.emitWithAck('frame', { from, link, data });
      held -= data.length;
      done(answer);
    });
    socket.on('signal', ({ to, data }: Frame, done: (answer: Answer) => void) => {
      const there = target(to, done);
      there?.emit('signal', { from, data });
      if (there !== undefined) done({ ok: true });
    });
  });
  http.listen(0, host);
  await once(http, 'listening');
  url = `http://${host}:${(http.address() as AddressInfo).port}`;
  return made;
}

export async function connectMember(url: string, member: string): Promise<Socket> {
  const socket = io(url, { auth: { member }, transports: ['websocket'], forceNew: true });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

export function frameSocket(socket: Socket): FrameSocket {
  return {
    async send(to, link, data) {
      const { ok }: Answer = await socket.emitWithAck('frame', { to, link, data });
      if (!ok) throw new Error('not taken');
    },
    listen(receive) {
      const hear = ({ from, link, data }: Frame, taken: (answer: Answer) => void) =>
        taken({ ok: receive(from, link, new Uint8Array(data)) });
      socket.on('frame', hear);
      return () => socket.off('frame', hear);
    },
  };
}

export function signalsWith(socket: Socket, memberId: string): Signals {
  return {
    async send(data) {
      const { ok }: Answer = await socket.emitWithAck('signal', { to: memberId, data });
      if (!ok) throw new Error('not there');
    },
    listen(receive) {
      const hear = ({ from, data }: Frame) => {
        if (from === memberId) receive(new Uint8Array(data));
      };
      socket.on('signal', hear);
      return () => socket.off('signal', hear);
    },
  };
}
