// What looking at one watched file again and again says of it: empty, unstable, growing, stable. Pure.

/** A look at one file. */
export interface Look {
  readonly at: number;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Device and inode: another number is another file under the old name. */
  readonly identity: string;
  /** Somebody else holds it open for writing; undefined where nobody can tell. */
  readonly writerOpen?: boolean;
  /** Seen to be closed after writing, renamed into the folder, or its done-marker is there: stable at once. */
  readonly finished?: boolean;
}

export interface ObservationSettings {
  readonly stableMs: number;
  readonly emptyMs: number;
  readonly growing: { readonly minSizeBytes: number; readonly idleMs: number };
}

export type Verdict = 'empty' | 'unstable' | 'growing' | 'stable';

export interface Observation {
  readonly verdict: Verdict;
  readonly firstSeenAt: number;
  /** When size, mtime or identity were last seen to differ. */
  readonly changedAt: number;
  readonly last: Look;
  /** Looks at which it had grown. */
  readonly risenLooks: number;
  /** A writer has been seen; only then does "no writer" prove a close (we may not be allowed to see all processes). */
  readonly writerSeen: boolean;
  /** It shrank or was replaced since the look before: what was copied of it is worth nothing. */
  readonly replaced: boolean;
  /** Sizes of the last looks at which it had grown, oldest first; for the growth rate. */
  readonly window: readonly { readonly at: number; readonly sizeBytes: number }[];
}

/** The growth rate is taken over this long. */
export const rateWindowMs = 60_000;

/** Takes in one more look. `before` is undefined at the first. */
export function observe(before: Observation | undefined, look: Look, settings: ObservationSettings): Observation {
  if (before === undefined) {
    const fresh = {
      firstSeenAt: look.at,
      changedAt: look.at,
      last: look,
      risenLooks: 0,
      writerSeen: look.writerOpen === true,
      replaced: false,
      window: [point(look)],
    };
    return { ...fresh, verdict: judge(fresh, look, settings, 'unstable') };
  }
  // The operator may set the clock back: what would lie in the future is taken as just now.
  const changedAt = Math.min(before.changedAt, look.at);
  const replaced = look.identity !== before.last.identity || look.sizeBytes < before.last.sizeBytes;
  const grown = !replaced && look.sizeBytes > before.last.sizeBytes;
  const changed = replaced || grown || look.mtimeMs !== before.last.mtimeMs;
  const next = {
    firstSeenAt: Math.min(before.firstSeenAt, look.at),
    changedAt: changed ? look.at : changedAt,
    last: look,
    risenLooks: replaced ? 0 : grown ? before.risenLooks + 1 : before.risenLooks,
    writerSeen: (!replaced && before.writerSeen) || look.writerOpen === true,
    replaced,
    window: replaced ? [point(look)] : grown ? trimmed([...before.window, point(look)], look.at) : before.window,
  };
  return { ...next, verdict: judge(next, look, settings, replaced ? 'unstable' : before.verdict) };
}

function judge(
  seen: Omit<Observation, 'verdict'>,
  look: Look,
  settings: ObservationSettings,
  before: Verdict,
): Verdict {
  const quietMs = look.at - seen.changedAt;
  if (look.sizeBytes === 0 && !look.finished) {
    return quietMs >= settings.emptyMs && look.writerOpen !== true ? 'stable' : 'empty';
  }
  if (look.finished) return 'stable';
  if (before === 'growing') {
    if (look.writerOpen === true) return 'growing';
    // A close that was seen ends the growth; where nobody can tell, silence has to.
    const closed = look.writerOpen === false && seen.writerSeen;
    return closed || quietMs >= settings.growing.idleMs ? 'stable' : 'growing';
  }
  if (seen.risenLooks >= 1 && quietMs === 0 && look.sizeBytes >= settings.growing.minSizeBytes) return 'growing';
  if (look.writerOpen === true)
    return look.sizeBytes >= settings.growing.minSizeBytes && seen.risenLooks >= 1 ? 'growing' : 'unstable';
  return quietMs >= settings.stableMs ? 'stable' : 'unstable';
}

/** Bytes a second over the window; null before it has grown twice. */
export function growthRate(seen: Observation): number | null {
  const first = seen.window[0];
  const last = seen.window.at(-1);
  if (first === undefined || last === undefined || last.at <= first.at) return null;
  return ((last.sizeBytes - first.sizeBytes) / (last.at - first.at)) * 1000;
}

function point(look: Look): { at: number; sizeBytes: number } {
  return { at: look.at, sizeBytes: look.sizeBytes };
}

function trimmed(
  window: readonly { at: number; sizeBytes: number }[],
  now: number,
): { at: number; sizeBytes: number }[] {
  return window.filter((one) => one.at >= now - rateWindowMs && one.at <= now);
}
