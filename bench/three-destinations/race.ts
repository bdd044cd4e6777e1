// One reading, three destinations, all verified by reading back, beside one destination, and beside tools that verify nothing.

import { readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Contender, Race } from '../race.ts';
import { makeFile, type Stage, sameSize } from '../stage.ts';

const move = resolve(import.meta.dirname, 'move.ts');

export function threeDestinations(stage: Stage, sizeBytes: number): Race {
  const source = join(stage.folder, 'film.mov');
  makeFile(source, sizeBytes);
  const targets = [1, 2, 3].map((at) => join(stage.folder, `to-${at}.mov`));
  const contender = (name: string, to: readonly string[], ...command: string[]): Contender => ({
    name,
    command,
    saysOwn: command[1] === move,
    prepare: () => {
      for (const entry of readdirSync(stage.folder))
        if (entry !== 'film.mov') rmSync(join(stage.folder, entry), { recursive: true });
    },
    check: () => {
      for (const target of to) sameSize(source, target);
    },
  });
  const [first = '', second = '', third = ''] = targets;
  return {
    name: 'three-destinations',
    title: `One file of ${(sizeBytes / 2 ** 30).toFixed(0)} GiB to three destinations, ${stage.name}`,
    bytes: sizeBytes,
    contenders: [
      contender('wherry, three', targets, process.execPath, move, source, ...targets),
      contender('wherry, one', [first], process.execPath, move, source, first),
      contender('cp, one', [first], 'cp', source, first),
      contender('tee, three', targets, 'sh', '-c', 'tee "$2" "$3" < "$0" > "$1"', source, first, second, third),
      contender(
        'cp, three side by side',
        targets,
        'sh',
        '-c',
        'for to; do cp "$0" "$to" & done; wait',
        source,
        ...targets,
      ),
    ],
    goals: [{ against: 'wherry, one', atMost: 1.6 }],
  };
}
