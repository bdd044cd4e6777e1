// What an adapter rejected with, as a Fault: whatever is none counts as `device`.

import { Fault, type FaultCode, faultCodes } from '../model/fault.ts';

/** Codes that an adapter may tell; others would claim what only the engine can know. */
const told: ReadonlySet<FaultCode> = new Set([
  'device',
  'not_found',
  'permission',
  'timeout',
  'io',
  'network',
  'unreachable',
  'busy',
  'unsupported',
  'invalid',
  'name_unsafe',
  'read_only',
  'source_changed',
  'tool_missing',
  'interrupted',
] satisfies FaultCode[]);

/** A plugin may have a copy of Fault of its own, so what counts is the code. `name` is the device's, for people. */
export function deviceFault(error: unknown, name: string): Fault {
  const code = codeOf(error);
  if (code === undefined || !told.has(code)) {
    const why = error instanceof Error ? error.message : String(error);
    return new Fault('device', `${name} could not do it: ${why}`, { cause: error });
  }
  if (error instanceof Fault) return error;
  return new Fault(code, error instanceof Error ? error.message : `${name}: ${code}`, { cause: error });
}

function codeOf(error: unknown): FaultCode | undefined {
  if (error instanceof Fault) return error.code;
  if (!(error instanceof Error) || error.name !== 'Fault' || !('code' in error)) return undefined;
  return faultCodes.find((code) => code === error.code);
}
