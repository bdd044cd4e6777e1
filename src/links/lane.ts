// A lane: one line for messages to the other side, such as one data channel; a link runs over one or several.

/** What a lane tells the link that runs over it. */
export interface LaneListener {
  message(bytes: Uint8Array): void;
  /** Something that is no bytes, or longer than the lane takes. */
  misbehaved(): void;
  /** It holds no more than `lowBytes`, having held more: there may be room. */
  drained(): void;
  /** It is closed or broken, and nothing more comes or goes. */
  lost(): void;
}

export interface Lane {
  /** What was sent and has not left yet. */
  readonly bufferedBytes: number;
  /** Set by the link; a lane that tells of each message that left need not look at it. */
  lowBytes: number;
  /** The longest message it takes. */
  readonly mostMessageBytes: number;
  /** Messages arrive whole, in order, once, or the lane is lost. Does nothing on a lane that is lost. `message` is the caller's again afterwards. */
  send(message: Uint8Array): void;
  /** Once, and before anything could have come; messages that come earlier wait for it. */
  listen(listener: LaneListener): void;
  close(): void;
}
