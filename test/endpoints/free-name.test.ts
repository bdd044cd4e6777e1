// Names are given only where nothing has them: also on a file system without links, and also where somebody takes the name at the last moment.

import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { ConfinedRoot } from '../../src/endpoints/confined.ts';
import { nameWhereFree } from '../../src/endpoints/free-name.ts';
import { type FaultFs, mountFaultFs } from '../support/fault-fs.ts';

let scratch: string;
let share: FaultFs;
beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'wherry-names-'));
  share = await mountFaultFs(scratch);
});
afterAll(async () => {
  await share?.close();
  rmSync(scratch, { recursive: true, force: true });
});
beforeEach(() => {
  share.faults();
  for (const name of ['work', 'out']) {
    rmSync(join(share.backing, name), { recursive: true, force: true });
    mkdirSync(join(share.backing, name));
  }
});

const here = (path: string) => join(share.backing, path);

/** `meanwhile` is called before each system call, with their number from 1. */
function name(from: string, to: string, meanwhile: (call: number) => void = () => undefined): boolean {
  const confined = ConfinedRoot.open(share.mount);
  let call = 0;
  try {
    return nameWhereFree(confined.locate(from), confined.locate(to), () => {
      call += 1;
      meanwhile(call);
    });
  } finally {
    confined.close();
  }
}

/** As one would do it by hand: a look, then a rename. */
function naive(from: string, to: string, meanwhile: () => void): void {
  if (lstatSync(join(share.mount, to), { throwIfNoEntry: false }) !== undefined) return;
  meanwhile();
  renameSync(join(share.mount, from), join(share.mount, to));
}

test.each([[[]], [['no_link']]])('takes a free name and leaves a taken one (%j)', (faults) => {
  share.faults(...faults);
  writeFileSync(here('work/a'), 'ours');
  expect(name('work/a', 'out/a')).toBe(true);
  expect([readFileSync(here('out/a'), 'utf8'), existsSync(here('work/a'))]).toEqual(['ours', false]);
  writeFileSync(here('out/b'), 'theirs');
  expect(name('out/a', 'out/b')).toBe(false);
  expect([readFileSync(here('out/a'), 'utf8'), readFileSync(here('out/b'), 'utf8')]).toEqual(['ours', 'theirs']);
});

test('a folder does not replace an empty one', () => {
  mkdirSync(here('work/made'));
  writeFileSync(here('work/made/one'), '1');
  mkdirSync(here('out/made'));
  expect(name('work/made', 'out/made')).toBe(false);
  expect(name('work/made', 'out/made (1)')).toBe(true);
  expect(readFileSync(here('out/made (1)/one'), 'utf8')).toBe('1');
  expect(existsSync(here('work/made'))).toBe(false);
});

test('without links, what comes up at the last moment is spared; by hand it is not', () => {
  share.faults('no_link');
  writeFileSync(here('work/a'), 'ours');
  let calls = 0;
  const taken = name('work/a', 'out/a', (call) => {
    calls = call;
    if (call === 2) writeFileSync(here('out/a'), 'theirs');
  });
  expect({ taken, calls }).toEqual({ taken: false, calls: 2 });
  expect([readFileSync(here('work/a'), 'utf8'), readFileSync(here('out/a'), 'utf8')]).toEqual(['ours', 'theirs']);
  rmSync(here('out/a'));
  naive('work/a', 'out/a', () => writeFileSync(here('out/a'), 'theirs'));
  expect(readFileSync(here('out/a'), 'utf8')).toBe('ours');
});
