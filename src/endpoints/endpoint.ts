// The contract of a place with files: five methods and close; the rest is optional, and absent means cannot.

import type { Fault } from '../model/fault.ts';
import type { HashAlgorithm } from '../model/hash.ts';
import type { Entry } from '../model/manifest.ts';

/** Goes with every call: how to stop it, and whom to tell of bytes that moved. */
export interface Call {
  readonly signal?: AbortSignal;
  /** Told the bytes done so far in this call. */
  readonly progress?: (bytesDone: number) => void;
  /** Of a `write`: what the file will be, where that is known; a place that has to say it beforehand cannot do without. */
  readonly about?: { readonly sizeBytes: number; readonly mtimeMs?: number; readonly mode?: number };
  /** Of a `read`: the entry's `version` as it was seen. Where the file has another by now and the place can tell, rejects with `source_changed`. */
  readonly version?: string;
}

export interface Traits {
  /** A rename within the endpoint is seen by others as one moment. */
  readonly atomicRename: boolean;
  /** Times that differ by no more than this are the same. */
  readonly mtimePrecisionMs: number;
  /** `write` can go on at an offset above zero. */
  readonly resumableWrite: boolean;
  readonly caseSensitive: boolean;
  /** Names must be such as Windows takes. Default is `false`. */
  readonly windowsNames?: boolean;
  /** `read` can begin above zero without reading what lies before. Default is `true`. */
  readonly resumableRead?: boolean;
}

/** What is put on a file or folder; what is left out stays as it is. */
export interface Metadata {
  readonly mtimeMs?: number;
  readonly mode?: number;
}

/** One of many files read by one stream. `body` is read to its end or cancelled before the next is asked for; what is left of it is passed over then. */
export type ManyRead =
  | {
      readonly path: string;
      /** As the stream tells of it: its size is that of the body, and what the stream does not tell (inode, version) is left out. */
      readonly entry: Entry;
      readonly body: AsyncIterable<Uint8Array>;
    }
  | { readonly path: string; readonly fault: Fault };

/** A file of which size and time are known already; `at` is its number with whoever asks for it. */
export interface KnownFile {
  readonly at: number;
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
}

/** One of many files written by one stream. */
export interface ManyWrite extends Metadata {
  readonly path: string;
  readonly mtimeMs: number;
  /** The body has exactly as many bytes; a body that has others, or that fails, is that file's fault and none of the others'. */
  readonly sizeBytes: number;
  readonly body: AsyncIterable<Uint8Array>;
}

/** A leaf of `xxh128-8m` that has been written, told in order. */
export interface ProvedBlock {
  readonly block: number;
  /** Of what came. */
  readonly digest: Uint8Array;
  /** It read back as it came. */
  readonly isSame: boolean;
}

export interface Renaming {
  readonly from: string;
  readonly to: string;
}

