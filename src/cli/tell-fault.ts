// How a fault is told on a terminal.

import type { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { Terminal } from './terminal.ts';

/** Says it in a sentence, with what to do; gives the exit code of its kind. */
export function tellFault(fault: Fault, terminal: Terminal): number {
  const { exitCode, remedy } = fault.meaning;
  terminal.live([]);
  // Also where a message holds what somebody gave and nobody has escaped yet: display forms stay as they are.
  terminal.warn(`wherry: ${displayPath(fault.message)}`);
  // Messages of these, and those that name a command, say themselves what to do.
  const saysItself =
    ['invalid', 'config_invalid', 'not_found', 'interrupted'].includes(fault.code) ||
    fault.message.includes('`wherry ');
  if (!saysItself) terminal.warn(`        ${remedy}`);
  if (fault.code === 'internal' && terminal.verbose > 0 && fault.stack !== undefined) terminal.warn(fault.stack);
  if (terminal.json) terminal.object({ type: 'error', ...fault.report(), exitCode });
  return exitCode;
}
