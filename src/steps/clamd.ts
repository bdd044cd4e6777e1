// Talks to the virus scanner clamd: one command with what it is to look at, and its verdict.

import { createConnection, type Socket } from 'node:net';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

/** clamd(8), INSTREAM: each piece with its length before it, in network byte order; none of them larger than StreamMaxLength. */
export const pieceBytes = 256 * 1024;

export function* piecesOf(bytes: Uint8Array): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += pieceBytes) {
    const piece = bytes.subarray(at, at + pieceBytes);
    const length = Buffer.alloc(4);
    length.writeUInt32BE(piece.length);
    // A copy: the buffer is filled again before the socket has taken all.
    yield Buffer.concat([length, piece]);
  }
}

/** `path` as it is shown. Rejects with `infected`, `step_failed` (larger than it takes), `tool_unavailable` (an answer that is none). */
export function judge(answer: string, path: string, socket: string): void {
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

export type Send = (bytes: Uint8Array) => Promise<void>;

/** One command and its answer, without the NUL. Rejects with `tool_unavailable`, what `body` rejects with, or the signal's reason. */
export async function askClamd(
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
  // Silent is who is waited for and says nothing: not while nobody has anything to give it.
  const attentive = async <Value>(wait: Promise<Value>): Promise<Value> => {
    const silence = away(address, `it was silent for ${quietSeconds} s`);
    const timer = setTimeout(() => broken.reject(silence), quietSeconds * 1000);
    try {
      return await wait;
    } finally {
      clearTimeout(timer);
    }
  };
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
    attentive(
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(away(address, 'it closed the connection', error)) : resolve()));
      }),
    );
  try {
    const talk = send(Buffer.from(command)).then(() => body(send));
    talk.catch(() => undefined);
    // An answer may come before all is sent: that it is too large.
    await Promise.race([talk, answered, broken.promise]);
    return (await attentive(Promise.race([answered, broken.promise]))).trimEnd();
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
