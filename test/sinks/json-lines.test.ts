// JSON lines after crashes: what was not finished is cut off, what was written is not written again, and what somebody else did is not covered up.

import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { IngestEvent } from '../../src/model/ingest.ts';
import { type FileCall, jsonLinesSink } from '../../src/sinks/json-lines.ts';
import { operations } from '../../src/sinks/json-lines-operations.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wh-lines-'));
  path = join(folder, 'ingest.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

const control = { enter: () => undefined };
const run = (async (_place: string, operation: keyof typeof operations, input: never) =>
  operations[operation](input, { control })) as unknown as FileCall;
const open = (call = run) => jsonLinesSink({ path, run: call });
const events = (count: number, from = 0, more: object = {}) =>
  Array.from({ length: count }, (_, at) => ({ id: `e${at + from}`, eventType: 'file_synced', ...more }) as IngestEvent);
const signal = new AbortController().signal;
const ids = () =>
  readFileSync(path, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => (JSON.parse(line) as { id: string }).id);
const wanted = (count: number) => events(count).map(({ id }) => id);

test('a line that a crash left unfinished is cut off, wherever it ends', async () => {
  await open().onBatchSynced(events(3), { signal });
  const whole = readFileSync(path);
  for (let cut = whole.length - 1; cut > whole.length - 40; cut -= 3) {
    writeFileSync(path, whole.subarray(0, cut));
    await open().onBatchSynced(events(4), { signal });
    expect(ids()).toEqual(wanted(4));
  }
});

test('after a restart nothing is doubled, also where lines are long and many', async () => {
  await open().onBatchSynced(events(500, 0, { metadata: { prompt: 'ü'.repeat(3000) } }), { signal });
  await open().onBatchSynced(events(1500, 500), { signal });
  await open().onBatchSynced(events(500, 1500), { signal });
  expect(ids()).toEqual(wanted(2000));
});

test('lines of somebody else stay, and a file that somebody has cut is not written over', async () => {
  writeFileSync(path, 'a heading\n{"no": "id"}\n');
  const sink = open();
  await sink.onBatchSynced(events(2), { signal });
  expect(readFileSync(path, 'utf8')).toMatch(/^a heading\n\{"no": "id"\}\n\{"id":"e0".*\n\{"id":"e1".*\n$/);
  truncateSync(path, 5);
  await expect(sink.onBatchSynced(events(1, 2), { signal })).rejects.toMatchObject({ code: 'state_conflict' });
  // Looked at anew it goes on with what is there.
  expect(await sink.onBatchSynced(events(1, 2), { signal })).toBe(1);
  expect(readFileSync(path, 'utf8')).toMatch(/^\{"id":"e2".*\n$/);
});

test('where a write fails, what of it is there does not count, and is not there twice', async () => {
  let fails = true;
  const failing = (async (place: string, operation: string, input: { sizeBytes: number; text: string }) => {
    if (operation !== 'sinks.append' || !fails) return run(place, operation, input);
    // A part of it reached the disk, the rest and the answer did not.
    appendFileSync(path, input.text.slice(0, input.text.length / 2));
    throw new Error('gone');
  }) as unknown as FileCall;
  const sink = open(failing);
  await expect(sink.onBatchSynced(events(10), { signal })).rejects.toThrow('gone');
  expect(readFileSync(path, 'utf8').length).toBeGreaterThan(0);
  fails = false;
  await sink.onBatchSynced(events(10), { signal });
  expect(ids()).toEqual(wanted(10));
});

test('a place that cannot be written to says so by its code', async () => {
  const sink = jsonLinesSink({ path: '/proc/self/none/x.jsonl', run });
  await expect(sink.onFileSynced(events(1)[0] as IngestEvent, { signal })).rejects.toMatchObject({
    code: expect.stringMatching(/^(not_found|permission|io)$/),
  });
});
