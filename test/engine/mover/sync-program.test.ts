// The program that syncs whole file systems: any folder name, many at once, failures told, and no waiting for a share that hangs.

import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSyncProgram } from '../../../src/engine/mover/sync-program.ts';
import { mountFaultFs } from '../../support/fault-fs.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-sync-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('syncs folders of any name, many at once, and says which are not there', async () => {
  const names = ['plain', 'a b', "it's", '-f', 'new\nline', 'end\n', '$(reboot)', '\\0101', 'ü\u202e', '%s'];
  for (const name of names) mkdirSync(join(folder, name));
  const program = openSyncProgram();
  const answers = await Promise.all(names.map((name) => program.sync(join(folder, name))));
  expect(answers).toEqual(names.map(() => ({ kind: 'done' })));
  const missing = await program.sync(join(folder, 'A'));
  expect(missing).toEqual({ kind: 'failed', why: 'No such file or directory' });
});

test('does not wait for a share that hangs while a file stands open on it', async () => {
  const program = openSyncProgram();
  const share = await mountFaultFs(join(folder, 'share'));
  const file = openSync(join(share.mount, 'open'), 'w');
  try {
    writeSync(file, 'something to keep');
    share.faults('stall');
    const begun = performance.now();
    expect(await program.sync(folder)).toEqual({ kind: 'done' });
    expect(performance.now() - begun).toBeLessThan(10_000);
  } finally {
    share.faults();
    closeSync(file);
    await share.close();
  }
});
