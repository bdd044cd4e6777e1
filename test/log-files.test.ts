// Logs: one file for the daemon, one for each job, put aside when they grow, the oldest jobs' removed.

import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { jobLogFile, openLogFiles } from '../src/log-files.ts';

let folder: string;
const troubles: string[] = [];
const open = (settings: { maxBytes?: number; keep?: number; jobs?: number } = {}) =>
  openLogFiles({ folder, level: 'info', maxBytes: 1_000_000, keep: 2, jobs: 100, ...settings }, (why) =>
    troubles.push(why),
  );
const line = (text: string, jobId?: string) =>
  `${JSON.stringify({ level: 30, ...(jobId === undefined ? {} : { jobId }), msg: text })}\n`;
const job = (number: number) => `01J0000000000000000000000${number}`;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-logs-'));
  troubles.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('every line is in the daemon’s log, and those of a job in its own too, in order', async () => {
  const files = open();
  files.write(line('one'));
  files.write(line('two', job(1)));
  files.write(line('three', job(2)));
  files.write(line('four', job(1)));
  await files.flush();
  expect(readFileSync(join(folder, 'wherry.log'), 'utf8')).toBe(
    line('one') + line('two', job(1)) + line('three', job(2)) + line('four', job(1)),
  );
  expect(readFileSync(jobLogFile(folder, job(1)), 'utf8')).toBe(line('two', job(1)) + line('four', job(1)));
  expect(statSync(join(folder, 'wherry.log')).mode & 0o077).toBe(0);
  expect(troubles).toEqual([]);
});

test('a log that grows too large is put aside; only so many are kept', async () => {
  const files = open({ maxBytes: 300, keep: 2 });
  for (let round = 0; round < 8; round++) {
    files.write(line(`${round} ${'x'.repeat(200)}`));
    await files.flush();
  }
  expect(readdirSync(folder).sort()).toEqual(['jobs', 'wherry.log', 'wherry.log.1', 'wherry.log.2']);
  expect(readFileSync(join(folder, 'wherry.log'), 'utf8')).toMatch(/"7 x/);
  expect(readFileSync(join(folder, 'wherry.log.2'), 'utf8')).toMatch(/"5 x/);
});

test('the logs of the oldest jobs go at the next start', async () => {
  mkdirSync(join(folder, 'jobs'));
  for (const number of [1, 2, 3]) writeFileSync(jobLogFile(folder, job(number)), 'old\n');
  writeFileSync(`${jobLogFile(folder, job(1))}.1`, 'older\n');
  const files = open({ jobs: 2 });
  await files.flush();
  expect(readdirSync(join(folder, 'jobs')).sort()).toEqual([`${job(2)}.log`, `${job(3)}.log`]);
});

test('a place that takes no log is said once and stops nothing', async () => {
  writeFileSync(join(folder, 'jobs'), 'a file where a folder is needed');
  const files = open();
  for (let round = 0; round < 3; round++) {
    files.write(line('text', job(1)));
    await files.flush();
  }
  expect(new Set(troubles).size).toBe(troubles.length);
  expect(troubles.length).toBeGreaterThan(0);
  expect(readFileSync(join(folder, 'wherry.log'), 'utf8').split('\n')).toHaveLength(4);
});
