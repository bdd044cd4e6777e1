// Files as a session sees them: one that is sent, one that is received, and the hash of a whole.

/** A file that is sent, as it was when it was offered. */
export interface SourceFile {
  /** Relative path, parts joined by `/`. */
  readonly name: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly mimeType: string;
  /** Changes whenever the content may have: for instance size and time of change. */
  readonly version: string;
  /**
   * Bytes from `from` up to, not with, `to`. Rejects with `source_changed` where the file is no longer what it was, `not_found` where it is
   * gone; fewer bytes than asked for count as changed.
   */
  read(from: number, to: number): Promise<Uint8Array>;
  /** The file as it is now: looked at before the end is said, and after a read that failed. Left out: it is taken never to change. */
  current?(): Promise<SourceFile>;
}

/** Where a file goes. Calls come one at a time. */
export interface ReceivingFile {
  /** Bytes from the beginning that are there, whole and verified, from an earlier attempt. */
  kept(): Promise<number>;
  /** Version of the content that `kept` counts; left out or undefined: not known, and the whole hash decides. */
  keptVersion?(): string | undefined;
  /** In order and without gaps: the first call begins at `kept`, each next one where the last ended. `space` where the disk is full. */
  write(from: number, bytes: Uint8Array): Promise<void>;
  /** Forgets all that was written: the source has another content, of which `version` is the name. Writing begins at 0. */
  restart(version: string): Promise<void>;
  /** All is there: makes it durable and gives the SHA-256 of what was written (hex). */
  finish(): Promise<string>;
  /** After `finish` and the sender's agreement: shows it under its name. */
  publish(): Promise<void>;
  /** Removes what is there. */
  abandon(): Promise<void>;
}

/** SHA-256 of a whole, piece by piece: a browser's worker or node:crypto, handed in. */
export interface RunningHash {
  /** `bytes` is not changed and may not be until it resolves. */
  update(bytes: Uint8Array): Promise<void> | void;
  /** Lower-case hexadecimal; the hash takes no more after it. */
  digest(): Promise<string> | string;
}

export type NewHash = () => RunningHash;
