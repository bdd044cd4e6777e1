// Paths as they cross the API: text that is safe to show, and the exact bytes beside it where the text alone would not lead back.

import { displayPath, pathBytes, pathFromBytes } from './names.ts';

export interface PathText {
  /** Display form (names.ts): control characters and bytes that are not UTF-8 are visible escapes. */
  readonly path: string;
  /** Base64 of the exact bytes; there only where `path` is not the exact name. */
  readonly pathBytes?: string;
}

/** What is sent of a path. Inverse of `exactPath`. */
export function pathText(path: string): PathText {
  const shown = displayPath(path);
  return shown === path ? { path } : { path: shown, pathBytes: toBase64(pathBytes(path)) };
}

/** The exact path, as requests must name it. Rejects with nothing; text that is not base64 gives the display form. */
export function exactPath(text: PathText): string {
  if (text.pathBytes === undefined) return text.path;
  const bytes = fromBase64(text.pathBytes);
  return bytes === undefined ? text.path : pathFromBytes(bytes);
}

/** Standard base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text);
}

/** Undefined where the text is not base64. */
export function fromBase64(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}
