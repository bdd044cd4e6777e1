// A process that copies and can be killed: takes up what an earlier one left, and says on stdout when it is done.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { openRig } from './engine-rig.ts';

const folder = process.argv[2] ?? '';
const rig = await openRig({ folder });
const { rows } = await rig.store.jobs({ states: ['pending', 'running', 'waiting'] });
const [open] = rows;
const job =
  open ??
  (existsSync(join(folder, 'out'))
    ? undefined
    : await rig.engine.submit({ kind: 'copy', sources: [join(folder, 'in')], destination: join(folder, 'out') }));
process.stdout.write('working\n');
if (job !== undefined) await rig.engine.settled(job.id);
await rig.close();
process.stdout.write('done\n');
