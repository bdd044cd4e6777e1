// Step `scan`: has clamd look at the original. Without a verdict nothing goes on: a scanner that is away is waited for.

import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { displayPath } from '../model/names.ts';
import { contentOf } from './checksum.ts';
import { askClamd, judge, pieceBytes, piecesOf, type Send } from './clamd.ts';
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
    const version = await askClamd(socket, quietSeconds, call.signal, async () => undefined, 'zVERSION\0');
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
        return { answer: await askClamd(socket, quietSeconds, call.signal, body, 'zINSTREAM\0') };
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
    judge(answer, file.shownAs ?? displayPath(file.path), socket);
    const tool = { name: 'clamd', version, parameters: ['INSTREAM'] };
    return { produced: [], facts: { scan: { verdict: 'clean', scanner: version } }, tool };
  },
};

const hearingBytes = 16 * pieceBytes;
const pauseMs = 50;
