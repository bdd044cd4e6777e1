// A server that passes frames and signals on between members as that of rooms does, for tests of links.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Server, type Socket as ServerSocket } from 'socket.io';
import type { FrameAnswer, PassedFrame } from './frame-member.ts';

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

export async function frameServer(host = '127.0.0.1'): Promise<FrameServer> {
  const http = createServer();
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
    const target = (to: string, done: (answer: FrameAnswer) => void) => {
      if (silent.has(from) || silent.has(to)) return undefined;
      const there = here.get(to);
      if (there?.connected === true) return there;
      done({ ok: false });
      return undefined;
    };
    socket.on('frame', async ({ to, link, data }: PassedFrame, done: (answer: FrameAnswer) => void) => {
      const there = target(to, done);
      if (there === undefined) return;
      held += data.length;
      passed += data.length;
      made.mostHeldBytes = Math.max(made.mostHeldBytes, held);
      const answer: FrameAnswer = await there.emitWithAck('frame', { from, link, data });
      held -= data.length;
      done(answer);
    });
    socket.on('signal', ({ to, data }: PassedFrame, done: (answer: FrameAnswer) => void) => {
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
