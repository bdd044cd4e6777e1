// The relay beside a plain upload: a file from one process through the server to another, in turn with the same bytes put into a file there.

import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { join } from 'node:path';
import { wireBytes } from '../../src/engine/relay/relay-gate.ts';
import { median, type Sheet } from '../race.ts';
import { diskStage } from '../stage.ts';
import type { Ask } from './server.ts';

const leastShare = 0.7;
const mostLagSeconds = 2;
const perTransferBytes = 10e6;

/** `bytes` of content; a warm-up round that is not counted, then `rounds`. */
export async function relay(bytes: number, rounds: number): Promise<Sheet> {
  const stage = diskStage(4 * bytes);
  const server = await child('server.ts', [stage.folder]);
  const receiver = await child('receiver.ts');
  const ask = async <Answer>(question: Ask): Promise<Answer> => await say<Answer>(server, question);
  const plain: number[] = [];
  const relayed: number[] = [];
  const lags: number[] = [];
  const grown: number[] = [];
  try {
    for (let round = -1; round < rounds; round++) {
      const id = `round-${round}`;
      const { url, path } = await ask<{ url: string; path: string }>({ begin: id, sizeBytes: bytes });
      const type = { 'content-type': 'application/octet-stream' };
      const plainSeconds = await upload(`${url}/plain`, 'PUT', bytes, type);
      const { ownBytes: before } = await ask<{ ownBytes: number }>({ memory: true });
      const sizeBytes = wireBytes(bytes);
      await say(receiver, { url, path, sizeBytes });
      const done = once(receiver, 'message');
      const headers = {
        authorization: 'Bearer token-anna',
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      };
      const seconds = await upload(url + path, 'PATCH', sizeBytes, headers);
      const sentAt = Date.now();
      const [{ doneAt }] = (await done) as [{ doneAt: number }];
      const { ownBytes: after } = await ask<{ ownBytes: number }>({ memory: true });
      await ask({ end: id });
      if (round < 0) continue;
      plain.push(plainSeconds);
      relayed.push(Math.max(seconds, seconds + (doneAt - sentAt) / 1000));
      lags.push(Math.max(0, doneAt - sentAt) / 1000);
      grown.push(after - before);
    }
  } finally {
    receiver.kill();
    server.send({ close: true } satisfies Ask);
    await once(server, 'exit');
    stage.close();
  }
  const speed = (seconds: readonly number[]) => (bytes / 1e6 / median(seconds)).toFixed(0);
  const spread = (seconds: readonly number[]) =>
    `${Math.min(...seconds).toFixed(2)}–${Math.max(...seconds).toFixed(2)}`;
  const share = median(plain) / median(relayed);
  return {
    title: `The relay of rooms: ${(bytes / 2 ** 30).toFixed(2)} GiB from sender to receiver beside a plain upload into a file`,
    table: [
      '| | median s | min–max s | MB/s |',
      '| --- | --- | --- | --- |',
      `| relay, until the receiver has all | ${median(relayed).toFixed(2)} | ${spread(relayed)} | ${speed(relayed)} |`,
      `| plain PUT to the same server | ${median(plain).toFixed(2)} | ${spread(plain)} | ${speed(plain)} |`,
    ].join('\n'),
    goals: [
      {
        what: 'Speed of the relay over that of a plain upload alone',
        goal: `≥ ${leastShare}`,
        seen: share.toFixed(2),
        met: share >= leastShare,
      },
      {
        what: 'The receiver is through after the sender',
        goal: `≤ ${mostLagSeconds} s`,
        seen: `${Math.max(...lags).toFixed(2)} s`,
        met: Math.max(...lags) <= mostLagSeconds,
      },
      {
        what: 'Memory of the server after a transfer more than before',
        goal: '< 10 MB',
        seen: `${(median(grown) / 1e6).toFixed(1)} MB`,
        met: median(grown) < perTransferBytes,
      },
    ],
  };
}

async function child(script: string, args: readonly string[] = []): Promise<ChildProcess> {
  const process = fork(join(import.meta.dirname, script), args);
  await once(process, 'message');
  return process;
}

async function say<Answer>(to: ChildProcess, words: object): Promise<Answer> {
  const answer = once(to, 'message');
  to.send(words);
  return (await answer)[0] as Answer;
}

/** Resolves with the seconds until the answer. */
function upload(url: string, method: string, bytes: number, headers: Record<string, string>): Promise<number> {
  const begun = performance.now();
  const piece = Buffer.alloc(2 ** 18, 7);
  return new Promise((resolve, reject) => {
    const sending = request(url, { method, headers: { ...headers, 'content-length': String(bytes) } }, (answer) => {
      answer.resume().on('end', () => {
        if (answer.statusCode === 204) resolve((performance.now() - begun) / 1000);
        else reject(new Error(`${method} was answered by ${answer.statusCode}`));
      });
    });
    sending.on('error', reject);
    let sent = 0;
    const more = () => {
      while (sent < bytes) {
        const next = piece.subarray(0, Math.min(piece.length, bytes - sent));
        sent += next.length;
        if (sending.write(next)) continue;
        sending.once('drain', more);
        return;
      }
      sending.end();
    };
    more();
  });
}
