// The job's table: each pair of state and input is either in it or refused.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventNames, jobEventNames } from '../../src/model/event.ts';
import { Fault } from '../../src/model/fault.ts';
import { type JobInput, type JobState, jobStates, jobTable, jobTakes, stepJob } from '../../src/model/job.ts';

const inputs = Object.keys(jobEventNames) as JobInput[];

describe('the job table', () => {
  test('every pair is in the table or refused as an internal fault', () => {
    fc.assert(
      fc.property(fc.constantFrom(...jobStates), fc.constantFrom(...inputs), (state, input) => {
        if (jobTakes(state, input)) expect(jobStates).toContain(stepJob(state, input));
        else expect(() => stepJob(state, input)).toThrow(Fault);
      }),
      { numRuns: 300 },
    );
  });

  test('every state can be reached from pending, and completed is the only final one', () => {
    const next = (state: JobState) => Object.values(jobTable[state]);
    const reached = new Set<JobState>(['pending']);
    for (const state of reached) for (const target of next(state)) reached.add(target);
    expect([...reached].sort()).toEqual([...jobStates].sort());
    expect(Object.keys(jobTable).sort()).toEqual([...jobStates].sort());
    expect(jobStates.filter((state) => next(state).length === 0)).toEqual(['completed']);
  });

  test('each input has a durable event', () => {
    for (const input of inputs) expect(eventNames).toContain(jobEventNames[input]);
    const used = new Set(jobStates.flatMap((state) => Object.keys(jobTable[state])));
    expect([...used].sort()).toEqual([...inputs].sort());
  });
});
