// An offload with processing that is killed at whatever commit: no finished download or step is done again, no limit is exceeded, each file is there once.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StoredEvent } from '../../../src/model/event.ts';
import { contentOf } from '../../support/memory-devices.ts';
import { openOffloadRig } from '../../support/offload-rig.ts';
import { filesBelow } from '../../support/trees.ts';

const child = resolve(import.meta.dirname, '../../support/offload-child.ts');

/** False where it was killed. */
const run = async (folder: string, log: string, killAt: number): Promise<boolean> => {
  const running = spawn(process.execPath, [child, folder, log, String(killAt)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  running.stderr?.on('data', (piece) => {
    said += piece;
  });
  await once(running, 'exit');
  if (running.signalCode === 'SIGKILL') return false;
  expect(running.exitCode, said).toBe(0);
  return true;
};

/** What was begun after it was durably done; what a log of a process that repeats work holds. */
function repeated(lines: readonly string[]): readonly string[] {
  const arrived = new Set<string>();
  const done = new Set<string>();
  const again: string[] = [];
  for (const line of lines) {
    const [word, ...rest] = line.split(' ');
    if (word === 'arrived') arrived.add(rest.join(' '));
    if (word === 'read' && arrived.has(rest.join(' '))) again.push(line);
    // A result is named after its original, its folder and its step.
    if (word === 'done') done.add(rest.join(' ').replace('/processed/', '/downloads/'));
    if (word === 'begun' && done.has(`${rest.slice(1).join(' ')}.${rest[0]}`)) again.push(line);
  }
  return again;
}

/** The most that were under way at once, in all, of one device, and in processing. */
function mostAtOnce(events: readonly StoredEvent[]): { all: number; device: number; processing: number } {
  const moving = new Map<string, string>();
  const processing = new Set<string>();
  const most = { all: 0, device: 0, processing: 0 };
  for (const { name, transferId, transfer } of events) {
    if (transferId === null) continue;
    moving.delete(transferId);
    processing.delete(transferId);
    if (name.endsWith('download.started')) moving.set(transferId, transfer?.source.endpoint ?? '');
    if (name.endsWith('processing.started')) processing.add(transferId);
    const devices = Map.groupBy(moving.values(), (device) => device);
    most.all = Math.max(most.all, moving.size);
    most.device = Math.max(most.device, ...[...devices.values()].map(({ length }) => length), 0);
    most.processing = Math.max(most.processing, processing.size);
  }
  return most;
}

const allEvents = async (rig: Awaited<ReturnType<typeof openOffloadRig>>): Promise<readonly StoredEvent[]> => {
  const all: StoredEvent[] = [];
  for (let since: string | undefined; ; ) {
    const page = await rig.store.events({ limit: 1000, ...(since === undefined ? {} : { since }) });
    if (page.events.length === 0) return all;
    all.push(...page.events);
    since = page.cursor;
  }
};

const checkEnd = async (folder: string, log: string) => {
  const lines = readFileSync(log, 'utf8').trim().split('\n');
  expect(repeated(lines)).toEqual([]);
  const rig = await openOffloadRig({ folder });
  try {
    const { rows } = await rig.store.transfers({ limit: 100 });
    expect(rows).toHaveLength(18);
    const recordings = new Map((await rig.store.recordings({ limit: 100 })).rows.map((one) => [one.id, one]));
    expect(recordings.size).toBe(18);
    for (const { id, state, source, sizeBytes } of rows) {
      expect(state).toBe('completed');
      expect(await rig.store.receipts({ transferId: id })).toHaveLength(1);
      expect(recordings.get(id)?.derived.map(({ role }) => role)).toEqual(['first', 'second']);
      const content = readFileSync(`${rig.downloads}/${source.path}`);
      expect(content.equals(contentOf(source.path, sizeBytes ?? 0, 0, sizeBytes ?? 0))).toBe(true);
    }
    expect(filesBelow(rig.downloads)).toHaveLength(18);
    expect(filesBelow(rig.at('media/transfers/processed'))).toHaveLength(36);
    expect(await rig.store.documents('steps')).toEqual([]);
    const events = await allEvents(rig);
    const arrivals = events.filter(({ name, data }) => name.endsWith('download.completed') && data.recovered !== true);
    expect(new Set(arrivals.map(({ transferId }) => transferId)).size).toBe(18);
    expect(arrivals).toHaveLength(18);
    const most = mostAtOnce(events);
    expect(most.all).toBeLessThanOrEqual(4);
    expect(most.device).toBeLessThanOrEqual(2);
    expect(most.processing).toBeLessThanOrEqual(2);
  } finally {
    await rig.close();
  }
};

describe('an offload that is killed', () => {
  it('at any of its commits, again and again, does nothing twice that was done', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 2, maxLength: 4 }), async (points) => {
        const folder = mkdtempSync(join(tmpdir(), 'wherry-kill-points-'));
        const log = join(folder, 'log');
        writeFileSync(log, '');
        try {
          for (const at of points) if (await run(folder, log, at)) break;
          await run(folder, log, 0);
          await checkEnd(folder, log);
        } finally {
          rmSync(folder, { recursive: true, force: true });
        }
      }),
      { numRuns: Number(process.env.WHERRY_KILL_RUNS ?? 3), endOnFailure: true },
    );
  }, 600_000);

  it('control: a log of work that is done again is seen', () => {
    const once_ = ['read a', 'arrived a', 'begun first /x/downloads/a', 'done /x/processed/a.first'];
    expect(repeated([...once_, 'begun second /x/downloads/a'])).toEqual([]);
    expect(repeated([...once_, 'read a'])).toEqual(['read a']);
    expect(repeated([...once_, 'begun first /x/downloads/a'])).toEqual(['begun first /x/downloads/a']);
    const started = (id: string) =>
      ({
        name: 'observation.transfer.download.started',
        transferId: id,
        jobId: null,
        at: 0,
        data: {},
        cursor: '',
      }) as const;
    expect(mostAtOnce(['1', '2', '3', '4', '5'].map(started)).all).toBe(5);
  });
});
