// What is said between a place over SSH and the thread that holds its connection.

import type { FaultReport } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import type { KnownFile, Metadata, Renaming, Space, Way } from '../endpoint.ts';
import type { PackedEntries } from '../packed-entries.ts';
import type { DeltaInput } from './far-delta.ts';
import type { ManyFaults } from './far-many.ts';
import type { SshTarget } from './ssh-target.ts';

/** Where a call is at work: the endpoint's root. */
export interface FarPlace {
  readonly fromHome: boolean;
  /** Absolute, or from the home folder. */
  readonly root: string;
  /** The endpoint's name. */
  readonly name: string;
}

/** What is known of a host once there is a connection. */
export interface HostFacts {
  /** How files move, in words for people. */
  readonly transport: string;
  /** An archive can be unpacked there. */
  readonly unpacks: boolean;
  /** Of one question and its answer. */
  readonly roundTripMs: number;
}

/** Input and output of each operation. */
export interface FarOperations {
  stat: { input: { path: string }; output: Entry | undefined };
  /** Sends PackedEntries; resolves with the folders that could not be read. */
  list: { input: { path: string }; output: readonly FaultReport[] };
  /** Sends ReadingMessage, is sent ReadingGrant. */
  read: { input: { path: string; from: number; to?: number }; output: undefined };
  /** Sends the bytes written, is sent WritingMessage; resolves with the file's size. */
  write: { input: { path: string; from: number; within?: boolean }; output: number };
  remove: { input: { path: string }; output: undefined };
  rename: { input: { from: string; to: string; overwrite: boolean }; output: undefined };
  makeFolder: { input: { path: string }; output: undefined };
  makeSymlink: { input: { path: string; target: string }; output: undefined };
  setMetadata: { input: { path: string; mtimeMs?: number; mode?: number }; output: undefined };
  space: { input: Record<never, never>; output: Space };
  /** Sends the bytes hashed. */
  hash: { input: { path: string; algorithm: HashAlgorithm }; output: string };
  /** Of the first so many bytes. */
  hashStart: { input: { path: string; sizeBytes: number; algorithm: HashAlgorithm }; output: string };
  facts: { input: Record<never, never>; output: HostFacts };
  statMany: { input: { paths: readonly string[] }; output: readonly Entry[] };
  removeMany: { input: { paths: readonly string[] }; output: ManyFaults };
  renameMany: { input: { pairs: readonly Renaming[]; overwrite: boolean }; output: ManyFaults };
  setMetadataMany: { input: { files: readonly (Metadata & { path: string })[] }; output: ManyFaults };
  /** Sends ManyBatch, is sent ManyGrant. */
  readMany: { input: { paths: readonly string[] }; output: undefined };
  /** Sends NotPut. */
  readManyInto: {
    input: { files: readonly KnownFile[]; memory: SharedArrayBuffer; precisionMs: number };
    output: undefined;
  };
  hashMany: {
    input: { paths: readonly string[]; algorithm: HashAlgorithm };
    output: readonly (readonly [path: string, hash: string])[];
  };
  /** An archive: sends the bytes taken, is sent WritingMessage. `said` is what the far side's tar complained of. */
  unpack: { input: Record<never, never>; output: { isWhole: boolean; said: string } };
  copy: { input: { from: string; to: string }; output: undefined };
  /** Why a file cannot be brought by what differs; undefined where it can. */
  deltaObstacle: { input: { algorithm: HashAlgorithm }; output: string | undefined };
  /** Sends DeltaProgress; resolves with the bytes on the line. */
  delta: { input: DeltaInput; output: number };
  /** Why its files cannot be moved that way; undefined where they can. */
  wayObstacle: { input: { way: Way }; output: string | undefined };
}

export type ReadingMessage = { readonly opened: true } | { readonly piece: Uint8Array<ArrayBuffer> };
/** So many more pieces may come. */
export interface ReadingGrant {
  readonly pieces: number;
}
/** A file that did not come whole; without a report it is another version than the known one. */
export interface NotPut {
  readonly at: number;
  readonly report: FaultReport | undefined;
}
export type WritingMessage = { readonly piece: Uint8Array<ArrayBuffer> } | { readonly end: true };
export type ListingMessage = PackedEntries;

export type ToThread =
  /** Once, before all else. */
  | { readonly kind: 'target'; readonly target: SshTarget }
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
  /** Each time a connection has come up. */
  | { readonly kind: 'facts'; readonly facts: HostFacts }
  | { readonly kind: 'done'; readonly id: number; readonly output: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly report: FaultReport; readonly stack: string | undefined }
  | { readonly kind: 'message'; readonly id: number; readonly message: unknown };
