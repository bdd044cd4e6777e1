// What the public conformance suites have in common: checks by name, each on a subject of its own and within a time.

import { systemClock } from './clock.ts';

/** One check for any test runner. */
export interface Check {
  readonly name: string;
  /** Rejects with an Error that says what was done and what should have been done. */
  run(): Promise<void>;
}

/** Each check opens a subject, runs, and disposes of it. `limitMs` is how long one may take; default is 30,000. */
export function checksOf<Subject extends { dispose?(): Promise<void> }>(
  checks: Readonly<Record<string, (subject: Subject) => Promise<void>>>,
  open: () => Promise<Subject>,
  who: string,
  limitMs = 30_000,
): readonly Check[] {
  return Object.entries(checks).map(([name, check]) => ({
    name,
    async run() {
      const subject = await open();
      try {
        await soon(check(subject), who, limitMs);
      } finally {
        await subject.dispose?.();
      }
    },
  }));
}

export function must(holds: boolean, otherwise: string): void {
  if (!holds) throw new Error(otherwise);
}

/** Rejects where it does not come back in time. Default is 3 s, in which whoever is told to stop has to. */
export async function soon<Result>(promise: Promise<Result>, what: string, ms = 3_000): Promise<Result> {
  const over = new AbortController();
  const late = systemClock.sleep(ms, over.signal).then(() => {
    throw new Error(`${what} did not come back within ${ms / 1000} s`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    over.abort();
  }
}
