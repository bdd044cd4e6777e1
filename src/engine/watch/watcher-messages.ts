// What the main thread and the thread that looks at watched folders say to each other.

import type { FaultReport } from '../../model/fault.ts';
import type { SeenFile, SnapshotOptions } from './tree-snapshot.ts';

/** Whether file-system events can be relied on for a folder, and why not where they cannot. */
export interface EventsTest {
  readonly inForce: boolean;
  readonly reason: string;
}

export interface ScanResult {
  /** New or changed since the last scan (at the first: all). */
  readonly changed: readonly SeenFile[];
  readonly gone: readonly string[];
  readonly files: number;
  /** Folders and files that could not be looked at; what is below them is as it was. */
  readonly unreadable: readonly FaultReport[];
  readonly tookMs: number;
}

export interface LookResult {
  /** In the order of the request; null where the file is gone. */
  readonly files: readonly (SeenFile | null)[];
  /** Of those asked for, the paths that some other process holds open for writing; null where nobody can tell. */
  readonly openForWriting: readonly string[] | null;
}

/** What the thread of the mount says of single files. */
export type SeenFiles = LookResult['files'];

export type WatcherRequest =
  | { readonly kind: 'open'; readonly watchId: string; readonly snapshot: SnapshotOptions; readonly events: boolean }
  | { readonly kind: 'scan'; readonly watchId: string; readonly requestId: number }
  | { readonly kind: 'look'; readonly watchId: string; readonly requestId: number; readonly paths: readonly string[] }
  | { readonly kind: 'close'; readonly watchId: string };

export type WatcherReply =
  | { readonly kind: 'events'; readonly watchId: string; readonly test: EventsTest }
  /** Seen by events between two scans. `overflow`: too much at once, a scan is due. */
  | {
      readonly kind: 'noticed';
      readonly watchId: string;
      readonly changed: readonly SeenFile[];
      readonly gone: readonly string[];
      readonly overflow: boolean;
    }
  | { readonly kind: 'scanned'; readonly watchId: string; readonly requestId: number; readonly result: ScanResult }
  | { readonly kind: 'looked'; readonly watchId: string; readonly requestId: number; readonly files: SeenFiles }
  | { readonly kind: 'failed'; readonly watchId: string; readonly requestId: number; readonly fault: FaultReport };
