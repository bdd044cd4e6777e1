// An SFTP client on one channel: any number of requests at once, answers by their number, content straight into memory of its own.

import type { Client, ClientChannel } from 'ssh2';
import { Fault } from '../../model/fault.ts';
import { FarChannel } from './far-channel.ts';
import { type Attributes, PacketReader, PacketWriter, packetTypes, statusCodes } from './sftp-packets.ts';

/** What the server answered in place of what was asked for. */
export class SftpStatus extends Error {
  readonly status: number;
  constructor(status: number, said: string) {
    super(said);
    this.name = 'SftpStatus';
    this.status = status;
  }
}

/** The channel ended; the connection may be well. */
export class SftpEnded extends Error {
  override readonly name = 'SftpEnded';
}

export interface ListedName {
  readonly name: string;
  readonly attributes: Attributes;
}

interface Waiting {
  answered(type: number, reader: PacketReader): void;
  /** For `data`: its content is copied in as it comes. */
  readonly content?: (lengthBytes: number) => Uint8Array;
  failed(error: Error): void;
}

const usualPacketBytes = 32 * 1024;
/** As OpenSSH takes them: 256 KiB less what stands around the content. */
const largePacketBytes = 255 * 1024;
const mostPacketBytes = 16 * 1024 * 1024;
const headBytes = 4 + 1 + 4;

export class Sftp {
  readonly #channel: FarChannel;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #ended: Error | undefined;
  readonly #parser: PacketParser;
  /** By name; what the server can beyond version 3. */
  readonly extensions = new Map<string, string>();
  /** Content of one request at most. */
  readBytes = usualPacketBytes;
  writeBytes = usualPacketBytes;

