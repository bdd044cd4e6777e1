// What is used of WebRTC's objects, so that a browser's and those of a Node package serve alike.

export interface RtcDescription {
  readonly type: 'offer' | 'answer' | 'pranswer' | 'rollback';
  readonly sdp?: string;
}

export interface RtcCandidate {
  candidate?: string;
  sdpMid?: string | null;
  sdpMLineIndex?: number | null;
  usernameFragment?: string | null;
}

export interface RtcChannel {
  binaryType: string;
  bufferedAmountLowThreshold: number;
  readonly bufferedAmount: number;
  readonly readyState: string;
  readonly label: string;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(type: 'open' | 'close' | 'error' | 'bufferedamountlow', listener: () => void): void;
  addEventListener(type: 'message', listener: (event: { readonly data: unknown }) => void): void;
}

export interface RtcConnection {
  readonly connectionState: string;
  readonly iceConnectionState: string;
  readonly localDescription: RtcDescription | null;
  readonly sctp: { readonly maxMessageSize: number | null } | null;
  createDataChannel(label: string, options: { readonly ordered: boolean }): RtcChannel;
  createOffer(): Promise<RtcDescription>;
  createAnswer(): Promise<RtcDescription>;
  setLocalDescription(description: RtcDescription): Promise<void>;
  setRemoteDescription(description: RtcDescription): Promise<void>;
  addIceCandidate(candidate: RtcCandidate): Promise<void>;
  /** Where a package cannot do it, it throws. */
  restartIce(): unknown;
  getStats(): Promise<{ forEach(each: (value: unknown) => void): void }>;
  close(): void;
  addEventListener(type: 'iceconnectionstatechange' | 'connectionstatechange', listener: () => void): void;
  addEventListener(
    type: 'icecandidate',
    listener: (event: { readonly candidate: { toJSON(): RtcCandidate } | null }) => void,
  ): void;
  addEventListener(type: 'datachannel', listener: (event: { readonly channel: RtcChannel }) => void): void;
}

/** As WebRTC has them; the first part of `urls` is `stun:`, `turn:` or `turns:`. */
export interface IceServer {
  readonly urls: readonly string[];
  readonly username?: string;
  readonly credential?: string;
}

export interface RtcConfiguration {
  readonly iceServers: { urls: string[]; username?: string; credential?: string }[];
  readonly iceTransportPolicy: 'all' | 'relay';
}

export type RtcConstructor = new (configuration: RtcConfiguration) => RtcConnection;

export interface Way {
  /** `turn` where the pair of addresses in use goes through a TURN server on either side. */
  readonly path: 'direct' | 'turn';
  /** Of the network, without what waits to be sent; undefined where it was not measured. */
  readonly roundTripMs: number | undefined;
}

/** Undefined before there is one. */
export async function wayOf(connection: RtcConnection): Promise<Way | undefined> {
  const reports = new Map<string, Readonly<Record<string, unknown>>>();
  (await connection.getStats()).forEach((report) => {
    if (typeof report === 'object' && report !== null && 'id' in report) reports.set(String(report.id), { ...report });
  });
  const all = [...reports.values()];
  const transport = all.find((report) => report.type === 'transport' && report.selectedCandidatePairId !== undefined);
  // Firefox has no transport in its statistics; it marks the pair instead.
  const pair =
    transport === undefined
      ? all.find((report) => report.type === 'candidate-pair' && report.selected === true)
      : reports.get(String(transport.selectedCandidatePairId));
  if (pair === undefined) return undefined;
  const kinds = [pair.localCandidateId, pair.remoteCandidateId].map((id) => reports.get(String(id))?.candidateType);
  const { currentRoundTripTime } = pair;
  return {
    path: kinds.includes('relay') ? 'turn' : 'direct',
    roundTripMs: typeof currentRoundTripTime === 'number' ? currentRoundTripTime * 1_000 : undefined,
  };
}
