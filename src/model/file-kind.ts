// What sort of file a name speaks of, by its ending.

export const fileKinds = ['image', 'video', 'audio', 'other'] as const;
export type FileKind = (typeof fileKinds)[number];

const endings: Readonly<Record<Exclude<FileKind, 'other'>, string>> = {
  image: 'jpg jpeg jpe png webp tif tiff bmp gif insp',
  video: 'mp4 mov m4v mkv webm avi mts m2ts ts mxf mpg mpeg 3gp wmv lrv insv 360 mjpeg',
  audio: 'wav mp3 m4a aac flac ogg opus aif aiff',
};

/** Photos to a person, but not to the programs of the steps. */
const rawPhotos = 'heic heif avif dng gpr cr2 cr3 nef arw raf orf rw2';

const byEnding = (lists: Readonly<Record<string, string>>) =>
  new Map(Object.entries(lists).flatMap(([kind, list]) => list.split(' ').map((ending) => [ending, kind as FileKind])));
const workable = byEnding(endings);
const shown = byEnding({ ...endings, image: `${endings.image} ${rawPhotos}` });

/** In lower case, without its dot; '' where there is none that a program could make sense of. */
export function endingOf(path: string): string {
  return /\.([A-Za-z0-9]{1,8})$/.exec(path)?.[1]?.toLowerCase() ?? '';
}

/** What the steps can work on. */
export function workableKind(path: string): FileKind {
  return workable.get(endingOf(path)) ?? 'other';
}

/** What a person would call it. */
export function shownKind(path: string): FileKind {
  return shown.get(endingOf(path)) ?? 'other';
}
