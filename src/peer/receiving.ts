// The receiver's side of one transfer: it asks, checks, writes in order, acknowledges, and shows the file only when both hashes agree.

import { Waiters } from '../links/turns.ts';
import { type ChunkFrame, chunkCount, chunkLength } from '../model/chunk-frame.ts';
import { asFault, Fault } from '../model/fault.ts';
import { limits, type Word, type WordOf } from './messages.ts';
import type { ContentPath } from './path-choice.ts';
import type { ReceiveOrder, ReceivingPorts } from './receive-order.ts';
import type { AttachedLink } from './session-link.ts';
import { type Outcome, type PausedBy, type SessionTransfer, TransferState } from './transfer-state.ts';
import { sha256Hex } from './whole-hash.ts';

/** How often it is looked at which path is best, and whether anything still comes. */
const stepMs = 250;
/** A stream that brought something within this time is drained when its path is left; of another, what is missing is asked for again. */
const drainWithinMs = 1_000;
/** Chunks that cannot be (wrong size, beyond the end) before the other side is given up. */
const mostImpossibleChunks = 20;

const allPaths: readonly ContentPath[] = ['direct', 'socket', 'relay'];

/** One asking, and what answers it. */
interface Stream {
  readonly number: number;
  readonly path: ContentPath;
  readonly link: AttachedLink | undefined;
  readonly stop: AbortController;
  begun: boolean;
  refused: boolean;
  /** Of one that is drained: the chunk with which its successor begins. */
  until: number | undefined;
}

export class Receiving {
  readonly #order: ReceiveOrder;
  readonly #ports: ReceivingPorts;
  readonly #total: number;
  readonly #window: number;
  readonly #state: TransferState;
  readonly #wake = new Waiters();
  readonly #written = new Waiters();
  readonly #over = new AbortController();
  /** Checked chunks whose turn to be written has not come. */
  readonly #held = new Map<number, Uint8Array>();
  readonly #checking = new Set<number>();
  readonly #agains = new Map<number, number>();
  #bytes = 0;
  #version: string | undefined;
  #stream: Stream | undefined;
  /** The former stream, of which what is on its way still counts. */
  #drained: Stream | undefined;
  #number = 0;
  #acknowledged = 0;
  #usefulMs: number;
  #silences = 0;
  #ended: WordOf<'end'> | undefined;
  #checkingWhole = false;
  #mismatches = 0;
  #impossible = 0;
  #refused = 0;
  /** Rises when what was written is forgotten: what was under way before counts no more. */
  #age = 0;
  #isWriting = false;
  /** Everything that is done to the file, one after the other. */
  #file: Promise<void> = Promise.resolve();

  constructor(order: ReceiveOrder, ports: ReceivingPorts) {
    this.#order = order;
    this.#ports = ports;
    this.#total = chunkCount(order.sizeBytes, order.chunkBytes);
    this.#window = Math.max(1, Math.floor(limits.windowBytes / order.chunkBytes));
    this.#number = order.askedBefore ?? 0;
    this.#usefulMs = ports.clock.monotonic();
    this.#state = new TransferState(order.transferId, () => {
      if (!this.#state.mayMove) this.#stopStreams();
      if (this.#state.outcome !== undefined) this.#over.abort(new Fault('interrupted', 'The transfer has ended'));
      this.#wake.wake();
      ports.changed();
    });
    this.#run().catch((error: unknown) => this.fail(error));
  }

  get ended(): Promise<Outcome> {
    return this.#state.ended;
  }

