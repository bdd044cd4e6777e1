// What is said between a place over SSH and the thread that holds its connection.

import type { FaultReport } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import type { Space } from '../endpoint.ts';
import type { PackedEntries } from '../packed-entries.ts';

/** Where a call is at work: the endpoint's root. */
export interface FarPlace {
  readonly fromHome: boolean;
  /** Absolute, or from the home folder. */
  readonly root: string;
  /** The endpoint's name. */
  readonly name: string;
}

/** Input and output of each operation. */
export interface FarOperations {
  stat: { input: { path: string }; output: Entry | undefined };
  /** Sends PackedEntries; resolves with the folders that could not be read. */
  list: { input: { path: string }; output: readonly FaultReport[] };
  /** Sends ReadingMessage, is sent ReadingGrant. */
  read: { input: { path: string; from: number }; output: undefined };
  /** Sends the bytes written, is sent WritingMessage; resolves with the file's size. */
  write: { input: { path: string; from: number }; output: number };
  remove: { input: { path: string }; output: undefined };
  rename: { input: { from: string; to: string; overwrite: boolean }; output: undefined };
  makeFolder: { input: { path: string }; output: undefined };
  makeSymlink: { input: { path: string; target: string }; output: undefined };
  setMetadata: { input: { path: string; mtimeMs?: number; mode?: number }; output: undefined };
  space: { input: Record<never, never>; output: Space };
  /** Sends the bytes hashed. */
  hash: { input: { path: string; algorithm: HashAlgorithm }; output: string };
  /** What the far side can, in words. */
  transport: { input: Record<never, never>; output: string };
}

export type ReadingMessage = { readonly opened: true } | { readonly piece: Uint8Array<ArrayBuffer> };
/** So many more pieces may come. */
export interface ReadingGrant {
  readonly pieces: number;
}
export type WritingMessage = { readonly piece: Uint8Array<ArrayBuffer> } | { readonly end: true };
export type ListingMessage = PackedEntries;

export type ToThread =
  | {
      readonly kind: 'call';
      readonly id: number;
      readonly operation: keyof FarOperations;
      readonly place: FarPlace;
      readonly input: unknown;
    }
  | { readonly kind: 'stop'; readonly id: number }
  | { readonly kind: 'message'; readonly id: number; readonly message: unknown }
  | { readonly kind: 'close' };

export type FromThread =
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly report: FaultReport; readonly stack: string | undefined }
  | { readonly kind: 'message'; readonly id: number; readonly message: unknown };
