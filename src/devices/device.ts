// The contract of a device: a thing with files that comes and goes, and the adapter that lists and reads what its kind holds. Public: plugins implement it.

import type { LocalFile, OutputPlan, ProcessCall, ProcessResult } from '../model/processing.ts';

/** Goes with every call: how to stop it, and whom to tell how far it is. */
export interface DeviceCall {
  readonly signal: AbortSignal;
  readonly progress?: (done: number, total: number | null) => void;
}

export interface DeviceInfo {
  /** The same each time this very device (or card) comes, and never that of another: made from a serial number or volume identity. `[A-Za-z0-9._-]+`. */
  readonly id: string;
  /** The adapter's. */
  readonly kind: string;
  /** For people. */
  readonly name: string;
  readonly model?: string;
  readonly serial?: string;
  /** How the adapter reaches it now (mount point, port, host); may change from time to time. */
  readonly address?: string;
}

export interface RemoteFile {
  /** Relative, `/` between parts. Whatever it holds is checked before it is used. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Milliseconds since 1970. */
  readonly mtime?: number;
  readonly mediaType?: string;
  /** Paths of files that belong to it (the other lens, a low-resolution twin, a sidecar). */
  readonly companions?: readonly string[];
}

export interface Battery {
  /** 0 to 100. */
  readonly percent: number;
  readonly charging?: boolean;
}

export interface DeviceConnection {
  /** True where `read` can begin above zero. Absent: cannot, and the engine begins again at zero. */
  readonly readsFrom?: boolean;
  /** Everything that is there; a listing that could not be finished rejects, it never just ends. */
  list(call: DeviceCall): AsyncIterable<RemoteFile>;
  /** One file as it is now; undefined where it is not there. Absent: the device is listed again, before and after each file that is read. */
  stat?(path: string, call: DeviceCall): Promise<RemoteFile | undefined>;
  /** Rejects with `device` where what is at the other end now is not the device that was connected. Absent: cannot change unnoticed. */
  check?(call: DeviceCall): Promise<void>;
  /** Bytes from offset `from` to the end. */
  read(path: string, from: number, call: DeviceCall): Promise<ReadableStream<Uint8Array>>;
  remove?(path: string, call: DeviceCall): Promise<void>;
  battery?(call: DeviceCall): Promise<Battery | undefined>;
  /** Absolute folder of this machine that holds the files, where there is one: the mover then reads it by itself, and faster. */
  readonly localFolder?: string;
  close(): Promise<void>;
}

/**
 * Rejections are Faults (`device` while it is gone, `not_found`, `permission`, `timeout`, `io`), or anything else, which counts as
 * `device`. What an adapter says is not trusted: sizes, ends and names are checked by whoever uses it.
 */
export interface DeviceAdapter {
  /** A codename: `mounted`, `gphoto2`, `gopro`, `insta360_x4`. */
  readonly kind: string;
  /** Devices that are present now; ends. Absent: devices of this kind are only known from the configuration. */
  discover?(call: DeviceCall): AsyncIterable<DeviceInfo>;
  /** Rejects with `device` where another device than this one is there. May be called again while an earlier connection is still open. */
  connect(device: DeviceInfo, call: DeviceCall): Promise<DeviceConnection>;
  /** May stand in for the pipeline. */
  process?(input: LocalFile, output: OutputPlan, call: ProcessCall): Promise<ProcessResult>;
}
