// Many objects of a bucket side by side: the next are on their way while one is read.

import type { Readable } from 'node:stream';
import { asFault } from '../../model/fault.ts';
import { safeRelativePath } from '../../model/names.ts';
import type { Call, ManyRead } from '../endpoint.ts';
import { streamOf } from './s3-bodies.ts';
import type { S3Objects } from './s3-objects.ts';

const requestsAtOnce = 8;

/** As the contract has it, in the order in which they were asked for. */
export async function* readManyObjects(
  objects: S3Objects,
  paths: readonly string[],
  call: Call | undefined,
): AsyncGenerator<ManyRead> {
  const asked = paths.values();
  const ahead: Promise<Opened>[] = [];
  const more = () => {
    const { value: path, done } = asked.next();
    if (done) return;
    ahead.push(open(objects, path, call));
  };
  for (let at = 0; at < requestsAtOnce; at++) more();
  try {
    for (let next = ahead.shift(); next !== undefined; next = ahead.shift()) {
      const { answer, end } = await next;
      call?.signal?.throwIfAborted();
      yield answer;
      end();
      more();
    }
  } finally {
    for (const opening of ahead) opening.then(({ end }) => end());
  }
}

interface Opened {
  readonly answer: ManyRead;
  /** Whatever nobody read of it is not wanted. */
  end(): void;
}

async function open(objects: S3Objects, path: string, call: Call | undefined): Promise<Opened> {
  try {
    const safe = safeRelativePath(path);
    if (safe === '') throw objects.takenFault(path, 'is the root, not a file');
    const got = await objects.get(safe, 0, undefined, call);
    const body = got?.Body as Readable | undefined;
    if (got === undefined || body === undefined) throw objects.missingFault(path);
    const fault = (error: unknown) => objects.fault(error, 'read', path, call);
    const signal = call?.signal === undefined ? {} : { signal: call.signal };
    const { version: _, ...entry } = objects.fileEntry(safe, got);
    return {
      answer: { path, entry, body: streamOf(body, got.ContentLength, signal, fault) },
      end: () => void body.destroy(),
    };
  } catch (error) {
    return { answer: { path, fault: asFault(error) }, end: () => undefined };
  }
}
