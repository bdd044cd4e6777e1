// The bytes of a recording's files: only of those that it names, read through their folder's endpoint, which follows no symlink.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { Fault } from '../../model/fault.ts';
import { baseName, displayPath, safeRelativePath } from '../../model/names.ts';
import type { Recording } from '../../model/recording.ts';

export interface RecordedContent {
  /** Absolute. */
  readonly path: string;
  readonly mediaType: string | null;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Bytes from an offset to the file's end. */
  read(from: number, signal: AbortSignal): Promise<ReadableStream<Uint8Array>>;
}

/** `inside` names a file in a folder that belongs together. Rejects with `not_found`, `name_unsafe`, and what the place says. */
export async function recordedContent(
  recording: Recording,
  role: string,
  inside: string | undefined,
  open: (address: string) => Promise<Endpoint>,
): Promise<RecordedContent> {
  const file =
    role === 'original'
      ? { path: recording.original.path, mediaType: null }
      : recording.derived.find((one) => one.role === role);
  const missing = (what: string) =>
    new Fault('not_found', `${displayPath(recording.name)} has no ${displayPath(what)} here.`);
  if (file === undefined || !file.path.startsWith('/')) throw missing(role);
  const cut = file.path.lastIndexOf('/');
  const folder = inside === undefined ? file.path.slice(0, cut) || '/' : file.path;
  const relative = inside === undefined ? baseName(file.path) : safeRelativePath(inside);
  if (relative === '') throw missing(role);
  const endpoint = await open(folder);
  const entry = await endpoint.stat(relative);
  if (entry?.kind !== 'file') throw missing(inside === undefined ? role : `${role}/${inside}`);
  return {
    path: `${folder === '/' ? '' : folder}/${relative}`,
    mediaType: inside === undefined ? file.mediaType : null,
    sizeBytes: entry.sizeBytes,
    mtimeMs: entry.mtimeMs,
    read: (from, signal) => endpoint.read(relative, from, { signal }),
  };
}
