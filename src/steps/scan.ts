// Step `scan`: has clamd look at the original. Without a verdict nothing goes on: a scanner that is away is waited for.

import { createConnection, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { LocalFile } from '../model/processing.ts';
import { contentOf } from './checksum.ts';
import type { Step } from './step.ts';

const params = z.object({
  socket: z.string().min(1).default('/run/clamav/clamd.ctl').describe('Where clamd listens: a path, or HOST:PORT'),
  quietSeconds: z
    .number()
    .min(1)
    .max(86_400)
    .default(300)
    .describe('A scanner that says and takes nothing for so long counts as away'),
});

export const scan: Step<z.output<typeof params>> = {
  kind: 'scan',
  about: 'Has the virus scanner clamd look at the original',
  params,
  async run(file, _output, { socket, quietSeconds }, call) {
    const version = await ask(socket, quietSeconds, call.signal, async () => undefined, 'zVERSION\0');
    const stream = async (pauseFrom: number) => {
      let sent = 0;
      const body = async (send: Send) => {
        for await (const bytes of contentOf(file, call)) {
          for (const piece of piecesOf(bytes)) {
            await send(piece);
            sent += piece.length;
            if (sent > pauseFrom) await sleep(pauseMs, undefined, { signal: call.signal });
          }
        }
        await send(Buffer.alloc(4));
      };
      try {
        return { answer: await ask(socket, quietSeconds, call.signal, body, 'zINSTREAM\0') };
      } catch (fault) {
        if (sent === 0 || call.signal.aborted) throw call.signal.reason ?? fault;
        return { fault, sent };
      }
    };
    // Where it breaks off in mid stream it has probably said that the file is too large; slowly, there is time to hear that.
    let end = await stream(Number.POSITIVE_INFINITY);
    if (end.answer === undefined) end = await stream(end.sent - hearingBytes);
    if (end.answer === undefined) throw end.fault;
    const { answer } = end;
    judge(answer, file, socket);
    const tool = { name: 'clamd', version, parameters: ['INSTREAM'] };
    return { produced: [], facts: { scan: { verdict: 'clean', scanner: version } }, tool };
  },
};

/** clamd(8), INSTREAM: each piece with its length before it, in network byte order; none of them larger than StreamMaxLength. */
const pieceBytes = 256 * 1024;

function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(piece.length);
    // A copy: the buffer is filled again before the socket has taken all.
    yield Buffer.concat([length, piece]);
  }
}

const hearingBytes = 16 * pieceBytes;
const pauseMs = 50;

function judge(answer: string, file: LocalFile, socket: string): void {
  const path = file.shownAs ?? displayPath(file.path);
  if (answer === 'stream: OK') return;
  const found = /^stream: (.+) FOUND$/.exec(answer)?.[1];
  if (found !== undefined) {
    throw new Fault('infected', `clamd found ${displayPath(found)} in ${path}; it goes no further.`, {
      place: { path },
    });
  }
  if (/size limit exceeded/i.test(answer)) {
    throw new Fault(
      'step_failed',
      `${path} is larger than clamd takes, and goes no further unscanned. Raise StreamMaxLength in clamd.conf.`,
      { place: { path } },
    );
  }
  const said = answer === '' ? 'nothing' : displayPath(answer).slice(0, 200);
  throw away(socket, `it answered ${said} about ${path}`);
}

type Send = (bytes: Uint8Array) => Promise<void>;

/** One command and its answer, without the NUL. Rejects with `tool_unavailable`, what `body` rejects with, or the signal's reason. */
async function ask(
  address: string,
  quietSeconds: number,
  signal: AbortSignal,
  body: (send: Send) => Promise<void>,
  command: string,
): Promise<string> {
  signal.throwIfAborted();
  const host = /^([^/]+):(\d+)$/.exec(address);
  const socket: Socket =
    host === null ? createConnection({ path: address }) : createConnection({ host: host[1], port: Number(host[2]) });
  const broken = Promise.withResolvers<never>();
  broken.promise.catch(() => undefined);
  const stop = () => broken.reject(signal.reason);
  signal.addEventListener('abort', stop, { once: true });
  socket.setTimeout(quietSeconds * 1000, () => broken.reject(away(address, `it was silent for ${quietSeconds} s`)));
  let answer = '';
  const answered = new Promise<string>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString('utf8');
      if (answer.includes('\0') || answer.length > 4_096) resolve(answer.split('\0')[0] ?? '');
    });
    socket.on('close', () =>
      answer === '' ? broken.reject(away(address, 'it closed the connection')) : resolve(answer),
    );
  });
  socket.on('error', (error: NodeJS.ErrnoException) => {
    // It may have said why before it closed.
    if (answer === '') broken.reject(away(address, error.code ?? error.message, error));
  });
  const send: Send = (bytes) =>
    new Promise((resolve, reject) => {
      socket.write(bytes, (error) => (error ? reject(away(address, 'it closed the connection', error)) : resolve()));
    });
  try {
    const talk = send(Buffer.from(command)).then(() => body(send));
    talk.catch(() => undefined);
    // An answer may come before all is sent: that it is too large.
    await Promise.race([talk, answered, broken.promise]);
    return (await Promise.race([answered, broken.promise])).trimEnd();
  } finally {
    signal.removeEventListener('abort', stop);
    socket.destroy();
  }
}

function away(address: string, why: string, cause?: unknown): Fault {
  return new Fault(
    'tool_unavailable',
    `The virus scanner clamd at ${displayPath(address)} does not answer (${why}). Start it, or install clamav-daemon.`,
    { cause },
  );
}
