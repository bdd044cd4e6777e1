// A link through the server whose frames only the other member can read.

import { type Link, maxFrameBytes, misbehavedReason } from '../links/link.ts';
import { Fault } from '../model/fault.ts';
import type { PairSeal } from './seal.ts';

/** As the link, with each frame sealed. What does not open closes it: after a gap or a lie nothing that follows can be trusted. */
export function sealLink(link: Link, seal: PairSeal): Link {
  /** Frames leave in the order of the calls, whatever their sealing takes. */
  let last: Promise<unknown> = Promise.resolve();
  return {
    peerId: link.peerId,
    kind: link.kind,
    get path() {
      return link.path;
    },
    async send(frame, signal) {
      if (signal?.aborted) throw signal.reason;
      const sealed = seal.seal('frame', frame);
      const before = last;
      const sent = (async () => {
        await before.catch(() => undefined);
        return link.send(await sealed, signal);
      })();
      last = sent;
      return sent;
    },
    frames: () => openFrames(link, seal),
    close: (reason) => link.close(reason),
    closed: link.closed,
    traffic: () => link.traffic(),
  };
}

async function* openFrames(link: Link, seal: PairSeal): AsyncGenerator<Uint8Array, undefined> {
  for await (const frame of link.frames()) {
    let plain: Uint8Array | undefined;
    try {
      if (frame.length > maxFrameBytes) throw new Fault('invalid', 'A sealed frame is too long');
      plain = await seal.open('frame', frame);
    } catch (error) {
      await link.close(misbehavedReason).catch(() => undefined);
      throw error;
    }
    if (plain !== undefined) yield plain;
  }
  return undefined;
}
