// What runs in the pages of the tests and benchmarks of direct links: one member that sends or receives a generated file by the sessions of rooms.

import { createSHA256 } from 'hash-wasm';
import type { Link } from '../../src/links/link.ts';
import type { IceServer, RtcConstructor } from '../../src/links/rtc.ts';
import { openWebrtcLink } from '../../src/links/webrtc.ts';
import { websocketLinks } from '../../src/links/websocket.ts';
import { systemClock } from '../../src/model/clock.ts';
import type { NewHash, ReceivingFile, SourceFile } from '../../src/peer/files.ts';
import { PathChoice } from '../../src/peer/path-choice.ts';
import type { PathRule } from '../../src/peer/room-client.ts';
import { Session } from '../../src/peer/session.ts';
import { connectMember, frameSocket, signalsWith } from '../support/frame-member.ts';

export interface JoinOptions {
  readonly url: string;
  readonly me: string;
  readonly them: string;
  readonly iceServers: readonly IceServer[];
  readonly connections?: number;
  readonly mostConnections?: number;
}

export interface TransferState {
  readonly phase: string;
  readonly path: string | undefined;
  readonly bytesDone: number;
  /** Of the source: every byte that was read to be sent; of the receiver: every byte that was written. */
  readonly movedBytes: number;
  /** Byte ranges that the source was read for more than once, by how often. */
  readonly mostTimes: number;
  readonly sha256: string | undefined;
  readonly links: readonly string[];
  /** Which paths carried something, in their order. */
  readonly paths: readonly string[];
  readonly problem: string | undefined;
}

const page = globalThis as unknown as {
  RTCPeerConnection: RtcConstructor;
  program: typeof transferPage;
};

let hasher: Awaited<ReturnType<typeof createSHA256>>;
const hashes: NewHash = () => {
  // One file a page: the hash is begun anew for each.
  hasher.init();
  return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest('hex') };
};

let session: Session;
let choice: PathChoice;
let links: Link[] = [];
let socketWanted = false;
let openSocket: () => void = () => undefined;
let transfer: {
  readonly view: { readonly phase: string; readonly path: string | undefined; readonly bytesDone: number };
};
let movedBytes = 0;
let mostTimes = 0;
let sha256: string | undefined;
let problem: string | undefined;
const paths: string[] = [];

function attach(link: Link): void {
  links.push(link);
  void link.closed.then(() => {
    links = links.filter((each) => each !== link);
  });
  session.attach(link);
}

const transferPage = {
  async join(options: JoinOptions): Promise<void> {
    hasher = await createSHA256();
    const { url, me, them } = options;
    const socket = await connectMember(url, me);
    const newId = () => crypto.randomUUID();
    session = new Session({ peerId: them, instance: newId(), clock: systemClock, newHash: hashes });
    choice = new PathChoice('direct', () => systemClock.monotonic());
    const overSocket = websocketLinks({
      socket: frameSocket(socket),
      clock: systemClock,
      newId,
      incoming: (link) => attach(link),
    });
    openSocket = () => {
      if (!socketWanted && me < them) attach(overSocket.open(them));
      socketWanted = true;
    };
    const keepDirect = async () => {
      for (;;) {
        try {
          const link = await openWebrtcLink({
            ...options,
            peerId: them,
            role: me < them ? 'offer' : 'answer',
            RTCPeerConnection: page.RTCPeerConnection,
            signals: signalsWith(socket, them),
            clock: systemClock,
            newId,
          });
          attach(link);
          await link.closed;
        } catch (error) {
          problem = String(error);
        }
      }
    };
    void keepDirect();
  },

  /** From now on the server may be gone through. */
  allowRelay(): void {
    openSocket();
    choice.setRule('auto');
  },

  setRule: (rule: PathRule) => choice.setRule(rule),

  send(sizeBytes: number, chunkBytes: number): void {
    const times = new Uint8Array(Math.ceil(sizeBytes / 65_536));
    const source: SourceFile = {
      name: 'generated.bin',
      sizeBytes,
      mtimeMs: 0,
      mimeType: 'application/octet-stream',
      version: '1',
      async read(from, to) {
        movedBytes += to - from;
        for (let at = Math.floor(from / 65_536); at < Math.ceil(to / 65_536); at++) {
          const count = (times[at] ?? 0) + 1;
          times[at] = count;
          mostTimes = Math.max(mostTimes, count);
        }
        return generated(from, to);
      },
    };
    transfer = watched(session.send({ transferId: 'the-file', source, chunkBytes }));
  },

  receive(sizeBytes: number, chunkBytes: number): void {
    const own = hashes();
    const into: ReceivingFile = {
      kept: async () => 0,
      async write(_, bytes) {
        movedBytes += bytes.length;
        await own.update(bytes);
      },
      restart: async () => {
        throw new Error('A generated file does not change');
      },
      finish: async () => {
        sha256 = await own.digest();
        return sha256;
      },
      publish: async () => undefined,
      abandon: async () => undefined,
    };
    transfer = watched(session.receive({ transferId: 'the-file', sizeBytes, chunkBytes, into, choice }));
  },

  state(): TransferState {
    const { phase, path, bytesDone } = transfer.view;
    if (path !== undefined && bytesDone > 0 && paths.at(-1) !== path) paths.push(path);
    return {
      ...{ phase, path, bytesDone, movedBytes, mostTimes, sha256, paths, problem },
      links: links.map((link) => `${link.kind} ${link.path}`),
    };
  },
};

function watched<Transfer extends { readonly ended: Promise<unknown> }>(made: Transfer): Transfer {
  made.ended.then(
    (outcome) => {
      problem ??= JSON.stringify(outcome);
    },
    (error) => {
      problem = String(error);
    },
  );
  return made;
}

/** Any part of an endless file, the same each time: each four bytes follow from their place. */
export function generated(from: number, to: number): Uint8Array {
  const first = Math.floor(from / 4);
  const words = new Uint32Array(Math.ceil(to / 4) - first);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(first + at, 2_654_435_761) ^ ((first + at) >>> 9);
  return new Uint8Array(words.buffer).subarray(from - first * 4, to - first * 4);
}

page.program = transferPage;
export type TransferPage = typeof transferPage;
