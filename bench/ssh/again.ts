// What comes over the line when a sync from a host is run a second time, counted on the line itself.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { linkTo } from '../../test/support/tcp-link.ts';
import type { Goal, Sheet } from '../race.ts';
import { makeTree, type Stage, sameTree, stateOf, wherry } from '../stage.ts';
import type { FarHost } from './far-host.ts';

/** A name, what it is, size, time and mode, with the connection's own: no content of any file fits in there. */
const mostListedBytes = 128;

export async function sshAgain(stage: Stage, far: FarHost, files: number): Promise<Sheet> {
  const source = join(stage.folder, 'source');
  const target = join(stage.folder, 'target');
  const total = makeTree(source, files, Math.max(1, Math.round(files / 100)));
  mkdirSync(target);
  const link = await linkTo(far.port);
  const from = far.address(source).replace(`:${far.port}/`, `:${link.port}/`);
  const { XDG_STATE_HOME } = stateOf(stage);
  const run = async (): Promise<number> => {
    const before = link.bytes.down;
    const env = { ...process.env, HOME: far.home, SSH_AUTH_SOCK: '', XDG_STATE_HOME };
    const child = spawn(wherry, ['sync', '--quiet', from, target], { env, stdio: ['ignore', 'ignore', 'inherit'] });
    const [code] = await once(child, 'exit');
    if (code !== 0) throw new Error(`wherry sync ended with ${code}`);
    sameTree(source, target);
    return link.bytes.down - before;
  };
  try {
    const first = await run();
    const second = (await run()) / files;
    const goals: Goal[] = [
      {
        what: `Over the line with the first sync of ${files.toLocaleString('en')} files, to their content`,
        goal: '≤ 1.05',
        seen: (first / total).toFixed(3),
        met: first <= 1.05 * total,
      },
      {
        what: `Over the line with the second, for each file (the listing; of ${Math.round(total / files / 1000)} kB of content nothing)`,
        goal: `≤ ${mostListedBytes} bytes`,
        seen: `${Math.round(second)} bytes`,
        met: second <= mostListedBytes,
      },
    ];
    return { title: 'What comes from a host over SSH a second time', table: '', goals };
  } finally {
    await link.close();
  }
}
