// How long a live connection may last: no longer than the token or session that opened it, nor than the API.

import type { Clock } from '../model/clock.ts';
import type { Auth } from './auth.ts';
import type { Caller } from './caller.ts';

/** Longest time a timer of Node takes. */
const longestTimerMs = 2 ** 31 - 1;

export interface Lives {
  of(caller: Caller): { readonly signal: AbortSignal; release(): void };
  close(): void;
}

export function openLives(auth: Auth, clock: Clock): Lives {
  const lives = new Map<AbortController, string>();
  const stop = auth.onEnded((callerId) => {
    for (const [life, id] of lives) if (id === callerId) life.abort();
  });
  return {
    of(caller) {
      const life = new AbortController();
      lives.set(life, caller.id);
      const leftMs =
        caller.expiresAt === null ? longestTimerMs : Math.min(longestTimerMs, caller.expiresAt - clock.now());
      const timer = setTimeout(() => life.abort(), Math.max(0, leftMs));
      timer.unref();
      return {
        signal: life.signal,
        release() {
          clearTimeout(timer);
          lives.delete(life);
        },
      };
    },
    close() {
      stop();
      for (const life of lives.keys()) life.abort();
    },
  };
}
