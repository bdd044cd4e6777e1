// What a page and its disk worker say to each other: files that arrive, and hashes of files that leave.

import type { FaultReport } from '../../../../src/model/fault.ts';

/**
 * What the page asks its disk worker; `key` names one file of it. `staged` keeps the bytes in the browser's private file system, else they are only
 * hashed; without a size the file ends where it is said to. Bytes come in order.
 */
export type DiskQuestion =
  | { readonly op: 'open'; readonly key: string; readonly sizeBytes: number | undefined; readonly staged: boolean }
  | { readonly op: 'write'; readonly key: string; readonly from: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly op: 'restart'; readonly key: string }
  | { readonly op: 'finish'; readonly key: string }
  | { readonly op: 'close'; readonly key: string }
  | { readonly op: 'abandon'; readonly key: string };

/** After a write was hashed: its buffer, to be filled again. A new one for each chunk would be garbage faster than it is collected. */
export interface SpentBuffer {
  readonly spent: ArrayBuffer;
}

/** `open` gives the bytes that are kept, `finish` the SHA-256. */
export type DiskAnswer =
  | { readonly id: number; readonly ok: true; readonly keptBytes: number; readonly sha256: string }
  | { readonly id: number; readonly ok: false; readonly error: FaultReport };
