// The recording: what became of one file that came home; its original, what was made of it, and who made what out of what (custody).

import type { ContentHash, Verify } from './hash.ts';
import type { Derived } from './pipeline.ts';
import type { Tool } from './processing.ts';
import type { Place } from './transfer.ts';

/** The device as it was known when the file was taken. */
export interface RecordingDevice {
  readonly id: string;
  readonly kind: string;
  readonly name: string;
}

/** The first link of custody: the file as it was proved to have arrived. */
export interface RecordingOriginal {
  /** Absolute where it lies on this machine, else relative to its endpoint. */
  readonly path: string;
  readonly endpoint: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number | null;
  readonly hash: ContentHash;
  /** How the copy was proved, and when. */
  readonly verify: Verify;
  readonly provenAt: number;
  /** Where it came from. */
  readonly source: Place;
}

/** A result of a step, with what made it. */
export interface RecordedFile extends Derived {
  readonly step: string;
  readonly tool: Tool | null;
  readonly madeAt: number;
}

/** Written in the commit that completes its transfer; has the transfer's id. */
export interface Recording {
  readonly id: string;
  readonly jobId: string;
  /** The original's name, as model/names.ts holds names. */
  readonly name: string;
  /** Null where no device was involved. */
  readonly device: RecordingDevice | null;
  readonly associateWith: string | null;
  readonly original: RecordingOriginal;
  readonly derived: readonly RecordedFile[];
  /** What the steps found out, by step. */
  readonly facts: Readonly<Record<string, unknown>>;
  /** Steps that were passed over, and why. */
  readonly passedOver: readonly { readonly step: string; readonly why: string }[];
  readonly createdAt: number;
}
