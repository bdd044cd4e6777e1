// The pure rules: retry, bandwidth, selection, progress, and how rows become work.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatRate, nextChangeAt, parseBandwidth, rateAt } from '../../src/engine/bandwidth-plan.ts';
import { gather } from '../../src/engine/gather.ts';
import { createRateWindow, createThrottle, estimate } from '../../src/engine/progress.ts';
import { backoffMs, decide, defaultRetryRules, oneShotRetryRules } from '../../src/engine/retry.ts';
import { createSelection } from '../../src/engine/selection.ts';
import { Fault, faultCodes, faultTable } from '../../src/model/fault.ts';
import type { Transfer } from '../../src/model/transfer.ts';

const hourMs = 3_600_000;

describe('retry', () => {
  const fault = (code: ConstructorParameters<typeof Fault>[0]) => new Fault(code, 'x');
  const decided = (code: ConstructorParameters<typeof Fault>[0], attempts = 1, now = 0, rules = defaultRetryRules) =>
    decide(fault(code), { attempts, firstQueuedAt: 0 }, now, 0.5, rules);

  it('waits 2, 4, 8 … seconds and at most 60', () => {
    expect([1, 2, 3, 4, 5, 6, 7, 100].map((attempts) => backoffMs(attempts, 0.5, defaultRetryRules))).toEqual([
      2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000,
    ]);
  });

  it('keeps jitter within its part and under the cap', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.double({ min: 0, max: 0.999, noNaN: true }),
        (attempts, random) => {
          const delay = backoffMs(attempts, random, defaultRetryRules);
          expect(delay).toBeGreaterThanOrEqual(1_600);
          expect(delay).toBeLessThanOrEqual(60_000);
        },
      ),
    );
  });

  it('decides by class for every code', () => {
    for (const code of faultCodes) {
      const decision = decided(code);
      const { retry } = faultTable[code];
      if (retry === 'none') expect(decision).toEqual({ kind: 'fail' });
      else if (code === 'unreachable') expect(decision).toMatchObject({ kind: 'wait', reason: 'network' });
      else expect(decision).toMatchObject({ kind: 'wait', reason: retry === 'transient' ? 'backoff' : retry });
    }
  });

  it('gives up after 500 attempts or seven days', () => {
    expect(decided('network', 499).kind).toBe('wait');
    expect(decided('network', 500).kind).toBe('fail');
    expect(decided('network', 2, 7 * 24 * hourMs - 10_000).kind).toBe('wait');
    expect(decided('network', 2, 7 * 24 * hourMs).kind).toBe('fail');
    expect(decided('space', 5_000, 30 * 24 * hourMs).kind).toBe('wait');
  });

  it('looks at a place less and less often while nobody mends it', () => {
    const untilAfter = (waitedMs: number) => {
      const decision = decided('permission', 1, waitedMs);
      return decision.kind === 'wait' ? decision.until - waitedMs : undefined;
    };
    expect([0, 60_000, 240_000, 10 * hourMs].map(untilAfter)).toEqual([30_000, 30_000, 60_000, 600_000]);
  });

  it('never waits for somebody to mend a place in a one-shot command', () => {
    expect(decided('permission', 1, 0, oneShotRetryRules).kind).toBe('fail');
    expect(decided('space', 1, 0, oneShotRetryRules).kind).toBe('fail');
    expect(decided('unreachable', 1, 0, oneShotRetryRules)).toMatchObject({ kind: 'wait', reason: 'backoff' });
    expect(decided('network', 5, 0, oneShotRetryRules).kind).toBe('fail');
  });
});

