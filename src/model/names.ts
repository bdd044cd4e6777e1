// Names of files: bytes that are not UTF-8, what a safe relative path is, and how a name is shown.

import { Fault } from './fault.ts';

/*
 * A path inside an endpoint is a string whose parts are joined by `/`, without a leading one; '' is the root.
 * A byte 0xNN that is not part of valid UTF-8 is held as the lone surrogate U+DCNN (as Python's surrogateescape
 * does), so that every byte sequence has exactly one string and ordinary names cost nothing.
 */

const encoder = new TextEncoder();
const strictDecoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Longest name of one part and of a whole path, in bytes (NAME_MAX and PATH_MAX of Linux). */
export const nameMaxBytes = 255;
export const pathMaxBytes = 4096;

/** The string for a name's bytes. Inverse of `pathBytes`. */
export function pathFromBytes(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch {
    let text = '';
    let at = 0;
    while (at < bytes.length) {
      const length = validSequenceLength(bytes, at);
      if (length === 0) {
        text += String.fromCharCode(0xdc00 + (bytes[at] ?? 0));
        at += 1;
      } else {
        text += strictDecoder.decode(bytes.subarray(at, at + length));
        at += length;
      }
    }
    return text;
  }
}

/** The bytes of a path. Rejects with `invalid`: a lone surrogate that stands for no byte. */
export function pathBytes(path: string): Uint8Array {
  if (path.isWellFormed()) return encoder.encode(path);
  const parts: number[] = [];
  for (const character of path) {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) parts.push(code - 0xdc00);
    else if (code >= 0xd800 && code <= 0xdfff) {
      throw new Fault('invalid', `The name ${displayPath(path)} cannot be turned into bytes.`);
    } else parts.push(...encoder.encode(character));
  }
  return Uint8Array.from(parts);
}

/** True where the name is text, false where it holds bytes that are not UTF-8. */
export function isText(path: string): boolean {
  return path.isWellFormed();
}

export function pathLengthBytes(path: string): number {
  return pathBytes(path).length;
}

/** Control and direction-changing characters and bytes that are not UTF-8 become visible escapes; safe for terminals, logs and pages. */
export function displayPath(path: string): string {
  return path.replace(hidden, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (code >= 0xdc80 && code <= 0xdcff) return `\\x${(code - 0xdc00).toString(16)}`;
    if (code < 0x80) return `\\x${code.toString(16).padStart(2, '0')}`;
    return `\\u{${code.toString(16)}}`;
  });
}

// C0, DEL, C1, soft hyphen, bidi controls, zero-width and other format characters, line separators, tags, lone surrogates.
const hidden =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: making control characters visible is what it is for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\u180e\ufeff\ufff9-\ufffb]|\udb40[\udc00-\udc7f]|(?<![\ud800-\udbff])[\udc00-\udfff]|[\ud800-\udbff](?![\udc00-\udfff])/g;

/**
 * Checks a path that came from outside and returns it in its one form: `./` and doubled slashes gone, and bytes that
 * make up valid UTF-8 held as text. '' (the root itself) comes back as ''.
 * Rejects with `name_unsafe`: absolute, drive or UNC paths, `..`, NUL, surrogates that stand for no byte, and parts or
 * paths that are too long. A backslash is an ordinary character on POSIX and is kept; where `windows` is set it is refused.
 */
export function safeRelativePath(path: string, options: { windows?: boolean } = {}): string {
  const refuse = (why: string): never => {
    throw new Fault('name_unsafe', `The name ${displayPath(path)} ${why}.`, { place: { path: displayPath(path) } });
  };
  if (path.includes('\0')) refuse('holds a NUL');
  if (path.startsWith('/')) refuse('is absolute');
  if (!path.isWellFormed() && impossibleSurrogate.test(path)) refuse('cannot be turned into bytes');
  const parts: string[] = [];
  for (const given of path.split('/')) {
    if (given === '' || given === '.') continue;
    if (given === '..') refuse('goes upwards');
    const part = given.isWellFormed() ? given : pathFromBytes(pathBytes(given));
    if (options.windows) {
      const why = windowsProblem(part);
      if (why !== undefined) refuse(why);
    }
    if (exceedsBytes(part, nameMaxBytes)) refuse(`has a part longer than ${nameMaxBytes} bytes`);
    parts.push(part);
  }
  const safe = parts.join('/');
  if (safe.startsWith('\\\\')) refuse('is a UNC path');
  if (/^[A-Za-z]:([\\/]|$)/.test(safe)) refuse('begins with a drive');
  if (exceedsBytes(safe, pathMaxBytes)) refuse(`is longer than ${pathMaxBytes} bytes`);
  return safe;
}

