// One large file, memory-backed, verified by reading back, beside those that verify nothing.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Race } from '../race.ts';
import { makeFile, memoryStage, need, type Stage, sameSize, stateOf, wherry } from '../stage.ts';

export function oneFile(sizeBytes: number): { race: Race; stage: Stage } {
  need('rclone', 'rclone');
  need('rsync', 'rsync');
  const stage = memoryStage(sizeBytes * 2);
  const source = join(stage.folder, 'film.mov');
  const target = join(stage.folder, 'copy.mov');
  const state = stateOf(stage);
  mkdirSync(state.XDG_STATE_HOME, { recursive: true });
  makeFile(source, sizeBytes);
  const prepare = () => {
    rmSync(target, { force: true });
    state.forget();
  };
  const check = () => sameSize(source, target);
  const contender = (name: string, ...command: string[]) => ({
    name,
    command,
    prepare,
    check,
    env: { XDG_STATE_HOME: state.XDG_STATE_HOME },
  });
  return {
    stage,
    race: {
      name: 'one-file',
      title: `One file of ${(sizeBytes / 2 ** 30).toFixed(0)} GiB, ${stage.name}`,
      bytes: sizeBytes,
      contenders: [
        contender('wherry copy (verified)', wherry, 'copy', '--quiet', source, target),
        contender('cp', 'cp', source, target),
        contender('rsync -W', 'rsync', '-W', '--inplace', source, target),
        contender('rclone copyto', 'rclone', 'copyto', '--config', '/dev/null', source, target),
      ],
      goals: [
        { against: 'cp', atMost: 1 },
        { against: 'rsync -W', atMost: 1 / 2.5 },
        { against: 'rclone copyto', atMost: 1 / 4 },
      ],
    },
  };
}