describe('bandwidth', () => {
  const at = (text: string) => new Date(text).getTime();
  const rate = (text: string) => rateAt(parseBandwidth(text), 0);

  it('reads rates', () => {
    expect([
      rate('2M'),
      rate('512k'),
      rate('1.5MiB'),
      rate('10MB'),
      rate('100'),
      rate('100B'),
      rate('off'),
      rate('1G/s'),
    ]).toEqual([2 * 1024 ** 2, 512 * 1024, 1.5 * 1024 ** 2, 10_000_000, 100 * 1024, 100, null, 1024 ** 3]);
  });

  it('follows a timetable around midnight', () => {
    const plan = parseBandwidth('08:00,2M 19:00,off');
    expect(rateAt(plan, at('2026-03-04T07:59:00'))).toBeNull();
    expect(rateAt(plan, at('2026-03-04T08:00:00'))).toBe(2 * 1024 ** 2);
    expect(rateAt(plan, at('2026-03-04T18:59:59'))).toBe(2 * 1024 ** 2);
    expect(rateAt(plan, at('2026-03-04T19:00:00'))).toBeNull();
    expect(nextChangeAt(plan, at('2026-03-04T20:30:20'))).toBe(at('2026-03-05T08:00:00'));
    expect(nextChangeAt(parseBandwidth('2M'), 0)).toBeUndefined();
  });

  it('knows days of the week', () => {
    const plan = parseBandwidth('Mon-08:00,1M Sat-00:00,off');
    expect(rateAt(plan, at('2026-03-04T12:00:00'))).toBe(1024 ** 2);
    expect(rateAt(plan, at('2026-03-07T12:00:00'))).toBeNull();
    expect(rateAt(plan, at('2026-03-08T12:00:00'))).toBeNull();
    expect(rateAt(plan, at('2026-03-09T07:00:00'))).toBeNull();
  });

  it('refuses what is no rate, and says what', () => {
    for (const text of ['', 'fast', '08:00', '25:00,1M', '08:00,1M 9,2M', 'Xyz-08:00,1M', '-1M', '10M:1M']) {
      expect(() => parseBandwidth(text), text).toThrow(/cannot be read/);
    }
  });

  it('writes rates for people', () => {
    expect([formatRate(2_000_000), formatRate(2 * 1024 ** 2), formatRate(500), formatRate(12_345_678)]).toEqual([
      '2 MB/s',
      '2.1 MB/s',
      '500 B/s',
      '12 MB/s',
    ]);
  });
});

describe('selection', () => {
  const takes = (include: string[], exclude: string[], path: string) => createSelection(include, exclude).takes(path);

  it('takes all, only what is included, or all but what is excluded', () => {
    expect(takes([], [], 'a/b.txt')).toBe(true);
    expect(takes(['*.mxf'], [], 'a/b.mxf')).toBe(true);
    expect(takes(['*.mxf'], [], 'a/b.txt')).toBe(false);
    expect(takes([], ['*.tmp'], 'a/b.tmp')).toBe(false);
    expect(takes([], ['*.tmp'], 'a/b.txt')).toBe(true);
  });

  it('lets include win over exclude', () => {
    expect(takes(['keep.tmp'], ['*.tmp'], 'x/keep.tmp')).toBe(true);
    expect(takes(['keep.tmp'], ['*.tmp'], 'x/other.tmp')).toBe(false);
    expect(takes(['keep.tmp'], ['*.tmp'], 'x/other.txt')).toBe(true);
  });

  it('takes folders out with all below them, hidden ones too', () => {
    for (const glob of ['node_modules', 'node_modules/', 'node_modules/**', '**/node_modules']) {
      expect(takes([], [glob], 'node_modules/a/b.js'), glob).toBe(false);
    }
    expect(takes([], ['node_modules'], 'src/node_modules/x')).toBe(false);
    expect(takes([], ['/build'], 'src/build/x')).toBe(true);
    expect(takes([], ['.git'], 'a/.git/config')).toBe(false);
    expect(createSelection([], ['node_modules']).enters('a/node_modules')).toBe(false);
    expect(createSelection(['*.js'], ['node_modules']).enters('a/node_modules')).toBe(true);
  });

  it('never takes unfinished copies', () => {
    expect(takes(['**'], [], 'a/.b.mov.01ARZ3NDEKTSV4RRFFQ69G5FAV.3.partial')).toBe(false);
    expect(takes([], [], 'a/.b.partial')).toBe(true);
    expect(takes(['**'], [], 'a/.wherry-events-00ff00ff00ff')).toBe(false);
    expect(takes(['**'], [], 'a/.wherry-probe-01ARZ3NDEKTSV4RRFFQ69G5FAV')).toBe(false);
    expect(takes([], [], 'a/.wherry-probe-01')).toBe(true);
  });
});

