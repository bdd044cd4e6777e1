// Step `thumbnail`: a small upright picture of a photo or video.

import { z } from 'zod';
import { failed, ffmpeg, ffmpegTool } from './ffmpeg.ts';
import { kindOf } from './file-kind.ts';
import { pictureOf } from './raw-preview.ts';
import type { Step } from './step.ts';
import { nameResult, plainInput } from './work-folder.ts';

const params = z.object({
  width: z.int().min(16).max(8192).default(480).describe('Pixels; a smaller original keeps its own'),
  format: z.enum(['jpeg', 'webp']).default('jpeg').describe('jpeg or webp'),
  atSeconds: z
    .number()
    .min(0)
    .nullable()
    .default(null)
    .describe('Which moment of a video; null is a tenth of its length, at most 10 s'),
});

const formats = {
  jpeg: { ending: 'jpg', mediaType: 'image/jpeg', args: ['-c:v', 'mjpeg', '-pix_fmt', 'yuvj420p', '-q:v', '4'] },
  webp: { ending: 'webp', mediaType: 'image/webp', args: ['-c:v', 'libwebp', '-quality', '80'] },
} as const;

/** ffmpeg turns pictures upright by their EXIF orientation, and videos by their display matrix. Of RAW and HEIC the largest preview in them is taken. */
export const thumbnail: Step<z.output<typeof params>> = {
  kind: 'thumbnail',
  about: 'A small upright picture of a photo or video',
  params,
  takes: (file) => kindOf(file) === 'image' || kindOf(file) === 'video',
  async run(file, output, { width, format, atSeconds }, call) {
    const folder = output.workFolder;
    const input = plainInput(file, output);
    const { path: picture, media, upright } = await pictureOf(input, file, folder, call);
    if (!media.streams.some(({ kind }) => kind === 'video')) throw failed(file, 'there is no picture in it');
    const seconds = kindOf(file) === 'video' ? (media.durationSeconds ?? 0) : 0;
    const at = atSeconds === null ? Math.min(10, seconds / 10) : Math.min(atSeconds, Math.max(0, seconds - 0.1));
    const { ending, mediaType, args } = formats[format];
    const path = `${output.name}.thumbnail.${ending}`;
    const made = `picture.${ending}`;
    const filters = [...(upright ?? []), `scale='min(${width},iw)':-2`].join(',');
    await ffmpeg(
      {
        file,
        folder,
        args: [
          ...(at > 0 ? ['-ss', at.toFixed(3)] : []),
          ...(upright === null ? [] : ['-noautorotate']),
          ...['-i', `file:${picture}`, '-map', '0:V:0', '-frames:v', '1', '-vf', filters, '-map_metadata', '-1'],
          ...['-fflags', '+bitexact', '-flags', '+bitexact', ...args, '-f', 'image2', '-update', '1', `file:./${made}`],
        ],
        durationSeconds: null,
      },
      call,
    );
    nameResult(output, made, path, file, 'ffmpeg');
    const tool = await ffmpegTool(['-ss', at.toFixed(3), '-vf', filters, ...args], folder, call.signal);
    return { produced: [{ role: 'thumbnail', path, mediaType }], facts: {}, tool };
  },
};
