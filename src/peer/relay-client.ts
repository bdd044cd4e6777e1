// The relay of a room as its members use it: a resumable upload (tus 1.0), and the growing reading of it, encrypted from end to end.

import type { Clock, Random } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import { faultOfResponse } from '../model/problem.ts';
import {
  contentKey,
  FrameSealer,
  frameBytes,
  openFrame,
  saltBytes,
  tagBytes,
  wireBytes,
  wireFrameBytes,
} from './end-to-end.ts';
import type {
  RelayPiece,
  RelayPort,
  RelayReadOrder,
  RelayTicket,
  RelayUpload,
  RelayUploadOrder,
} from './relay-port.ts';
import { fromBase64Url, toBase64Url } from './room-keys.ts';

export interface RelayClientOptions {
  /** `https://host:port`; '' for the page's own. */
  readonly server: string;
  readonly roomId: string;
  readonly memberToken: string;
  /** Undefined where the server inspects: then content goes as it is. */
  readonly secret: Uint8Array | undefined;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch?: typeof fetch;
}

/** Frames in one request of an upload; the next ones are read and sealed meanwhile. */
const framesPerPiece = 64;
/** What is not on the way in frames (the last part of an answer) is joined up to so many of them before it is handed on. */
const mostFramesAtOnce = 16;
/** After so many bytes the relay is told what is written. */
const acknowledgeBytes = 1_048_576;
/** Without a byte the relay is tried again for so long. */
const patienceMs = 60_000;
const firstPauseMs = 250;

export function relayClient(options: RelayClientOptions): RelayPort {
  return {
    upload: (order) => beginUpload(options, order),
    read: (order) => readUpload(options, order),
  };
}

async function beginUpload(options: RelayClientOptions, order: RelayUploadOrder): Promise<RelayUpload> {
  const { secret, random, roomId } = options;
  // A server that inspects has to see all of it, also what the receiver has already.
  const firstFrame = secret === undefined ? 0 : Math.floor(order.fromByte / frameBytes);
  const salt = secret === undefined ? undefined : random.bytes(saltBytes);
  const lengthBytes =
    salt === undefined ? order.sizeBytes - firstFrame * frameBytes : wireBytes(order.sizeBytes, firstFrame);
  const metadata = { transfer_id: order.transferId, first_frame: String(firstFrame) };
  const response = await ask(options, `/api/v1/rooms/${roomId}/relay`, {
    method: 'POST',
    headers: {
      'tus-resumable': '1.0.0',
      'upload-length': String(lengthBytes),
      'upload-metadata': Object.entries(metadata)
        .map(([key, value]) => `${key} ${btoa(value)}`)
        .join(','),
    },
    signal: order.signal,
  });
  const upload = response.headers.get('location')?.split('/').at(-1);
  if (upload === undefined || upload === '')
    throw new Fault('unsupported', 'The relay did not say where the upload is');
  const ticket: RelayTicket = { upload, firstFrame, ...(salt === undefined ? {} : { salt: toBase64Url(salt) }) };
  const key = secret === undefined || salt === undefined ? undefined : await contentKey(secret, order.transferId, salt);
  return new TusUpload(options, order, ticket, lengthBytes, key === undefined ? undefined : new FrameSealer(key));
}

class TusUpload implements RelayUpload {
  readonly ticket: RelayTicket;
  readonly firstByte: number;
  readonly done: Promise<void>;
  readonly #options: RelayClientOptions;
  readonly #order: RelayUploadOrder;
  readonly #lengthBytes: number;
  readonly #sealer: FrameSealer | undefined;
  readonly #stopped = new AbortController();

  constructor(
    options: RelayClientOptions,
    order: RelayUploadOrder,
    ticket: RelayTicket,
    lengthBytes: number,
    sealer: FrameSealer | undefined,
  ) {
    this.#options = options;
    this.#order = order;
    this.#lengthBytes = lengthBytes;
    this.#sealer = sealer;
    this.ticket = ticket;
    this.firstByte = ticket.firstFrame * frameBytes;
    this.done = this.#run(AbortSignal.any([order.signal, this.#stopped.signal]));
    this.done.catch(() => undefined);
  }

