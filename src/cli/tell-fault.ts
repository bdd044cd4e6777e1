// How a fault is told on a terminal.

import type { Fault } from '../model/fault.ts';
import type { Terminal } from './terminal.ts';

/** Says it in a sentence, with what to do; gives the exit code of its kind. */
export function tellFault(fault: Fault, terminal: Terminal): number {
  const { exitCode, remedy } = fault.meaning;
  terminal.live([]);
  terminal.warn(`wherry: ${fault.message}`);
  // Messages of these, and those that name a command, say themselves what to do.
  const saysItself =
    ['invalid', 'config_invalid', 'not_found', 'interrupted'].includes(fault.code) ||
    fault.message.includes('`wherry ');
  if (!saysItself) terminal.warn(`        ${remedy}`);
  if (fault.code === 'internal' && terminal.verbose > 0 && fault.stack !== undefined) terminal.warn(fault.stack);
  if (terminal.json) terminal.object({ type: 'error', ...fault.report(), exitCode });
  return exitCode;
}
