// Sources that grow while they are copied: followed block by block, sealed when they end, readable where that is asked for.

import { appendFileSync, existsSync, readFileSync, renameSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newControl } from '../../../src/endpoints/control.ts';
import type { Growth, MoveRequest } from '../../../src/engine/mover/move.ts';
import { content, writeContent } from '../../support/trees.ts';
import { namesIn, openRig, published, type RequestChange, type Rig, type RigRequest, sameFiles } from './mover-rig.ts';

const MiB = 1024 * 1024;
let rig: Rig;
let file: string;
let copy: string;
beforeEach(async () => {
  rig = await openRig();
  file = join(rig.from, 'rec.mxf');
  copy = join(rig.to, 'rec.mxf');
});
afterEach(() => rig.close());

function step(
  request: RigRequest,
  growth: Partial<Growth>,
  transfer: Partial<MoveRequest['transfer']> = {},
): RigRequest {
  const limitBytes = statSync(file).size;
  return {
    ...request,
    transfer: { ...request.transfer, ...transfer },
    control: newControl(),
    growth: { limitBytes, ended: false, readable: false, ...growth },
  };
}

const begin = (change: RequestChange = {}) => rig.request('rec.mxf', { options: { conflict: 'rename' }, ...change });

describe('a growing source', () => {
  it('is copied in whole blocks behind the limit, then whole', async () => {
    writeContent(file, 1, 30 * MiB);
    const request = begin();
    expect(await rig.mover.move(step(request, { limitBytes: 17 * MiB }))).toEqual({
      kind: 'caught_up',
      bytesDone: 16 * MiB,
    });
    expect(existsSync(copy)).toBe(false);
    appendFileSync(file, content(2, 10 * MiB));
    expect(await rig.mover.move(step(request, {}))).toEqual({ kind: 'caught_up', bytesDone: 40 * MiB });
    appendFileSync(file, content(3, 5 * MiB + 7));
    const outcome = published(await rig.mover.move(step(request, { ended: true })));
    expect(sameFiles(file, copy)).toBe(true);
    expect(outcome).toMatchObject({ sizeBytes: 45 * MiB + 7, movedBytes: 5 * MiB + 7 });
    expect(outcome.identity).toMatchObject({ sizeBytes: 45 * MiB + 7, mtimeMs: statSync(file).mtimeMs });
    expect([...namesIn(rig.to), ...namesIn(rig.journals)]).toEqual(['rec.mxf']);
  });

  it.each(['sha256', null] as const)(
    'is sealed: a header that was rewritten is copied again (%s)',
    async (algorithm) => {
      writeContent(file, 1, 40 * MiB);
      const request = begin({ options: { algorithm } });
      await rig.mover.move(step(request, {}));
      writeFileSync(file, 'HEADER', { flag: 'r+' });
      appendFileSync(file, 'moov');
      const outcome = published(await rig.mover.move(step(request, { ended: true })));
      expect(sameFiles(file, copy)).toBe(true);
      expect(outcome.movedBytes).toBe(8 * MiB + 4);
      const plain = published(
        await rig.mover.move(rig.request('rec.mxf', { destinationPath: 'b', options: { algorithm } })),
      );
      expect(plain.hash).toEqual(outcome.hash);
    },
  );

  it.each([true, false])('goes on from the journal in another process, growing still: %s', async (isGrowing) => {
    writeContent(file, 1, 40 * MiB);
    const request = begin();
    await rig.mover.move(step(request, { limitBytes: 33 * MiB }));
    const { folder, from, to } = rig;
    // A new mover knows of the earlier one only what lies in the journal.
    rig = await openRig({ folder, from, to });
    writeFileSync(file, 'HEADER', { flag: 'r+' });
    appendFileSync(file, content(2, 3 * MiB));
    const again = rig.request('rec.mxf', {
      options: { conflict: 'rename' },
      transfer: { ...request.transfer, fence: 2 },
    });
    const outcome = published(await rig.mover.move(isGrowing ? step(again, { ended: true }) : again));
    expect(sameFiles(file, copy)).toBe(true);
    expect(outcome.resumedBytes).toBe(32 * MiB);
    expect(outcome.movedBytes).toBe(11 * MiB + 8 * MiB);
    expect(namesIn(rig.to)).toEqual(['rec.mxf']);
  });

  it.each([
    ['is cut', () => truncateSync(file, 20 * MiB)],
    [
      'is replaced',
      () => {
        writeContent(join(rig.from, 'other'), 7, 40 * MiB);
        renameSync(join(rig.from, 'other'), file);
      },
    ],
  ])('starts again where it %s', async (_, change) => {
    writeContent(file, 1, 33 * MiB);
    const request = begin();
    await rig.mover.move(step(request, {}));
    change();
    const last = step(request, { ended: true });
    await rig.mover.move(last);
    expect(request.restarts.map((fault) => fault.code)).toEqual(['source_changed']);
    expect(sameFiles(file, copy)).toBe(true);
    expect(namesIn(rig.to)).toEqual(['rec.mxf']);
  });

  it('is waited for where the writer never rests', async () => {
    writeContent(file, 1, 40 * MiB);
    const request = step(begin(), { ended: true });
    const writing = setInterval(() => appendFileSync(file, 'more'), 1);
    rig.mounts.limitBandwidth(400e6);
    await expect(rig.mover.move(request)).rejects.toMatchObject({ code: 'busy' });
    clearInterval(writing);
    rig.mounts.limitBandwidth(null);
    published(await rig.mover.move(step(request, { ended: true })));
    expect(sameFiles(file, copy)).toBe(true);
  });
});

describe('a growing source that can be read at the destination', () => {
  const readable = { readable: true };

  it('has its final name from the first byte and a marker until it is proven', async () => {
    writeContent(file, 1, 20 * MiB);
    const request = begin();
    await rig.mover.move(step(request, readable));
    expect(namesIn(rig.to)).toEqual(['.rec.mxf.growing', 'rec.mxf']);
    expect(readFileSync(copy).equals(readFileSync(file).subarray(0, 16 * MiB))).toBe(true);
    const { ino } = statSync(copy);
    appendFileSync(file, content(2, 3 * MiB));
    const outcome = published(await rig.mover.move(step(request, { ...readable, ended: true }, { fence: 2 })));
    expect(outcome.publishedPath).toBe('rec.mxf');
    expect(statSync(copy).ino).toBe(ino);
    expect(sameFiles(file, copy)).toBe(true);
    expect(namesIn(rig.to)).toEqual(['rec.mxf']);
    const [publishing] = request.published;
    if (publishing === undefined) throw new Error('nothing was recorded');
    const recovered = await rig.mover.recoverPublishing({ ...request.transfer, publishing }, rig.destination);
    expect(recovered).toMatchObject({ kind: 'published', alreadyThere: true });
    await rig.mover.discard(request.transfer, rig.destination);
    expect(namesIn(rig.to)).toEqual(['rec.mxf']);
  });

  it('never takes a name that somebody else has, and leaves nothing when cancelled', async () => {
    writeFileSync(copy, 'theirs');
    writeContent(file, 1, 20 * MiB);
    const request = begin();
    await rig.mover.move(step(request, readable));
    expect(namesIn(rig.to)).toEqual(['.rec (1).mxf.growing', 'rec (1).mxf', 'rec.mxf']);
    await rig.mover.discard(request.transfer, rig.destination);
    expect(namesIn(rig.to)).toEqual(['rec.mxf']);
    expect(readFileSync(copy, 'utf8')).toBe('theirs');
  });
});
