// How much a process has handed to the kernel to write, by the kernel's own account: what tells how much was moved again after a kill.

import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** Everything it wrote so far, its ledger and journals included; undefined once it is gone. */
export function writtenBytes(child: ChildProcess): number | undefined {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync(`/proc/${child.pid}/io`, 'utf8'))?.[1] ?? 0);
  } catch {
    return undefined;
  }
}

/** Stops the child's group first, so that nothing is written between this look and the kill that follows. */
export function stopAndCount(child: ChildProcess): number {
  try {
    process.kill(-(child.pid ?? 0), 'SIGSTOP');
  } catch {
    return 0;
  }
  return writtenBytes(child) ?? 0;
}
