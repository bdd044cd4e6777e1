// One small file: what starting a one-shot copy costs.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Race } from '../race.ts';
import { type Stage, sameSize, stateOf, wherry } from '../stage.ts';

export function start(stage: Stage): Race {
  const source = join(stage.folder, 'note.txt');
  const target = join(stage.folder, 'note-copy.txt');
  const state = stateOf(stage);
  writeFileSync(source, 'one small file\n');
  mkdirSync(state.XDG_STATE_HOME, { recursive: true });
  const contender = (name: string, ...command: string[]) => ({
    name,
    command,
    env: { XDG_STATE_HOME: state.XDG_STATE_HOME },
    prepare: () => {
      rmSync(target, { force: true });
      state.forget();
    },
    check: () => sameSize(source, target),
  });
  return {
    name: 'start',
    title: `Start: one small file, ${stage.name}`,
    files: 1,
    contenders: [
      contender('wherry copy (verified)', wherry, 'copy', '--quiet', source, target),
      contender('cp', 'cp', source, target),
      contender('rsync -W', 'rsync', '-W', source, target),
      contender('rclone copyto', 'rclone', 'copyto', '--config', '/dev/null', source, target),
    ],
    goals: [{ against: 'cp', atMostSecondsMore: 0.15 }],
  };
}
