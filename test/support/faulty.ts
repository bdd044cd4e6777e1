// An endpoint that misbehaves on purpose: fails, cuts, stalls, corrupts or lies at byte N.

import type { Call, Endpoint } from '../../src/endpoints/endpoint.ts';
import { Fault, type FaultCode } from '../../src/model/fault.ts';
import type { Entry } from '../../src/model/manifest.ts';

type Method =
  | 'list'
  | 'stat'
  | 'read'
  | 'write'
  | 'remove'
  | 'hash'
  | 'rename'
  | 'makeFolder'
  | 'setMetadata'
  | 'space';

/** One misbehaviour. */
export interface Strike {
  readonly on: Method;
  /**
   * - `fail`: rejects with `code` after byte (of a list: entry) `at`.
   * - `cut`: ends there as if that were all; a write then claims the whole size.
   * - `stall`: nothing more comes until the call is aborted or `release` is called.
   * - `corrupt`: byte `at` has a bit flipped.
   * - `lie`: sizes (list, stat, write) are one too large, hashes and free space wrong.
   */
  readonly how: 'fail' | 'cut' | 'stall' | 'corrupt' | 'lie';
  /** Default is 0. */
  readonly at?: number;
  /** Default is every path. For `rename` the old path, for `list` the prefix. */
  readonly path?: string | RegExp;
  /** How many calls it strikes. Default is 1. */
  readonly times?: number;
  /** Default is `network`. */
  readonly code?: FaultCode;
}

export interface FaultyEndpoint extends Endpoint {
  /** How often each strike of the plan has struck, in its order. */
  readonly struck: readonly number[];
  /** Lets everything that stalls go on. */
  release(): void;
}

