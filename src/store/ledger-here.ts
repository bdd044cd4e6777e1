// A ledger that is answered in the calling thread at first, and by a thread of its own once there is much to ask.

import { asFault } from '../model/fault.ts';
import { openLedgerDesk } from './ledger-desk.ts';
import type { Request } from './ledger-messages.ts';
import { type LedgerThread, startLedgerThread } from './ledger-thread.ts';

/** A copy of a file or two asks less than this. */
const askedHere = 40;
/** Whoever is there for longer than this can have a thread too. */
const hereMs = 1000;

/** For a process that may be over before a thread has started. Throws `data_in_use` or `ledger`. */
export function openLedgerHere(folder: string, nowMs: number): LedgerThread {
  const desk = openLedgerDesk({ role: 'writer', folder, nowMs });
  const ending = new AbortController();
  let asked = 0;
  let thread: LedgerThread | undefined;
  /** From the moment on from which nothing is answered here; null where it is here that everything stays. */
  let moving: Promise<LedgerThread | null> | undefined;
  let starting: Promise<void> | undefined;

  async function move(): Promise<void> {
    const opened = Promise.withResolvers<LedgerThread | null>();
    const loaded = () => {
      moving = opened.promise;
    };
    try {
      const setup = { role: 'writer', folder, nowMs, isLocked: true, waits: true } as const;
      thread = await startLedgerThread(setup, { loaded, signal: ending.signal });
      desk.yieldToOther();
      opened.resolve(thread);
    } catch {
      opened.resolve(null);
    }
  }

  function answerHere(request: Request): Promise<unknown> {
    asked += 1;
    if (request.kind === 'close') {
      clearTimeout(late);
      ending.abort();
    } else if (asked > askedHere) starting ??= move();
    try {
      return Promise.resolve(desk.answer(request));
    } catch (error) {
      return Promise.reject(asFault(error));
    }
  }

  const late = setTimeout(() => {
    starting ??= move();
  }, hereMs).unref();

  return {
    ledgerId: desk.ledgerId,
    foldedPacks: desk.foldedPacks,
    get busyForMs() {
      return thread?.busyForMs ?? 0;
    },
    ask: (request) =>
      moving?.then((moved) => (moved === null ? answerHere(request) : moved.ask(request))) ?? answerHere(request),
    end: async () => {
      clearTimeout(late);
      ending.abort();
      await starting;
      await thread?.end();
      desk.unlock();
    },
  };
}