  private constructor(channel: ClientChannel, hello: (error?: Error) => void) {
    this.#parser = new PacketParser({
      contentFor: (id, length) => this.#waiting.get(id)?.content?.(length),
      contentDone: (id) => this.#take(id)?.answered(packetTypes.data, new PacketReader(Buffer.alloc(0), 0)),
      packet: (packet) => this.#receive(packet, hello),
    });
    this.#channel = new FarChannel(channel, (data) => {
      if (data === null) return this.#end(new SftpEnded('The SFTP server ended.'));
      try {
        this.#parser.feed(data);
      } catch (error) {
        this.#end(error instanceof Error ? error : new Error(String(error)));
        this.#channel.close();
      }
    });
    this.#channel.onError(() => undefined);
    void this.#channel.closed.then(() => {
      const ended = new SftpEnded('The SFTP server ended.');
      this.#end(ended);
      hello(ended);
    });
  }

  /** Rejects with `unsupported` where the server has no SFTP, and with SftpEnded where it ends at once. */
  static async open(client: Client): Promise<Sftp> {
    const channel = await new Promise<ClientChannel>((resolve, reject) => {
      client.subsys('sftp', (error, opened) => {
        if (error) reject(new Fault('unsupported', `The host has no SFTP: ${error.message}.`, { cause: error }));
        else resolve(opened);
      });
    });
    const sftp = await new Promise<Sftp>((resolve, reject) => {
      const made: Sftp = new Sftp(channel, (error) => (error === undefined ? resolve(made) : reject(error)));
      void made.#channel.write(new PacketWriter(packetTypes.init).number(3).packet());
    });
    await sftp.#learnLimits();
    return sftp;
  }

  get isOpen(): boolean {
    return this.#ended === undefined;
  }

  close(): void {
    this.#channel.close();
    this.#end(new SftpEnded('The SFTP channel was closed.'));
  }

  /** Resolves where the answer is "done". `fill` adds the fields after the request's number. */
  async command(type: number, fill: (writer: PacketWriter) => PacketWriter): Promise<void> {
    await this.#ask(type, fill, (answer, reader) => {
      if (answer === packetTypes.status) return checkStatus(reader);
      throw unexpected(answer);
    });
  }

  attributes(type: number, fill: (writer: PacketWriter) => PacketWriter): Promise<Attributes> {
    return this.#ask(type, fill, (answer, reader) => {
      if (answer === packetTypes.attributes) return reader.attributes();
      throw notWanted(answer, reader);
    });
  }

  handle(type: number, fill: (writer: PacketWriter) => PacketWriter): Promise<Buffer> {
    return this.#ask(type, fill, (answer, reader) => {
      if (answer === packetTypes.handle) return Buffer.from(reader.bytes());
      throw notWanted(answer, reader);
    });
  }

  /** Of a folder's next names, a link's target, or a path's real form; null at the end of a folder. */
  names(type: number, fill: (writer: PacketWriter) => PacketWriter): Promise<readonly ListedName[] | null> {
    return this.#ask(type, fill, (answer, reader) => {
      if (answer === packetTypes.name) {
        const names: ListedName[] = [];
        for (let left = reader.number(); left > 0; left--) {
          const name = reader.path();
          reader.bytes();
          names.push({ name, attributes: reader.attributes() });
        }
        return names;
      }
      const error = notWanted(answer, reader);
      if (error instanceof SftpStatus && error.status === statusCodes.endOfFile) return null;
      throw error;
    });
  }

  extended<Answer>(
    name: string,
    fill: (writer: PacketWriter) => PacketWriter,
    read: (reader: PacketReader) => Answer,
  ): Promise<Answer> {
    return this.#ask(
      packetTypes.extended,
      (writer) => fill(writer.text(name)),
      (answer, reader) => {
        if (answer === packetTypes.extendedReply) return read(reader);
        if (answer === packetTypes.status) {
          checkStatus(reader);
          return read(reader);
        }
        throw unexpected(answer);
      },
    );
  }

  /** So many bytes into `into` as the server gave at once; 0 at the file's end. */
  read(handle: Buffer, at: number, into: Uint8Array): Promise<number> {
    let got = 0;
    return this.#ask(
      packetTypes.read,
      (writer) => writer.bytes(handle).large(at).number(into.length),
      (answer, reader) => {
        if (answer === packetTypes.data) return got;
        const error = notWanted(answer, reader);
        if (error instanceof SftpStatus && error.status === statusCodes.endOfFile) return 0;
        throw error;
      },
      (lengthBytes) => {
        if (lengthBytes > into.length) throw new RangeError('the server sent more than was asked for');
        got = lengthBytes;
        return into.subarray(0, lengthBytes);
      },
    );
  }

  /** The content may be used again once `sent` has resolved; `done` tells that it is written. */
  write(
    handle: Buffer,
    at: number,
    content: Uint8Array,
  ): { readonly sent: Promise<void>; readonly done: Promise<void> } {
    const id = this.#newId();
    const done = this.#wait(id, (answer, reader) => {
      if (answer === packetTypes.status) return checkStatus(reader);
      throw unexpected(answer);
    });
    const writer = new PacketWriter(packetTypes.write, 64 + handle.length).number(id).bytes(handle).large(at);
    void this.#channel.write(writer.number(content.length).packet(content.length));
    return { sent: this.#channel.write(content), done };
  }

  async #learnLimits(): Promise<void> {
    if (!this.extensions.has('limits@openssh.com')) return;
    await this.extended(
      'limits@openssh.com',
      (writer) => writer,
      (reader) => {
        const packet = reader.large();
        const room = packet === 0 ? largePacketBytes : packet - 1024;
        const within = (most: number) =>
          Math.max(usualPacketBytes, Math.min(most === 0 ? room : most, room, largePacketBytes));
        this.readBytes = within(reader.large());
        this.writeBytes = within(reader.large());
      },
    ).catch(() => undefined);
  }

  #newId(): number {
    this.#nextId = this.#nextId === 0xffffffff ? 1 : this.#nextId + 1;
    return this.#nextId;
  }

  #ask<Answer>(
    type: number,
    fill: (writer: PacketWriter) => PacketWriter,
    read: (answer: number, reader: PacketReader) => Answer,
    content?: (lengthBytes: number) => Uint8Array,
  ): Promise<Answer> {
    const id = this.#newId();
    const answer = this.#wait(id, read, content);
    if (this.#ended === undefined) void this.#channel.write(fill(new PacketWriter(type).number(id)).packet());
    return answer;
  }

  #wait<Answer>(
    id: number,
    read: (answer: number, reader: PacketReader) => Answer,
    content?: (lengthBytes: number) => Uint8Array,
  ): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, {
        answered(type, reader) {
          try {
            resolve(read(type, reader));
          } catch (error) {
            reject(error instanceof Error ? error : new Error(String(error)));
          }
        },
        failed: reject,
        ...(content === undefined ? {} : { content }),
      });
    });
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    return waiting;
  }

  #receive(packet: Buffer, hello: (error?: Error) => void): void {
    const type = packet[0] ?? 0;
    const reader = new PacketReader(packet, 1);
    if (type === packetTypes.version) {
      reader.number();
      while (!reader.isAtEnd) this.extensions.set(reader.text(), reader.text());
      hello();
      return;
    }
    this.#take(reader.number())?.answered(type, reader);
  }

  #end(error: Error): void {
    if (this.#ended !== undefined) return;
    this.#ended = error;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { failed } of waiting) failed(error);
  }
}