/** A UTF-16 unit takes three bytes at most, so that short names need no encoding. */
function exceedsBytes(text: string, most: number): boolean {
  return text.length * 3 > most && pathLengthBytes(text) > most;
}

// Lone surrogates outside U+DC80 … U+DCFF, which alone stand for bytes.
const impossibleSurrogate = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udc7f\udd00-\udfff]/;

/** Why a file system of Windows (or an SMB share) would not take this part of a name; undefined where it would. */
export function windowsProblem(part: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Windows refuses control characters in names
  if (/[\u0000-\u001f<>:"\\|?*]/.test(part)) return 'holds a character that Windows does not take';
  if (/[ .]$/.test(part)) return 'ends with a dot or space, which Windows drops';
  if (/^(con|prn|aux|nul|com[1-9¹²³]|lpt[1-9¹²³]|conin\$|conout\$)(\.|$)/i.test(part)) return 'is reserved by Windows';
  return undefined;
}

export function joinPath(folder: string, name: string): string {
  if (folder === '') return name;
  return name === '' ? folder : `${folder}/${name}`;
}

export function parentPath(path: string): string {
  const cut = path.lastIndexOf('/');
  return cut < 0 ? '' : path.slice(0, cut);
}

export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Orders paths as listings are: folders before what is in them, siblings in order of their bytes. */
export function comparePaths(a: string, b: string): number {
  const left = a.split('/');
  const right = b.split('/');
  for (let at = 0; at < left.length && at < right.length; at++) {
    if (left[at] !== right[at]) return compareBytes(pathBytes(left[at] ?? ''), pathBytes(right[at] ?? ''));
  }
  return left.length - right.length;
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const shared = Math.min(a.length, b.length);
  for (let at = 0; at < shared; at++) {
    const difference = (a[at] ?? 0) - (b[at] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

/** The name with `(n)` before its extension: `a.mov` → `a (1).mov`, `b.tar.gz` → `b (1).tar.gz`, `.rc` → `.rc (1)`. Fits NAME_MAX. */
export function numberedName(name: string, n: number): string {
  const match = /^(.+?)((?:\.tar)?\.[^.\s]{1,16})$/s.exec(name);
  const stem = match?.[1] ?? name;
  const extension = match?.[2] ?? '';
  const mark = ` (${n})`;
  return cutToBytes(stem, nameMaxBytes - mark.length - pathLengthBytes(extension)) + mark + extension;
}

/** The partial's name: `.NAME.<id>.<fence>.partial`, NAME cut so that the whole fits NAME_MAX in bytes. */
export function partialName(name: string, transferId: string, fence: number): string {
  const tail = `.${transferId}.${fence}.partial`;
  return `.${cutToBytes(name, nameMaxBytes - 1 - tail.length)}${tail}`;
}

/** What a partial's name says of itself; undefined for any other name. */
export function parsePartialName(name: string): { transferId: string; fence: number } | undefined {
  const match = /^\..*\.([0-9A-HJKMNP-TV-Z]{26})\.(\d+)\.partial$/s.exec(name);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  return { transferId: match[1], fence: Number(match[2]) };
}

/** What decides whether two names collide on a file system that folds case and Unicode forms. */
export function collisionKey(path: string): string {
  return path.normalize('NFC').toLowerCase().normalize('NFC');
}

/** Cuts at a character's edge. */
function cutToBytes(text: string, most: number): string {
  if (!exceedsBytes(text, most)) return text;
  let used = 0;
  let kept = '';
  for (const character of text) {
    used += pathLengthBytes(character);
    if (used > most) break;
    kept += character;
  }
  return kept;
}

/** Length of the valid UTF-8 sequence at `at` (Unicode 15, table 3-7), 0 where there is none. */
function validSequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] ?? 0;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let next = at + 2; next < at + length; next++) {
    const byte = bytes[next] ?? 0;
    if (byte < 0x80 || byte > 0xbf) return 0;
  }
  return length;
}
