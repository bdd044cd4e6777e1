// Step `transcode`: makes a playable or stitched video of one, with ffmpeg, and checks that it is as long as the original.

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { LocalFile, OutputPlan, ProcessCall, Produced } from '../model/processing.ts';
import { failed, ffmpeg, ffmpegTool, type Media, type MediaStream, probe } from './ffmpeg.ts';
import { kindOf } from './file-kind.ts';
import type { Step } from './step.ts';
import { nameResult, plainInput } from './work-folder.ts';

export const presets = ['hls', 'h264-proxy', 'stitch-equirect'] as const;

const rendition = z.strictObject({
  height: z.int().min(64).max(8192).describe('Pixels; not more than the original has'),
  videoKbps: z.int().min(50).max(200_000).describe('The most that the picture may take, in thousands of bits a second'),
});

const params = z.object({
  preset: z.enum(presets).describe('hls, h264-proxy or stitch-equirect'),
  height: z
    .int()
    .min(64)
    .max(8192)
    .nullable()
    .default(null)
    .describe('Pixels of h264-proxy and of an hls without renditions; never more than the original has. Null is 1080'),
  quality: z.int().min(0).max(51).default(23).describe('CRF of x264: lower is better and larger'),
  speed: z
    .enum(['ultrafast', 'superfast', 'veryfast', 'faster', 'fast', 'medium', 'slow'])
    .default('veryfast')
    .describe('Preset of x264: slower is smaller'),
  segmentSeconds: z.number().min(1).max(60).default(6).describe('hls: length of a segment'),
  renditions: z.array(rendition).max(8).default([]).describe('hls: several sizes to choose from; none is one size'),
  fieldOfView: z.number().min(120).max(280).default(190).describe('stitch-equirect: degrees that each lens sees'),
  width: z
    .int()
    .min(64)
    .max(16_384)
    .nullable()
    .default(null)
    .describe('stitch-equirect: pixels of the sphere, twice its height; null is that of both lenses together'),
  yaw: z.number().min(-180).max(180).default(0).describe('stitch-equirect: degrees to turn the sphere'),
  pitch: z.number().min(-180).max(180).default(0).describe('stitch-equirect: degrees to tilt the sphere'),
  roll: z.number().min(-180).max(180).default(0).describe('stitch-equirect: degrees to roll the sphere'),
});
type Params = z.output<typeof params>;

/** What a preset does with one original. */
interface Recipe {
  readonly args: readonly string[];
  /** A plain name below the work folder: the folder of an HLS, else the file. */
  readonly made: string;
  /** What is probed for its length. */
  readonly check: string;
  readonly produced: Produced;
}

export const transcode: Step<Params> = {
  kind: 'transcode',
  about: 'Another video of a video: for playing (hls, h264-proxy), or a sphere of two fisheyes (stitch-equirect)',
  params,
  takes: (file) => kindOf(file) === 'video',
  async run(file, output, given, call) {
    const folder = output.workFolder;
    const input = plainInput(file, output);
    const media = await probe(input, folder, file, call.signal);
    const videos = media.streams.filter(({ kind }) => kind === 'video');
    const [video] = videos;
    if (video === undefined || video.width === 0) throw failed(file, 'there is no video in it');
    const recipe = recipes[given.preset](given, { file, output, media, video, videos });
    if (given.preset === 'hls') mkdirSync(join(folder, recipe.made), { recursive: true });
    await ffmpeg(
      {
        file,
        folder: given.preset === 'hls' ? join(folder, recipe.made) : folder,
        // An absolute name, since an HLS is made inside its folder.
        args: ['-i', `file:${join(folder, input)}`, ...recipe.args],
        durationSeconds: media.durationSeconds,
      },
      call,
    );
    const durationSeconds = await checkLength(file, media, recipe.check, folder, call);
    nameResult(output, recipe.made, recipe.produced.path, file, 'ffmpeg');
    const tool = await ffmpegTool(recipe.args, folder, call.signal);
    return { produced: [recipe.produced], facts: { durationSeconds }, tool };
  },
};

interface Original {
  readonly file: LocalFile;
  readonly output: OutputPlan;
  readonly media: Media;
  readonly video: MediaStream;
  readonly videos: readonly MediaStream[];
}

const recipes: Readonly<Record<(typeof presets)[number], (given: Params, original: Original) => Recipe>> = {
  hls: hlsRecipe,
  'h264-proxy': (given, { output }) => ({
    args: [
      ...['-map', '0:V:0', '-map', '0:a:0?', ...scaled(given.height ?? 1080), ...x264(given), ...aac],
      ...['-movflags', '+faststart', '-f', 'mp4', 'file:./video.mp4'],
    ],
    made: 'video.mp4',
    check: 'video.mp4',
    produced: { role: 'proxy', path: `${output.name}.proxy.mp4`, mediaType: 'video/mp4' },
  }),
  'stitch-equirect': stitchRecipe,
};

const aac = ['-c:a', 'aac', '-b:a', '128k', '-ac', '2'];

