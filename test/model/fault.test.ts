// The fault table: every code says what is done about it, and a fault survives being stored and sent.

import { describe, expect, test } from 'vitest';
import { asFault, Fault, faultCodes, faultFrom, faultTable } from '../../src/model/fault.ts';

const exitCodes = [1, 2, 3, 5, 7, 8, 11, 12, 13, 130];

describe('the fault table', () => {
  test.each(faultCodes)('%s is complete', (code) => {
    const meaning = faultTable[code];
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
    expect(['transient', 'space', 'permission', 'device', 'tool', 'none']).toContain(meaning.retry);
    expect(meaning.httpStatus).toBeGreaterThanOrEqual(400);
    expect(meaning.httpStatus).toBeLessThan(600);
    expect(exitCodes).toContain(meaning.exitCode);
    for (const sentence of [meaning.sentence, meaning.remedy]) expect(sentence).toMatch(/^[A-Z].*\.$/);
  });

  test('what is tried again by itself never ends a command as a final failure', () => {
    for (const code of faultCodes.filter((each) => faultTable[each].retry === 'transient')) {
      expect([5, 8]).toContain(faultTable[code].exitCode);
    }
  });

  test.each(faultCodes)('%s is the same after it was stored and sent', (code) => {
    const fault = new Fault(code, 'Because.', { place: { path: 'a', offsetBytes: 5 }, cause: new Error('x') });
    const report = JSON.parse(JSON.stringify(fault.report()));
    expect(faultFrom(report).report()).toEqual(fault.report());
    expect(report.transient).toBe(faultTable[code].retry === 'transient');
  });

  test('what nobody classified is internal and is not tried again', () => {
    const cause = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    expect(asFault(cause).code).toBe('internal');
    expect(asFault(cause).cause).toBe(cause);
    expect(asFault('text').message).toBe('text');
    expect(asFault('text').meaning.retry).toBe('none');
    const fault = new Fault('space', 'Full.');
    expect(asFault(fault)).toBe(fault);
  });
});
