// One WebRTC connection of a link: its channel as a lane, its offers and answers, and another way when the network changes.

import type { Lane, LaneListener } from './lane.ts';
import {
  type RtcChannel,
  type RtcConfiguration,
  type RtcConnection,
  type RtcConstructor,
  type Way,
  wayOf,
} from './rtc.ts';
import type { WebrtcSignal } from './webrtc-signals.ts';

export interface ConnectionOptions {
  readonly number: number;
  readonly attempt: string;
  readonly role: 'offer' | 'answer';
  readonly RTCPeerConnection: RtcConstructor;
  readonly configuration: RtcConfiguration;
  readonly tell: (signal: WebrtcSignal) => void;
  /** Its channel is open. */
  readonly opened: (lane: Lane) => void;
  /** It will not come to anything, or is over. */
  readonly failed: () => void;
}

export class WebrtcConnection {
  /** By which way its bytes go, and how long that takes; undefined until it is known. */
  way: Way | undefined;
  readonly #options: ConnectionOptions;
  readonly #connection: RtcConnection;
  /** What comes must be taken in its order, and each step takes its time. */
  #steps: Promise<void> = Promise.resolve();
  #round = 0;
  #answeredRound = -1;
  #answer: WebrtcSignal | undefined;
  #early: Extract<WebrtcSignal, { kind: 'candidate' }>['candidate'][] = [];
  #described = false;
  #closed = false;
  /** The collector takes a channel that nobody refers to, and closes it. */
  #lane: ChannelLane | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { RTCPeerConnection, configuration, role } = options;
    const connection = new RTCPeerConnection(configuration);
    this.#connection = connection;
    connection.addEventListener('icecandidate', ({ candidate }) => {
      if (candidate === null || this.#closed) return;
      const { candidate: line = '', sdpMid = null, sdpMLineIndex = null } = candidate.toJSON();
      this.#tell({
        kind: 'candidate',
        candidate: { candidate: line, sdpMid, sdpMLineIndex },
      });
    });
    connection.addEventListener('iceconnectionstatechange', () => {
      const state = connection.iceConnectionState;
      if (state === 'disconnected' || state === 'failed') this.restart();
      else if (state === 'connected' || state === 'completed') void this.look();
    });
    connection.addEventListener('connectionstatechange', () => {
      if (connection.connectionState === 'closed') this.#fail();
    });
    if (role === 'offer') {
      this.#take(connection.createDataChannel('wherry', { ordered: true }));
      this.#step(() => this.#offer());
    } else connection.addEventListener('datachannel', ({ channel }) => this.#take(channel));
  }

  /** Asks the network for another way; the channel stays, and what was sent on it arrives by the new one. */
  restart(): void {
    if (this.#closed) return;
    if (this.#options.role === 'answer') {
      this.#tell({ kind: 'restart' });
      return;
    }
    this.#step(async () => {
      try {
        await this.#connection.restartIce();
      } catch {
        // Not every package can; the link is given up when nothing is heard on it, and another one opened.
        return;
      }
      this.#round++;
      await this.#offer();
    });
  }

  /** The offer that was not answered yet, once more. */
  repeat(): void {
    const description = this.#connection.localDescription;
    if (this.#answeredRound >= this.#round || description?.sdp === undefined || description.type !== 'offer') return;
    this.#tell({ kind: 'offer', round: this.#round, sdp: description.sdp });
  }

  hear(signal: WebrtcSignal): void {
    if (signal.kind === 'restart') this.restart();
    else if (signal.kind === 'offer') this.#step(() => this.#takeOffer(signal));
    else if (signal.kind === 'answer') this.#step(() => this.#takeAnswer(signal));
    else if (signal.kind === 'candidate') {
      this.#step(async () => {
        this.#early.push(signal.candidate);
        if (this.#described) await this.#addEarly();
      });
    }
  }

  async #takeOffer({ round, sdp }: Extract<WebrtcSignal, { kind: 'offer' }>): Promise<void> {
    if (round <= this.#answeredRound) {
      if (this.#answer !== undefined && round === this.#answeredRound) this.#options.tell(this.#answer);
      return;
    }
    this.#answeredRound = round;
    await this.#connection.setRemoteDescription({ type: 'offer', sdp });
    const answer = await this.#connection.createAnswer();
    await this.#connection.setLocalDescription(answer);
    const { number: connection, attempt } = this.#options;
    this.#answer = { kind: 'answer', attempt, connection, round, sdp: answer.sdp ?? '' };
    this.#options.tell(this.#answer);
    await this.#addEarly();
  }

  async #takeAnswer({ round, sdp }: Extract<WebrtcSignal, { kind: 'answer' }>): Promise<void> {
    if (round !== this.#round || this.#answeredRound >= round) return;
    this.#answeredRound = round;
    await this.#connection.setRemoteDescription({ type: 'answer', sdp });
    await this.#addEarly();
  }

  /** Looks which way the bytes go. */
  async look(): Promise<void> {
    if (this.#closed) return;
    this.way = (await wayOf(this.#connection).catch(() => undefined)) ?? this.way;
  }

  get isOpen(): boolean {
    return this.#lane?.isOpen === true;
  }

  close(): void {
    this.#closed = true;
    this.#connection.close();
  }

  async #offer(): Promise<void> {
    const offer = await this.#connection.createOffer();
    await this.#connection.setLocalDescription(offer);
    this.#tell({ kind: 'offer', round: this.#round, sdp: offer.sdp ?? '' });
  }

  async #addEarly(): Promise<void> {
    this.#described = true;
    const candidates = this.#early;
    this.#early = [];
    for (const candidate of candidates) {
      // One of before a restart, or of a kind that this side does not know, is no loss: others come.
      await this.#connection.addIceCandidate(candidate).catch(() => undefined);
    }
  }

  #take(channel: RtcChannel): void {
    if (this.#lane !== undefined) {
      channel.close();
      return;
    }
    this.#lane = new ChannelLane(channel, () => this.#connection.sctp?.maxMessageSize ?? undefined, {
      opened: (lane) => this.#options.opened(lane),
      closed: () => this.#fail(),
    });
  }

  #fail(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#connection.close();
    this.#options.failed();
  }

  #step(step: () => Promise<void>): void {
    this.#steps = this.#steps.then(async () => {
      if (this.#closed) return;
      try {
        await step();
      } catch {
        // An offer or answer that this side's WebRTC does not take: no connection comes of it.
        if (!this.isOpen) this.#fail();
      }
    });
  }

  #tell(signal: Unaddressed): void {
    const { number: connection, attempt } = this.#options;
    this.#options.tell({ ...signal, connection, attempt });
  }
}

