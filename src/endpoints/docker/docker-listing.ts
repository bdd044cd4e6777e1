// What the script tells of a folder's files: `=N`, N lines of attributes, then N times a name and a symlink's target, each ended by a NUL; at the end `=end 0`.

import { pathFromBytes } from '../../model/names.ts';
import { dockerFault } from './docker-engine.ts';

export interface ListedRow {
  /** Below the folder that is listed; `/` where not all of it could be looked into. */
  readonly path: string;
  readonly line: string;
  readonly target: string;
}

const newline = 0x0a;

/** Rejects with `network` where it ends in mid row. */
export async function* readListing(output: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<ListedRow> {
  let buffer: Buffer = Buffer.alloc(0);
  const chunks = output[Symbol.asyncIterator]();
  const upTo = async (end: number): Promise<Buffer | undefined> => {
    for (let seen = 0; ; ) {
      const cut = buffer.indexOf(end, seen);
      if (cut >= 0) {
        const piece = buffer.subarray(0, cut);
        buffer = buffer.subarray(cut + 1);
        return piece;
      }
      seen = buffer.length;
      const { value, done } = await chunks.next();
      if (done === true) return undefined;
      buffer = Buffer.concat([buffer, value]);
    }
  };
  const needed = async (end: number): Promise<Buffer> => {
    const piece = await upTo(end);
    if (piece === undefined) throw dockerFault('network', name, 'a listing broke off');
    return piece;
  };
  let isEnded = false;
  for (;;) {
    const head = await upTo(newline);
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
