// Extended attributes of files: read from the source, set on the partial before it takes its name.

import { type SystemCalls, systemCalls } from '../../endpoints/system-calls.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { LaneFile } from './lane-file.ts';

export type Attributes = readonly (readonly [name: string, value: Uint8Array])[];

/** Those that programs of users set; the others belong to the system, and not everybody may set them. */
const userPrefix = 'user.';

/** All that this process may see. Throws `unsupported` where the system has no calls for them. */
export function readAttributes(file: LaneFile): Attributes {
  const calls = needCalls();
  return names(file, calls).flatMap((name) => {
    const value = file.call(`read the extended attribute ${displayPath(name)} of`, (fd) => calls.fgetxattr(fd, name));
    return value === undefined ? [] : [[name, value] as const];
  });
}

/**
 * Gives an open file these attributes and takes away other ones of users. Where it may not set one of the system, or the place has
 * none, that one is left out. Throws `unsupported`, `permission`, `space` for one of a user.
 */
export function setAttributes(file: LaneFile, attributes: Attributes): void {
  const calls = needCalls();
  const wanted = new Set(attributes.map(([name]) => name));
  for (const name of names(file, calls)) {
    if (!name.startsWith(userPrefix) || wanted.has(name)) continue;
    file.call(`remove the extended attribute ${displayPath(name)} of`, (fd) => calls.fremovexattr(fd, name));
  }
  for (const [name, value] of attributes) {
    try {
      file.call(`keep the extended attribute ${displayPath(name)} of`, (fd) => calls.fsetxattr(fd, name, value));
    } catch (error) {
      const { code } = asFault(error);
      if (name.startsWith(userPrefix) || (code !== 'permission' && code !== 'unsupported')) throw error;
    }
  }
}

/** None where the place has no attributes at all. */
function names(file: LaneFile, calls: SystemCalls): string[] {
  try {
    return file.call('list the extended attributes of', (fd) => calls.flistxattr(fd));
  } catch (error) {
    if (asFault(error).code === 'unsupported') return [];
    throw error;
  }
}

function needCalls(): SystemCalls {
  const calls = systemCalls();
  if (calls === undefined) throw new Fault('unsupported', 'Extended attributes cannot be kept on this system.');
  return calls;
}
