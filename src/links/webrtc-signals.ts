// What the two sides of a WebRTC link tell each other over another way until they have found one of their own.

import { z } from 'zod';

/** The other way: sealed by whoever hands it in, in order, to that one member and from it. */
export interface Signals {
  /** At most `maxSignalBytes`. Rejects where it cannot be brought; it is tried again where that matters. */
  send(message: Uint8Array): Promise<void>;
  /** Ends with the function that is returned. What comes while nobody listens is lost. */
  listen(receive: (message: Uint8Array) => void): () => void;
}

export const maxSignalBytes = 32_768;
/** More do not make it quicker, and each takes the network's addresses and the browser's memory. */
export const mostConnections = 8;

const attempt = z.string().min(1).max(40);
const connection = z
  .int()
  .min(0)
  .max(mostConnections - 1);
const round = z.int().min(0).max(100_000);
const sdp = z.string().max(24_000);

const signalSchema = z.discriminatedUnion('kind', [
  /** From the side that answers, as it begins: whatever was before is over. */
  z.object({ kind: z.literal('ready') }),
  z.object({ kind: z.literal('offer'), attempt, connection, round, sdp }),
  z.object({ kind: z.literal('answer'), attempt, connection, round, sdp }),
  z.object({
    kind: z.literal('candidate'),
    attempt,
    connection,
    candidate: z.object({
      candidate: z.string().max(1_000),
      sdpMid: z.string().max(64).nullable(),
      sdpMLineIndex: z.int().min(0).max(64).nullable(),
    }),
  }),
  /** From the side that answers: this connection needs a new way; or one connection more is wanted. */
  z.object({ kind: z.literal('restart'), attempt, connection }),
  z.object({ kind: z.literal('more'), attempt }),
]);

export type WebrtcSignal = z.output<typeof signalSchema>;

const text = new TextEncoder();
const fromText = new TextDecoder('utf-8', { fatal: true });

export function writeSignal(signal: WebrtcSignal): Uint8Array {
  return text.encode(JSON.stringify(signal));
}

/** Undefined for what is none. */
export function readSignal(message: Uint8Array): WebrtcSignal | undefined {
  if (message.length > maxSignalBytes) return undefined;
  try {
    const parsed = signalSchema.safeParse(JSON.parse(fromText.decode(message)));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
