// What runs in the pages of the test of ways: a member of a room, by the client that the room's page has, with a generated file in place of one of the disk.

import { createSHA256 } from 'hash-wasm';
import type { RtcConstructor } from '../../src/links/rtc.ts';
import type { NewHash } from '../../src/peer/files.ts';
import { openRoom } from '../../src/peer/open-room.ts';
import type { PathRule, RoomClient } from '../../src/peer/room-client.ts';

export interface MemberState {
  readonly connection: string;
  readonly me: string;
  readonly members: readonly string[];
  readonly transfer:
    | {
        readonly id: string;
        readonly status: string;
        readonly path: string | undefined;
        readonly bytesDone: number;
        readonly checksum: string | undefined;
        readonly problem: string | undefined;
      }
    | undefined;
  /** Ways that carried something, one after the other. */
  readonly ways: readonly string[];
  /** Of a sender: what was read. Of a receiver: what was written. */
  readonly movedBytes: number;
  /** How often the part of the file was read that was read most often. */
  readonly mostTimes: number;
}

const page = globalThis as unknown as {
  RTCPeerConnection: RtcConstructor;
  location: { origin: string };
  program: typeof memberPage;
};
const partBytes = 65_536;

let client: RoomClient;
let newHash: NewHash;
let movedBytes = 0;
let mostTimes = 0;
const ways: string[] = [];

const memberPage = {
  async join(roomId: string, secret: string, name: string): Promise<void> {
    const hasher = await createSHA256();
    // One file a page: the hash is begun anew for each.
    newHash = () => {
      hasher.init();
      return { update: (bytes) => void hasher.update(bytes), digest: () => hasher.digest('hex') };
    };
    client = await openRoom({
      ...{ server: page.location.origin, roomId, secret, name, kind: 'browser', newHash, path: 'direct' },
      RTCPeerConnection: page.RTCPeerConnection,
    });
    client.subscribe(() => {
      for (const { path, bytesDone } of client.view.transfers) {
        if (path !== undefined && bytesDone > 0 && ways.at(-1) !== path) ways.push(path);
      }
    });
  },

  setPath: (rule: PathRule) => client.setPath(rule),

  async offer(receiverId: string, sizeBytes: number): Promise<void> {
    const times = new Uint8Array(Math.ceil(sizeBytes / partBytes));
    const file = {
      ...{ name: 'generated.bin', sizeBytes, mtimeMs: 0, mimeType: 'application/octet-stream', version: '1' },
      async read(from: number, to: number) {
        movedBytes += to - from;
        for (let at = Math.floor(from / partBytes); at < Math.ceil(to / partBytes); at++) {
          const count = (times[at] ?? 0) + 1;
          times[at] = count;
          mostTimes = Math.max(mostTimes, count);
        }
        return generated(from, to);
      },
    };
    await client.offer([receiverId], [file]);
  },

  async accept(): Promise<void> {
    const [transfer] = client.view.transfers;
    if (transfer === undefined) throw new Error('nothing is offered');
    const hash = newHash();
    await client.accept(transfer.id, {
      kept: async () => 0,
      async write(_, bytes) {
        movedBytes += bytes.length;
        await hash.update(bytes);
      },
      restart: async () => {
        throw new Error('a generated file does not change');
      },
      finish: async () => hash.digest(),
      publish: async () => undefined,
      abandon: async () => undefined,
    });
  },

  state(): MemberState {
    const { connection, me, members, transfers, problem } = client.view;
    const [transfer] = transfers;
    return {
      ...{
        connection: `${connection}${problem === undefined ? '' : `: ${problem.message}`}`,
        me: me.id,
        members: members.map(({ id }) => id),
        ways,
        movedBytes,
        mostTimes,
      },
      transfer:
        transfer === undefined
          ? undefined
          : {
              ...{ id: transfer.id, status: transfer.status, path: transfer.path, bytesDone: transfer.bytesDone },
              ...{ checksum: transfer.checksum, problem: transfer.problem?.message },
            },
    };
  },
};

/** Any part of an endless file, the same each time: each four bytes follow from their place. */
export function generated(from: number, to: number): Uint8Array {
  const first = Math.floor(from / 4);
  const words = new Uint32Array(Math.ceil(to / 4) - first);
  for (let at = 0; at < words.length; at++) words[at] = Math.imul(first + at, 2_654_435_761) ^ ((first + at) >>> 9);
  return new Uint8Array(words.buffer).subarray(from - first * 4, to - first * 4);
}

page.program = memberPage;
export type MemberPage = typeof memberPage;
