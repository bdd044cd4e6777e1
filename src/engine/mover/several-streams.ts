// One large file over several connections: its bytes come, or go, in units side by side, and are one sequence to whoever reads or writes here.

import type { Call, Endpoint } from '../../endpoints/endpoint.ts';
import { asFault } from '../../model/fault.ts';

/** Of this much two for each connection are in memory at most: one that is under way and one that waits for its turn. */
export const unitBytes = 2 * 1024 * 1024;
const unitsAStream = 2;
/** Less than this is not worth more than one. */
const fewestUnits = 4;

/** How many units of so many bytes go at once; 1 where that is not worth it, or the place cannot. */
export function unitsAtOnce(endpoint: Endpoint, way: 'readRange' | 'writeAt', bytes: number): number {
  const { streams = 1 } = endpoint;
  const isWorthIt = streams > 1 && endpoint[way] !== undefined && bytes >= fewestUnits * unitBytes;
  return isWorthIt ? streams * unitsAStream : 1;
}

/** The bytes from `from` to `end`, or to the file's end where that comes before. Rejects as `readRange` does, in its place in the sequence. */
export function readBySeveral(
  source: Endpoint,
  path: string,
  { from, end, atOnce }: { from: number; end: number; atOnce: number },
  call: Call,
): ReadableStream<Uint8Array> {
  const stop = new AbortController();
  const signal = call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]);
  const ahead: Promise<readonly Uint8Array[]>[] = [];
  let next = from;

  const fetchNext = () => {
    if (next >= end) return;
    const at = next;
    const to = Math.min(end, at + unitBytes);
    next = to;
    const unit = fetchUnit(at, to);
    unit.catch(() => undefined);
    ahead.push(unit);
  };
  const fetchUnit = async (at: number, to: number): Promise<readonly Uint8Array[]> => {
    const parts: Uint8Array[] = [];
    let left = to - at;
    for await (const part of (await source.readRange?.(path, at, to, { ...call, signal })) ?? []) {
      left -= part.length;
      parts.push(part);
    }
    // The file is shorter than it was: what lies behind is not asked for.
    if (left > 0) next = end;
    return parts;
  };

  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        while (ahead.length < atOnce && next < end) fetchNext();
        const unit = ahead.shift();
        if (unit === undefined) {
          controller.close();
          return;
        }
        try {
          for (const part of await unit) controller.enqueue(part);
        } catch (error) {
          stop.abort(error);
          throw error;
        }
      },
      cancel(reason) {
        stop.abort(reason);
      },
    },
    { highWaterMark: 0 },
  );
}

/**
 * As `Endpoint.write`. Where it breaks off, what stands behind `from` may have gaps: it has to be read again before it is gone on with.
 * What cannot be written rejects at once.
 */
export async function writeBySeveral(
  destination: Endpoint,
  path: string,
  { from, atOnce }: { from: number; atOnce: number },
  body: ReadableStream<Uint8Array>,
  call: Call,
): Promise<number> {
  const stop = new AbortController();
  const signal = call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]);
  const own: Call = { signal };
  const underWay = new Set<Promise<void>>();
  let failed: unknown;
  let at = from;
  const send = (parts: readonly Uint8Array[], length: number) => {
    const unit = (async () => {
      try {
        await destination.writeAt?.(path, at - length, ReadableStream.from(parts), own);
      } catch (error) {
        failed ??= error;
        stop.abort(error);
      }
    })();
    underWay.add(unit);
    void unit.finally(() => underWay.delete(unit));
  };
  const reader = body.getReader();
  try {
    // Cut there, or made.
    await destination.write(path, from, ReadableStream.from([]), own);
    let parts: Uint8Array[] = [];
    let filled = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (failed !== undefined) throw failed;
      if (value !== undefined) {
        parts.push(value);
        filled += value.length;
        at += value.length;
      }
      if (filled < unitBytes && !done) continue;
      if (filled > 0) send(parts, filled);
      parts = [];
      filled = 0;
      if (done) break;
      while (underWay.size >= atOnce) await Promise.race(underWay);
      call.progress?.(at - from);
    }
    await Promise.all(underWay);
    if (failed !== undefined) throw failed;
    // What the units have written is made durable with the end.
    return await destination.write(path, at, ReadableStream.from([]), own);
  } catch (error) {
    stop.abort(error);
    await reader.cancel(error).catch(() => undefined);
    await Promise.all(underWay);
    throw failed === undefined ? error : asFault(failed);
  }
}
