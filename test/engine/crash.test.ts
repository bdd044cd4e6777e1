// What a crash leaves is taken up again: every file once, byte for byte, with one receipt, and nothing half-done.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { openRig } from '../support/engine-rig.ts';
import { compareTrees, writeContent, writeSmallFiles } from '../support/trees.ts';

const child = resolve(import.meta.dirname, '../support/copy-child.ts');
const folders: string[] = [];
const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-crash-'));
  folders.push(folder);
  return folder;
};
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

const start = (folder: string): ChildProcess =>
  spawn(process.execPath, [child, folder], { stdio: ['ignore', 'pipe', 'inherit'] });

/** Resolves with true when it came to its end, with false when it was killed. */
const runFor = async (folder: string, ms: number): Promise<boolean> => {
  const running = start(folder);
  const ended = once(running, 'exit');
  await Promise.race([once(running.stdout as NodeJS.ReadableStream, 'data'), ended]);
  const finished = await Promise.race([ended.then(() => true), after(ms, false)]);
  if (!finished) running.kill('SIGKILL');
  await ended;
  return finished && running.exitCode === 0;
};

describe('kill -9', () => {
  it('at many moments of one copy leaves each file once, proven once', async () => {
    const folder = makeFolder();
    writeSmallFiles(join(folder, 'in'), 1_200, 30_000);
    writeContent(join(folder, 'in/film.mov'), 8, 60_000_000);
    mkdirSync(join(folder, 'in/empty'));
    let kills = 0;
    for (const ms of [0, 15, 40, 80, 140, 220]) {
      if (await runFor(folder, ms)) break;
      kills += 1;
    }
    expect(kills).toBeGreaterThan(2);
    const rig = await openRig({ folder });
    try {
      const [job] = (await rig.store.jobs({})).rows;
      const done = await rig.engine.settled(job?.id ?? '');
      expect(done).toMatchObject({ state: 'completed', counts: { found: 1_201, failed: 0 } });
      expect(done.counts.completed + done.counts.skipped).toBe(1_201);
      expect(compareTrees(join(folder, 'in'), join(folder, 'out'))).toEqual({ missing: [], different: [], extra: [] });
      expect(readdirSync(join(folder, 'out'))).toContain('empty');
      expect(readdirSync(join(folder, 'data/journals'))).toEqual([]);
      expect(await rig.store.documents('packs')).toEqual([]);
      const paths: string[] = [];
      let cursor: string | undefined;
      do {
        const page = await rig.store.transfers({ limit: 1000, ...(cursor === undefined ? {} : { cursor }) });
        for (const row of page.rows) {
          expect(row.state).toBe('completed');
          paths.push(row.destination.path);
        }
        cursor = page.nextCursor ?? undefined;
      } while (cursor !== undefined);
      expect(new Set(paths).size).toBe(paths.length);
      // Where the process died between the last name and the commit, its pack journal brought the receipts in.
      expect(paths.length).toBe(1_201);
    } finally {
      await rig.close();
    }
  }, 120_000);
});
