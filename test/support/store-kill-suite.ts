// What a ledger holds after its process was killed: all that was acknowledged, and nothing by halves.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { everyEvent, everyRow } from './store-suite.ts';
import type { StoreOpener } from './store-writer.ts';

const writer = fileURLToPath(new URL('./store-writer.ts', import.meta.url));

export function killSuite(name: string, opener: URL): void {
  /** Kills a writing process with -9 after so many acknowledgements; what it had acknowledged, and of it what is missing afterwards. */
  async function killed(mode: 'honest' | 'early', after: number): Promise<{ acknowledged: number; missing: number }> {
    const folder = await mkdtemp(join(tmpdir(), 'wherry-store-'));
    const child = spawn(process.execPath, [writer, opener.href, folder, mode], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const acknowledged: string[] = [];
    let count = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (!line.startsWith('has ')) continue;
      acknowledged.push(...line.slice(4).split(' '));
      count += 1;
      if (count === after) child.kill('SIGKILL');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    expect(child.signalCode).toBe('SIGKILL');
    const { open } = (await import(opener.href)) as StoreOpener;
    const store = await open(folder);
    const rows = await everyRow(store, { limit: 1000 });
    const events = await everyEvent(store, { limit: 1000 });
    const counts = await store.countTransfers();
    expect(counts.queued + counts.completed).toBe(rows.length);
    expect(events).toHaveLength(counts.queued + 2 * counts.completed);
    await store.close();
    await rm(folder, { recursive: true });
    const there = new Set(rows.map((row) => row.id));
    return { acknowledged: acknowledged.length, missing: acknowledged.filter((id) => !there.has(id)).length };
  }

  describe(name, () => {
    test('nothing that was acknowledged is lost, wherever the kill strikes', async () => {
      for (const after of [1, 7, 40]) {
        const { acknowledged, missing } = await killed('honest', after);
        expect(acknowledged).toBeGreaterThanOrEqual(24 * after);
        expect(missing).toBe(0);
      }
    });

    test('control: an acknowledgement before the commit is caught', async () => {
      expect((await killed('early', 40)).missing).toBeGreaterThan(0);
    });
  });
}
