// The sender's side of one transfer: it answers what the receiver wants, over a link or by the relay, and says the whole's hash at the end.

import { Waiters } from '../links/turns.ts';
import { chunkCount, chunkLength, encodeChunk } from '../model/chunk-frame.ts';
import type { Clock } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { NewHash, SourceFile } from './files.ts';
import { limits, type Word, type WordOf } from './messages.ts';
import type { RelayPort, RelayUpload } from './relay-port.ts';
import type { AttachedLink } from './session-link.ts';
import { type Outcome, type PausedBy, type SessionTransfer, TransferState } from './transfer-state.ts';
import { readExactly, sha256Hex, WholeHash } from './whole-hash.ts';

/** Read at once; chunks are cut from it. */
const readBytes = 1_048_576;

export interface SendOrder {
  readonly transferId: string;
  readonly source: SourceFile;
  readonly chunkBytes: number;
}

export interface SendingPorts {
  readonly clock: Clock;
  readonly newHash: NewHash;
  readonly relay: RelayPort | undefined;
  /** Says a word over the best link there is; nothing happens where there is none. */
  say(word: Word): void;
  changed(): void;
}

interface Stream {
  readonly number: number;
  readonly over: AttachedLink | 'relay';
  readonly stop: AbortController;
  /** Chunks below it were sent. */
  unsent: number;
  /** Chunks below it were acknowledged. */
  next: number;
  upload: RelayUpload | undefined;
}

export class Sending {
  readonly #ports: SendingPorts;
  readonly #chunkBytes: number;
  readonly #total: number;
  readonly #state: TransferState;
  readonly #acknowledged = new Waiters();
  #source: SourceFile;
  #hash: WholeHash;
  #versions = 1;
  #stream: Stream | undefined;
  /** The highest asking that was heard of. */
  #asked = -1;
  #next = 0;
  #sha256: string | undefined;
  /** What reading the source failed with, to tell it from what happened on the way. */
  #readFault: unknown;

