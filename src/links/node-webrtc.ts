// WebRTC for Node by node-datachannel, loaded when it is first wanted; where it is missing, there is a reason instead.

import type { RtcConstructor } from './rtc.ts';

export type NodeWebrtc =
  | {
      readonly RTCPeerConnection: RtcConstructor;
      /** Ends the package's threads, which keep a process from its end; all connections are closed by then. */
      cleanUp(): void;
    }
  | { readonly unavailable: string };

/** Links by it are slower than those over TCP, and find no other way in mid transfer: they are for networks that let nothing else through. */
export async function loadNodeWebrtc(): Promise<NodeWebrtc> {
  try {
    const [{ RTCPeerConnection }, { cleanup }] = await Promise.all([
      import('node-datachannel/polyfill'),
      import('node-datachannel'),
    ]);
    // Its declarations are those of a browser, which the compiler does not know here; what is used of it is in rtc.ts.
    return { RTCPeerConnection: RTCPeerConnection as unknown as RtcConstructor, cleanUp: cleanup };
  } catch (error) {
    const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error);
    return { unavailable: `Direct connections need the package node-datachannel, which does not run here: ${why}` };
  }
}
