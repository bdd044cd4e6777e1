// Errors of the operating system become faults by their code, with the file, the place and the reason in one sentence.

import { constants } from 'node:os';
import { expect, test } from 'vitest';
import { errnoFault } from '../../src/endpoints/errno.ts';
import { Fault } from '../../src/model/fault.ts';

const errorOf = (code: string) =>
  Object.assign(new Error(`${code}: whatever it says`), { code, errno: -1, syscall: 'read' });
const attempt = { operation: 'read', path: 'a/\u202eb', place: '/mnt/x' };

test('says what could not be done, where, and why', () => {
  const fault = errnoFault(errorOf('ENOSPC'), { ...attempt, operation: 'write', offsetBytes: 7 });
  expect(fault.code).toBe('space');
  expect(fault.message).toBe('Could not write a/\\u{202e}b in /mnt/x: there is no room left (ENOSPC).');
  expect(fault.place).toEqual({ path: 'a/\\u{202e}b', endpoint: '/mnt/x', operation: 'write', offsetBytes: 7 });
  expect(errnoFault(errorOf('ENOENT'), { operation: 'list', path: '', place: '/mnt/x' }).message).toBe(
    'Could not list /mnt/x: it is not there (ENOENT).',
  );
});

test('knows what decides about retries', () => {
  const wanted: Record<string, string> = {
    ENOENT: 'not_found',
    EACCES: 'permission',
    EPERM: 'permission',
    ENOSPC: 'space',
    EDQUOT: 'space',
    EROFS: 'read_only',
    EIO: 'io',
    ESTALE: 'network',
    ENOTCONN: 'network',
    EHOSTDOWN: 'network',
    ECONNRESET: 'network',
    ETIMEDOUT: 'timeout',
    EEXIST: 'exists',
    ENOTEMPTY: 'exists',
    EISDIR: 'exists',
    ENOTDIR: 'exists',
    ELOOP: 'name_unsafe',
    ENAMETOOLONG: 'name_unsafe',
    EMFILE: 'busy',
    ENFILE: 'busy',
    EBUSY: 'busy',
    ETXTBSY: 'busy',
    EAGAIN: 'busy',
    EXDEV: 'unsupported',
    ENODEV: 'device',
    ENXIO: 'device',
  };
  for (const [errno, code] of Object.entries(wanted))
    expect([errno, errnoFault(errorOf(errno), attempt).code]).toEqual([errno, code]);
});

test('knows errnos that Node has no name for', () => {
  const nameless = (errno: number) =>
    Object.assign(new Error(`Unknown system error ${errno}`), { code: `Unknown system error ${errno}`, errno });
  expect(errnoFault(nameless(-122), attempt).code).toBe('space');
  expect(errnoFault(nameless(-116), attempt).code).toBe('network');
  expect(errnoFault(nameless(-117), attempt).message).toContain('(EUCLEAN)');
  expect(errnoFault(nameless(-9999), attempt).code).toBe('io');
});

test('names the spot where a disk fails', () => {
  expect(errnoFault(errorOf('EIO'), { ...attempt, offsetBytes: 4096 }).message).toContain(' at byte 4096:');
});

test('any errno of this system is a fault of the place, never a mistake of ours', () => {
  for (const errno of Object.keys(constants.errno))
    expect(errnoFault(errorOf(errno), attempt).code).not.toBe('internal');
});

test('what is no errno is a mistake of ours; a fault passes through', () => {
  expect(errnoFault(new TypeError('oops'), attempt)).toMatchObject({ code: 'internal' });
  expect(errnoFault(errorOf('ERR_INVALID_ARG_TYPE'), attempt)).toMatchObject({ code: 'internal' });
  const fault = new Fault('corrupt', 'as it was');
  expect(errnoFault(fault, attempt)).toBe(fault);
});
