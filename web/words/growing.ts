// What is said of a file that still grows.

import type { GrowingHead } from '../live/row-figures.ts';
import { size, speed } from './amounts.ts';

/** `16.0 MB behind the writer, who writes 50.0 MB/s`. */
export function behindWords(head: GrowingHead): string {
  const behind = `${size(head.behindBytes)} behind the writer`;
  return head.bytesPerSecond === null ? behind : `${behind}, who writes ${speed(head.bytesPerSecond)}`;
}