  get view(): SessionTransfer {
    return this.#state.view({
      bytesDone: this.#bytes,
      path: this.#stream?.link?.path ?? this.#stream?.path,
      phase: this.#checkingWhole ? 'checking' : this.#stream?.begun ? 'moving' : 'waiting',
    });
  }

  get bytesPerSecond(): number | undefined {
    return this.#order.choice.bytesPerSecond;
  }

  /** Chunks that were not taken: twice, out of range, of no stream that was asked for, while paused. */
  get refusedChunks(): number {
    return this.#refused;
  }

  /** Streams that were asked for, here and before. */
  get asked(): number {
    return this.#number;
  }

  /** True after `close`, where it had not ended. */
  get isClosed(): boolean {
    return this.#over.signal.aborted && this.#state.outcome === undefined;
  }

  pause(by: PausedBy): void {
    this.#state.setPaused('here', by);
    this.#say({ type: 'pause', transferId: this.#order.transferId, by });
  }

  resume(): void {
    this.#state.setPaused('here', undefined);
    this.#say({ type: 'resume', transferId: this.#order.transferId });
  }

  /** What is there is removed. */
  cancel(reason: string): void {
    if (!this.#state.finish({ kind: 'cancelled', fault: new Fault('interrupted', reason) })) return;
    this.#say({ type: 'cancel', transferId: this.#order.transferId, reason });
    this.#abandon();
  }

  fail(error: unknown): void {
    const fault = asFault(error);
    // What becomes of a file that nobody asks about any more says nothing of the transfer.
    if (this.isClosed || !this.#state.finish({ kind: 'failed', fault })) return;
    const message = fault.message.slice(0, 500);
    this.#say({ type: 'wrong', transferId: this.#order.transferId, code: fault.code, message });
    this.#abandon();
  }

  /** Stops without an end: what is there is kept for another time. */
  close(): void {
    this.#over.abort(new Fault('interrupted', 'The session is closed'));
    this.#stopStreams();
  }

  /** Links have come or gone. */
  linksChanged(): void {
    if (this.#isCut(this.#stream)) this.#stopStreams();
    else if (this.#isCut(this.#drained)) this.#stopStreams();
    this.#wake.wake();
  }

  /** The other side has forgotten what was asked. */
  forget(): void {
    this.#stopStreams();
    this.#wake.wake();
  }

  /** Said on each new link, so that nothing is lost with an old one. */
  sayState(): void {
    const { transferId } = this.#order;
    const { outcome, pausedHere } = this.#state;
    if (outcome?.kind === 'done') this.#say({ type: 'done', transferId, sha256: outcome.sha256 });
    else if (outcome !== undefined) {
      const message = outcome.fault.message.slice(0, 500);
      if (outcome.kind === 'cancelled') this.#say({ type: 'cancel', transferId, reason: message });
      else this.#say({ type: 'wrong', transferId, code: outcome.fault.code, message });
    } else
      this.#say(
        pausedHere === undefined ? { type: 'resume', transferId } : { type: 'pause', transferId, by: pausedHere },
      );
  }

  hear(word: Word): void {
    switch (word.type) {
      case 'begin':
        this.#begin(word);
        break;
      case 'end':
        this.#end(word);
        break;
      case 'refuse':
        this.#refusal(word);
        break;
      case 'changed':
        this.#changed(word);
        break;
      case 'wrong':
        if (this.#state.finish({ kind: 'failed', fault: new Fault(word.code, word.message) })) this.#abandon();
        break;
      case 'cancel':
        if (this.#state.finish({ kind: 'cancelled', fault: new Fault('interrupted', word.reason) })) this.#abandon();
        break;
      case 'pause':
        this.#state.setPaused('there', word.by);
        break;
      case 'resume':
        // What was refused meanwhile is asked for at once, not in the rhythm of silence.
        if (this.#stream?.refused) this.#stopStreams();
        this.#state.setPaused('there', undefined);
        break;
      default:
        break;
    }
  }

  hearChunk(link: AttachedLink, { header, bytes }: ChunkFrame): void {
    const stream = [this.#stream, this.#drained].find((one) => one?.link === link && one.number === header.stream);
    const index = header.chunk_index;
    const { sizeBytes, chunkBytes } = this.#order;
    if (stream === undefined || !this.#state.mayMove || this.#checkingWhole) {
      this.#refused += 1;
      return;
    }
    if (header.total_chunks !== this.#total || bytes.length !== chunkLength(index, sizeBytes, chunkBytes)) {
      this.#refuseImpossible(index);
      return;
    }
    const isTwice = index < this.#next || this.#held.has(index) || this.#checking.has(index);
    if (isTwice || index >= this.#next + this.#window) {
      this.#refused += 1;
      return;
    }
    this.#check(stream, index, bytes, header.checksum).catch((error: unknown) => this.fail(error));
  }

  /** Index of the first chunk that is not wholly written. */
  get #next(): number {
    const { sizeBytes, chunkBytes } = this.#order;
    return this.#bytes >= sizeBytes ? this.#total : Math.floor(this.#bytes / chunkBytes);
  }

  async #run(): Promise<void> {
    const { into, sizeBytes } = this.#order;
    const { signal } = this.#over;
    await this.#inOrder(async () => {
      this.#bytes = Math.min(await into.kept(), sizeBytes);
      this.#version = this.#bytes > 0 ? into.keptVersion?.() : undefined;
    });
    this.#ports.changed();
    while (!signal.aborted) {
      this.#step();
      const woken = this.#wake.wait(signal);
      const slept = new AbortController();
      const sleep = this.#ports.clock.sleep(stepMs, AbortSignal.any([signal, slept.signal]));
      await Promise.race([woken, sleep]).catch(() => undefined);
      slept.abort();
      sleep.catch(() => undefined);
      woken.catch(() => undefined);
    }
  }

  #step(): void {
    const { choice, sizeBytes, paths = allPaths } = this.#order;
    if (!this.#state.mayMove || this.#checkingWhole) {
      choice.rest();
      return;
    }
    const may = (path: ContentPath) => paths.includes(path);
    choice.setAvailable('direct', may('direct') && this.#ports.linkFor('direct') !== undefined);
    choice.setAvailable('socket', may('socket') && this.#ports.linkFor('socket') !== undefined);
    choice.setAvailable('relay', may('relay') && this.#ports.relay !== undefined && this.#ports.hasLink());
    const stream = this.#stream;
    // While all is there but the end's word, nothing is measured.
    if (this.#next >= this.#total) choice.rest();
    const path = choice.choose(sizeBytes - this.#bytes);
    if (path === undefined) {
      this.#stopStreams();
      return;
    }
    const silentMs = this.#ports.clock.monotonic() - this.#usefulMs;
    const isSilent = silentMs >= Math.min(limits.repeatMs * 2 ** this.#silences, limits.silenceMs);
    if (stream === undefined) {
      this.#ask(path, false);
      return;
    }
    if (isSilent) {
      this.#silences += 1;
      this.#ask(path, false);
      return;
    }
    // What the former stream still brings comes first: two switches at once would lose track of it.
    if (stream.path !== path && stream.begun && this.#drained === undefined) this.#ask(path, silentMs < drainWithinMs);
  }

  #ask(path: ContentPath, drain: boolean): void {
    const { transferId } = this.#order;
    const former = this.#stream;
    if (!drain) this.#stopStreams();
    const link = path === 'relay' ? undefined : this.#ports.linkFor(path);
    this.#number += 1;
    this.#drained = drain ? former : undefined;
    this.#stream = {
      number: this.#number,
      path,
      link,
      stop: new AbortController(),
      begun: false,
      refused: false,
      until: undefined,
    };
    this.#usefulMs = this.#ports.clock.monotonic();
    const word: Word = {
      type: 'want',
      transferId,
      stream: this.#number,
      from: this.#next,
      via: path === 'relay' ? 'relay' : 'link',
      drain,
      ...(this.#version === undefined ? {} : { version: this.#version }),
    };
    if (link !== undefined) link.say(word);
    else this.#say(word);
    this.#ports.changed();
  }

  #begin(word: WordOf<'begin'>): void {
    const stream = this.#stream;
    const { sizeBytes, transferId } = this.#order;
    if (stream?.number !== word.stream || stream.begun) return;
    if (word.sizeBytes !== sizeBytes) {
      const message = `The file has ${word.sizeBytes} bytes now and ${sizeBytes} when it was offered; have it offered again`;
      this.fail(new Fault('source_changed', message, { place: { operation: `receive ${transferId}` } }));
      return;
    }
    const isAnother = this.#version !== undefined && this.#version !== word.version;
    if (isAnother && (this.#bytes > 0 || this.#held.size > 0)) {
      this.#startAnew(word.version);
      return;
    }
    if (word.from > this.#next && this.#drained === undefined) {
      this.#ask(stream.path, false);
      return;
    }
    this.#version = word.version;
    stream.begun = true;
    this.#useful();
    this.#state.setProblem(undefined);
    if (this.#drained !== undefined) {
      this.#drained.until = word.from;
      this.#endDrain();
    }
    if (word.relay !== undefined) this.#readRelay(stream, word.relay);
    this.#ports.changed();
  }

  async #readRelay(stream: Stream, ticket: NonNullable<WordOf<'begin'>['relay']>): Promise<void> {
    const { relay } = this.#ports;
    const { transferId, sizeBytes, choice } = this.#order;
    const { signal } = stream.stop;
    const age = this.#age;
    if (relay === undefined) return;
    try {
      const pieces = relay.read({ transferId, ticket, sizeBytes, fromByte: this.#relayFrom(), signal });
      for await (const { from, bytes } of pieces) {
        if (signal.aborted) return;
        this.#useful();
        choice.received('relay', bytes.length);
        while (from > this.#bytes) await this.#written.wait(signal);
        await this.#put(from, bytes, age);
        this.#acknowledge();
        if (this.#hasDrained(stream)) return this.#endDrain();
      }
    } catch (error) {
      if (signal.aborted || this.#state.outcome !== undefined) return;
      if (asFault(error).code === 'space') return this.fail(error);
      choice.failed('relay');
      this.#state.setProblem(error);
      this.#stopStreams();
      this.#wake.wake();
    }
  }

  /** Where the relay's bytes are needed from: what the former stream still brings is not read twice. */
  #relayFrom(): number {
    const { until } = this.#drained ?? {};
    return until === undefined ? this.#bytes : Math.max(this.#bytes, until * this.#order.chunkBytes);
  }

  async #check(stream: Stream, index: number, bytes: Uint8Array, checksum: string): Promise<void> {
    const age = this.#age;
    this.#checking.add(index);
    const actual = await sha256Hex(bytes);
    if (age !== this.#age) return;
    this.#checking.delete(index);
    if (!this.#state.mayMove) return;
    if (actual !== checksum) return this.#askAgain(stream, index);
    this.#useful();
    this.#order.choice.received(stream.path, bytes.length);
    this.#held.set(index, bytes);
    if (index === this.#next) await this.#writeHeld();
  }

  #askAgain(stream: Stream, index: number): void {
    const times = (this.#agains.get(index) ?? 0) + 1;
    this.#agains.set(index, times);
    if (times > limits.againPerChunk) {
      const message = `Chunk ${index} came wrong ${times} times; check the network and the sender's memory and disk`;
      this.fail(new Fault('corrupt', message, { place: { offsetBytes: index * this.#order.chunkBytes } }));
      return;
    }
    stream.link?.say({ type: 'again', transferId: this.#order.transferId, stream: stream.number, index });
  }

  /** Writes what is next, for as long as it is there. One of these runs at a time; whoever comes meanwhile is served by it. */
  async #writeHeld(): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    try {
      for (let bytes = this.#held.get(this.#next); bytes !== undefined; bytes = this.#held.get(this.#next)) {
        const index = this.#next;
        const age = this.#age;
        await this.#put(index * this.#order.chunkBytes, bytes, age);
        if (this.#state.outcome !== undefined) return;
        // What was begun anew meanwhile holds chunks of its own.
        if (age !== this.#age) continue;
        this.#held.delete(index);
        const isDue = this.#next - this.#acknowledged >= this.#window / 8;
        if (isDue || !this.#held.has(this.#next)) this.#acknowledge();
        this.#endDrain();
      }
    } finally {
      this.#isWriting = false;
    }
  }

  /** Writes what of it is new. */
  async #put(from: number, bytes: Uint8Array, age: number): Promise<void> {
    await this.#inOrder(async () => {
      const skip = this.#bytes - from;
      if (age !== this.#age || this.#state.outcome !== undefined || skip < 0 || skip >= bytes.length) return;
      const fresh = skip === 0 ? bytes : bytes.subarray(skip);
      await this.#order.into.write(this.#bytes, fresh);
      this.#bytes += fresh.length;
    });
    this.#written.wake();
    this.#ports.changed();
    // Chunks of a link may have waited for what the relay brought, and the other way round.
    if (this.#held.has(this.#next)) this.#writeHeld().catch((error) => this.fail(error));
    this.#maybeFinish();
  }

  #acknowledge(): void {
    const stream = this.#stream ?? this.#drained;
    const next = this.#next;
    if (stream === undefined || next <= this.#acknowledged) return;
    this.#acknowledged = next;
    const word: Word = { type: 'ack', transferId: this.#order.transferId, stream: stream.number, next };
    if (stream.link !== undefined) stream.link.say(word);
    else this.#say(word);
  }

  #end(word: WordOf<'end'>): void {
    if (word.stream !== this.#stream?.number || word.version !== this.#version) return;
    this.#useful();
    this.#ended = word;
    this.#maybeFinish();
  }

  #maybeFinish(): void {
    const ended = this.#ended;
    if (ended === undefined || this.#bytes < this.#order.sizeBytes || this.#checkingWhole) return;
    if (!this.#state.mayMove) return;
    this.#checkingWhole = true;
    this.#stopStreams();
    this.#ports.changed();
    this.#inOrder(() => this.#compare(ended)).catch((error: unknown) => this.fail(error));
  }

  async #compare({ sha256, version }: WordOf<'end'>): Promise<void> {
    const { into, transferId } = this.#order;
    const mine = await into.finish();
    if (this.#state.outcome !== undefined) return;
    if (mine === sha256) {
      await into.publish();
      if (this.#state.finish({ kind: 'done', sha256 })) this.#say({ type: 'done', transferId, sha256 });
      return;
    }
    this.#mismatches += 1;
    if (this.#mismatches > 1) {
      const message = `What was written has the hash ${mine} and what was sent ${sha256}; nothing of it is shown`;
      throw new Fault('corrupt', message, { place: { operation: `receive ${transferId}` } });
    }
    // What was kept from an earlier attempt may have been of another content, or gone bad on the disk: once more, from the beginning.
    this.#checkingWhole = false;
    this.#startAnew(version);
  }

  #refusal({ stream: number, code, message }: WordOf<'refuse'>): void {
    const stream = this.#stream;
    if (stream?.number !== number) return;
    const fault = new Fault(code, message);
    if (code === 'invalid') {
      this.fail(fault);
      return;
    }
    this.#state.setProblem(fault);
    if (stream.path !== 'relay' || code === 'not_found' || code === 'state_conflict') {
      // What is missing there (a file, a person's resume) takes its time: it is asked for again in the rhythm of silence.
      stream.refused = true;
      this.#silences = Math.max(this.#silences, 1);
      return;
    }
    this.#order.choice.failed('relay');
    this.#stopStreams();
    this.#wake.wake();
  }

  #changed({ version, sizeBytes }: WordOf<'changed'>): void {
    if (this.#checkingWhole || this.#state.outcome !== undefined || version === this.#version) return;
    if (sizeBytes !== this.#order.sizeBytes) return;
    this.#startAnew(version);
  }

  /** Another content: what was written is forgotten. */
  #startAnew(version: string): void {
    this.#age += 1;
    this.#stopStreams();
    this.#held.clear();
    this.#checking.clear();
    this.#agains.clear();
    this.#ended = undefined;
    this.#acknowledged = 0;
    this.#checkingWhole = true;
    const restart = async () => {
      await this.#order.into.restart(version);
      this.#bytes = 0;
      this.#version = version;
      this.#checkingWhole = false;
      this.#wake.wake();
      this.#ports.changed();
    };
    this.#inOrder(restart).catch((error: unknown) => this.fail(error));
  }

  #refuseImpossible(index: number): void {
    this.#refused += 1;
    this.#impossible += 1;
    if (this.#impossible < mostImpossibleChunks) return;
    this.fail(new Fault('corrupt', `The sender keeps sending chunks that the file cannot have (the last: ${index})`));
  }

  #hasDrained(stream: Stream): boolean {
    return stream === this.#drained && stream.until !== undefined && this.#next >= stream.until;
  }

  #endDrain(): void {
    const drained = this.#drained;
    if (drained === undefined || !this.#hasDrained(drained)) return;
    this.#drained = undefined;
    drained.stop.abort(new Fault('interrupted', 'What this stream still had to bring is there'));
  }

  #isCut(stream: Stream | undefined): boolean {
    return stream?.link !== undefined && !stream.link.isOpen;
  }

  #useful(): void {
    this.#usefulMs = this.#ports.clock.monotonic();
    this.#silences = 0;
  }

  #stopStreams(): void {
    for (const stream of [this.#stream, this.#drained]) stream?.stop.abort(new Fault('interrupted', 'Asked anew'));
    this.#stream = undefined;
    this.#drained = undefined;
  }

  #abandon(): void {
    this.#held.clear();
    // The file cannot be asked for a second opinion: what could not be removed is swept by whoever made it.
    this.#inOrder(() => this.#order.into.abandon()).catch(() => undefined);
  }

  #inOrder(act: () => Promise<void>): Promise<void> {
    const done = this.#file.then(act);
    this.#file = done.catch(() => undefined);
    return done;
  }

  #say(word: Word): void {
    this.#ports.say(word);
  }
}