  constructor({ transferId, source, chunkBytes }: SendOrder, ports: SendingPorts) {
    this.#ports = ports;
    this.#source = source;
    this.#chunkBytes = chunkBytes;
    this.#total = chunkCount(source.sizeBytes, chunkBytes);
    this.#hash = new WholeHash(source, ports.newHash);
    this.#state = new TransferState(transferId, () => {
      if (!this.#state.mayMove) this.#stopStream();
      ports.changed();
    });
  }

  get ended(): Promise<Outcome> {
    return this.#state.ended;
  }

  /** Of the whole (hex), once all of it has been read for the present asking; what the receiver is told at the end. */
  get sha256(): string | undefined {
    return this.#sha256;
  }

  get view(): SessionTransfer {
    const { over } = this.#stream ?? {};
    return this.#state.view({
      bytesDone: Math.min(this.#source.sizeBytes, this.#next * this.#chunkBytes),
      path: over === 'relay' ? 'relay' : over?.path,
      phase: this.#stream === undefined ? 'waiting' : this.#sha256 === undefined ? 'moving' : 'checking',
    });
  }

  pause(by: PausedBy): void {
    this.#state.setPaused('here', by);
    this.#ports.say({ type: 'pause', transferId: this.#state.transferId, by });
  }

  resume(): void {
    this.#state.setPaused('here', undefined);
    this.#ports.say({ type: 'resume', transferId: this.#state.transferId });
  }

  cancel(reason: string): void {
    if (!this.#state.finish({ kind: 'cancelled', fault: new Fault('interrupted', reason) })) return;
    this.#ports.say({ type: 'cancel', transferId: this.#state.transferId, reason });
  }

  fail(error: unknown): void {
    const fault = asFault(error);
    if (!this.#state.finish({ kind: 'failed', fault })) return;
    const message = fault.message.slice(0, 500);
    this.#ports.say({ type: 'wrong', transferId: this.#state.transferId, code: fault.code, message });
  }

  /** The other side has forgotten everything, or a link is gone: it will ask again. `link` undefined: all streams. */
  forget(link: AttachedLink | undefined): void {
    if (link !== undefined && this.#stream?.over !== link) return;
    this.#stopStream();
    if (link === undefined) this.#asked = -1;
  }

  /** Said on each new link, so that a pause or its end is not lost with an old one. */
  sayState(): void {
    const by = this.#state.pausedHere;
    const { transferId } = this.#state;
    if (this.#state.outcome !== undefined) return;
    this.#ports.say(by === undefined ? { type: 'resume', transferId } : { type: 'pause', transferId, by });
  }

  /** A word about this transfer. */
  hear(word: Word, link: AttachedLink): void {
    switch (word.type) {
      case 'want':
        this.#want(word, link).catch((error: unknown) => this.fail(error));
        break;
      case 'ack':
        this.#ack(word);
        break;
      case 'again':
        this.#again(word, link).catch((error: unknown) => this.#broke(error));
        break;
      case 'done':
        this.#done(word);
        break;
      case 'wrong':
        this.#state.finish({ kind: 'failed', fault: new Fault(word.code, word.message) });
        break;
      case 'cancel':
        this.#state.finish({ kind: 'cancelled', fault: new Fault('interrupted', word.reason) });
        break;
      case 'pause':
        this.#state.setPaused('there', word.by);
        break;
      case 'resume':
        this.#state.setPaused('there', undefined);
        break;
      default:
        break;
    }
  }

  async #want(word: WordOf<'want'>, link: AttachedLink): Promise<void> {
    const { transferId, outcome } = this.#state;
    if (outcome !== undefined) {
      this.#sayOutcome(outcome, link);
      return;
    }
    if (word.stream <= this.#asked) return;
    this.#asked = word.stream;
    const refuse = (fault: Fault) =>
      link.say({
        type: 'refuse',
        transferId,
        stream: word.stream,
        code: fault.code,
        message: fault.message.slice(0, 500),
      });
    if (this.#state.pausedHere !== undefined) return refuse(new Fault('state_conflict', 'The sender has paused it'));
    // Whoever asks is not pausing any more; its word of that may have gone with a link.
    this.#state.setPaused('there', undefined);
    if (word.from > this.#total) {
      return refuse(new Fault('invalid', `Chunk ${word.from} was asked for where there are ${this.#total}`));
    }
    if (word.from > 0 && word.version !== undefined && word.version !== this.#source.version) return this.#sayChanged();
    const former = this.#stream;
    this.#stopStream();
    this.#readFault = undefined;
    const stream: Stream = {
      number: word.stream,
      over: word.via === 'relay' ? 'relay' : link,
      stop: new AbortController(),
      unsent: word.from,
      next: word.from,
      upload: undefined,
    };
    this.#stream = stream;
    if (word.drain && former !== undefined) stream.unsent = Math.max(word.from, await this.#unsentOf(former));
    if (this.#stream !== stream) return;
    try {
      if (word.via === 'relay') await this.#serveByRelay(stream, link);
      else await this.#serve(stream, link);
      if (this.#stream === stream) await this.#sayEnd(stream);
    } catch (error) {
      if (this.#stream !== stream || stream.stop.signal.aborted) return;
      if (word.via === 'relay' && this.#readFault === undefined) {
        this.#stopStream();
        const { code, message } = asFault(error);
        // That the relay knows nothing of it is no word about the file.
        return refuse(new Fault(code === 'not_found' || code === 'state_conflict' ? 'unreachable' : code, message));
      }
      await this.#broke(error);
    }
  }

  async #read(from: number, to: number): Promise<Uint8Array> {
    try {
      return await readExactly(this.#source, from, to);
    } catch (error) {
      this.#readFault = error;
      throw error;
    }
  }

  /** Of a stream that has been stopped. Where the relay cannot tell, what it was given is sent again. */
  async #unsentOf(former: Stream): Promise<number> {
    if (former.over !== 'relay') return former.unsent;
    if (former.upload === undefined) return former.unsent;
    const byte = await former.upload.stop().catch(() => 0);
    return byte >= this.#source.sizeBytes ? this.#total : Math.floor(byte / this.#chunkBytes);
  }

  async #serve(stream: Stream, link: AttachedLink): Promise<void> {
    this.#sayBegin(stream, link, undefined);
    const { signal } = stream.stop;
    const { sizeBytes } = this.#source;
    const perRead = Math.max(1, Math.floor(readBytes / this.#chunkBytes));
    const window = Math.max(1, Math.floor(limits.windowBytes / this.#chunkBytes));
    let ahead = stream.unsent < this.#total ? this.#cut(stream.unsent, perRead) : undefined;
    while (stream.unsent < this.#total) {
      const group = await ahead;
      if (signal.aborted || group === undefined) return;
      const after = stream.unsent + group.frames.length;
      ahead = after < this.#total ? this.#cut(after, perRead) : undefined;
      // Where this round ends early nobody asks for what was read ahead.
      ahead?.catch(() => undefined);
      for (const frame of group.frames) {
        while (stream.unsent >= stream.next + window) await this.#acknowledged.wait(signal);
        await link.send(encodeChunk({ ...(await frame.header), stream: stream.number }, frame.bytes), signal);
        stream.unsent += 1;
        this.#ports.changed();
      }
      await group.hashed;
      if (group.end >= sizeBytes) break;
    }
  }

  /** Some chunks, read at once and hashed side by side. */
  async #cut(first: number, count: number) {
    const { sizeBytes } = this.#source;
    const from = first * this.#chunkBytes;
    const end = Math.min(sizeBytes, from + count * this.#chunkBytes);
    const bytes = await this.#read(from, end);
    const hashed = this.#hash.feed(from, bytes);
    hashed.catch(() => undefined);
    const frames = Array.from({ length: chunkCount(bytes.length, this.#chunkBytes) }, (_, index) => {
      const at = index * this.#chunkBytes;
      return this.#frame(first + index, bytes.subarray(at, at + this.#chunkBytes));
    });
    return { frames, hashed, end };
  }

  #frame(index: number, bytes: Uint8Array) {
    const header = sha256Hex(bytes).then((checksum) => ({
      transfer_id: this.#state.transferId,
      chunk_index: index,
      total_chunks: this.#total,
      chunk_size: bytes.length,
      checksum,
    }));
    header.catch(() => undefined);
    return { header, bytes };
  }

  async #serveByRelay(stream: Stream, link: AttachedLink): Promise<void> {
    const { relay } = this.#ports;
    if (relay === undefined) throw new Fault('unsupported', 'This member has no way to the relay');
    const source = this.#source;
    const fromByte = Math.min(source.sizeBytes, stream.unsent * this.#chunkBytes);
    if (fromByte >= source.sizeBytes) return this.#sayBegin(stream, link, undefined);
    const upload = await relay.upload({
      transferId: this.#state.transferId,
      sizeBytes: source.sizeBytes,
      fromByte,
      signal: stream.stop.signal,
      read: async (from, to) => {
        const bytes = await this.#read(from, to);
        await this.#hash.feed(from, bytes);
        return bytes;
      },
    });
    upload.done.catch(() => undefined);
    stream.upload = upload;
    if (stream.stop.signal.aborted) return;
    this.#sayBegin(stream, link, upload.ticket);
    await upload.done;
    stream.unsent = this.#total;
  }

  #sayBegin(stream: Stream, link: AttachedLink, relay: WordOf<'begin'>['relay']): void {
    this.#sha256 = undefined;
    link.say({
      type: 'begin',
      transferId: this.#state.transferId,
      stream: stream.number,
      from: stream.unsent,
      version: this.#source.version,
      sizeBytes: this.#source.sizeBytes,
      ...(relay === undefined ? {} : { relay }),
    });
    this.#ports.changed();
  }

  async #sayEnd(stream: Stream): Promise<void> {
    if (await this.#hasChanged()) return;
    const sha256 = await this.#hash.digest().catch((error: unknown) => {
      this.#readFault = error;
      throw error;
    });
    if (this.#stream !== stream) return;
    this.#sha256 = sha256;
    const { version, sizeBytes } = this.#source;
    this.#ports.say({
      type: 'end',
      transferId: this.#state.transferId,
      stream: stream.number,
      version,
      sizeBytes,
      sha256,
    });
    this.#ports.changed();
  }

  /** True where the source has another content now; what follows from that has been done then. */
  async #hasChanged(): Promise<boolean> {
    const { version } = this.#source;
    const now = await this.#source.current?.().catch((error: unknown) => {
      this.#readFault = error;
      throw error;
    });
    if (now === undefined || now.version === version) return false;
    this.#beginAnew(now);
    return true;
  }

  #beginAnew(now: SourceFile): void {
    const { name, sizeBytes } = this.#source;
    if (this.#state.outcome !== undefined) return;
    if (now.sizeBytes !== sizeBytes) {
      const message = `${name} has ${now.sizeBytes} bytes now and ${sizeBytes} when it was offered; offer it again`;
      this.fail(new Fault('source_changed', message, { place: { path: name } }));
      return;
    }
    this.#versions += 1;
    if (this.#versions > limits.versionsPerTransfer) {
      const message = `${name} changed ${this.#versions - 1} times while it was sent; offer it again when nothing writes to it`;
      this.fail(new Fault('source_changed', message, { place: { path: name } }));
      return;
    }
    this.#source = now;
    this.#hash = new WholeHash(now, this.#ports.newHash);
    this.#sha256 = undefined;
    this.#next = 0;
    this.#stopStream();
    this.#sayChanged();
  }

  #sayChanged(): void {
    const { version, sizeBytes } = this.#source;
    this.#ports.say({ type: 'changed', transferId: this.#state.transferId, version, sizeBytes });
  }

  /** A link that breaks is asked for again by the receiver; a source that cannot be read ends it, unless it has only changed. */
  async #broke(error: unknown): Promise<void> {
    this.#stopStream();
    if (this.#readFault === undefined) {
      this.#state.setProblem(error);
      return;
    }
    try {
      if (await this.#hasChanged()) return;
    } catch (gone) {
      this.fail(gone);
      return;
    }
    this.fail(error);
  }

  #ack({ stream: number, next }: WordOf<'ack'>): void {
    const stream = this.#stream;
    if (next > this.#total) return;
    if (stream !== undefined && number <= stream.number) stream.next = Math.max(stream.next, next);
    if (next <= this.#next) return;
    this.#next = next;
    this.#state.setProblem(undefined);
    this.#acknowledged.wake();
    this.#ports.changed();
  }

  async #again({ stream: number, index }: WordOf<'again'>, link: AttachedLink): Promise<void> {
    const stream = this.#stream;
    if (stream === undefined || number > stream.number || !this.#state.mayMove) return;
    if (index >= stream.unsent && stream.over !== 'relay') return;
    const from = index * this.#chunkBytes;
    const bytes = await this.#read(from, from + chunkLength(index, this.#source.sizeBytes, this.#chunkBytes));
    const { header } = this.#frame(index, bytes);
    await link.send(encodeChunk({ ...(await header), stream: stream.number }, bytes), stream.stop.signal);
  }

  #done({ sha256 }: WordOf<'done'>): void {
    if (sha256 === this.#sha256) {
      this.#next = this.#total;
      this.#state.finish({ kind: 'done', sha256 });
      return;
    }
    // The receiver may have it from an asking before this session's time: then the hash is still to be worked out here.
    this.#hash.digest().then(
      (mine) => {
        this.#sha256 = mine;
        if (mine === sha256) this.#state.finish({ kind: 'done', sha256 });
        else
          this.fail(
            new Fault('corrupt', `${this.#source.name} has another hash there (${sha256}) than here (${mine})`),
          );
      },
      (error: unknown) => this.fail(error),
    );
  }

  #sayOutcome(outcome: Outcome, link: AttachedLink): void {
    const { transferId } = this.#state;
    if (outcome.kind === 'done') return;
    const message = outcome.fault.message.slice(0, 500);
    if (outcome.kind === 'cancelled') link.say({ type: 'cancel', transferId, reason: message });
    else link.say({ type: 'wrong', transferId, code: outcome.fault.code, message });
  }

  #stopStream(): void {
    const stream = this.#stream;
    this.#stream = undefined;
    stream?.stop.abort(new Fault('interrupted', 'This stream of the transfer has ended'));
  }
}
