// What an error has to tell: the file or place that it is about.

import { basename } from 'node:path';
import { filesBelow } from '../support/trees.ts';

/** True where one of the places, or a file of the source, is named. */
export function namesPlace(words: string, destination: string, source: string): boolean {
  if (words.includes(destination) || words.includes(source)) return true;
  return filesBelow(source).some((path) => words.includes(basename(path)));
}

/** Control characters and characters that turn text around: what a terminal or a log must never be given from a name. */
export function unescaped(words: string): string[] {
  return (words.match(/[\p{Cc}\p{Bidi_Control}]/gu) ?? []).filter((character) => !'\n\r\t'.includes(character));
}
