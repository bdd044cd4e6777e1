// What sort of file it is, by its media type where that is known, else by its name: steps pass over what they cannot work on.

import type { LocalFile } from '../model/processing.ts';

export type FileKind = 'image' | 'video' | 'audio' | 'other';

const endings: Readonly<Record<Exclude<FileKind, 'other'>, string>> = {
  image: 'jpg jpeg jpe png webp tif tiff bmp gif insp',
  video: 'mp4 mov m4v mkv webm avi mts m2ts ts mxf mpg mpeg 3gp wmv lrv insv 360 mjpeg',
  audio: 'wav mp3 m4a aac flac ogg opus aif aiff',
};

const kinds = new Map<string, FileKind>(
  (['image', 'video', 'audio'] as const).flatMap((kind) => endings[kind].split(' ').map((ending) => [ending, kind])),
);

export function kindOf(file: LocalFile): FileKind {
  const byName = kinds.get(endingOf(file.path));
  if (byName !== undefined) return byName;
  const type = /^(image|video|audio)\//.exec(file.mediaType ?? '')?.[1];
  return (type as FileKind | undefined) ?? 'other';
}

/** In lower case, without its dot; '' where there is none that a program could make sense of. */
export function endingOf(path: string): string {
  return /\.([A-Za-z0-9]{1,8})$/.exec(path)?.[1]?.toLowerCase() ?? '';
}