function checkStatus(reader: PacketReader): void {
  const status = reader.number();
  if (status !== statusCodes.ok) throw new SftpStatus(status, reader.isAtEnd ? '' : reader.text());
}

function notWanted(answer: number, reader: PacketReader): Error {
  if (answer !== packetTypes.status) return unexpected(answer);
  const status = reader.number();
  return new SftpStatus(status, reader.isAtEnd ? '' : reader.text());
}

function unexpected(answer: number): Error {
  return new SftpStatus(statusCodes.badMessage, `unexpected answer ${answer}`);
}

interface ParserTargets {
  /** Where the content of a `data` packet goes; undefined where nobody waits for it. */
  contentFor(id: number, lengthBytes: number): Uint8Array | undefined;
  contentDone(id: number): void;
  /** From its type on. */
  packet(packet: Buffer): void;
}

interface PartOfContent {
  readonly id: number;
  readonly into: Uint8Array | undefined;
  filled: number;
  left: number;
}

/** Cuts what comes into packets. Content is copied once, to where it is wanted; other packets are put together first. */
class PacketParser {
  readonly #targets: ParserTargets;
  readonly #head = Buffer.alloc(headBytes + 4);
  #headFilled = 0;
  #packet: Buffer | undefined;
  #packetFilled = 0;
  #content: PartOfContent | undefined;

  constructor(targets: ParserTargets) {
    this.#targets = targets;
  }

  feed(data: Buffer): void {
    for (let at = 0; at < data.length; ) {
      if (this.#content !== undefined) at = this.#feedContent(this.#content, data, at);
      else if (this.#packet !== undefined) at = this.#feedPacket(this.#packet, data, at);
      else at = this.#feedHead(data, at);
    }
  }

  #feedHead(data: Buffer, from: number): number {
    let at = from;
    const isContent = () => this.#headFilled >= 5 && this.#head[4] === packetTypes.data;
    while (at < data.length && this.#headFilled < (isContent() ? headBytes + 4 : 5)) {
      this.#head[this.#headFilled++] = data[at++] ?? 0;
    }
    if (this.#headFilled < (isContent() ? headBytes + 4 : 5)) return at;
    const length = this.#head.readUInt32BE(0);
    if (length > mostPacketBytes || length < 1) throw new RangeError(`a packet of ${length} bytes`);
    this.#headFilled = 0;
    if (this.#head[4] !== packetTypes.data) {
      this.#packet = Buffer.allocUnsafe(length);
      this.#packet[0] = this.#head[4] ?? 0;
      this.#packetFilled = 1;
      if (length === 1) this.#packetDone();
      return at;
    }
    const id = this.#head.readUInt32BE(5);
    const left = this.#head.readUInt32BE(9);
    if (left !== length - 9) throw new RangeError('content that does not fill its packet');
    this.#content = { id, into: this.#targets.contentFor(id, left), filled: 0, left };
    if (left === 0) this.#contentDone(id);
    return at;
  }

  #feedPacket(packet: Buffer, data: Buffer, at: number): number {
    const count = Math.min(packet.length - this.#packetFilled, data.length - at);
    data.copy(packet, this.#packetFilled, at, at + count);
    this.#packetFilled += count;
    if (this.#packetFilled === packet.length) this.#packetDone();
    return at + count;
  }

  #packetDone(): void {
    const packet = this.#packet;
    this.#packet = undefined;
    if (packet !== undefined) this.#targets.packet(packet);
  }

  #feedContent(content: PartOfContent, data: Buffer, at: number): number {
    const count = Math.min(content.left, data.length - at);
    content.into?.set(data.subarray(at, at + count), content.filled);
    content.filled += count;
    content.left -= count;
    if (content.left === 0) this.#contentDone(content.id);
    return at + count;
  }

  #contentDone(id: number): void {
    this.#content = undefined;
    this.#targets.contentDone(id);
  }
}
