// Turns an operating system's error into a Fault: by its code, never by its text.

import { constants } from 'node:os';
import type { FaultCode } from '../model/fault.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

/** What was being done when the error came. */
export interface Attempt {
  /** A verb phrase as it follows "Could not": `read`, `write`, `make the folder`. */
  readonly operation: string;
  /** The path inside the place; '' is the place itself. */
  readonly path: string;
  /** The place's root: an absolute path or an address. */
  readonly place?: string;
  readonly offsetBytes?: number;
}

/** The Fault for anything thrown by a file call. A Fault passes through; what has no known errno is `internal`. */
export function errnoFault(error: unknown, attempt: Attempt): Fault {
  if (error instanceof Fault) return error;
  const name = errnoOf(error);
  const [code, why] = (name === undefined ? undefined : meanings[name]) ?? [
    name === undefined ? 'internal' : 'io',
    error instanceof Error ? error.message : String(error),
  ];
  const place = attempt.place === undefined ? undefined : displayPath(attempt.place);
  const path = attempt.path === '' ? (place ?? '.') : displayPath(attempt.path);
  const whole = place === undefined || attempt.path === '' ? path : `${path} in ${place}`;
  // A disk that fails does so at one spot; for other reasons it says nothing.
  const where = code === 'io' && attempt.offsetBytes !== undefined ? `${whole} at byte ${attempt.offsetBytes}` : whole;
  return new Fault(code, `Could not ${attempt.operation} ${where}: ${why}${name === undefined ? '' : ` (${name})`}.`, {
    cause: error,
    place: {
      path,
      operation: attempt.operation,
      ...(place === undefined ? {} : { endpoint: place }),
      ...(attempt.offsetBytes === undefined ? {} : { offsetBytes: attempt.offsetBytes }),
    },
  });
}

/** The errno's name (`ENOENT`) of an error of the operating system; undefined for any other value. */
export function errnoOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  if (typeof error.code !== 'string' || error.code.startsWith('ERR_')) return undefined;
  if (/^E[A-Z0-9]+$/.test(error.code)) return error.code;
  // Where libuv has no name, Node gives the number alone.
  if (!('errno' in error) || typeof error.errno !== 'number' || error.errno >= 0) return undefined;
  return nameless.get(-error.errno) ?? `E${-error.errno}`;
}

/** Errnos that libuv has no name for, by the numbers of this system. */
const nameless = new Map<number, string>(
  process.platform === 'linux'
    ? [
        [35, 'EDEADLK'],
        [62, 'ETIME'],
        [67, 'ENOLINK'],
        [74, 'EBADMSG'],
        [116, 'ESTALE'],
        [117, 'EUCLEAN'],
        [121, 'EREMOTEIO'],
        [122, 'EDQUOT'],
        [123, 'ENOMEDIUM'],
      ]
    : Object.entries(constants.errno).map(([name, number]) => [number, name]),
);

const broken = 'the connection to it broke';
const taken = 'something else has that name';

const meanings: Readonly<Record<string, readonly [FaultCode, string]>> = {
  ENOENT: ['not_found', 'it is not there'],
  ENXIO: ['device', 'the device is away'],
  ENODEV: ['device', 'the device is away'],
  ENOMEDIUM: ['device', 'there is no medium in the device'],
  ESHUTDOWN: ['device', 'the device has been shut down'],
  EACCES: ['permission', 'the operating system does not allow it'],
  EPERM: ['permission', 'the operating system does not allow it'],
  ENOSPC: ['space', 'there is no room left'],
  EDQUOT: ['space', 'the quota is used up'],
  EROFS: ['read_only', 'it is mounted read-only'],
  EIO: ['io', 'the disk or share failed'],
  EUCLEAN: ['io', 'the file system is damaged'],
  EBADMSG: ['io', 'the file system is damaged'],
  EILSEQ: ['name_unsafe', 'the place does not take that name'],
  ENAMETOOLONG: ['name_unsafe', 'the name is too long for the place'],
  ELOOP: ['name_unsafe', 'a symlink is in the way'],
  EINVAL: ['unsupported', 'the place does not take that name or request'],
  EFBIG: ['unsupported', 'the file is larger than the place can hold'],
  EXDEV: ['unsupported', 'it lies on another file system'],
  EMLINK: ['unsupported', 'it has as many links as the place can hold'],
  EOPNOTSUPP: ['unsupported', 'the place cannot do that'],
  ENOTSUP: ['unsupported', 'the place cannot do that'],
  ENOSYS: ['unsupported', 'the place cannot do that'],
  ENOTTY: ['unsupported', 'the place cannot do that'],
  EEXIST: ['exists', taken],
  ENOTEMPTY: ['exists', 'the folder is not empty'],
  EISDIR: ['exists', 'a folder has that name'],
  ENOTDIR: ['exists', 'a file stands where a folder is needed'],
  EMFILE: ['busy', 'too many files are open'],
  ENFILE: ['busy', 'too many files are open on this machine'],
  ENOMEM: ['busy', 'the machine is short of memory'],
  ENOBUFS: ['busy', 'the machine is short of memory'],
  EBUSY: ['busy', 'somebody else is using it'],
  ETXTBSY: ['busy', 'it is a program that is running'],
  EAGAIN: ['busy', 'somebody else is using it'],
  EDEADLK: ['busy', 'somebody else is using it'],
  EINTR: ['busy', 'the call was interrupted'],
  ETIMEDOUT: ['timeout', 'it took too long'],
  ETIME: ['timeout', 'it took too long'],
  ESTALE: ['network', 'the share no longer knows it'],
  ENOTCONN: ['network', broken],
  ECONNRESET: ['network', broken],
  ECONNABORTED: ['network', broken],
  ECONNREFUSED: ['network', 'the other side refused the connection'],
  EPIPE: ['network', broken],
  ENETDOWN: ['network', 'the network is down'],
  ENETUNREACH: ['network', 'the network cannot be reached'],
  EHOSTDOWN: ['network', 'the host is down'],
  EHOSTUNREACH: ['network', 'the host cannot be reached'],
  EREMOTEIO: ['network', 'the other side failed'],
  ENOLINK: ['network', broken],
};
