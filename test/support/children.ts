// Child processes of tests: whatever ends the test, they end with it.

import type { ChildProcess } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';

const children = new Set<ChildProcess>();

process.on('exit', () => {
  for (const child of children) killGroup(child);
});

/** For children that were started `detached`: they lead a group of their own. */
export function endWithUs<Child extends ChildProcess>(child: Child): Child {
  children.add(child);
  child.once('exit', () => children.delete(child));
  return child;
}

/** SIGKILL to the child and all that it has started. */
export function killGroup(child: ChildProcess): void {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** Of any process of this machine. */
export function childrenOf(parent: number): number[] {
  return readdirSync('/proc').flatMap((name) => {
    const pid = Number(name);
    if (!Number.isInteger(pid) || !existsSync(`/proc/${pid}/stat`)) return [];
    try {
      const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
      // The name before it, in brackets, may hold anything.
      const above = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      return above === parent ? [pid] : [];
    } catch {
      return [];
    }
  });
}

export function descendantsOf(pid: number): number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendantsOf(child)]);
}

/** SIGKILL to one process. */
export function end(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has just ended.
  }
}

/** What strace is told so that it kills what it watches, with its children, at the n-th of these calls. */
export function killingAt(calls: string, n: number): readonly string[] {
  return ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${calls}`, '-e', `inject=${calls}:signal=KILL:when=${n}`];
}
