// The picture of a photo that ffmpeg cannot read (RAW, HEIC): what the camera itself has put into it, and how it is to be turned.

import { readdirSync } from 'node:fs';
import { hasOwnPreview } from '../model/file-kind.ts';
import type { LocalFile, ProcessCall } from '../model/processing.ts';
import { exiftool, readTags } from './exiftool.ts';
import { failed, type Media, probe } from './ffmpeg.ts';

export interface Picture {
  /** As `probe` and ffmpeg take it. */
  readonly path: string;
  readonly media: Media;
  /** Filters of ffmpeg that turn it upright; null where ffmpeg does that by itself. */
  readonly upright: readonly string[] | null;
}

/** EXIF's orientations from 1 on (Exif 3.0, 4.6.5.1.6), as ffmpeg turns pictures. */
const turns: readonly (readonly string[])[] = [
  [],
  ['hflip'],
  ['hflip', 'vflip'],
  ['vflip'],
  ['transpose=cclock_flip'],
  ['transpose=clock'],
  ['transpose=clock_flip'],
  ['transpose=cclock'],
];

const stem = 'preview-';

/** The file itself where ffmpeg reads such files. Rejects with `step_failed` where there is no picture, and with `tool_missing`. */
export async function pictureOf(input: string, file: LocalFile, folder: string, call: ProcessCall): Promise<Picture> {
  if (!hasOwnPreview(file.path)) {
    return { path: input, media: await probe(input, folder, file, call.signal), upright: null };
  }
  const tags = await readTags(input, file, folder, call);
  const wanted = ['-JpgFromRaw', '-PreviewImage', '-OtherImage', '-ThumbnailImage'];
  await exiftool(['-a', '-q', '-q', '-b', '-W', `./${stem}%t%-c.%s`, ...wanted, input], folder, call);
  let best: Picture | undefined;
  const upright = turns[Number(tags['IFD0:Orientation'] ?? 1) - 1] ?? [];
  for (const name of readdirSync(folder).filter((each) => each.startsWith(stem))) {
    const path = `./${name}`;
    // What calls itself a preview need not be a picture.
    const media = await probe(path, folder, file, call.signal).catch((error) => {
      call.signal.throwIfAborted();
      if (error.code !== 'step_failed') throw error;
      return undefined;
    });
    if (media !== undefined && widthOf(media) > widthOf(best?.media)) best = { path, media, upright };
  }
  if (best !== undefined) return best;
  throw failed(file, 'it holds no preview, and ffmpeg does not read such photos');
}

function widthOf(media: Media | undefined): number {
  return media?.streams.find(({ kind }) => kind === 'video')?.width ?? 0;
}
