// What a member connects with to the server of frame-server.ts, in Node or in a page.

import { io, type Socket } from 'socket.io-client';
import type { Signals } from '../../src/links/webrtc-signals.ts';
import type { FrameSocket } from '../../src/links/websocket.ts';

export interface PassedFrame {
  readonly to: string;
  readonly from: string;
  readonly link: string;
  readonly data: Uint8Array;
}
export type FrameAnswer = { readonly ok: boolean };

export async function connectMember(url: string, member: string): Promise<Socket> {
  const socket = io(url, { auth: { member }, transports: ['websocket'], forceNew: true });
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return socket;
}

export function frameSocket(socket: Socket): FrameSocket {
  return {
    async send(to, link, data) {
      const { ok }: FrameAnswer = await socket.emitWithAck('frame', { to, link, data });
      if (!ok) throw new Error('not taken');
    },
    listen(receive) {
      const hear = ({ from, link, data }: PassedFrame, taken: (answer: FrameAnswer) => void) =>
        taken({ ok: receive(from, link, new Uint8Array(data)) });
      socket.on('frame', hear);
      return () => socket.off('frame', hear);
    },
  };
}

export function signalsWith(socket: Socket, memberId: string): Signals {
  return {
    async send(data) {
      const { ok }: FrameAnswer = await socket.emitWithAck('signal', { to: memberId, data });
      if (!ok) throw new Error('not there');
    },
    listen(receive) {
      const hear = ({ from, data }: PassedFrame) => {
        if (from === memberId) receive(new Uint8Array(data));
      };
      socket.on('signal', hear);
      return () => socket.off('signal', hear);
    },
  };
}
