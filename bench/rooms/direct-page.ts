// What runs in the pages of the race of direct links: a bare data channel, and the link of rooms, between the same two pages.

import type { Link } from '../../src/links/link.ts';
import type { RtcChannel, RtcConstructor } from '../../src/links/rtc.ts';
import { openWebrtcLink } from '../../src/links/webrtc.ts';
import type { Signals } from '../../src/links/webrtc-signals.ts';
import { systemClock } from '../../src/model/clock.ts';
import { connectMember, signalsWith } from '../../test/support/frame-member.ts';

const page = globalThis as unknown as { RTCPeerConnection: RtcConstructor; program: typeof directPage };

let signals: Signals;
let offers = false;
let channels: RtcChannel[] = [];
let link: Link | undefined;
let received = 0;
let close: () => void = () => undefined;

const directPage = {
  async join(url: string, me: string, them: string): Promise<void> {
    signals = signalsWith(await connectMember(url, me), them);
    offers = me < them;
  },

  /** As any example does it: one connection, its channels, and no more. */
  async openBare(count: number, ordered: boolean): Promise<void> {
    received = 0;
    const connection = new page.RTCPeerConnection({ iceServers: [], iceTransportPolicy: 'all' });
    const say = (value: unknown) => signals.send(new TextEncoder().encode(JSON.stringify(value)));
    channels = [];
    const all = Promise.withResolvers<void>();
    const take = (channel: RtcChannel) => {
      channel.binaryType = 'arraybuffer';
      channel.addEventListener('message', ({ data }) => {
        received += (data as ArrayBuffer).byteLength;
      });
      const open = () => {
        if (channels.push(channel) === count) all.resolve();
      };
      if (channel.readyState === 'open') open();
      else channel.addEventListener('open', open);
    };
    connection.addEventListener('datachannel', ({ channel }) => take(channel));
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate !== null) void say({ candidate: candidate.toJSON() });
    });
    let steps = Promise.resolve();
    const stop = signals.listen((message) => {
      const heard = JSON.parse(new TextDecoder().decode(message));
      steps = steps.then(async () => {
        if (heard.candidate !== undefined) return connection.addIceCandidate(heard.candidate);
        await connection.setRemoteDescription(heard);
        if (heard.type !== 'offer') return;
        const answer = await connection.createAnswer();
        await connection.setLocalDescription(answer);
        await say(answer);
      });
    });
    close = () => {
      stop();
      connection.close();
    };
    if (offers) {
      for (let at = 0; at < count; at++) take(connection.createDataChannel(`bare ${at}`, { ordered }));
      const offer = await connection.createOffer();
      await connection.setLocalDescription(offer);
      await say(offer);
    }
    await all.promise;
  },

  async sendBare(bytes: number, messageBytes: number): Promise<void> {
    const message = new Uint8Array(messageBytes);
    const most = 1_048_576;
    let left = bytes;
    await Promise.all(
      channels.map(async (channel) => {
        channel.bufferedAmountLowThreshold = most / 2;
        let low: () => void = () => undefined;
        channel.addEventListener('bufferedamountlow', () => low());
        while (left > 0) {
          while (left > 0 && channel.bufferedAmount < most) {
            left -= messageBytes;
            channel.send(message);
          }
          if (left > 0)
            await new Promise<void>((resolve) => {
              low = resolve;
            });
        }
      }),
    );
  },

  async openLink(connections: number, mostConnections: number): Promise<void> {
    received = 0;
    const opened = await openWebrtcLink({
      peerId: 'the other page',
      role: offers ? 'offer' : 'answer',
      RTCPeerConnection: page.RTCPeerConnection,
      signals,
      clock: systemClock,
      newId: () => crypto.randomUUID(),
      connections,
      mostConnections,
    });
    link = opened;
    close = () => void opened.close('measured');
    const read = async () => {
      for await (const frame of opened.frames()) received += frame.length;
    };
    void read();
  },

  async sendLink(bytes: number, frameBytes: number): Promise<void> {
    const frame = new Uint8Array(frameBytes);
    for (let left = bytes; left > 0; left -= frameBytes) await link?.send(frame);
  },

  received: () => received,

  /** Resolves once so much has come since the channel or link was opened; with the time of day. */
  async until(bytes: number): Promise<number> {
    while (received < bytes) await new Promise((resolve) => setTimeout(resolve, 5));
    return Date.now();
  },

  close: () => close(),
};

page.program = directPage;
export type DirectPage = typeof directPage;
