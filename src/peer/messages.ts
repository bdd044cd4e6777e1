// The whole protocol between two peers: every control word as one union, how words and chunks lie in a link's frames, and the limits.

import { z } from 'zod';
import { type ChunkFrame, decodeChunk } from '../model/chunk-frame.ts';
import { Fault, faultCodes } from '../model/fault.ts';

/** What this side speaks. Two sides speak the smaller of their versions, unless that is below one's `oldest`. */
export const protocolVersion = 1;
export const oldestProtocolVersion = 1;

export const limits = {
  /** A control word as JSON in UTF-8. */
  wordBytes: 16_384,
  /** Chunks that may be on their way, beyond the last that was acknowledged, come to this many bytes (at least one chunk may). */
  windowBytes: 4_194_304,
  /** How often one chunk is asked for again before the transfer fails with `corrupt`. */
  againPerChunk: 5,
  /** How often a source that changes is begun anew before the transfer fails with `source_changed`. */
  versionsPerTransfer: 5,
  /** Transfers that one session carries side by side. */
  transfers: 1_000,
  /** Nothing heard for so long: a ping. */
  pingMs: 4_000,
  /** Nothing heard for so long: the link is taken for dead. With the link's own watch this is never more than 15 s. */
  silenceMs: 12_000,
  /** A word that must be answered is said again after so long without an answer or a chunk. */
  repeatMs: 3_000,
} as const;

const id = z.string().min(1).max(100);
const text = z.string().max(500);
const count = z
  .int()
  .min(0)
  .max(2 ** 40);
const sizeBytes = z.int().min(0).max(Number.MAX_SAFE_INTEGER);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** Names one content of a file: a source that changes gets another. */
const version = z.string().min(1).max(200);
const code = z.enum(faultCodes);

/** One for each word; `docs/protocol.md` says what each means, and a test compares. */
const words = {
  hello: z.strictObject({
    type: z.literal('hello'),
    version: z.int().min(1).max(10_000),
    oldest: z.int().min(1).max(10_000),
    /** Of the session, new at each start: another one means that the other side has forgotten what was said. */
    instance: id,
  }),
  ping: z.strictObject({ type: z.literal('ping'), number: count }),
  pong: z.strictObject({ type: z.literal('pong'), number: count }),
  /** Receiver: send me from this chunk on. A higher `stream` takes the place of a lower one. */
  want: z.strictObject({
    type: z.literal('want'),
    transferId: id,
    stream: count,
    /** Index of the first chunk that is not yet verified. */
    from: count,
    /** `link`: as chunks over the link that this word came by. `relay`: as an upload to the server. */
    via: z.enum(['link', 'relay']),
    /** What is on its way still counts: begin with the first chunk that was not sent yet, and no earlier than `from`. */
    drain: z.boolean(),
    /** The content that the receiver has the chunks before `from` of; left out where it has none. */
    version: version.optional(),
  }),
  /** Sender: the answer to `want`, before its first chunk. */
  begin: z.strictObject({
    type: z.literal('begin'),
    transferId: id,
    stream: count,
    from: count,
    version,
    sizeBytes,
    /** With `via: relay`: where the bytes are to be read. */
    relay: z
      .strictObject({
        upload: z.string().min(1).max(500),
        /** Frame of 64 KiB with which the upload begins. */
        firstFrame: count,
        /** Salt of the content's key, base64url; left out where the server inspects and nothing is encrypted. */
        salt: z
          .string()
          .regex(/^[A-Za-z0-9_-]{22,86}$/)
          .optional(),
      })
      .optional(),
  }),
  /** Receiver: all chunks below `next` are verified and written. */
  ack: z.strictObject({ type: z.literal('ack'), transferId: id, stream: count, next: count }),
  /** Receiver: this chunk came wrong; send it once more. */
  again: z.strictObject({ type: z.literal('again'), transferId: id, stream: count, index: count }),
  /** Sender: that was the last chunk; the whole has this hash. */
  end: z.strictObject({ type: z.literal('end'), transferId: id, stream: count, version, sizeBytes, sha256 }),
  /** Receiver: the whole is written, durable, and has this hash, which is the sender's. */
  done: z.strictObject({ type: z.literal('done'), transferId: id, sha256 }),
  /** Either: this transfer has failed for good. */
  wrong: z.strictObject({ type: z.literal('wrong'), transferId: id, code, message: text }),
  /** Sender: this `want` cannot be served now or not in this way; ask otherwise, or later. */
  refuse: z.strictObject({ type: z.literal('refuse'), transferId: id, stream: count, code, message: text }),
  /** Sender: the file has become another one of the same size; begin at 0. */
  changed: z.strictObject({ type: z.literal('changed'), transferId: id, version, sizeBytes }),
  pause: z.strictObject({ type: z.literal('pause'), transferId: id, by: z.enum(['person', 'system']) }),
  resume: z.strictObject({ type: z.literal('resume'), transferId: id }),
  cancel: z.strictObject({ type: z.literal('cancel'), transferId: id, reason: text }),
};

export const wordSchema = z.discriminatedUnion('type', [
  words.hello,
  words.ping,
  words.pong,
  words.want,
  words.begin,
  words.ack,
  words.again,
  words.end,
  words.done,
  words.wrong,
  words.refuse,
  words.changed,
  words.pause,
  words.resume,
  words.cancel,
]);

/** A control word. */
export type Word = z.infer<typeof wordSchema>;
export type WordOf<Type extends Word['type']> = Extract<Word, { type: Type }>;
export const wordTypes = Object.keys(words) as readonly Word['type'][];

export type Message =
  | { readonly kind: 'word'; readonly word: Word }
  | { readonly kind: 'chunk'; readonly chunk: ChunkFrame };

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });
const openingBrace = 0x7b;

/** A word as one frame of a link: JSON in UTF-8. */
export function encodeWord(word: Word): Uint8Array<ArrayBuffer> {
  return encoder.encode(JSON.stringify(word));
}

/** What one frame says: it begins with `{` (a word) or with 0 (a chunk). Rejects with `invalid`, whatever the bytes are. */
export function decodeMessage(frame: Uint8Array): Message {
  if (frame[0] !== openingBrace) return { kind: 'chunk', chunk: decodeChunk(frame) };
  if (frame.length > limits.wordBytes) {
    throw new Fault('invalid', `A control word of ${frame.length} bytes is longer than ${limits.wordBytes}`);
  }
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(frame));
  } catch (cause) {
    throw new Fault('invalid', 'A control word is not JSON in UTF-8', { cause });
  }
  const parsed = wordSchema.safeParse(value);
  if (parsed.success) return { kind: 'word', word: parsed.data };
  const issue = parsed.error.issues[0];
  throw new Fault(
    'invalid',
    `A control word has a wrong ${issue?.path.join('.') || 'type'} (${issue?.message ?? 'not understood'})`,
  );
}

/** The version that two sides speak. Rejects with `unsupported` where there is none, and says which side is too old. */
export function agreedVersion(theirs: { readonly version: number; readonly oldest: number }): number {
  const agreed = Math.min(protocolVersion, theirs.version);
  if (agreed >= oldestProtocolVersion && agreed >= theirs.oldest) return agreed;
  const old = theirs.version < oldestProtocolVersion ? 'The other side' : 'This side';
  throw new Fault(
    'unsupported',
    `${old} speaks too old a version of the protocol (here ${oldestProtocolVersion} to ${protocolVersion}, there ${theirs.oldest} to ${theirs.version}); bring it up to date`,
  );
}
