// What a device says of a file, held against what a file can be: its name, size and time are believed only then.

import { Fault } from '../model/fault.ts';
import { displayPath, safeRelativePath } from '../model/names.ts';
import type { RemoteFile } from './device.ts';

/** A file of a listing that may be used, or one that may not, and why. */
export type ListedFile =
  | { readonly kind: 'file'; readonly file: RemoteFile }
  | { readonly kind: 'refused'; readonly path: string; readonly fault: Fault };

// biome-ignore lint/suspicious/noControlCharactersInRegex: no camera writes them, and terminals act on them
const control = /[\u0000-\u001f\u007f]/;

/** The file with its path in its one form, and without what makes no sense of time and companions. Throws `name_unsafe`, `invalid`. */
export function checkedFile(given: RemoteFile): RemoteFile {
  const path = safeDevicePath(given.path);
  const { size, mtime, mediaType } = given;
  if (!Number.isSafeInteger(size) || size < 0) {
    throw new Fault('invalid', `${displayPath(path)} is said to have ${displayPath(String(size))} bytes.`);
  }
  const companions = (given.companions ?? []).flatMap((other) => {
    try {
      const safe = safeDevicePath(other);
      return safe === path ? [] : [safe];
    } catch {
      return [];
    }
  });
  return {
    path,
    size,
    ...(typeof mtime === 'number' && Number.isFinite(mtime) && Math.abs(mtime) <= latestMs ? { mtime } : {}),
    ...(typeof mediaType === 'string' && /^[\w.+-]+\/[\w.+-]+$/.test(mediaType) ? { mediaType } : {}),
    ...(companions.length === 0 ? {} : { companions: [...new Set(companions)] }),
  };
}

/** The last moment that a Date can hold. */
const latestMs = 8.64e15;

function safeDevicePath(path: unknown): string {
  if (typeof path !== 'string') throw new Fault('name_unsafe', 'A file of the device has no name.');
  const safe = safeRelativePath(path);
  if (safe === '' || control.test(safe)) {
    throw new Fault('name_unsafe', `The name ${displayPath(path)} is none that a device may give.`, {
      place: { path: displayPath(path) },
    });
  }
  return safe;
}

/** As `checkedFile`, with the refusal as a value. */
export function judgeFile(given: RemoteFile): ListedFile {
  try {
    return { kind: 'file', file: checkedFile(given) };
  } catch (error) {
    if (error instanceof Fault) return { kind: 'refused', path: displayPath(String(given?.path)), fault: error };
    throw error;
  }
}
