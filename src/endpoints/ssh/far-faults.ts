// What went wrong on the far side, as faults: by status code, and where that says little, by what stands there.

import { type Fault, Fault as FaultError } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { errnoFault } from '../errno.ts';
import { SftpEnded, SftpStatus } from './sftp.ts';
import { statusCodes } from './sftp-packets.ts';

const errnos: Readonly<Record<number, string>> = {
  [statusCodes.notFound]: 'ENOENT',
  [statusCodes.permission]: 'EACCES',
  [statusCodes.failure]: 'EIO',
  [statusCodes.badMessage]: 'EINVAL',
  [statusCodes.noConnection]: 'ENOTCONN',
  [statusCodes.lost]: 'ECONNRESET',
  [statusCodes.unsupported]: 'ENOTSUP',
};

export interface FarAttempt {
  readonly operation: string;
  readonly path: string;
  /** The endpoint's name. */
  readonly place: string;
  readonly offsetBytes?: number;
}

export function hasStatus(error: unknown, status: number): boolean {
  return error instanceof SftpStatus && error.status === status;
}

/** Anything that an SFTP request rejected with. Faults pass through. */
export function farFault(error: unknown, attempt: FarAttempt): Fault {
  if (error instanceof SftpStatus) {
    const errno = errnos[error.status] ?? 'EIO';
    return errnoFault(Object.assign(new Error(error.message), { code: errno }), attempt);
  }
  if (error instanceof SftpEnded) {
    return errnoFault(Object.assign(new Error(error.message), { code: 'ECONNRESET' }), attempt);
  }
  if (error instanceof RangeError) {
    return new FaultError(
      'network',
      `${displayPath(attempt.place)} answers in a way that is not SFTP: ${error.message}.`,
      {
        cause: error,
        place: { endpoint: displayPath(attempt.place) },
      },
    );
  }
  return errnoFault(error, attempt);
}
