// Many files of a container by one program there: each with its attributes before it, names of any bytes, nothing followed.

import type { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import type { ManyRead } from '../endpoint.ts';
import { orAborted } from './container-shell.ts';
import { dockerFault } from './docker-engine.ts';
import type { Exchange } from './docker-exchange.ts';
import { newline, OutputReader } from './output-reader.ts';

export interface ManyParts {
  /** The place's, for messages. */
  readonly name: string;
  readonly signal: AbortSignal | undefined;
  /** A path as a word for the script. */
  readonly word: (path: string) => string;
  readonly entry: (path: string, attributes: string) => Entry;
  /** What an `err CODE` means. */
  readonly fault: (end: string, path: string) => Fault;
}

/** As the contract has it. Rejects with `network` where a file became longer or shorter while it was read: nothing after it can be told apart. */
export async function* readManyOf(
  running: Exchange,
  paths: readonly string[],
  { name, signal, word, entry, fault }: ManyParts,
): AsyncGenerator<ManyRead> {
  const reader = new OutputReader(running.output);
  const broken = () => dockerFault('network', name, 'the files that it sent broke off, or one changed meanwhile');
  running.say(paths.map((path, at) => `${at} ${word(path)}\n`).join(''));
  try {
    for (const [at, path] of paths.entries()) {
      const line = (await orAborted(reader.upTo(newline), signal))?.toString('latin1') ?? '';
      const match = /^=(\d+) (.*)$/.exec(line);
      const answer = match?.[2];
      if (answer === undefined || Number(match?.[1]) !== at) throw broken();
      if (answer.startsWith('err')) {
        yield { path, fault: fault(answer, path) };
        continue;
      }
      const file = entry(path, answer);
      let left = file.sizeBytes;
      const body = async function* () {
        for await (const piece of reader.bytes(left)) {
          signal?.throwIfAborted();
          left -= piece.length;
          yield piece;
        }
        if (left > 0) throw broken();
      };
      yield { path, entry: file, body: body() };
      // What nobody read of it lies before the next.
      for await (const piece of reader.bytes(left)) left -= piece.length;
      if (left > 0 || (await orAborted(reader.upTo(newline), signal))?.length !== 0) throw broken();
    }
    await running.finished();
  } finally {
    running.stop();
  }
}
