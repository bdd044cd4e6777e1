// Content to and from a connection's thread: pieces change hands without being copied, and no more of them than are wanted.

import { safeRelativePath } from '../../model/names.ts';
import type { Call } from '../endpoint.ts';
import type { FarPlace, ReadingMessage } from './far-call.ts';
import { Inbox } from './inbox.ts';
import { requestsAtOnce } from './requests-at-once.ts';
import type { SshHost } from './ssh-hosts.ts';

/** Resolves once the file is open. */
export async function readFar(
  host: SshHost,
  place: FarPlace,
  input: { readonly path: string; readonly from: number; readonly to?: number },
  call: Call,
): Promise<ReadableStream<Uint8Array>> {
  call.signal?.throwIfAborted();
  const stop = new AbortController();
  const inbox = new Inbox<ReadingMessage>();
  let bytesDone = 0;
  const { output, send } = host.stream('read', place, input, {
    signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
    onMessage: inbox.take,
  });
  inbox.follow(output);
  // The first word is that it is open.
  await inbox.next();
  send({ pieces: requestsAtOnce });
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const message = await inbox.next();
        call.signal?.throwIfAborted();
        if (message === undefined) return controller.close();
        if ('opened' in message) return;
        send({ pieces: 1 });
        bytesDone += message.piece.length;
        call.progress?.(bytesDone);
        controller.enqueue(message.piece);
      },
      async cancel(reason) {
        stop.abort(reason);
        await output.catch(() => undefined);
      },
    },
    { highWaterMark: 0 },
  );
}

const pieceBytes = 255 * 1024;

/** Resolves with the file's size when it is durable. The body is cancelled where the writing fails. */
export async function writeFar(
  host: SshHost,
  place: FarPlace,
  input: { readonly path: string; readonly from: number; readonly within?: boolean },
  body: ReadableStream<Uint8Array>,
  call: Call,
): Promise<number> {
  const reader = body.getReader();
  const stop = new AbortController();
  let failed: { readonly error: unknown } | undefined;
  try {
    call.signal?.throwIfAborted();
    const path = safeRelativePath(input.path);
    let sent = 0;
    let written = 0;
    let moved: () => void = () => undefined;
    const { output, send } = host.stream(
      'write',
      place,
      { ...input, path },
      {
        signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
        onMessage(bytes) {
          written = bytes as number;
          call.progress?.(written);
          moved();
        },
      },
    );
    output.catch((error: unknown) => {
      failed ??= { error };
      moved();
      // A cancelled body answers the read that may be waiting for it.
      reader.cancel(error).catch(() => undefined);
    });
    let piece = new Uint8Array(pieceBytes);
    let filled = 0;
    const flush = async () => {
      if (filled === 0) return;
      const part = filled === pieceBytes ? piece : piece.slice(0, filled);
      send({ piece: part }, [part.buffer]);
      sent += filled;
      filled = 0;
      if (part === piece) piece = new Uint8Array(pieceBytes);
      while (sent - written >= requestsAtOnce * pieceBytes && failed === undefined) {
        await new Promise<void>((resolve) => {
          moved = resolve;
        });
      }
    };
    while (failed === undefined) {
      const { done, value } = await reader.read();
      if (done) break;
      for (let at = 0; at < value.length && failed === undefined; ) {
        const part = value.subarray(at, at + pieceBytes - filled);
        piece.set(part, filled);
        filled += part.length;
        at += part.length;
        // A body that comes in small chunks fills whole pieces, unless the far side has nothing else to do.
        if (filled === pieceBytes || sent === written) await flush();
      }
    }
    await flush();
    send({ end: true });
    const size = await output;
    if (written !== size - input.from) call.progress?.(size - input.from);
    return size;
  } catch (error) {
    failed ??= { error };
    stop.abort(error);
    await reader.cancel(error).catch(() => undefined);
    throw call.signal?.aborted ? call.signal.reason : failed.error;
  }
}
