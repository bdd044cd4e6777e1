// What the script tells of a folder's files: `=N`, N lines of attributes, then N times a name and a symlink's target, each ended by a NUL; at the end `=end 0`.

import { pathFromBytes } from '../../model/names.ts';
import { dockerFault } from './docker-engine.ts';
import { newline, OutputReader } from './output-reader.ts';

export interface ListedRow {
  /** Below the folder that is listed; `/` where not all of it could be looked into. */
  readonly path: string;
  readonly line: string;
  readonly target: string;
}

/** Rejects with `network` where it ends in mid row. */
export async function* readListing(output: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<ListedRow> {
  const reader = new OutputReader(output);
  const needed = async (end: number): Promise<Buffer> => {
    const piece = await reader.upTo(end);
    if (piece === undefined) throw dockerFault('network', name, 'a listing broke off');
    return piece;
  };
  let isEnded = false;
  for (;;) {
    const head = await reader.upTo(newline);
    if (head === undefined) {
      if (!isEnded) throw dockerFault('network', name, 'a listing broke off');
      return;
    }
    if (head.toString('latin1') === '=end 0') {
      isEnded = true;
      continue;
    }
    const count = Number(/^=(\d+)$/.exec(head.toString('latin1'))?.[1]);
    if (!Number.isInteger(count))
      throw dockerFault('unsupported', name, 'its shell is not one that Wherry understands');
    const lines: string[] = [];
    while (lines.length < count) lines.push((await needed(newline)).toString('latin1'));
    for (const line of lines) {
      const path = pathFromBytes(await needed(0));
      const target = pathFromBytes(await needed(0));
      yield { path: path.replace(/^\.\//, ''), line, target };
    }
  }
}