function x264({ quality, speed }: Params): string[] {
  return ['-c:v', 'libx264', '-preset', speed, '-crf', String(quality), '-pix_fmt', 'yuv420p'];
}

function scaled(height: number): string[] {
  // Both sides even, as yuv420p needs.
  return ['-vf', `scale=-2:'trunc(min(${height},ih)/2)*2'`];
}

/** The most that a picture of this height may take: far above what its quality asks for. */
function usualKbps(height: number): number {
  if (height > 1080) return 20_000;
  return height > 720 ? 8_000 : 4_000;
}

function hlsRecipe(given: Params, { output, media }: Original): Recipe {
  const { renditions, segmentSeconds } = given;
  const height = given.height ?? 1080;
  // A player chooses by rates: ffmpeg leaves out of its list of streams what has none.
  const sizes = renditions.length === 0 ? [{ height, videoKbps: usualKbps(height) }] : renditions;
  const hasAudio = media.streams.some(({ kind }) => kind === 'audio');
  const maps = sizes.flatMap(() => ['-map', '0:V:0', ...(hasAudio ? ['-map', '0:a:0'] : [])]);
  const each = sizes.flatMap(({ height, videoKbps }, at) => [
    `-filter:v:${at}`,
    scaled(height)[1] ?? '',
    ...[`-maxrate:v:${at}`, `${videoKbps}k`, `-bufsize:v:${at}`, `${videoKbps * 2}k`],
  ]);
  const streams = sizes.map((_, at) => (hasAudio ? `v:${at},a:${at}` : `v:${at}`)).join(' ');
  return {
    args: [
      ...maps,
      ...each,
      ...x264(given),
      ...(hasAudio ? aac : []),
      // A segment can only begin where a picture stands for itself.
      ...['-force_key_frames', `expr:gte(t,n_forced*${segmentSeconds})`, '-sc_threshold', '0'],
      ...['-f', 'hls', '-hls_time', String(segmentSeconds), '-hls_playlist_type', 'vod', '-hls_list_size', '0'],
      ...['-hls_flags', 'independent_segments', '-master_pl_name', 'index.m3u8', '-var_stream_map', streams],
      ...['-hls_segment_filename', 'v%v/%05d.ts', 'v%v/index.m3u8'],
    ],
    made: 'playlist',
    check: 'playlist/v0/index.m3u8',
    produced: { role: 'hls', path: `${output.name}.hls`, mediaType: 'application/vnd.apple.mpegurl' },
  };
}

/** Both fisheyes side by side in one picture, or as two videos of one size in one file. */
function stitchRecipe(given: Params, { file, output, media, video, videos }: Original): Recipe {
  const other = videos[1];
  const isPair = other !== undefined && other.width === video.width && other.height === video.height;
  const bothWidth = isPair ? 2 * video.width : video.width;
  const bothHeight = video.height;
  if (Math.abs(bothWidth / bothHeight - 2) > 0.2) {
    throw failed(file, `${bothWidth} × ${bothHeight} pixels are not two round pictures side by side`);
  }
  const width = given.width ?? bothWidth;
  const even = (pixels: number) => Math.max(2, Math.round(pixels / 2) * 2);
  const view = [
    `v360=input=dfisheye:output=e:ih_fov=${given.fieldOfView}:iv_fov=${given.fieldOfView}`,
    `yaw=${given.yaw}:pitch=${given.pitch}:roll=${given.roll}:w=${even(width)}:h=${even(width / 2)}`,
  ].join(':');
  const filter = isPair ? `[0:v:0][0:v:1]hstack=inputs=2,${view}[sphere]` : `[0:V:0]${view}[sphere]`;
  const hasAudio = media.streams.some(({ kind }) => kind === 'audio');
  return {
    args: [
      ...['-filter_complex', filter, '-map', '[sphere]', ...(hasAudio ? ['-map', '0:a:0', ...aac] : [])],
      ...[...x264(given), '-movflags', '+faststart', '-f', 'mp4', 'file:./sphere.mp4'],
    ],
    made: 'sphere.mp4',
    check: 'sphere.mp4',
    produced: { role: 'stitched', path: `${output.name}.equirect.mp4`, mediaType: 'video/mp4' },
  };
}

/** A broken original is read up to where it breaks, and ffmpeg calls that done. */
async function checkLength(
  file: LocalFile,
  { durationSeconds: wanted }: Media,
  check: string,
  folder: string,
  { signal }: ProcessCall,
): Promise<number | null> {
  const made = await probe(`./${check}`, folder, file, signal);
  const length = made.durationSeconds;
  if (wanted === null || length === null) return length;
  if (Math.abs(length - wanted) <= Math.max(1, wanted * 0.02)) return length;
  const path = displayPath(file.path);
  throw new Fault(
    'step_failed',
    `${path} has ${wanted.toFixed(1)} s, and ffmpeg could make ${length.toFixed(1)} s of it: it is probably damaged.`,
    { place: { path } },
  );
}
