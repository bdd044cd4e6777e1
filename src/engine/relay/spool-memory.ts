// The memory that spools hold blocks in: taken, given back and used again, so that bytes on their way leave no garbage.

/** What a spool keeps in memory and writes to disk at once. */
export const blockBytes = 1024 * 1024;

export interface SpoolMemory {
  take(): ArrayBuffer;
  give(memory: ArrayBuffer): void;
}

/** Keeps at most `spare` blocks that nobody uses. */
export function createSpoolMemory(spare = 8): SpoolMemory {
  const free: ArrayBuffer[] = [];
  return {
    take: () => free.pop() ?? new ArrayBuffer(blockBytes),
    give(memory) {
      if (free.length < spare) free.push(memory);
    },
  };
}