type Addressed = Exclude<WebrtcSignal, { kind: 'ready' | 'more' }>;
type Unaddressed = Addressed extends infer Signal
  ? Signal extends Addressed
    ? Omit<Signal, 'attempt' | 'connection'>
    : never
  : never;

class ChannelLane implements Lane {
  readonly #channel: RtcChannel;
  readonly #mostMessage: () => number | undefined;
  #listener: LaneListener | undefined;
  #waiting: Uint8Array[] = [];
  #lost = false;

  constructor(
    channel: RtcChannel,
    mostMessage: () => number | undefined,
    events: { opened(lane: Lane): void; closed(): void },
  ) {
    this.#channel = channel;
    this.#mostMessage = mostMessage;
    channel.binaryType = 'arraybuffer';
    channel.addEventListener('message', ({ data }) => {
      if (!(data instanceof ArrayBuffer)) this.#listener?.misbehaved();
      else if (this.#listener === undefined) this.#waiting.push(new Uint8Array(data));
      else this.#listener.message(new Uint8Array(data));
    });
    channel.addEventListener('bufferedamountlow', () => this.#listener?.drained());
    channel.addEventListener('close', () => {
      this.#lose();
      events.closed();
    });
    if (channel.readyState === 'open') events.opened(this);
    else channel.addEventListener('open', () => events.opened(this));
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  get bufferedBytes(): number {
    return this.#channel.bufferedAmount;
  }

  get lowBytes(): number {
    return this.#channel.bufferedAmountLowThreshold;
  }

  set lowBytes(bytes: number) {
    this.#channel.bufferedAmountLowThreshold = bytes;
  }

  get mostMessageBytes(): number {
    return Math.min(this.#mostMessage() ?? leastMessageBytes, mostMessageBytes);
  }

  listen(listener: LaneListener): void {
    this.#listener = listener;
    for (const message of this.#waiting.splice(0)) listener.message(message);
    if (this.#lost) listener.lost();
  }

  send(message: Uint8Array): void {
    if (!this.isOpen) return;
    // What is sent here was made by `writeMessage`, whose memory is no shared one.
    this.#channel.send(message as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    this.#channel.close();
  }

  #lose(): void {
    if (this.#lost) return;
    this.#lost = true;
    this.#listener?.lost();
  }
}

/** RFC 8841, 6: what every side takes that says nothing else. */
const leastMessageBytes = 65_536;
const mostMessageBytes = 262_144;
