// What every verb that moves files can be told of how they move: one table of flags for all.

import type { OptionSpec } from './command-line.ts';

export const selectionOptions: readonly OptionSpec[] = [
  {
    name: 'include',
    value: 'GLOB',
    many: true,
    about: 'Take these paths also where --exclude names them; with no --exclude, only these',
  },
  { name: 'exclude', value: 'GLOB', many: true, about: 'Leave these paths out (below the source: *.tmp, cache/**)' },
];

export function conflictOption(about: string): OptionSpec {
  return { name: 'conflict', value: 'RULE', choices: ['overwrite', 'newer', 'skip', 'rename', 'fail'], about };
}

export function symlinksOption(...choices: readonly string[]): OptionSpec {
  const last = choices.at(-1);
  const others = choices.slice(1, -1).map((choice) => `, ${choice}`);
  return { name: 'symlinks', value: 'POLICY', choices, about: `skip (default)${others.join('')} or ${last}` };
}

export const proofOptions: readonly OptionSpec[] = [
  {
    name: 'verify',
    value: 'HOW',
    choices: ['read-back', 'far-hash', 'size'],
    about: 'read-back (default), far-hash, or size',
  },
  {
    name: 'hash',
    value: 'ALGORITHM',
    choices: ['xxh128-8m', 'sha256', 'blake3'],
    about: 'xxh128-8m, sha256 or blake3; default is the fast one for local places',
  },
];

export const preserveOption: OptionSpec = {
  name: 'preserve',
  value: 'LIST',
  about: 'Beside time and mode also: owner, xattrs, sparse (comma-separated)',
};

/** `transfers` says what the number counts. */
export function paceOptions(transfers: string): readonly OptionSpec[] {
  return [
    {
      name: 'transport',
      value: 'WAY',
      choices: ['auto', 'rsync', 'sftp', 'tar'],
      about: 'How files of a host over SSH are reached: auto (default), or fail where it cannot be rsync, sftp, tar',
    },
    { name: 'transfers', value: 'N', about: transfers },
    {
      name: 'bwlimit',
      value: 'RATE',
      about: 'A rate (2M; a bare number is KiB/s), or a timetable (08:00,2M 19:00,off)',
    },
    { name: 'reserve', value: 'SIZE', about: 'Free space that must remain at the destination' },
  ];
}
