// What is said of a recording: its kind, what is known of it, how it can be looked at.

import type { FileKind } from '../../src/model/file-kind.ts';
import type { RecordedFileView, RecordingView } from '../../src/model/recording-views.ts';
import { count, size } from './amounts.ts';

export const kindWords: readonly (readonly [kind: FileKind, label: string])[] = [
  ['video', 'Videos'],
  ['image', 'Photos'],
  ['audio', 'Sound'],
  ['other', 'Other'],
];

const roles: Readonly<Record<string, string>> = {
  original: 'Original',
  thumbnail: 'Thumbnail',
  proxy: 'Proxy',
  hls: 'Stream',
  stitched: 'Stitched',
  xmp: 'XMP sidecar',
  metadata: 'Metadata',
  checksum: 'Checksums',
};

export function roleWords(role: string): string {
  return roles[role] ?? role;
}

/** Milliseconds since 1970: the original's own time, else when it came. */
export function recordedAt({ original, createdAt }: RecordingView): number {
  return Date.parse(original.mtime ?? createdAt);
}

export function thumbnailOf({ files }: RecordingView): RecordedFileView | undefined {
  return files.find(({ role }) => role === 'thumbnail');
}

/** How a recording is shown. */
export type Showing =
  | { readonly kind: 'stream' | 'video' | 'audio' | 'image'; readonly url: string; readonly what: string }
  | { readonly kind: 'nothing'; readonly why: string };

const shownByBrowsers = /\.(jpe?g|png|webp|gif|avif)$/i;
const playedByBrowsers = /\.(mp4|m4v|webm)$/i;

/** A proxy first, since it begins at once; then a stream; then what of the original a browser can show by itself. */
export function showingOf(recording: RecordingView): Showing {
  const { files, original, name, kind } = recording;
  const made = (role: string) => files.find((file) => file.role === role);
  const proxy = made('proxy');
  if (proxy !== undefined) return { kind: 'video', url: proxy.url, what: 'the proxy' };
  const stream = made('hls');
  if (stream !== undefined) return { kind: 'stream', url: stream.url, what: 'the stream' };
  const stitched = made('stitched');
  if (stitched !== undefined) return { kind: 'video', url: stitched.url, what: 'the stitched sphere' };
  if (kind === 'video' && playedByBrowsers.test(name))
    return { kind: 'video', url: original.url, what: 'the original' };
  if (kind === 'image' && shownByBrowsers.test(name)) return { kind: 'image', url: original.url, what: 'the original' };
  if (kind === 'audio') return { kind: 'audio', url: original.url, what: 'the original' };
  const thumbnail = thumbnailOf(recording);
  if (thumbnail !== undefined) return { kind: 'image', url: thumbnail.url, what: 'the thumbnail' };
  return { kind: 'nothing', why: 'Nothing was made of it that a browser can show.' };
}

const factNames: Readonly<Record<string, string>> = {
  make: 'Make',
  model: 'Camera',
  serial: 'Serial',
  lens: 'Lens',
  takenAt: 'Taken',
  orientation: 'Orientation',
  frameRate: 'Frame rate',
  latitude: 'Latitude',
  longitude: 'Longitude',
  altitude: 'Altitude',
  videoCodec: 'Picture',
  audioCodec: 'Sound',
  verdict: 'Scan',
};

/** The facts of all steps, in people's words; what is not known by name comes under its own. */
export function factRows({ facts }: RecordingView): (readonly [name: string, value: string])[] {
  const all = new Map<string, unknown>();
  for (const [step, value] of Object.entries(facts)) {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      for (const [name, inner] of Object.entries(value)) if (!all.has(name)) all.set(name, inner);
    } else all.set(step, value);
  }
  const rows: (readonly [string, string])[] = [];
  const { width, height, durationSeconds } = Object.fromEntries(all);
  if (typeof width === 'number' && typeof height === 'number') rows.push(['Picture', `${width} × ${height}`]);
  if (typeof durationSeconds === 'number') rows.push(['Length', lengthWords(durationSeconds)]);
  for (const [name, value] of all) {
    if (['width', 'height', 'durationSeconds'].includes(name)) continue;
    // Upright, as nearly all are.
    if (name === 'orientation' && (value === 0 || value === 1)) continue;
    const text = valueWords(value);
    if (text !== undefined) rows.push([factNames[name] ?? name, text]);
  }
  return rows;
}

/** `0:07`, `1:02:30`. */
export function lengthWords(seconds: number): string {
  const whole = Math.round(seconds);
  const two = (value: number) => String(value).padStart(2, '0');
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

const noTime = /^0000[:-]00/;
const cameraDate = /^(\d{4}):(\d{2}):(\d{2}) /;

function valueWords(value: unknown): string | undefined {
  if (typeof value === 'number') return Number.isInteger(value) ? count(value) : value.toFixed(value < 10 ? 4 : 2);
  if (typeof value === 'boolean') return value ? 'Yes' : 'No';
  if (typeof value === 'string') return noTime.test(value) ? undefined : value.replace(cameraDate, '$1-$2-$3 ');
  return undefined;
}

export function durationOf({ facts }: RecordingView): number | undefined {
  for (const value of Object.values(facts)) {
    const found = (value as { durationSeconds?: unknown } | null)?.durationSeconds;
    if (typeof found === 'number') return found;
  }
  return undefined;
}

/** `12.1 MB`, with its length where it has one. */
export function amountWords(recording: RecordingView): string {
  const seconds = recording.kind === 'image' ? undefined : durationOf(recording);
  return [seconds === undefined ? undefined : lengthWords(seconds), size(recording.original.sizeBytes)]
    .filter((part) => part !== undefined)
    .join(' · ');
}