  async stop(): Promise<number> {
    this.#stopped.abort(new Fault('interrupted', 'The upload was stopped'));
    await this.done.catch(() => undefined);
    const offset = await this.#offset(undefined);
    const { sizeBytes } = this.#order;
    if (offset >= this.#lengthBytes) return sizeBytes;
    if (this.#sealer === undefined) return this.firstByte + offset;
    return Math.min(sizeBytes, this.firstByte + Math.floor(offset / wireFrameBytes) * frameBytes);
  }

  async #run(signal: AbortSignal): Promise<void> {
    let sent = 0;
    let frame = this.ticket.firstFrame;
    let piece = this.#piece(frame);
    while (sent < this.#lengthBytes) {
      // A source that hangs must not keep the upload from being stopped.
      const bytes = await orAborted(piece, signal);
      frame += framesPerPiece;
      piece = sent + bytes.length < this.#lengthBytes ? this.#piece(frame) : Promise.resolve(bytes);
      // It may be that nobody asks for it any more.
      piece.catch(() => undefined);
      await this.#sendPiece(bytes, sent, signal);
      sent += bytes.length;
    }
  }

  /** Some frames as they go on the wire. They are made once: what has to be sent again is sent from here. */
  async #piece(frame: number): Promise<Uint8Array<ArrayBuffer>> {
    const { sizeBytes, read } = this.#order;
    const from = frame * frameBytes;
    const plain = await read(from, Math.min(sizeBytes, from + framesPerPiece * frameBytes));
    const sealer = this.#sealer;
    if (sealer === undefined) return plain as Uint8Array<ArrayBuffer>;
    const count = Math.ceil(plain.length / frameBytes);
    const wire = new Uint8Array(plain.length + count * tagBytes);
    const seal = async (at: number) => {
      wire.set(
        await sealer.seal(frame + at, plain.subarray(at * frameBytes, (at + 1) * frameBytes)),
        at * wireFrameBytes,
      );
    };
    await Promise.all(Array.from({ length: count }, (_, at) => seal(at)));
    return wire;
  }

  async #sendPiece(bytes: Uint8Array<ArrayBuffer>, from: number, signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let sent = 0;
    let pauseMs = firstPauseMs;
    let movedMs = clock.monotonic();
    while (sent < bytes.length) {
      try {
        const next = await this.#patch(bytes.subarray(sent), from + sent, signal);
        if (next > from + sent) {
          pauseMs = firstPauseMs;
          movedMs = clock.monotonic();
        }
        sent = next - from;
      } catch (error) {
        signal.throwIfAborted();
        if (!isPassing(error) || clock.monotonic() - movedMs > patienceMs) throw error;
        await clock.sleep(pauseMs, signal);
        pauseMs = Math.min(5_000, pauseMs * 2);
        const offset = await this.#offset(signal).catch((broken: unknown) => {
          signal.throwIfAborted();
          if (isPassing(broken)) return from + sent;
          throw broken;
        });
        if (offset > from + sent) movedMs = clock.monotonic();
        sent = offset - from;
      }
      if (sent < 0 || sent > bytes.length) {
        throw new Fault(
          'unsupported',
          `The relay says it has ${from + sent} bytes, which it was never sent or had already`,
        );
      }
    }
  }

  async #patch(body: Uint8Array<ArrayBuffer>, offset: number, signal: AbortSignal): Promise<number> {
    const headers = {
      'tus-resumable': '1.0.0',
      'upload-offset': String(offset),
      'content-type': 'application/offset+octet-stream',
    };
    const response = await ask(this.#options, this.#path, { method: 'PATCH', headers, body, signal });
    return offsetOf(response);
  }

  async #offset(signal: AbortSignal | undefined): Promise<number> {
    const headers = { 'tus-resumable': '1.0.0' };
    const init = signal === undefined ? {} : { signal };
    return offsetOf(await ask(this.#options, this.#path, { method: 'HEAD', headers, ...init }));
  }

  get #path(): string {
    return uploadPath(this.#options, this.ticket);
  }
}

