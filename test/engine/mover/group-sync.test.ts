// One sync for many files: had where there are enough of them, and heard where it fails.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ConfinedRoot } from '../../../src/endpoints/confined.ts';
import { newControl, openControl } from '../../../src/endpoints/control.ts';
import { openGroupSync } from '../../../src/engine/mover/group-sync.ts';
import { Fault } from '../../../src/model/fault.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-group-sync-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('a sync of a file system', () => {
  const control = openControl(newControl());

  it('is had where there are files enough for it, and says when it fails', () => {
    const confined = ConfinedRoot.open(folder);
    expect(openGroupSync(confined, { files: 7, control })).toBeUndefined();
    const sync = openGroupSync(confined, { files: 8, control });
    expect(sync?.sync()).toBe(true);
    sync?.close();
    let fault: unknown;
    try {
      sync?.sync();
    } catch (error) {
      fault = error;
    }
    confined.close();
    expect(fault).toBeInstanceOf(Fault);
    expect((fault as Fault).code).toBe('sync_failed');
    expect((fault as Fault).message).toContain(folder);
  });
});
