// The command line's words as bytes: Node reads them as UTF-8 and would lose names that are not.

import { readFileSync } from 'node:fs';
import { pathFromBytes } from '../model/names.ts';

/** The same words; where one held bytes that are not UTF-8 and the kernel still knows them, in the form of model/names.ts. */
export function exactArguments(words: readonly string[]): string[] {
  if (!words.some((word) => word.includes('\ufffd'))) return [...words];
  let bytes: Buffer;
  try {
    bytes = readFileSync('/proc/self/cmdline');
  } catch {
    return [...words];
  }
  const all: string[] = [];
  for (let from = 0; from < bytes.length; ) {
    const end = bytes.indexOf(0, from);
    const stop = end < 0 ? bytes.length : end;
    all.push(pathFromBytes(bytes.subarray(from, stop)));
    from = stop + 1;
  }
  return all.slice(all.length - words.length);
}
