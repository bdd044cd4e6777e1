// Two sessions in one process, files in memory, and links that lose, spoil, repeat and swap what they carry.

import { createHash, randomBytes } from 'node:crypto';
import type { Link } from '../../src/links/link.ts';
import { loopback } from '../../src/links/loopback.ts';
import type { Clock } from '../../src/model/clock.ts';
import { Fault } from '../../src/model/fault.ts';
import type { NewHash, ReceivingFile, SourceFile } from '../../src/peer/files.ts';
import type { RelayPort } from '../../src/peer/relay-port.ts';
import { Session } from '../../src/peer/session.ts';

export const chunkBytes = 16_384;

export const nodeHash: NewHash = () => {
  const hash = createHash('sha256');
  return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
};

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex');

export interface MemorySource extends SourceFile {
  readonly bytes: Uint8Array;
  /** How many bytes were read, in all. */
  readonly readBytes: number;
}

export interface SourceOptions {
  readonly version?: string;
  /** Looked at when the session asks for the file as it is now. */
  readonly current?: () => SourceFile;
  readonly beforeRead?: (from: number) => Promise<void> | void;
}

export function memorySource(bytes: Uint8Array, options: SourceOptions = {}): MemorySource {
  let readBytes = 0;
  const { current } = options;
  return {
    name: 'folder/file.bin',
    sizeBytes: bytes.length,
    mtimeMs: 0,
    mimeType: 'application/octet-stream',
    version: options.version ?? 'v1',
    bytes,
    get readBytes() {
      return readBytes;
    },
    read: async (from, to) => {
      await options.beforeRead?.(from);
      readBytes += to - from;
      return bytes.slice(from, to);
    },
    ...(current === undefined ? {} : { current: async () => current() }),
  };
}

export interface MemoryFile extends ReceivingFile {
  readonly content: Uint8Array;
  /** Undefined until it is shown. */
  readonly published: Uint8Array | undefined;
  readonly isAbandoned: boolean;
  readonly restarts: number;
}

/** Keeps `kept` bytes from an earlier attempt; `roomBytes` is the size of its disk. */
export function memoryFile(options: { kept?: Uint8Array; keptVersion?: string; roomBytes?: number } = {}): MemoryFile {
  const first = options.kept ?? new Uint8Array();
  let space = Buffer.alloc(Math.max(1_048_576, first.length));
  space.set(first);
  let length = first.length;
  let published: Uint8Array | undefined;
  let isAbandoned = false;
  let restarts = 0;
  const { keptVersion } = options;
  return {
    get content() {
      return space.subarray(0, length);
    },
    get published() {
      return published;
    },
    get isAbandoned() {
      return isAbandoned;
    },
    get restarts() {
      return restarts;
    },
    kept: async () => length,
    ...(keptVersion === undefined ? {} : { keptVersion: () => keptVersion }),
    write: async (from, bytes) => {
      if (from !== length) throw new Error(`written at ${from} where ${length} are there`);
      if (from + bytes.length > (options.roomBytes ?? Number.POSITIVE_INFINITY))
        throw new Fault('space', 'the disk is full');
      length += bytes.length;
      if (length > space.length) space = Buffer.concat([space], length * 2);
      space.set(bytes, from);
    },
    restart: async () => {
      length = 0;
      restarts += 1;
    },
    finish: async () => sha256(space.subarray(0, length)),
    publish: async () => {
      published = space.subarray(0, length);
    },
    abandon: async () => {
      isAbandoned = true;
    },
  };
}

/** True where exactly these bytes are shown. */
export function holds(file: Pick<MemoryFile, 'published'>, bytes: Uint8Array): boolean {
  return file.published !== undefined && Buffer.compare(file.published, bytes) === 0;
}

/** A source of which nothing beyond `upTo` is read before `release`. */
export function heldSource(bytes: Uint8Array, upTo: number, version = 'v1') {
  const gate = Promise.withResolvers<void>();
  const beforeRead = async (from: number) => {
    if (from >= upTo) await gate.promise;
  };
  return { source: memorySource(bytes, { version, beforeRead }), release: () => gate.resolve() };
}

/** What a faulty link does with a frame: nothing, loses it, changes its last byte, gives it twice, or gives it after the next. */
export type FrameFate = 'pass' | 'lose' | 'spoil' | 'repeat' | 'swap';

/** A link whose frames meet with what `fate` says; `sent` counts frames that its user has handed over. */
export function faultyLink(link: Link, fate: (frame: Uint8Array, index: number) => FrameFate): Link & { sent: number } {
  let swapped: Uint8Array | undefined;
  const pass = async (frame: Uint8Array, signal?: AbortSignal) => {
    await link.send(frame, signal);
    const later = swapped;
    swapped = undefined;
    if (later !== undefined) await link.send(later, signal);
  };
  const faulty = {
    sent: 0,
    peerId: link.peerId,
    kind: link.kind,
    get path() {
      return link.path;
    },
    send: async (frame: Uint8Array, signal?: AbortSignal) => {
      const index = faulty.sent;
      faulty.sent += 1;
      switch (fate(frame, index)) {
        case 'lose':
          return;
        case 'spoil': {
          const spoilt = frame.slice();
          const last = spoilt.length - 1;
          spoilt[last] = (spoilt[last] ?? 0) ^ 1;
          return pass(spoilt, signal);
        }
        case 'repeat':
          await pass(frame, signal);
          return pass(frame, signal);
        case 'swap':
          if (swapped !== undefined) return pass(frame, signal);
          swapped = frame.slice();
          return;
        default:
          return pass(frame, signal);
      }
    },
    frames: () => link.frames(),
    close: (reason: string) => link.close(reason),
    closed: link.closed,
    traffic: () => link.traffic(),
  };
  return faulty;
}

export const isChunk = (frame: Uint8Array) => frame[0] === 0;

export interface SessionPair {
  readonly sender: Session;
  readonly receiver: Session;
  close(): Promise<void>;
}

export function sessionPair(clock: Clock, relay?: RelayPort): SessionPair {
  const make = (peerId: string) =>
    new Session({
      peerId,
      instance: randomBytes(8).toString('hex'),
      clock,
      newHash: nodeHash,
      ...(relay === undefined ? {} : { relay }),
    });
  const sender = make('receiver');
  const receiver = make('sender');
  return {
    sender,
    receiver,
    close: async () => {
      await Promise.all([sender.close('test over'), receiver.close('test over')]);
    },
  };
}

/** A loopback link between the two, with faults on the sender's side where `fate` says so. */
export function join(
  { sender, receiver }: Pick<SessionPair, 'sender' | 'receiver'>,
  options: { path?: 'direct' | 'relay'; fate?: (frame: Uint8Array, index: number) => FrameFate } = {},
) {
  const pair = loopback('sender', 'receiver', { path: options.path ?? 'direct' });
  const first = options.fate === undefined ? pair.first : faultyLink(pair.first, options.fate);
  sender.attach(first);
  receiver.attach(pair.second);
  return { ...pair, first };
}