describe('progress', () => {
  it('is told each second, each five points, and at the end', () => {
    const throttle = createThrottle();
    expect(throttle.due(0, 100, 0)).toBe(true);
    expect(throttle.due(4, 100, 500)).toBe(false);
    expect(throttle.due(5, 100, 600)).toBe(true);
    expect(throttle.due(6, 100, 1_500)).toBe(false);
    expect(throttle.due(6, 100, 1_600)).toBe(true);
    expect(throttle.due(100, 100, 1_601)).toBe(true);
    expect(throttle.due(100, 100, 1_602)).toBe(false);
  });

  it('gives the rate of the last ten seconds', () => {
    const rate = createRateWindow();
    for (let second = 0; second <= 20; second++) rate.set(second < 10 ? 0 : (second - 10) * 1_000, second * 1_000);
    expect(rate.perSecond(20_000)).toBeCloseTo(1_000);
    expect(rate.perSecond(25_000)).toBeLessThan(700);
    rate.set(0, 26_000);
    expect(rate.perSecond(26_000)).toBe(0);
  });

  it('estimates a range that holds the plain estimate, with its cause', () => {
    const eta = estimate({
      leftBytes: 1_000,
      perSecond: 10,
      spread: { slowest: 5, fastest: 20 },
      cause: 'x',
      openEnded: false,
    });
    expect(eta).toEqual({ fromSeconds: 50, toSeconds: 200, cause: 'x' });
    expect(estimate({ leftBytes: null, perSecond: 10, spread: null, cause: 'y', openEnded: true })).toEqual({
      fromSeconds: null,
      toSeconds: null,
      cause: 'y',
    });
    expect(estimate({ leftBytes: 0, perSecond: 0, spread: null, cause: 'z', openEnded: false })?.toSeconds).toBe(0);
  });
});

describe('gather', () => {
  const row = (id: string, given: Partial<Transfer>): Transfer =>
    ({
      id,
      jobId: 'job',
      priority: 0,
      phase: 'transfer',
      source: { endpoint: '/in', path: id },
      destination: { endpoint: '/out', path: id },
      sizeBytes: 100,
      mtimeMs: 0,
      fileMode: null,
      error: null,
      publishing: null,
      bytesDone: 0,
      firstQueuedAt: 1,
      createdAt: 1,
      ...given,
    }) as Transfer;
  const words = {
    slotsOf: (...addresses: string[]) => [...new Set(addresses)],
    togetherKey: (one: Transfer) => one.owner ?? undefined,
    canPack: () => true,
    packKey: () => 'pack',
  };

  it('packs small files and leaves large and failed ones alone', () => {
    const rows = [
      ...Array.from({ length: 2_100 }, (_, at) => row(`s${at}`, {})),
      row('large', { sizeBytes: 9 * 1024 ** 2 }),
      row('tried', { error: new Fault('busy', 'x').report() }),
      // It broke off with its whole pack; once that has happened too often it may be the one that is to blame.
      row('broken', { error: new Fault('network', 'x').report(), attempts: 1 }),
      row('suspect', { error: new Fault('network', 'x').report(), attempts: 4 }),
    ];
    const works = gather(rows, words);
    expect(works.map((work) => [work.kind, work.transfers.length])).toEqual([
      ['transfers', 1],
      ['transfers', 1],
      ['transfers', 1],
      ['pack', 2_000],
      ['pack', 101],
    ]);
    expect(works[3]?.endpoints).toEqual(['/in', '/out']);
  });

  it('puts what shares a reading together and keeps few small files single', () => {
    const big = { sizeBytes: 10 * 1024 ** 2, owner: 'film' };
    const rows = [
      row('a', { ...big, destination: { endpoint: '/out1', path: 'a' } }),
      row('b', { ...big, destination: { endpoint: '/out2', path: 'a' } }),
      row('c', {}),
    ];
    const works = gather(rows, words);
    expect(works.map((work) => work.transfers.map((one) => one.id))).toEqual([['a', 'b'], ['c']]);
    expect(works[0]?.endpoints).toEqual(['/in', '/out1', '/out2']);
  });
});
