// T3: the power goes while `wherry copy` runs, again and again; what it said is done must be there, whole.

import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as after } from 'node:timers/promises';
import { wherry } from '../../support/daemon.ts';
import { type DiskKind, lookAfterCut, makeDisk, startGuest } from '../../support/power-cut.ts';
import { compareTrees, filesBelow, sha256Of, writeContent, writeSmallFiles } from '../../support/trees.ts';
import { type Row, type RowOptions, type RowResult, randomFrom } from '../row.ts';

const naiveCopy = resolve(import.meta.dirname, '../naive-copy.ts');
const trees = 12;

async function torment(copier: string, kind: DiskKind, options: RowOptions): Promise<RowResult> {
  const random = randomFrom(options.seed);
  const source = join(options.scratch, 'source');
  for (let tree = 0; tree < trees; tree++) {
    writeSmallFiles(join(source, `tree-${tree}`), 60, 60_000);
    writeContent(join(source, `tree-${tree}`, 'film.mov'), tree, 12_000_000);
  }
  const image = join(options.scratch, 'disk.img');
  const log = join(options.scratch, 'done');
  let lost = 0;
  let corrupt = 0;
  const faults: string[] = [];
  for (let cut = 1; cut <= options.runs; cut++) {
    makeDisk(image, kind, 500);
    rmSync(log, { force: true });
    appendFileSync(log, '');
    // The ledger lies on the disk that loses power, like the files.
    const guest = startGuest(
      join(options.scratch, 'guest'),
      image,
      `export XDG_STATE_HOME=/run/disk/state XDG_CACHE_HOME=/run/cache
       for tree in ${Array.from({ length: trees }, (_, tree) => tree).join(' ')}; do
         ${copier} ${source}/tree-$tree /run/disk/out/tree-$tree && echo $tree >> ${log}
       done`,
    );
    const begun = Date.now();
    while (readFileSync(log, 'utf8').split('\n').length < 2 && Date.now() - begun < 60_000) await after(20);
    await after(random() * 2_500);
    await guest.cut();
    const done = readFileSync(log, 'utf8').split('\n').filter(Boolean);
    if (done.length === 0) faults.push(`cut ${cut}: nothing was done before it`);
    lookAfterCut(image, join(options.scratch, 'mount'), (mount) => {
      for (const tree of done) {
        const difference = compareTrees(join(source, `tree-${tree}`), join(mount, 'out', `tree-${tree}`));
        lost += difference.missing.length;
        corrupt += difference.different.length;
      }
      corrupt += halfDone(source, join(mount, 'out'));
    });
    options.say(`cut ${cut} on ${kind}: ${done.length} trees were done, lost ${lost}, corrupt ${corrupt}`);
  }
  return { runs: options.runs, lost, corrupt, bytesAgain: null, faults };
}

/** Files under a final name whose content is not the source's, said to be done or not. */
function halfDone(source: string, out: string): number {
  if (!existsSync(out)) return 0;
  return filesBelow(out).filter(
    (path) =>
      !path.split('/').some((part) => part.startsWith('.')) &&
      sha256Of(join(source, path)) !== sha256Of(join(out, path)),
  ).length;
}

function row(kind: DiskKind): Row {
  return {
    id: `T3-${kind}`,
    title: `power cut on ${kind} while copying`,
    runs: 20,
    run: (options) => torment(`${wherry} copy --quiet`, kind, options),
    control: (options) => torment(`${process.execPath} ${naiveCopy}`, kind, options),
  };
}

export const powerCutExt4 = row('ext4');
export const powerCutXfs = row('xfs');
