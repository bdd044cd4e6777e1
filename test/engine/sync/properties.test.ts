// Random trees and random changes over several runs, against a model: the destination is the source, nothing is sent twice, and only what may go has gone.

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openRig, type Rig } from '../../support/engine-rig.ts';

const paths = ['a', 'b.txt', 'c/d', 'c/e f', 'c/g/-h', "i'j/k|l", 'm/n/o/p', 'ä/ß', 'm/q'];

type Change =
  | { readonly kind: 'write'; readonly path: string; readonly size: number }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'rename'; readonly path: string; readonly to: string };

const path = fc.constantFrom(...paths);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ kind: fc.constant('write' as const), path, size: fc.integer({ min: 0, max: 40 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), path, to: path }) },
);
const run = fc.record({
  changes: fc.array(change, { maxLength: 6 }),
  isDeleting: fc.boolean(),
  checksum: fc.boolean(),
  /** A file of somebody else at the destination. */
  foreign: fc.boolean(),
});

let rig: Rig;
let round = 0;
beforeAll(async () => {
  rig = await openRig();
});
afterAll(() => rig.remove());

const filesIn = (root: string) =>
  new Map(
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
      .map((file) => [relative(root, file), readFileSync(file, 'utf8')] as const),
  );

it('over any changes', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(run, { minLength: 2, maxLength: 4 }), async (runs) => {
      round += 1;
      const source = rig.at(`round-${round}`, 'in');
      const destination = rig.at(`round-${round}`, 'out');
      mkdirSync(source, { recursive: true });
      mkdirSync(destination, { recursive: true });
      let clock = 1_000;
      let written = 0;
      /** By path below the destination, what must be there. */
      let expected = new Map<string, string>();
      for (const { changes, isDeleting, checksum, foreign } of runs) {
        const before = new Map(
          [...filesIn(source)].map(([name, text]) => [name, `${text} ${statSync(join(source, name)).mtimeMs}`]),
        );
        const freshContent = new Set<string>();
        for (const one of changes) {
          const at = join(source, one.path);
          clock += 10;
          if (one.kind === 'write') {
            mkdirSync(dirname(at), { recursive: true });
            written += 1;
            writeFileSync(at, `${written}`.padEnd(one.size, 'x'));
            utimesSync(at, clock, clock);
            freshContent.add(readFileSync(at, 'utf8'));
          } else if (filesIn(source).has(one.path)) {
            if (one.kind === 'remove') rmSync(at);
            else {
              mkdirSync(dirname(join(source, one.to)), { recursive: true });
              renameSync(at, join(source, one.to));
            }
          }
        }
        if (foreign) {
          writeFileSync(join(destination, 'foreign'), 'not ours');
          expected.set('foreign', 'not ours');
        }
        const now = filesIn(source);
        const job = await rig.engine.settled(
          (
            await rig.engine.submit({
              ...{ kind: 'sync', source, destinations: [destination], checksum },
              ...{ delete: isDeleting, maxDelete: '100%' },
            })
          ).id,
        );
        expect(job.state).toBe('completed');
        expected = new Map([...(isDeleting ? [] : expected), ...now]);
        expect(filesIn(destination)).toEqual(expected);
        // Nothing is sent twice: what neither changed nor is new stays where it is.
        const changed = [...now].filter(
          ([name, text]) => before.get(name) !== `${text} ${statSync(join(source, name)).mtimeMs}`,
        );
        expect(job.counts.completed).toBeLessThanOrEqual(changed.length);
        expect(job.counts.completed + job.counts.skipped).toBe(now.size);
        if (isDeleting) {
          // What was only renamed is not sent at all.
          const mustMove = changed.filter(([, text]) => freshContent.has(text));
          expect(job.counts.completed).toBeGreaterThanOrEqual(
            new Set(mustMove.map(([name]) => name)).size === 0 ? 0 : 1,
          );
        }
      }
    }),
    { numRuns: 25 },
  );
}, 120_000);
