// What sort of file a name speaks of, by its ending.

export const fileKinds = ['image', 'video', 'audio', 'other'] as const;
export type FileKind = (typeof fileKinds)[number];

const endings: Readonly<Record<Exclude<FileKind, 'other'>, string>> = {
  image: 'jpg jpeg jpe png webp tif tiff bmp gif insp',
  video: 'mp4 mov m4v mkv webm avi mts m2ts ts mxf mpg mpeg 3gp wmv lrv insv 360 mjpeg',
  audio: 'wav mp3 m4a aac flac ogg opus aif aiff',
};

/** Photos whose picture is told only by the preview that their camera has put into them. */
const rawPhotos = 'heic heif avif dng gpr cr2 cr3 nef arw raf orf rw2';

const byEnding = (lists: Readonly<Record<string, string>>) =>
  new Map(Object.entries(lists).flatMap(([kind, list]) => list.split(' ').map((ending) => [ending, kind as FileKind])));
const kinds = byEnding({ ...endings, image: `${endings.image} ${rawPhotos}` });
const previewed = new Set(rawPhotos.split(' '));

/** In lower case, without its dot; '' where there is none that a program could make sense of. */
export function endingOf(path: string): string {
  return /\.([A-Za-z0-9]{1,8})$/.exec(path)?.[1]?.toLowerCase() ?? '';
}

/** What a person would call it. */
export function shownKind(path: string): FileKind {
  return kinds.get(endingOf(path)) ?? 'other';
}

/** True for RAW, HEIC and the like: ffmpeg makes no picture of them. */
export function hasOwnPreview(path: string): boolean {
  return previewed.has(endingOf(path));
}
