// Problem documents read back into the Faults that they tell of.

import { Fault, type FaultCode, faultTable } from './fault.ts';
import type { Problem } from './views.ts';

/** The Fault that a problem document tells of. */
export function faultFromProblem(problem: Problem): Fault {
  return new Fault(
    problem.code,
    problem.detail,
    problem.place === undefined ? {} : { place: plainPlace(problem.place) },
  );
}

/** What an answer that is no success says; `unreachable`, `not_found` or `unsupported` where whoever answers is no Wherry. */
export async function faultOfResponse(response: Response): Promise<Fault> {
  const body: unknown = await response.json().catch(() => undefined);
  if (typeof body === 'object' && body !== null && 'code' in body && String(body.code) in faultTable) {
    return faultFromProblem(body as Problem);
  }
  const code: FaultCode =
    response.status >= 500 ? 'unreachable' : response.status === 404 ? 'not_found' : 'unsupported';
  return new Fault(code, `What answers at ${response.url} (status ${response.status}) is not a Wherry daemon.`);
}

function plainPlace(place: NonNullable<Problem['place']>) {
  return Object.fromEntries(Object.entries(place).filter(([, value]) => value !== undefined));
}