async function* readUpload(options: RelayClientOptions, order: RelayReadOrder): AsyncGenerator<RelayPiece, undefined> {
  const { clock } = options;
  const { ticket, sizeBytes, signal } = order;
  const source = await openTicket(options, order);
  let frame = Math.max(ticket.firstFrame, Math.floor(order.fromByte / frameBytes));
  const frames = Math.ceil(sizeBytes / frameBytes);
  const tell = acknowledger(options, ticket);
  // What was read another time is not waited for.
  if (frame > ticket.firstFrame) tell((frame - ticket.firstFrame) * source.frameLength, true);
  let pauseMs = firstPauseMs;
  let movedMs = clock.monotonic();
  while (frame < frames) {
    try {
      for await (const wire of wireFrames(options, order, frame, source.frameLength)) {
        const opened = await Promise.all(wire.map((each, at) => source.open(frame + at, each)));
        const from = frame * frameBytes;
        pauseMs = firstPauseMs;
        yield { from, bytes: joined(opened) };
        frame += wire.length;
        movedMs = clock.monotonic();
        tell(Math.min(source.lengthBytes, (frame - ticket.firstFrame) * source.frameLength), frame >= frames);
      }
      if (frame < frames) throw new Fault('network', 'The relay’s answer ended early');
    } catch (error) {
      signal.throwIfAborted();
      if (!isPassing(error) || clock.monotonic() - movedMs > patienceMs) throw error;
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(5_000, pauseMs * 2);
    }
  }
  return undefined;
}

/** How the frames of an upload are opened, and how long they are. */
async function openTicket({ secret }: RelayClientOptions, { ticket, transferId, sizeBytes }: RelayReadOrder) {
  const { firstFrame } = ticket;
  if ((secret === undefined) !== (ticket.salt === undefined)) {
    throw new Fault('corrupt', 'The sender and this side do not agree on whether the content is encrypted');
  }
  if (secret === undefined || ticket.salt === undefined) {
    const lengthBytes = sizeBytes - firstFrame * frameBytes;
    return { frameLength: frameBytes, lengthBytes, open: async (_index: number, bytes: Uint8Array) => bytes };
  }
  const key = await contentKey(secret, transferId, fromBase64Url(ticket.salt));
  const open = (index: number, bytes: Uint8Array) => openFrame(key, index, bytes);
  return { frameLength: wireFrameBytes, lengthBytes: wireBytes(sizeBytes, firstFrame), open };
}

/** Whole frames from `firstOfAll` on as one answer brings them, some at a time. */
async function* wireFrames(
  options: RelayClientOptions,
  { ticket, sizeBytes, signal }: RelayReadOrder,
  frame: number,
  frameLength: number,
): AsyncGenerator<readonly Uint8Array[], undefined> {
  const lengthOf = (from: number) =>
    frameLength === frameBytes ? Math.max(0, sizeBytes - from * frameBytes) : wireBytes(sizeBytes, from);
  let left = lengthOf(frame);
  const start = (frame - ticket.firstFrame) * frameLength;
  const headers = { range: `bytes=${start}-` };
  const response = await ask(options, uploadPath(options, ticket), { method: 'GET', headers, signal });
  if (response.status !== 206 && start > 0) {
    await response.body?.cancel();
    throw new Fault('unsupported', 'The relay does not give parts of an upload');
  }
  const reader = response.body?.getReader();
  if (reader === undefined) throw new Fault('network', 'The relay’s answer has no content');
  const waiting = new FrameCutter(frameLength);
  try {
    while (left > 0) {
      const { done, value } = await reader.read();
      if (done) return undefined;
      left -= value.length;
      waiting.add(value);
      for (let ready = waiting.take(left === 0); ready.length > 0; ready = waiting.take(left === 0)) yield ready;
    }
  } catch (error) {
    throw asNetwork(error, options);
  } finally {
    // Left early or broken: the connection is given back either way.
    await reader.cancel().catch(() => undefined);
  }
  return undefined;
}

