// What sort of file a step is given, by its name, else by its media type: steps pass over what they cannot work on.

import { type FileKind, shownKind } from '../model/file-kind.ts';
import type { LocalFile } from '../model/processing.ts';

export function kindOf(file: LocalFile): FileKind {
  const byName = shownKind(file.path);
  if (byName !== 'other') return byName;
  const type = /^(image|video|audio)\//.exec(file.mediaType ?? '')?.[1];
  return (type as FileKind | undefined) ?? 'other';
}
