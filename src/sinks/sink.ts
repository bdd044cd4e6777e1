// The contract of a sink: a place outside to which events go, one message at a time.

/** Its id is the same at every attempt; the receiver knows by it what it has had already. */
export interface SinkMessage {
  readonly id: string;
  /** JSON. */
  readonly payload: string;
}

export interface SinkCall {
  readonly signal: AbortSignal;
  /** Milliseconds since 1970 of this attempt; it is signed. */
  readonly now: number;
}

/** What the receiver said, where it said anything. */
export interface SinkAnswer {
  readonly status: number;
}

export interface Sink {
  /**
   * Resolves once the receiver has taken it. Rejects with `not_taken` (it said no; a `SinkFault` with its status), `timeout`, `network`,
   * or `not_authorised` for a place that may not be told anything. Never tries again by itself.
   */
  send(message: SinkMessage, call: SinkCall): Promise<SinkAnswer>;
}