/** Cuts what arrives in pieces of any length into frames. */
class FrameCutter {
  readonly #frameLength: number;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(frameLength: number) {
    this.#frameLength = frameLength;
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#bytes += piece.length;
  }

  /** Whole frames, at most some; with `isEnd` the rest, too. */
  take(isEnd: boolean): readonly Uint8Array[] {
    const length = this.#frameLength;
    const whole = Math.min(mostFramesAtOnce, Math.floor(this.#bytes / length));
    const isRest = isEnd && whole < mostFramesAtOnce && this.#bytes > whole * length;
    if (whole === 0 && !isRest) return [];
    const all = this.#pieces.length === 1 && this.#pieces[0] !== undefined ? this.#pieces[0] : joined(this.#pieces);
    const cut = isRest ? all.length : whole * length;
    const rest = all.subarray(cut);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#bytes = rest.length;
    return Array.from({ length: Math.ceil(cut / length) }, (_, at) =>
      all.subarray(at * length, Math.min(cut, (at + 1) * length)),
    );
  }
}

/** Tells the relay how far it may free; the newest offset only, one request at a time. What fails is told with the next. */
function acknowledger(options: RelayClientOptions, ticket: RelayTicket) {
  let told = 0;
  let newest = 0;
  let isBusy = false;
  const run = async () => {
    while (told < newest) {
      const offset = newest;
      const response = await ask(options, `${uploadPath(options, ticket)}/acknowledged`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ offset }),
      });
      await response.body?.cancel();
      told = offset;
    }
  };
  return (offset: number, isLast: boolean) => {
    if (offset - told < acknowledgeBytes && !isLast) return;
    newest = offset;
    if (isBusy) return;
    isBusy = true;
    run()
      .catch(() => undefined)
      .finally(() => {
        isBusy = false;
      });
  };
}

async function ask(options: RelayClientOptions, path: string, init: RequestInit): Promise<Response> {
  const fetching = options.fetch ?? fetch;
  let response: Response;
  try {
    const headers = { ...(init.headers as Record<string, string>), authorization: `Bearer ${options.memberToken}` };
    response = await fetching(options.server + path, { ...init, headers });
  } catch (error) {
    if (init.signal?.aborted) throw init.signal.reason;
    throw asNetwork(error, options);
  }
  if (!response.ok) throw await faultOfResponse(response);
  return response;
}

function orAborted<Value>(promise: Promise<Value>, signal: AbortSignal): Promise<Value> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason);
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop));
  });
}

function asNetwork(error: unknown, { server }: RelayClientOptions): Fault {
  if (error instanceof Fault) return error;
  return new Fault('network', `The relay of ${server || 'this room'} broke off (${asFault(error).message})`, {
    cause: error,
  });
}

/** What may be over in a moment; else there is no sense in trying again. */
function isPassing(error: unknown): boolean {
  const { code } = asFault(error);
  return ['network', 'unreachable', 'timeout', 'busy', 'rate_limited', 'stalled'].includes(code);
}

function offsetOf(response: Response): number {
  const offset = Number(response.headers.get('upload-offset') ?? Number.NaN);
  if (Number.isSafeInteger(offset) && offset >= 0) return offset;
  throw new Fault('unsupported', 'The relay does not say how much it has');
}

function uploadPath({ roomId }: RelayClientOptions, { upload }: RelayTicket): string {
  return `/api/v1/rooms/${roomId}/relay/${encodeURIComponent(upload)}`;
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
