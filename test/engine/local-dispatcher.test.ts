// The dispatcher keeps its limits, wastes no slot and starves nobody.

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Work } from '../../src/engine/dispatcher.ts';
import { createLocalDispatcher } from '../../src/engine/local-dispatcher.ts';

const work = (key: string, given: Partial<Work> = {}): Work => ({
  key,
  jobId: 'job',
  priority: 0,
  queuedAt: 0,
  endpoints: [],
  ...given,
});

const drain = (dispatcher: ReturnType<typeof createLocalDispatcher<Work>>): string[] => {
  const keys: string[] = [];
  for (let item = dispatcher.claim(); item !== undefined; item = dispatcher.claim()) {
    keys.push(item.key);
    dispatcher.complete(item.key);
  }
  return keys;
};

describe('local dispatcher', () => {
  it('hands out by priority, then by age', () => {
    const dispatcher = createLocalDispatcher<Work>();
    dispatcher.offer([
      work('old', { queuedAt: 1 }),
      work('new', { queuedAt: 9 }),
      work('urgent', { queuedAt: 5, priority: 1 }),
    ]);
    expect(drain(dispatcher)).toEqual(['urgent', 'old', 'new']);
  });

  it('lets a job of one file through beside a job of 100,000', () => {
    const dispatcher = createLocalDispatcher<Work>({ global: 4, perEndpoint: 2, endpoints: {} });
    const many = Array.from({ length: 100_000 }, (_, at) => work(`many-${at}`, { jobId: 'many', queuedAt: at }));
    dispatcher.offer(many);
    for (let slot = 0; slot < 4; slot++) expect(dispatcher.claim()?.jobId).toBe('many');
    dispatcher.offer([work('single', { jobId: 'single', queuedAt: 1_000_000 })]);
    expect(dispatcher.claim()).toBeUndefined();
    dispatcher.complete('many-0');
    expect(dispatcher.claim()?.key).toBe('single');
  });

  it('goes past work whose endpoint is full', () => {
    const dispatcher = createLocalDispatcher<Work>({ global: 4, perEndpoint: 2, endpoints: { slow: 1 } });
    dispatcher.offer([
      work('a', { endpoints: ['slow', 'x'], queuedAt: 1 }),
      work('b', { endpoints: ['slow', 'y'], queuedAt: 2 }),
      work('c', { endpoints: ['z'], queuedAt: 3 }),
    ]);
    expect([dispatcher.claim()?.key, dispatcher.claim()?.key, dispatcher.claim()?.key]).toEqual(['a', 'c', undefined]);
    dispatcher.complete('a');
    expect(dispatcher.claim()?.key).toBe('b');
  });

  it('keeps a job to its own limit', () => {
    const dispatcher = createLocalDispatcher<Work>();
    dispatcher.limitJob('job', 1);
    dispatcher.offer([work('a'), work('b'), work('c', { jobId: 'other' })]);
    const claimed = [dispatcher.claim()?.key, dispatcher.claim()?.key, dispatcher.claim()?.key];
    expect(claimed.sort()).toEqual(['a', 'c', undefined]);
  });

  it('ignores what is offered twice and forgets what is withdrawn', () => {
    const dispatcher = createLocalDispatcher<Work>();
    dispatcher.offer([work('a'), work('a'), work('b')]);
    expect(dispatcher.withdraw('a')).toBe(true);
    expect(dispatcher.claim()?.key).toBe('b');
    dispatcher.offer([work('b')]);
    expect(dispatcher.claim()).toBeUndefined();
    expect(dispatcher.withdraw('b')).toBe(false);
    dispatcher.offer([work('a')]);
    expect(dispatcher.claim()?.key).toBe('a');
  });

  const items = fc.array(
    fc.record({
      jobId: fc.constantFrom('one', 'two', 'three'),
      priority: fc.constantFrom(0, 0, 0, 5),
      queuedAt: fc.nat(100),
      endpoints: fc.subarray(['disk', 'share', 'camera']),
    }),
    { maxLength: 60 },
  );
  const limits = fc.record({ global: fc.integer({ min: 1, max: 5 }), perEndpoint: fc.integer({ min: 1, max: 3 }) });

  it('never exceeds a limit, never leaves a slot idle that something fits, and hands out everything once', () => {
    fc.assert(
      fc.property(items, limits, fc.infiniteStream(fc.nat()), (given, most, chance) => {
        const slots = { ...most, endpoints: { camera: 1 } };
        const dispatcher = createLocalDispatcher<Work>(slots);
        const all = given.map((one, at) => work(`w${at}`, one));
        dispatcher.offer(all);
        const waiting = new Set(all);
        const running: Work[] = [];
        const seen: string[] = [];
        const used = (endpoint: string) => running.filter((one) => one.endpoints.includes(endpoint)).length;
        const limit = (endpoint: string) => (endpoint === 'camera' ? 1 : most.perEndpoint);
        const fits = (one: Work) => running.length < most.global && one.endpoints.every((at) => used(at) < limit(at));
        while (waiting.size > 0 || running.length > 0) {
          const item = dispatcher.claim();
          if (item === undefined) {
            expect([...waiting].filter(fits)).toEqual([]);
            const [gone] = running.splice((chance.next().value ?? 0) % running.length, 1);
            dispatcher.complete(gone?.key ?? '');
            continue;
          }
          expect(fits(item)).toBe(true);
          expect([...waiting].filter((one) => fits(one) && one.priority > item.priority)).toEqual([]);
          waiting.delete(item);
          running.push(item);
          seen.push(item.key);
        }
        expect(seen.length).toBe(all.length);
        expect(new Set(seen).size).toBe(all.length);
        expect([dispatcher.offered, dispatcher.claimed]).toEqual([0, 0]);
      }),
    );
  });

  it('serves jobs of one priority in turn: nobody is passed over twice', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 2, maxLength: 6 }), (sizes) => {
        const dispatcher = createLocalDispatcher<Work>();
        for (const [job, size] of sizes.entries()) {
          dispatcher.offer(Array.from({ length: size }, (_, at) => work(`${job}-${at}`, { jobId: `job${job}` })));
        }
        const left = new Map(sizes.map((size, job) => [`job${job}`, size]));
        const passedOver = new Map<string, number>();
        for (let item = dispatcher.claim(); item !== undefined; item = dispatcher.claim()) {
          dispatcher.complete(item.key);
          left.set(item.jobId, (left.get(item.jobId) ?? 0) - 1);
          passedOver.set(item.jobId, 0);
          for (const [jobId, count] of left) {
            if (jobId === item.jobId || count === 0) continue;
            const times = (passedOver.get(jobId) ?? 0) + 1;
            passedOver.set(jobId, times);
            expect(times).toBeLessThan(sizes.length);
          }
        }
      }),
    );
  });
});
