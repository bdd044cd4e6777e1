// The transfer's table: each pair of state and input is either in it or refused, and the events tell each change.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { eventNames, transferEventNames } from '../../src/model/event.ts';
import { Fault } from '../../src/model/fault.ts';
import {
  activeStates,
  type Phase,
  restingStates,
  step,
  type Transfer,
  type TransferInput,
  type TransferState,
  takes,
  transferStates,
  transferTable,
  waitReasons,
} from '../../src/model/transfer.ts';
import { literalTransfer } from '../support/literal-transfer.ts';

const inputs: readonly TransferInput[] = [
  'queue',
  'start',
  'arrive',
  'process',
  'complete',
  'recover',
  'wait',
  'pause',
  'fail',
  'cancel',
  'retry',
];
const phases: readonly Phase[] = ['transfer', 'process'];

/** The contract, written out once more and by state, so that a slip in the table shows. */
const reachableFrom: Record<TransferState, readonly TransferState[]> = {
  discovered: ['queued', 'waiting', 'paused', 'failed', 'cancelled'],
  queued: ['transferring', 'processing', 'waiting', 'paused', 'failed', 'cancelled'],
  waiting: ['queued', 'paused', 'failed', 'cancelled'],
  transferring: ['transferred', 'queued', 'waiting', 'paused', 'failed', 'cancelled'],
  transferred: ['processing', 'completed', 'waiting', 'paused', 'failed', 'cancelled'],
  processing: ['completed', 'transferred', 'waiting', 'paused', 'failed', 'cancelled'],
  paused: ['queued', 'cancelled'],
  failed: ['queued', 'cancelled'],
  cancelled: ['queued'],
  completed: [],
};

function targets(state: TransferState): TransferState[] {
  const found = new Set<TransferState>();
  for (const input of inputs) {
    if (takes(state, input)) for (const phase of phases) found.add(step(state, input, phase));
  }
  return [...found].sort();
}

describe('the transfer table', () => {
  test.each(transferStates)('%s leads where the contract says, and nowhere else', (state) => {
    expect(targets(state)).toEqual([...reachableFrom[state]].sort());
  });

  test('every pair is in the table or refused as an internal fault', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...transferStates),
        fc.constantFrom(...inputs),
        fc.constantFrom(...phases),
        (state, input, phase) => {
          if (takes(state, input)) {
            expect(transferStates).toContain(step(state, input, phase));
            return;
          }
          let refused: unknown;
          try {
            step(state, input, phase);
          } catch (error) {
            refused = error;
          }
          expect(refused).toBeInstanceOf(Fault);
          expect((refused as Fault).code).toBe('internal');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('every state can be reached from discovered, and completed is the only final one', () => {
    const reached = new Set<TransferState>(['discovered']);
    for (const state of reached) for (const next of targets(state)) reached.add(next);
    expect([...reached].sort()).toEqual([...transferStates].sort());
    expect(transferStates.filter((state) => targets(state).length === 0)).toEqual(['completed']);
  });

  test('start goes on in the phase that had been reached, and recovery never leaves it', () => {
    expect(step('queued', 'start', 'transfer')).toBe('transferring');
    expect(step('queued', 'start', 'process')).toBe('processing');
    expect(step('transferring', 'recover', 'transfer')).toBe('queued');
    expect(step('processing', 'recover', 'process')).toBe('transferred');
  });

  test('the lists of states agree with the table', () => {
    expect(Object.keys(transferTable).sort()).toEqual([...transferStates].sort());
    for (const state of activeStates) expect(takes(state, 'recover')).toBe(true);
    for (const state of restingStates) expect(takes(state, 'start')).toBe(false);
    expect(new Set(waitReasons).size).toBe(waitReasons.length);
  });
});

describe('the event of a change', () => {
  test('each pair in the table has exactly one durable name', () => {
    for (const state of transferStates) {
      for (const input of inputs.filter((each) => takes(state, each))) {
        for (const phase of phases) {
          const before: Transfer = { ...literalTransfer(), state, phase };
          const after: Transfer = { ...before, state: step(state, input, phase) };
          for (const name of transferEventNames(before, input, after)) expect(eventNames).toContain(name);
        }
      }
    }
  });

  test('back-off is a scheduled retry, other waits are waits, and a failure names its phase', () => {
    const before: Transfer = { ...literalTransfer(), state: 'transferring' };
    const waiting = (reason: 'backoff' | 'space') =>
      transferEventNames(before, 'wait', { ...before, state: 'waiting', waiting: { reason, until: null } })[0];
    expect(waiting('backoff')).toBe('observation.transfer.retry_scheduled');
    expect(waiting('space')).toBe('observation.transfer.waiting');
    const failed = (phase: Phase) => transferEventNames(before, 'fail', { ...before, state: 'failed', phase })[0];
    expect(failed('transfer')).toBe('observation.transfer.download.failed');
    expect(failed('process')).toBe('observation.transfer.processing.failed');
  });

  test('what was processed says so before it says that it is complete', () => {
    const before: Transfer = { ...literalTransfer(), state: 'processing', phase: 'process' };
    const after: Transfer = { ...before, state: 'completed' };
    expect(transferEventNames(before, 'complete', after)).toEqual([
      'observation.transfer.processing.completed',
      'observation.transfer.completed',
    ]);
    expect(transferEventNames({ ...before, state: 'transferred' }, 'complete', after)).toHaveLength(1);
  });

  test('a queue out of paused is a resume', () => {
    const after: Transfer = { ...literalTransfer(), state: 'queued' };
    expect(transferEventNames({ ...after, state: 'paused' }, 'queue', after)).toEqual(['observation.transfer.resumed']);
    expect(transferEventNames({ ...after, state: 'waiting' }, 'queue', after)).toEqual(['observation.transfer.queued']);
  });
});