/** Wraps an endpoint. It has no `localPath`, so that every byte passes through here. */
export function faulty(inner: Endpoint, plan: Strike | readonly Strike[]): FaultyEndpoint {
  const strikes: readonly Strike[] = Array.isArray(plan) ? plan : [plan as Strike];
  const struck = strikes.map(() => 0);
  let released = Promise.withResolvers<void>();

  const take = (on: Method, path: string): Strike | undefined => {
    const index = strikes.findIndex(
      (strike, at) => strike.on === on && matches(strike.path, path) && (struck[at] ?? 0) < (strike.times ?? 1),
    );
    if (index >= 0) struck[index] = (struck[index] ?? 0) + 1;
    return strikes[index];
  };
  const stall = (signal: AbortSignal | undefined): Promise<void> =>
    Promise.race([
      released.promise,
      new Promise<never>((_, reject) => {
        if (signal?.aborted) reject(signal.reason);
        signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      }),
    ]);
  const failure = (strike: Strike, path: string) =>
    new Fault(strike.code ?? 'network', `${strike.on} of ${path} failed on purpose.`);
  /** For methods that carry no bytes. */
  const before = async (strike: Strike | undefined, path: string, call: Call | undefined) => {
    if (strike?.how === 'fail' || strike?.how === 'cut' || strike?.how === 'corrupt') throw failure(strike, path);
    if (strike?.how === 'stall') await stall(call?.signal);
  };

  /** The bytes as they come out of a strike at byte `at`. */
  const bend = (strike: Strike, path: string, call: Call | undefined) => {
    const at = strike.at ?? 0;
    let seen = 0;
    let done = false;
    return new TransformStream<Uint8Array, Uint8Array>({
      async start(controller) {
        if (at === 0) await strikeNow(controller);
      },
      async transform(chunk, controller) {
        if (done && strike.how === 'cut') return;
        const from = seen;
        seen += chunk.length;
        if (done || seen <= at) {
          controller.enqueue(chunk);
          // What comes right at the end of a chunk must not wait for a next one.
          if (!done && seen === at) await strikeNow(controller);
          return;
        }
        if (strike.how === 'corrupt') {
          const bent = new Uint8Array(chunk);
          bent[at - from] = (bent[at - from] ?? 0) ^ 1;
          done = true;
          controller.enqueue(bent);
          return;
        }
        if (at > from) controller.enqueue(chunk.slice(0, at - from));
        await strikeNow(controller);
        if (strike.how === 'stall') controller.enqueue(chunk.slice(at - from));
      },
    });
    async function strikeNow(controller: TransformStreamDefaultController<Uint8Array>) {
      if (strike.how === 'corrupt') return;
      done = true;
      if (strike.how === 'fail') controller.error(failure(strike, path));
      else if (strike.how === 'stall') await stall(call?.signal);
    }
  };

  const { hash, rename, makeFolder, makeSymlink, setMetadata, space } = inner;
  return {
    name: inner.name,
    traits: inner.traits,
    struck,
    release() {
      released.resolve();
      released = Promise.withResolvers();
    },
    async *list(prefix, call) {
      const strike = take('list', prefix);
      let seen = 0;
      for await (const entry of inner.list(prefix, call)) {
        if (strike !== undefined && seen === (strike.at ?? 0)) {
          if (strike.how === 'fail') throw failure(strike, prefix);
          if (strike.how === 'cut') return;
          if (strike.how === 'stall') await stall(call?.signal);
        }
        seen += 1;
        yield strike?.how === 'lie' ? tooLarge(entry) : entry;
      }
    },
    async stat(path, call) {
      const strike = take('stat', path);
      await before(strike, path, call);
      const entry = await inner.stat(path, call);
      return entry !== undefined && strike?.how === 'lie' ? tooLarge(entry) : entry;
    },
    async read(path, from, call) {
      const strike = take('read', path);
      const body = await inner.read(path, from, call);
      return strike === undefined || strike.how === 'lie' ? body : body.pipeThrough(bend(strike, path, call));
    },
    async write(path, from, body, call) {
      const strike = take('write', path);
      if (strike === undefined) return inner.write(path, from, body, call);
      if (strike.how === 'lie') return (await inner.write(path, from, body, call)) + 1;
      let given = 0;
      const counted = body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller) {
            given += chunk.length;
            controller.enqueue(chunk);
          },
        }),
      );
      const size = await inner.write(path, from, counted.pipeThrough(bend(strike, path, call)), call);
      return strike.how === 'cut' ? from + given : size;
    },
    async remove(path, call) {
      await before(take('remove', path), path, call);
      return inner.remove(path, call);
    },
    close: () => inner.close(),
    ...(hash && {
      async hash(path, algorithm, call) {
        const strike = take('hash', path);
        await before(strike, path, call);
        const value = await hash(path, algorithm, call);
        return strike?.how === 'lie' ? value.replace(/^./, (digit) => (digit === '0' ? '1' : '0')) : value;
      },
    }),
    ...(rename && {
      async rename(from, to, options, call) {
        await before(take('rename', from), from, call);
        return rename(from, to, options, call);
      },
    }),
    ...(makeFolder && {
      async makeFolder(path, call) {
        await before(take('makeFolder', path), path, call);
        return makeFolder(path, call);
      },
    }),
    ...(makeSymlink && { makeSymlink }),
    ...(setMetadata && {
      async setMetadata(path, metadata, call) {
        await before(take('setMetadata', path), path, call);
        return setMetadata(path, metadata, call);
      },
    }),
    ...(space && {
      async space(call) {
        const strike = take('space', '');
        await before(strike, '', call);
        const found = await space(call);
        return strike?.how === 'lie' ? { ...found, freeBytes: 0 } : found;
      },
    }),
  } satisfies FaultyEndpoint;
}

function matches(wanted: string | RegExp | undefined, path: string): boolean {
  if (wanted === undefined) return true;
  return typeof wanted === 'string' ? wanted === path : wanted.test(path);
}

function tooLarge(entry: Entry): Entry {
  return entry.kind === 'file' ? { ...entry, sizeBytes: entry.sizeBytes + 1 } : entry;
}
