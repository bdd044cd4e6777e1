// The packets of SFTP version 3 (draft-ietf-secsh-filexfer-02) as far as they are used, with names as bytes.

import type { EntryKind } from '../../model/manifest.ts';
import { pathBytes, pathFromBytes } from '../../model/names.ts';

export const packetTypes = {
  init: 1,
  version: 2,
  open: 3,
  close: 4,
  read: 5,
  write: 6,
  lstat: 7,
  fstat: 8,
  setstat: 9,
  fsetstat: 10,
  opendir: 11,
  readdir: 12,
  remove: 13,
  mkdir: 14,
  rmdir: 15,
  realpath: 16,
  stat: 17,
  rename: 18,
  readlink: 19,
  symlink: 20,
  status: 101,
  handle: 102,
  data: 103,
  name: 104,
  attributes: 105,
  extended: 200,
  extendedReply: 201,
} as const;

export const openFlags = { read: 1, write: 2, create: 8, truncate: 16, exclusive: 32 } as const;

/** Status codes. OpenSSH says `failure` for every errno that has no code of its own. */
export const statusCodes = {
  ok: 0,
  endOfFile: 1,
  notFound: 2,
  permission: 3,
  failure: 4,
  badMessage: 5,
  noConnection: 6,
  lost: 7,
  unsupported: 8,
} as const;

export interface Attributes {
  readonly sizeBytes?: number;
  /** Type and permission bits, as st_mode. */
  readonly mode?: number;
  readonly atimeSeconds?: number;
  readonly mtimeSeconds?: number;
}

const attributeFlags = { size: 1, owner: 2, mode: 4, times: 8, extended: 0x80000000 } as const;

export function kindOf(mode: number | undefined): EntryKind {
  switch ((mode ?? 0o100_000) & 0o170_000) {
    case 0o100_000:
      return 'file';
    case 0o040_000:
      return 'folder';
    case 0o120_000:
      return 'symlink';
    default:
      return 'other';
  }
}

/** Puts a packet's fields together; length and type come first, then what is added. */
export class PacketWriter {
  #bytes: Buffer;
  #at = 5;

  constructor(type: number, roomBytes = 512) {
    this.#bytes = Buffer.allocUnsafe(roomBytes);
    this.#bytes[4] = type;
  }

  number(value: number): this {
    this.#room(4);
    this.#at = this.#bytes.writeUInt32BE(value >>> 0, this.#at);
    return this;
  }

  /** Up to 2^53. */
  large(value: number): this {
    this.number(Math.floor(value / 2 ** 32));
    return this.number(value % 2 ** 32);
  }

  bytes(value: Uint8Array): this {
    this.number(value.length);
    this.#room(value.length);
    this.#bytes.set(value, this.#at);
    this.#at += value.length;
    return this;
  }

  text(value: string): this {
    return this.bytes(Buffer.from(value, 'latin1'));
  }

  path(value: string): this {
    return this.bytes(pathBytes(value));
  }

  attributes(value: Attributes): this {
    const { sizeBytes, mode, atimeSeconds, mtimeSeconds } = value;
    const flags =
      (sizeBytes === undefined ? 0 : attributeFlags.size) |
      (mode === undefined ? 0 : attributeFlags.mode) |
      (mtimeSeconds === undefined ? 0 : attributeFlags.times);
    this.number(flags);
    if (sizeBytes !== undefined) this.large(sizeBytes);
    if (mode !== undefined) this.number(mode);
    if (mtimeSeconds !== undefined) this.number(atimeSeconds ?? mtimeSeconds).number(mtimeSeconds);
    return this;
  }

  /** The whole packet. `following` bytes, which are sent after it, count into its length. */
  packet(following = 0): Buffer {
    this.#bytes.writeUInt32BE(this.#at - 4 + following, 0);
    return this.#bytes.subarray(0, this.#at);
  }

  #room(more: number): void {
    if (this.#at + more <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe((this.#at + more) * 2);
    this.#bytes.copy(larger, 0, 0, this.#at);
    this.#bytes = larger;
  }
}

/** Takes a packet apart. A RangeError where it ends too early: whoever sent it does not speak SFTP. */
export class PacketReader {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Buffer, at: number) {
    this.#bytes = bytes;
    this.#at = at;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  number(): number {
    const value = this.#bytes.readUInt32BE(this.#at);
    this.#at += 4;
    return value;
  }

  large(): number {
    return this.number() * 2 ** 32 + this.number();
  }

  bytes(): Buffer {
    const length = this.number();
    if (this.#at + length > this.#bytes.length) throw new RangeError('a field is longer than its packet');
    const value = this.#bytes.subarray(this.#at, this.#at + length);
    this.#at += length;
    return value;
  }

  text(): string {
    return this.bytes().toString('utf8');
  }

  path(): string {
    return pathFromBytes(this.bytes());
  }

  attributes(): Attributes {
    const flags = this.number();
    const sizeBytes = flags & attributeFlags.size ? this.large() : undefined;
    if (flags & attributeFlags.owner) this.#at += 8;
    const mode = flags & attributeFlags.mode ? this.number() : undefined;
    const atimeSeconds = flags & attributeFlags.times ? this.number() : undefined;
    const mtimeSeconds = flags & attributeFlags.times ? this.number() : undefined;
    if (flags & attributeFlags.extended)
      for (let left = this.number(); left > 0; left--) this.bytes().length + this.bytes().length;
    return {
      ...(sizeBytes === undefined ? {} : { sizeBytes }),
      ...(mode === undefined ? {} : { mode }),
      ...(atimeSeconds === undefined ? {} : { atimeSeconds }),
      ...(mtimeSeconds === undefined ? {} : { mtimeSeconds }),
    };
  }
}
