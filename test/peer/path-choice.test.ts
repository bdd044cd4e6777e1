// The choice of the path, over simulated ways of any speed: it ends on the right one, soon, and does not lose much on the way.

import { describe, expect, test } from 'vitest';
import { type ContentPath, PathChoice } from '../../src/peer/path-choice.ts';

type Speeds = Partial<Record<ContentPath, number>>;

interface Simulation {
  readonly choice: PathChoice;
  readonly used: Record<ContentPath, number>;
  readonly path: ContentPath | undefined;
  readonly nowMs: number;
  /** Moves bytes by whatever is chosen; `left` is what the file still has. Stops when it is through, or the time is over. */
  run(ms: number): number;
}

/** Each way has so many bytes a second, and brings its first after `delayMs`. */
function simulate(speeds: Speeds, fileBytes: number, delayMs = 50): Simulation {
  let nowMs = 0;
  let left = fileBytes;
  let sinceMs = 0;
  let path: ContentPath | undefined;
  const choice = new PathChoice('auto', () => nowMs);
  const used: Record<ContentPath, number> = { direct: 0, socket: 0, relay: 0 };
  return {
    choice,
    used,
    get path() {
      return path;
    },
    get nowMs() {
      return nowMs;
    },
    run(ms) {
      const endMs = nowMs + ms;
      for (; nowMs < endMs && left > 0; nowMs += 10) {
        for (const each of ['direct', 'socket', 'relay'] as const)
          choice.setAvailable(each, speeds[each] !== undefined);
        const next = choice.choose(left);
        if (next !== path) sinceMs = nowMs;
        path = next;
        const bytes = path === undefined || nowMs - sinceMs < delayMs ? 0 : (speeds[path] ?? 0) / 100;
        if (path === undefined || bytes === 0) continue;
        used[path] += bytes;
        left -= bytes;
        choice.received(path, bytes);
      }
      return left;
    },
  };
}

const MB = 1_000_000;

describe('auto', () => {
  test('leaves direct for a relay that is several times quicker, and is at least three times as fast for it', () => {
    const sim = simulate({ direct: 25 * MB, relay: 250 * MB, socket: 40 * MB }, 1024 * MB);
    expect(sim.run(1024_000)).toBeLessThanOrEqual(0);
    expect(sim.path).toBe('relay');
    expect(sim.nowMs).toBeLessThan(((1024 * MB) / (25 * MB) / 3) * 1_000);
  });

  test.each([10, 25, 60])('keeps direct where the relay is not several times quicker (%i MB/s)', (relay) => {
    const sim = simulate({ direct: 25 * MB, relay: relay * MB, socket: 10 * MB }, 2_000 * MB);
    sim.run(40_000);
    expect(sim.path).toBe('direct');
    expect(sim.used.direct).toBeGreaterThan(sim.used.relay * 4);
  });

  test('tries the other way within bounds: not long, not often', () => {
    const sim = simulate({ direct: 25 * MB, relay: 20 * MB }, 100_000 * MB);
    sim.run(300_000);
    expect(sim.used.relay).toBeGreaterThan(0);
    expect(sim.used.relay).toBeLessThan(5 * 33 * MB);
    expect(sim.path).toBe('direct');
  });

  test('tries nothing where what is left is soon through', () => {
    const sim = simulate({ direct: 25 * MB, relay: 250 * MB }, 60 * MB);
    sim.run(60_000);
    expect(sim.used.relay).toBe(0);
  });

  test('begins with the socket where nothing else is ready, and leaves it at once for what comes', () => {
    const speeds: Speeds = { socket: 20 * MB };
    const sim = simulate(speeds, 1_000 * MB);
    sim.run(1_000);
    expect(sim.path).toBe('socket');
    speeds.direct = 25 * MB;
    sim.run(100);
    expect(sim.path).toBe('direct');
  });

  test('goes to the relay when direct is gone, and comes back when it is there again', () => {
    const speeds: Speeds = { direct: 25 * MB, relay: 30 * MB };
    const sim = simulate(speeds, 100_000 * MB);
    sim.run(20_000);
    expect(sim.path).toBe('direct');
    delete speeds.direct;
    sim.run(1_000);
    expect(sim.path).toBe('relay');
    speeds.direct = 25 * MB;
    sim.run(20_000);
    expect(sim.path).toBe('direct');
  });

  test('leaves a direct way that stands and brings nothing, within 6 s', () => {
    const speeds: Speeds = { direct: 25 * MB, relay: 5 * MB };
    const sim = simulate(speeds, 100_000 * MB);
    sim.run(20_000);
    speeds.direct = 0;
    sim.run(6_000);
    expect(sim.path).toBe('relay');
  });

  test('leaves a direct way that becomes many times slower than the relay was', () => {
    const speeds: Speeds = { direct: 25 * MB, relay: 30 * MB };
    const sim = simulate(speeds, 100_000 * MB);
    sim.run(10_000);
    speeds.direct = 0.2 * MB;
    sim.run(30_000);
    expect(sim.path).toBe('relay');
  });

  test('does not hang on a relay that takes its trial and gives nothing', () => {
    const sim = simulate({ direct: 25 * MB, relay: 0 }, 100_000 * MB);
    sim.run(60_000);
    expect(sim.path).toBe('direct');
    expect(sim.used.direct).toBeGreaterThan(60 * 25 * MB * 0.7);
  });

  test('leaves a path that was refused alone for a while', () => {
    const sim = simulate({ relay: 30 * MB, socket: 5 * MB }, 100_000 * MB);
    sim.run(1_000);
    expect(sim.path).toBe('relay');
    sim.choice.failed('relay');
    sim.run(5_000);
    expect(sim.path).toBe('socket');
    sim.run(10_000);
    expect(sim.path).toBe('relay');
  });
});

describe('a rule', () => {
  test('`direct` takes nothing else, also where there is no direct way', () => {
    const speeds: Speeds = { relay: 250 * MB, socket: 10 * MB };
    const sim = simulate(speeds, 1_000 * MB);
    sim.choice.setRule('direct');
    sim.run(10_000);
    expect(sim.path).toBeUndefined();
    speeds.direct = MB;
    sim.run(10_000);
    expect(sim.path).toBe('direct');
  });

  test('`relay` takes no direct way, and can be given in mid transfer', () => {
    const sim = simulate({ direct: 25 * MB, relay: MB }, 1_000 * MB);
    sim.run(5_000);
    expect(sim.path).toBe('direct');
    sim.choice.setRule('relay');
    sim.run(100);
    expect(sim.path).toBe('relay');
  });
});
