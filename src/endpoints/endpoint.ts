// The contract of a place with files: five methods and close; the rest is optional, and absent means cannot.

import type { HashAlgorithm } from '../model/hash.ts';
import type { Entry } from '../model/manifest.ts';

/** Goes with every call: how to stop it, and whom to tell of bytes that moved. */
export interface Call {
  readonly signal?: AbortSignal;
  /** Told the bytes done so far in this call. */
  readonly progress?: (bytesDone: number) => void;
}

export interface Traits {
  /** A rename within the endpoint is seen by others as one moment. */
  readonly atomicRename: boolean;
  /** Times that differ by no more than this are the same. */
  readonly mtimePrecisionMs: number;
  /** `write` can go on at an offset above zero. */
  readonly resumableWrite: boolean;
  readonly caseSensitive: boolean;
  /** `read` can begin above zero without reading what lies before. Default is `true`. */
  readonly resumableRead?: boolean;
}

/**
 * Paths are relative to the endpoint's root in the form of model/names.ts ('' is the root).
 * Every method rejects with a Fault: `not_found`, `permission`, `space`, `read_only`, `network`, `unreachable`, `timeout`,
 * `io`, `exists`, `name_unsafe`, `unsupported`, or with the signal's reason when the call was aborted.
 */
export interface Endpoint {
  /** The root's address as model/endpoint-url.ts writes it. */
  readonly name: string;
  readonly traits: Traits;
  /**
   * All entries below `prefix`, folders before what is in them, siblings in order of their bytes; symlinks are listed, not followed.
   * A listing that could not be finished rejects; it never just ends. Where only some folders could not be read (`permission`), it
   * rejects after all else has been listed.
   */
  list(prefix: string, call?: Call): AsyncIterable<Entry>;
  /** Undefined where nothing is there; never rejects for that. Does not follow a symlink at the end. */
  stat(path: string, call?: Call): Promise<Entry | undefined>;
  /** Bytes from offset `from` to the end. Chunks belong to the reader. */
  read(path: string, from: number, call?: Call): Promise<ReadableStream<Uint8Array>>;
  /**
   * Writes from offset `from` (0 makes or empties the file, above 0 cuts it there and goes on), makes missing folders,
   * and resolves with the file's size once the bytes are durable as far as the place can tell. Rejects with `invalid` where the file
   * is shorter than `from`. Where it rejects, the body is cancelled, and what was written so far stays.
   */
  write(path: string, from: number, body: ReadableStream<Uint8Array>, call?: Call): Promise<number>;
  /** Removes a file, symlink or empty folder. What is not there is removed already. */
  remove(path: string, call?: Call): Promise<void>;
  close(): Promise<void>;

  /** The content's hash, computed where the file is, by a reading that is newly opened. */
  hash?(path: string, algorithm: HashAlgorithm, call?: Call): Promise<string>;
  /** Moves within the endpoint. Without `overwrite` rejects with `exists` where the new name is taken. */
  rename?(from: string, to: string, options: { overwrite: boolean }, call?: Call): Promise<void>;
  makeFolder?(path: string, call?: Call): Promise<void>;
  makeSymlink?(path: string, target: string, call?: Call): Promise<void>;
  setMetadata?(path: string, metadata: { mtimeMs?: number; mode?: number }, call?: Call): Promise<void>;
  /** Bytes, and inodes where the place counts them. */
  space?(call?: Call): Promise<Space>;
  /**
   * For a place that comes and goes, and behind whose path another may turn up (a card at a mount point): its own name, the same each time
   * this very one is there. Rejects with `device` where it is not there now.
   */
  medium?(call?: Call): Promise<string>;
  /** Absolute path on this machine: lets the mover use worker threads and kernel copies. */
  localPath?(path: string): string;
}

export interface Space {
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number | null;
}

/** What stands in for an adapter whose dependency is missing; its reason reaches the user. */
export interface Unavailable {
  readonly unavailable: true;
  readonly kind: string;
  readonly reason: string;
}
