// Who has a file open for writing, as far as /proc lets us look. Runs in a worker: a look at /proc is many small reads.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Of the given absolute paths, those that some process holds open for writing.
 * Undefined where /proc is not there: then nobody knows. Processes that we may not look into are passed over, and those of `skip`.
 */
export function openWriters(
  paths: readonly string[],
  look: { readonly skip: (pid: number) => boolean; readonly before: (pid: number) => void },
): readonly string[] | undefined {
  let processes: string[];
  try {
    processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return undefined;
  }
  if (processes.length === 0) return undefined;
  const wanted = new Set(paths);
  const found = new Set<string>();
  for (const pid of processes) {
    if (look.skip(Number(pid))) continue;
    look.before(Number(pid));
    for (const descriptor of descriptorsOf(pid)) {
      // The link is read, never followed: the file may be on a share that hangs.
      const target = linkOf(`/proc/${pid}/fd/${descriptor}`);
      if (target !== undefined && wanted.has(target) && !found.has(target) && writes(pid, descriptor))
        found.add(target);
    }
  }
  return [...found];
}

function descriptorsOf(pid: string): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

function linkOf(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}

/** The access mode is in the lowest two bits of the octal `flags` of fdinfo (proc(5)): 0 reads only. */
function writes(pid: string, descriptor: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)$/m.exec(readFileSync(`/proc/${pid}/fdinfo/${descriptor}`, 'latin1'))?.[1];
    return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0;
  } catch {
    return false;
  }
}
