// ffmpeg and ffprobe as the steps use them: what a file holds, and one run with its progress.

import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { LocalFile, ProcessCall, Tool } from '../model/processing.ts';
import { endWords, lastLine, runProgram } from './program.ts';
import { versionOf } from './work-folder.ts';

const debianPackage = 'ffmpeg';

export interface MediaStream {
  readonly kind: 'video' | 'audio' | 'other';
  readonly codec: string;
  readonly width: number;
  readonly height: number;
}

export interface Media {
  /** Null where it has none, as a picture. */
  readonly durationSeconds: number | null;
  readonly streams: readonly MediaStream[];
}

const number = z.coerce.number().finite();
const probed = z.object({
  format: z.object({ duration: number.optional() }).default({}),
  streams: z
    .array(
      z.object({
        codec_type: z.string().default(''),
        codec_name: z.string().default(''),
        width: number.default(0),
        height: number.default(0),
        duration: number.optional(),
        disposition: z.object({ attached_pic: number.default(0) }).default({ attached_pic: 0 }),
      }),
    )
    .default([]),
});

/** Rejects with `step_failed` where it is no media file, and with `tool_missing`. `path` is relative to the folder, or absolute. */
export async function probe(path: string, folder: string, file: LocalFile, signal: AbortSignal): Promise<Media> {
  const args = ['-v', 'error', '-show_format', '-show_streams', '-of', 'json', `file:${path}`];
  const end = await runProgram({ program: 'ffprobe', args, package: debianPackage, folder }, signal);
  const parsed = end.code === 0 ? probed.safeParse(parseJson(end.output)) : undefined;
  if (parsed?.success !== true) throw failed(file, `ffprobe ${endWords(end)}`);
  const { format, streams } = parsed.data;
  const durations = [format.duration, ...streams.map(({ duration }) => duration)].filter((each) => each !== undefined);
  return {
    durationSeconds: durations.length === 0 ? null : Math.max(...durations),
    streams: streams.map((stream) => ({
      // A cover picture is no video.
      kind:
        stream.disposition.attached_pic === 1
          ? 'other'
          : stream.codec_type === 'video' || stream.codec_type === 'audio'
            ? stream.codec_type
            : 'other',
      codec: stream.codec_name,
      width: stream.width,
      height: stream.height,
    })),
  };
}

export interface FfmpegRun {
  readonly file: LocalFile;
  /** Where it runs: the work folder, or one in it. */
  readonly folder: string;
  /** What follows the common options. */
  readonly args: readonly string[];
  /** For progress; null where it cannot be told. */
  readonly durationSeconds: number | null;
}

/** Resolves once it ended well. Rejects with `step_failed` (the last line that says something), `tool_missing`, or the signal's reason. */
export async function ffmpeg({ file, folder, args, durationSeconds }: FfmpegRun, call: ProcessCall): Promise<void> {
  const common = ['-hide_banner', '-nostdin', '-y', '-loglevel', 'error', '-progress', 'pipe:1', '-nostats'];
  const end = await runProgram(
    {
      program: 'ffmpeg',
      args: [...common, ...args],
      package: debianPackage,
      folder,
      onLine: (line) => {
        // In microseconds, whatever its name says; `N/A` before the first frame.
        const done = /^out_time_(?:us|ms)=(\d+)$/.exec(line)?.[1];
        if (done !== undefined) call.progress(Number(done) / 1e6, durationSeconds);
      },
    },
    call.signal,
  );
  if (end.code !== 0) throw failed(file, `ffmpeg ${endWords(end)}`);
}

/** The tool as results name it. */
export async function ffmpegTool(parameters: readonly string[], folder: string, signal: AbortSignal): Promise<Tool> {
  const version = await versionOf('ffmpeg', async () => {
    const end = await runProgram({ program: 'ffmpeg', args: ['-version'], package: debianPackage, folder }, signal);
    return /^ffmpeg version (\S+)/.exec(end.output)?.[1] ?? lastLine(end.output.split('\n')[0] ?? '');
  });
  return { name: 'ffmpeg', version, parameters };
}

export function failed(file: LocalFile, why: string, cause?: unknown): Fault {
  const path = displayPath(file.path);
  return new Fault('step_failed', `${path} could not be processed: ${why}.`, { cause, place: { path } });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
