// One large file over several connections: the same file, in the same order, gone on with at the block, and never with a gap.

import { closeSync, fsyncSync, openSync, readFileSync, readSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Endpoint } from '../../../src/endpoints/endpoint.ts';
import { unitBytes } from '../../../src/engine/mover/several-streams.ts';
import { Fault } from '../../../src/model/fault.ts';
import { blockBytes } from '../../../src/model/hash.ts';
import { writeContent } from '../../support/trees.ts';
import { namesIn, openRig, published, type Rig, sameFiles } from './mover-rig.ts';

const streams = 3;
const size = 3 * blockBytes + 12_345;
let rig: Rig;
beforeEach(async () => {
  rig = await openRig();
  writeContent(join(rig.from, 'file'), 5, size);
});
afterEach(() => rig.close());

interface Several extends Endpoint {
  /** By the offset of each reading or writing, bytes. */
  readonly moved: Map<number, number>;
  most: number;
  /** Readings and writings from this offset on break off. */
  breaksFrom: number;
}

/** The place reached by connections of which the first that was asked answers last. */
function several(inner: Endpoint, root: string): Several {
  const { localPath: _, writeProved: __, ...rest } = inner;
  const turns: (() => void)[] = [];
  let underWay = 0;
  const inTurn = async <Result>(from: number, work: () => Promise<Result>): Promise<Result> => {
    underWay++;
    place.most = Math.max(place.most, underWay);
    try {
      if (from >= place.breaksFrom) throw new Fault('network', 'The link broke off.');
      const wait = new Promise<void>((resolve) => turns.push(resolve));
      setImmediate(() => turns.pop()?.());
      await wait;
      return await work();
    } finally {
      underWay--;
    }
  };
  const place: Several = {
    ...rest,
    streams,
    moved: new Map(),
    most: 0,
    breaksFrom: Number.POSITIVE_INFINITY,
    readRange: (path, from, to) =>
      inTurn(from, async () => {
        const bytes = Buffer.alloc(to - from);
        const fd = openSync(join(root, path), 'r');
        const length = readSync(fd, bytes, 0, bytes.length, from);
        closeSync(fd);
        place.moved.set(from, length);
        return ReadableStream.from([bytes.subarray(0, length)]);
      }),
    writeAt: (path, from, body) =>
      inTurn(from, async () => {
        const fd = openSync(join(root, path), 'r+');
        let at = from;
        for await (const chunk of body) at += writeSync(fd, chunk, 0, chunk.length, at);
        fsyncSync(fd);
        closeSync(fd);
        place.moved.set(from, at - from);
        return at - from;
      }),
  };
  return place;
}

const cases = [
  ['comes', (far: { source: Several; destination: Several }) => ({ source: far.source })],
  ['goes', (far: { source: Several; destination: Several }) => ({ destination: far.destination })],
] as const;

describe.each(cases)('a file that %s over several connections', (_, ends) => {
  it('is whole, by as many at once as the place wants', async () => {
    const far = { source: several(rig.source, rig.from), destination: several(rig.destination, rig.to) };
    const [place] = Object.values(ends(far)) as [Several];
    published(await rig.mover.move(rig.request('file', ends(far))));
    expect(sameFiles(join(rig.from, 'file'), join(rig.to, 'file'))).toBe(true);
    expect([...place.moved.values()].reduce((sum, bytes) => sum + bytes, 0)).toBe(size);
    expect(place.most).toBeGreaterThan(1);
    expect(place.most).toBeLessThanOrEqual(2 * streams);
    expect(namesIn(rig.to)).toEqual(['file']);
  });

  it('breaks off in the middle, and goes on at the block', async () => {
    const far = { source: several(rig.source, rig.from), destination: several(rig.destination, rig.to) };
    const [place] = Object.values(ends(far)) as [Several];
    place.breaksFrom = blockBytes + 2 * unitBytes;
    const first = rig.request('file', ends(far));
    await expect(rig.mover.move(first)).rejects.toMatchObject({ code: 'network' });
    expect(namesIn(rig.to).filter((name) => !name.endsWith('.partial'))).toEqual([]);
    place.breaksFrom = Number.POSITIVE_INFINITY;
    place.moved.clear();
    const { transfer } = first;
    const again = rig.request('file', { ...ends(far), transfer: { id: transfer.id, fence: transfer.fence + 1 } });
    const outcome = published(await rig.mover.move(again));
    expect(sameFiles(join(rig.from, 'file'), join(rig.to, 'file'))).toBe(true);
    expect(outcome.resumedBytes).toBe(blockBytes);
    expect(Math.min(...place.moved.keys())).toBe(blockBytes);
  });
});

it('a file that becomes shorter meanwhile is not published', async () => {
  const source = several(rig.source, rig.from);
  const { readRange } = source;
  let cut = false;
  source.readRange = async (path, from, to, call) => {
    if (from >= 2 * blockBytes && !cut) {
      cut = true;
      const whole = readFileSync(join(rig.from, 'file'));
      rmSync(join(rig.from, 'file'));
      const fd = openSync(join(rig.from, 'file'), 'w');
      writeSync(fd, whole.subarray(0, 2 * blockBytes + 10));
      closeSync(fd);
    }
    return (await readRange?.(path, from, to, call)) as ReadableStream<Uint8Array>;
  };
  const request = rig.request('file', { source });
  // It is begun again, and is what it has become.
  expect(published(await rig.mover.move(request)).sizeBytes).toBe(2 * blockBytes + 10);
  expect(request.restarts.map((fault) => fault.code)).toEqual(['source_changed']);
  expect(sameFiles(join(rig.from, 'file'), join(rig.to, 'file'))).toBe(true);
});