/** A way to the files of a host, where somebody insists on one. */
export type Way = 'rsync' | 'sftp' | 'tar';

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

  /**
   * As `write`, with the proof made on the way: what was written is at once read back through a descriptor of its own. Resolves and rejects as
   * `write` does; `from` is a block's beginning. Absent where reading back at once would not show what the place has.
   */
  writeProved?(
    path: string,
    from: number,
    body: ReadableStream<Uint8Array>,
    told: (block: ProvedBlock) => void,
    call?: Call,
  ): Promise<number>;
  /** The content's hash, computed where the file is, by a reading that is newly opened. */
  hash?(path: string, algorithm: HashAlgorithm, call?: Call): Promise<string>;
  /** As `hash`, of the first so many bytes. Rejects with `unsupported` where that would have to be read from there. */
  hashStart?(path: string, sizeBytes: number, algorithm: HashAlgorithm, call?: Call): Promise<string>;
  /** Moves within the endpoint. Without `overwrite` rejects with `exists` where the new name is taken. */
  rename?(from: string, to: string, options: { overwrite: boolean }, call?: Call): Promise<void>;
  makeFolder?(path: string, call?: Call): Promise<void>;
  /** Another name for a file within the endpoint. Rejects with `exists` where it is taken, `unsupported` where it cannot be. */
  link?(from: string, to: string, call?: Call): Promise<void>;
  makeSymlink?(path: string, target: string, call?: Call): Promise<void>;
  setMetadata?(path: string, metadata: Metadata, call?: Call): Promise<void>;
  /** Bytes, and inodes where the place counts them. */
  space?(call?: Call): Promise<Space>;
  /** In place of partials that are renamed. */
  readonly uploads?: Uploads;
  /**
   * For a place that comes and goes, and behind whose path another may turn up (a card at a mount point): its own name, the same each time
   * this very one is there. Rejects with `device` where it is not there now.
   */
  medium?(call?: Call): Promise<string>;
  /** Absolute path on this machine: lets the mover use worker threads and kernel copies. */
  localPath?(path: string): string;

  /**
   * Many small files by one stream, in any order, each that was asked for at most once: for places where every single file costs a way
   * there and back. What cannot be read comes with its fault and the others go on; a file that is gone comes as `not_found`. Chunks may be
   * used again by the place once the next is asked for. A name that was not asked for rejects with `name_unsafe`, and a stream that broke
   * off with `network`; what did not come by then was not read. Breaking out of the iteration ends what runs for it, on the far side too.
   */
  readMany?(paths: readonly string[], call?: Call): AsyncIterable<ManyRead>;
  /**
   * As `readMany`, put into a write ring's memory as ring-files.ts says, by the thread in which the stream ends: nobody between it and the
   * worker that stores the files touches their bytes. `failed` is told of each file that did not come whole: its fault, or undefined where
   * it is another version than the known one. The ring's end is left to the caller.
   */
  readManyInto?(
    memory: SharedArrayBuffer,
    files: readonly KnownFile[],
    failed: (at: number, fault: Fault | undefined) => void,
    call: Call & { readonly signal: AbortSignal },
  ): Promise<void>;
  /**
   * Many small files the other way, each under a name of its own that is made or emptied, with its time and mode; missing folders are made.
   * A file's body is read to its end before the next file is asked for. Resolves once all are durable as far as the place can tell, with a
   * fault for each that failed; rejects where the whole stream broke off: then nothing is known of any of them.
   */
  writeMany?(files: AsyncIterable<ManyWrite>, call?: Call): Promise<ReadonlyMap<string, Fault>>;
  /** Hashes of many files, computed where they are, by readings that are newly opened. What cannot be read is left out. */
  hashMany?(paths: readonly string[], algorithm: HashAlgorithm, call?: Call): Promise<ReadonlyMap<string, string>>;
  /** As `rename` for each pair, with a fault for each that failed: `exists`, without `overwrite`, where the new name is taken. */
  renameMany?(
    pairs: readonly Renaming[],
    options: { overwrite: boolean },
    call?: Call,
  ): Promise<ReadonlyMap<string, Fault>>;
  /** As `remove` for each. */
  removeMany?(paths: readonly string[], call?: Call): Promise<ReadonlyMap<string, Fault>>;
  /** As `stat` for each; what is not there is left out. */
  statMany?(paths: readonly string[], call?: Call): Promise<ReadonlyMap<string, Entry>>;
  setMetadataMany?(
    files: readonly (Metadata & { readonly path: string })[],
    call?: Call,
  ): Promise<ReadonlyMap<string, Fault>>;

  /**
   * Bytes from offset `from` up to `to` (not included) or the end, by whatever connection is free: several readings of one file run side by
   * side. Absent where one reading takes the whole line anyway.
   */
  readRange?(path: string, from: number, to: number, call?: Call): Promise<ReadableStream<Uint8Array>>;
  /**
   * Writes at an offset without cutting the file, which is made where it is missing; several writings of one file run side by side.
   * Resolves with the bytes written; they are durable once a `write` at the file's end has resolved.
   */
  writeAt?(path: string, from: number, body: ReadableStream<Uint8Array>, call?: Call): Promise<number>;
  /** How many readings or writings of one file at once are worth it. Default is 1. */
  readonly streams?: number;
  /** How it reaches its files, in words for people: `tar packs for small files, 4 SFTP streams for large ones`. */
  readonly transport?: string;
  /** For a place that has several ways to its files: why one of them is closed, as the end of a sentence; undefined where it is open. */
  wayObstacle?(way: Way, call?: Call): Promise<string | undefined>;
  /** A second file with the content of the first, made where they are; what is there under its name is replaced. `unsupported` where it cannot. */
  copy?(from: string, to: string, call?: Call): Promise<void>;
  readonly deltas?: Deltas;
}

/**
 * Brings a file that both sides have, in versions of their own, up to date by what differs. One of the two is an ordinary file of this
 * machine. What was brought is as good as what was written: it is still to be proved. Where it breaks off, what it changes is somewhere
 * between the two, and going on from there is cheap. Rejects with `unsupported` where it cannot be, `network`, `space`, `permission`, `io`.
 */
export interface Deltas {
  /** Why not, as the end of a sentence; undefined where it can, and can tell the hash of its file without sending it. */
  obstacle(algorithm: HashAlgorithm, call?: Call): Promise<string | undefined>;
  /** Makes the local `file` what `path` is. Resolves with the bytes that went over the line; `progress` is told the file's bytes that are right. */
  fetch(path: string, file: string, options: DeltaOptions, call?: Call): Promise<number>;
  /** Makes `path` what the local `file` is. */
  send(file: string, path: string, options: DeltaOptions, call?: Call): Promise<number>;
}

export interface DeltaOptions {
  /** Bandwidths (bandwidth.ts) that hold for what goes over the line. */
  readonly limits: readonly SharedArrayBuffer[];
}

/**
 * For a place where a file appears all at once, when it is whole, under a name that is given at the beginning; and where what an upload
 * had brought before it broke off is kept. `write` of such a place leaves nothing behind where it rejects.
 */
export interface Uploads {
  /** Resolves with the upload's id, which is good in another process too. `sizeBytes` is what will come. */
  begin(path: string, about: { sizeBytes: number; mtimeMs?: number }, call?: Call): Promise<string>;
  /** How many bytes from the beginning the place has of it; undefined where it knows no such upload (any more). */
  kept(path: string, id: string, call?: Call): Promise<number | undefined>;
  /**
   * Takes the whole content from its beginning. Parts that the place has already and that agree with it are not sent again. Resolves
   * with the size once all of it is there, still unseen. Where it rejects, the body is cancelled and whole parts are kept.
   */
  write(path: string, id: string, body: ReadableStream<Uint8Array>, call?: Call): Promise<number>;
  /**
   * Makes it the file. Without `overwrite` rejects with `exists` where the name is taken. Resolves with true where the place has
   * itself found, by checksums that it computed, that it has what `write` was given; with false where that is still to be proved.
   */
  publish(path: string, id: string, options: { overwrite: boolean }, call?: Call): Promise<boolean>;
  /** What is not there is given up already. */
  abandon(path: string, id: string, call?: Call): Promise<void>;
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
