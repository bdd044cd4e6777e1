// Photos and videos for tests, made by ffmpeg and exiftool.

import { execFileSync } from 'node:child_process';
import { statSync, writeFileSync } from 'node:fs';
import type { LocalFile } from '../../src/model/processing.ts';

function ffmpeg(...args: readonly string[]): void {
  execFileSync('ffmpeg', ['-hide_banner', '-nostdin', '-loglevel', 'error', '-y', ...args]);
}

/** 320 × 240 pixels, left and right unlike; `orientation` as EXIF numbers it. */
export function makePhoto(path: string, tags: Readonly<Record<string, string | number>> = {}): void {
  ffmpeg('-f', 'lavfi', '-i', 'testsrc=size=320x240:rate=1', '-frames:v', '1', '-f', 'image2', '-update', '1', path);
  const sets = Object.entries({ Make: 'ACME', Model: 'X1', ...tags }).map(([tag, value]) => `-${tag}=${value}`);
  execFileSync('exiftool', ['-q', '-n', '-overwrite_original', ...sets, path]);
}

/**
 * The skeleton of a RAW photo, which is a TIFF (6.0) of its own kind: no picture of the sensor, the camera's previews (their widths, two
 * at most, at 4:3) where cameras put them.
 */
export function makeRawPhoto(
  path: string,
  { previews, orientation }: { previews: readonly number[]; orientation: number },
) {
  const pictures = previews.map((width) =>
    execFileSync('ffmpeg', [
      ...['-v', 'error', '-f', 'lavfi', '-i', `testsrc=size=${width}x${(width * 3) / 4}:rate=1`, '-frames:v', '1'],
      ...['-f', 'image2', '-c:v', 'mjpeg', '-'],
    ]),
  );
  const make = Buffer.from('ACME\0');
  const folderBytes = (entries: number) => 2 + entries * 12 + 4;
  const [second, first] = pictures;
  const sizes = [folderBytes(first === undefined ? 4 : 6), second === undefined ? 0 : folderBytes(3)];
  const secondAt = 8 + (sizes[0] ?? 0);
  const makeAt = secondAt + (sizes[1] ?? 0);
  const firstAt = makeAt + make.length;
  const preview = (at: number, picture: Buffer): Entry[] => [
    [0x201, 4, 1, at],
    [0x202, 4, 1, picture.length],
  ];
  writeFileSync(
    path,
    Buffer.concat([
      Buffer.from('49492a0008000000', 'hex'),
      tiffFolder(
        [
          [0x100, 4, 1, 640],
          [0x101, 4, 1, 480],
          [0x10f, 2, make.length, makeAt],
          [0x112, 3, 1, orientation],
          ...(first === undefined ? [] : preview(firstAt, first)),
        ],
        second === undefined ? 0 : secondAt,
      ),
      ...(second === undefined
        ? []
        : [tiffFolder([[0x103, 3, 1, 6], ...preview(firstAt + (first?.length ?? 0), second)], 0)]),
      make,
      ...(first === undefined ? [] : [first]),
      ...(second === undefined ? [] : [second]),
    ]),
  );
}

/** Tag, type (2 text, 3 short, 4 long), count, value or where it stands. */
type Entry = readonly [tag: number, type: number, count: number, value: number];

function tiffFolder(entries: readonly Entry[], next: number): Buffer {
  const bytes = Buffer.alloc(2 + entries.length * 12 + 4);
  bytes.writeUInt16LE(entries.length, 0);
  for (const [at, [tag, type, count, value]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 2 + at * 12);
    bytes.writeUInt16LE(type, 4 + at * 12);
    bytes.writeUInt32LE(count, 6 + at * 12);
    bytes.writeUInt32LE(value, 10 + at * 12);
  }
  bytes.writeUInt32LE(next, bytes.length - 4);
  return bytes;
}

/** Picture and tone, H.264 and AAC in MP4 with its header before the data. */
export function makeVideo(path: string, { seconds = 2, size = '320x180' } = {}): void {
  const inputs = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=10`, '-f', 'lavfi', '-i', 'sine=frequency=440'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '10', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  ffmpeg(...inputs, '-t', String(seconds), ...coding, '-movflags', '+faststart', '-f', 'mp4', path);
}

/** What a camera with two lenses writes: both round pictures side by side, of an equirectangular test picture. */
export function makeDualFisheye(path: string, { seconds = 2, fieldOfView = 190 } = {}): void {
  const view = `v360=input=e:output=dfisheye:h_fov=${fieldOfView}:v_fov=${fieldOfView}:w=512:h=256`;
  const inputs = ['-f', 'lavfi', '-i', 'testsrc=size=512x256:rate=10', '-f', 'lavfi', '-i', 'sine=frequency=440'];
  const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p', '-c:a', 'aac'];
  ffmpeg(...inputs, '-t', String(seconds), '-vf', view, ...coding, '-f', 'mp4', path);
}

export function localFile(path: string): LocalFile {
  const { size, mtimeMs } = statSync(path);
  return { path, sizeBytes: size, mtimeMs, mediaType: null };
}

export interface Probed {
  readonly durationSeconds: number;
  readonly streams: readonly {
    readonly codec: string;
    readonly width: number | undefined;
    readonly height: number | undefined;
  }[];
}

/** What ffprobe says, asked by the test itself. */
export function probeFile(path: string): Probed {
  const text = execFileSync('ffprobe', ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', path], {
    encoding: 'utf8',
  });
  const { format, streams } = JSON.parse(text) as {
    format: { duration?: string };
    streams: { codec_name: string; width?: number; height?: number }[];
  };
  return {
    durationSeconds: Number(format.duration),
    streams: streams.map(({ codec_name: codec, width, height }) => ({ codec, width, height })),
  };
}

/** Red, green and blue of one pixel of a picture or a video's first frame. */
export function pixel(path: string, x: number, y: number): readonly [number, number, number] {
  const filter = `crop=1:1:${x}:${y}:exact=1,format=rgb24`;
  const bytes = execFileSync('ffmpeg', [
    '-v',
    'error',
    '-i',
    path,
    '-vf',
    filter,
    '-frames:v',
    '1',
    '-f',
    'rawvideo',
    '-',
  ]);
  return [bytes[0] ?? 0, bytes[1] ?? 0, bytes[2] ?? 0];
}
