// Problem documents (RFC 9457): how a Fault is told over HTTP and sockets.

import type { z } from 'zod';
import { asFault, Fault, type FaultCode } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Problem } from '../model/views.ts';

/** A request that its route's schema does not take; each issue says where. */
export class RequestFault extends Fault {
  readonly issues: readonly { readonly at: string; readonly message: string }[];

  constructor(part: string, error: z.ZodError) {
    const issues = error.issues.map((issue) => ({
      at: [part, ...issue.path.map(String)].map(displayPath).join('.'),
      message: displayPath(issue.message),
    }));
    super(
      'invalid',
      issues.map(({ at, message }) => `${at}: ${message}`).join('; ') || 'The request does not make sense.',
    );
    this.issues = issues.slice(0, 50);
  }
}

/**
 * What is said of an error. Of an `internal` one only that it happened: its message may hold what is none of the asker's business.
 * `status` replaces that of the code's table where HTTP has a closer one.
 */
export function problemOf(error: unknown, options: { instance?: string; status?: number } = {}): Problem {
  const fault = asFault(error);
  const { code, place, meaning } = fault;
  return {
    type: `/docs#${code}`,
    title: meaning.sentence,
    status: options.status ?? meaning.httpStatus,
    detail: code === 'internal' ? 'Something went wrong inside Wherry; the log says what.' : displayPath(fault.message),
    ...(options.instance === undefined ? {} : { instance: options.instance }),
    code,
    transient: meaning.retry === 'transient',
    remedy: meaning.remedy,
    ...(place === undefined || code === 'internal' ? {} : { place }),
    ...(fault instanceof RequestFault ? { issues: [...fault.issues] } : {}),
  };
}

export const problemMediaType = 'application/problem+json; charset=utf-8';

/** The code for what the HTTP layer itself refuses. */
export function codeForStatus(status: number): FaultCode {
  if (status === 404) return 'not_found';
  if (status === 408) return 'timeout';
  if (status === 429) return 'rate_limited';
  return status < 500 ? 'invalid' : 'internal';
}
