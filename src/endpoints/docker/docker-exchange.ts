// A program of the script's that does one thing: bytes in or out, and beside them what it says of how it went.

import type { Readable } from 'node:stream';
import type { Fault } from '../../model/fault.ts';
import type { Call } from '../endpoint.ts';
import { orAborted } from './container-shell.ts';
import { type DockerEngine, dockerFault } from './docker-engine.ts';

/** How long an aborted writing is given to put what it has into the file. */
const settleMs = 500;

export interface ExchangeOptions {
  readonly name: string;
  readonly takesInput: boolean;
  readonly signal: AbortSignal | undefined;
  /** What an `err CODE` means. */
  readonly fault: (end: string) => Fault;
}

export interface Exchange {
  readonly output: Readable;
  /** What it said, without the `=`; rejects where it ended without a last word. */
  finished(): Promise<readonly string[]>;
  /** Its output, which fails where it is not whole. */
  stream(call: Call | undefined): ReadableStream<Uint8Array>;
  /** Writes `first` and the rest of the body and resolves with the file's size. Rejects as the body does. */
  send(first: Uint8Array, body: ReadableStreamDefaultReader<Uint8Array>, call: Call | undefined): Promise<number>;
  /** All that it is to read. */
  say(text: string): void;
  stop(): void;
}

/** Resolves once the program has begun; rejects with what it says instead. */
export async function openExchange(
  engine: DockerEngine,
  command: readonly string[],
  { name, takesInput, signal, fault }: ExchangeOptions,
): Promise<Exchange> {
  const { input, output, errors } = await orAborted(engine.run(command, { takesInput, name }), signal);
  const notes: string[] = [];
  const begun = Promise.withResolvers<void>();
  const over = Promise.withResolvers<readonly string[]>();
  over.promise.catch(() => undefined);
  begun.promise.catch(() => undefined);
  let rest = '';
  const fail = (error: unknown) => {
    begun.reject(error);
    over.reject(error);
  };
  errors.setEncoding('latin1');
  errors.on('data', (text: string) => {
    rest += text;
    for (let cut = rest.indexOf('\n'); cut >= 0; cut = rest.indexOf('\n')) {
      const line = rest.slice(0, cut);
      rest = rest.slice(cut + 1);
      // Anything else is the shell's own complaint.
      if (!line.startsWith('=')) continue;
      const note = line.slice(1);
      notes.push(note);
      if (note.startsWith('err')) fail(fault(note));
      else begun.resolve();
      if (note.startsWith('ok')) over.resolve(notes);
    }
  });
  errors.on('end', () => {
    if (notes.at(-1)?.startsWith('ok')) return;
    engine.whyEnded(name).then(fail, fail);
  });
  const stop = () => {
    input.end();
    input.destroy();
    output.resume();
  };
  const finished = () => orAborted(over.promise, signal);
  const exchange: Exchange = {
    output,
    finished,
    say: (text) => void input.end(text),
    stop,
    stream(call) {
      const chunks = output[Symbol.asyncIterator]() as AsyncIterator<Uint8Array>;
      let done = 0;
      const aborted = () => void output.destroy();
      signal?.addEventListener('abort', aborted, { once: true });
      const end = () => {
        signal?.removeEventListener('abort', aborted);
        stop();
      };
      return new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            try {
              const { value } = await orAborted(chunks.next(), signal);
              if (value !== undefined) {
                done += value.length;
                call?.progress?.(done);
                controller.enqueue(value);
                return;
              }
              await finished();
              end();
              controller.close();
            } catch (error) {
              end();
              controller.error(signal?.aborted ? signal.reason : error);
            }
          },
          cancel: end,
        },
        { highWaterMark: 0 },
      );
    },
    async send(first, body, call) {
      let done = 0;
      let next: Uint8Array | undefined = first;
      // A container that goes away says nothing: its end is as good as a failed write.
      const lost = over.promise.then(() => new Promise<never>(() => undefined));
      try {
        for (;;) {
          const value = next ?? (await orAborted(Promise.race([body.read(), lost]), signal)).value;
          next = undefined;
          if (value === undefined) break;
          if (!input.write(value)) await orAborted(Promise.race([drained(input), lost]), signal);
          done += value.length;
          call?.progress?.(done);
          signal?.throwIfAborted();
        }
        input.end();
        const said = await finished();
        const size = Number(/^ok (\d+)$/.exec(said.at(-1) ?? '')?.[1]);
        if (!Number.isInteger(size)) throw dockerFault('network', name, 'it does not say what it has written');
        return size;
      } catch (error) {
        input.end();
        // What was given is then in the file, and nothing comes later that could meet a next attempt.
        await Promise.race([over.promise.catch(() => undefined), after(settleMs)]);
        throw error;
      } finally {
        stop();
      }
    },
  };
  try {
    await orAborted(begun.promise, signal);
    return exchange;
  } catch (error) {
    stop();
    throw error;
  }
}

function drained(stream: NodeJS.WritableStream): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      stream.off('drain', done);
      stream.off('close', done);
      resolve();
    };
    stream.once('drain', done);
    stream.once('close', done);
  });
}

function after(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
