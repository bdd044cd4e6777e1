// `Idempotency-Key`: the same request under the same key is carried out once; later ones get the first one's answer.

import { createHash } from 'node:crypto';
import type { Clock } from '../model/clock.ts';
import { Fault } from '../model/fault.ts';
import type { Documents } from './documents.ts';

const collection = 'api.idempotency';
const keptMs = 24 * 3_600_000;

interface KeptAnswer {
  readonly request: string;
  readonly output: unknown;
  readonly at: number;
}

interface Answer {
  readonly output: unknown;
  /** True where it was carried out by an earlier request. */
  readonly replayed: boolean;
}

export interface Idempotency {
  /**
   * Runs `work` unless it ran already. Only success is kept, for 24 hours; a request that failed may be tried again under its key.
   * Rejects with `invalid` where the key stood for another request, and like `work`.
   */
  once(wish: IdempotencyWish, work: (engineKey: string) => Promise<unknown>): Promise<Answer>;
  /** Forgets answers that are too old. */
  sweep(): Promise<void>;
}

export interface IdempotencyWish {
  readonly key: string;
  /** Keys of different callers have nothing to do with each other. */
  readonly callerId: string;
  readonly route: string;
  readonly input: unknown;
}

export function openIdempotency(documents: Documents, clock: Clock): Idempotency {
  const running = new Map<string, { readonly request: string; readonly answer: Promise<Answer> }>();
  return {
    async once({ key, callerId, route, input }, work) {
      if (!/^[\x21-\x7e]{1,255}$/.test(key)) {
        throw new Fault('invalid', 'An Idempotency-Key has 1 to 255 visible ASCII characters without spaces.');
      }
      const name = digest([callerId, route, key]);
      const request = digest(input);
      const first = running.get(name);
      if (first !== undefined) {
        refuseOther(first, request);
        return { output: (await first.answer).output, replayed: true };
      }
      const carryOut = async (): Promise<Answer> => {
        const kept = (await documents.get(collection, name)) as KeptAnswer | undefined;
        if (kept !== undefined && kept.at > clock.now() - keptMs) {
          refuseOther(kept, request);
          return { output: kept.output, replayed: true };
        }
        const output = await work(name);
        await documents.put(collection, name, { request, output, at: clock.now() } satisfies KeptAnswer);
        return { output, replayed: false };
      };
      const answer = carryOut();
      running.set(name, { request, answer });
      try {
        return await answer;
      } finally {
        running.delete(name);
      }
    },
    async sweep() {
      for (const { key, value } of await documents.list(collection)) {
        if ((value as KeptAnswer).at <= clock.now() - keptMs) await documents.remove(collection, key);
      }
    },
  };
}

function refuseOther(kept: { readonly request: string }, request: string): void {
  if (kept.request === request) return;
  throw new Fault('invalid', 'This Idempotency-Key stood for another request before; use a new one.');
}

function digest(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex');
}
