// What `wherry sync` and `wherry syncs add` are asked for: flags and words as the request that the engine takes.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { SyncFolder, SyncRequest } from '../model/sync-spec.ts';
import type { Flags, OptionSpec } from './command-line.ts';
import { absolutePlace, movingWishes } from './copy-request.ts';
import { hours } from './hours.ts';
import { conflictOption, paceOptions, proofOptions, selectionOptions, symlinksOption } from './moving-options.ts';

/** Of a sync, whoever begins it. */
export const syncOptions: readonly OptionSpec[] = [
  {
    name: 'folder',
    value: 'FOLDER',
    many: true,
    about: 'Only this folder of SRC; FROM=TO puts it elsewhere below DST',
  },
  {
    name: 'parallel',
    value: 'N',
    about: 'Folders that are looked through, and files that move at a place, at once (3)',
  },
  { name: 'delete', about: 'Delete at DST what is not in SRC' },
  { name: 'max-delete', value: 'N', about: 'Beyond so many files, or such a part (10%), delete nothing' },
  { name: 'no-renames', about: 'Copy anew what was renamed in SRC' },
  { name: 'checksum', short: 'c', about: 'Compare content by hash, not by time' },
  ...selectionOptions,
  conflictOption('What is there under that name: overwrite (default), newer, skip, rename, fail'),
  symlinksOption('skip', 'keep'),
  ...proofOptions,
  { name: 'cleanup', value: 'TIME', about: 'Delete at SRC what is older (24h, 7d) and proven to be safe at DST' },
  {
    name: 'media',
    value: 'LIST',
    about: 'For pictures and films that arrived (comma-separated): hashes, metadata, xmp, overwrite-xmp, thumbnails',
  },
  {
    name: 'dedup',
    value: 'RULE',
    choices: ['off', 'hardlink', 'skip'],
    about:
      'What DST has already under another name: off (default) copies it, hardlink links it there, skip leaves it out',
  },
  ...paceOptions('Files that move at once (4)'),
];

/** Rejects with `invalid`. */
export function syncRequest(verb: string, words: readonly string[], flags: Flags): SyncRequest {
  const [source, ...destinations] = words.map(absolutePlace);
  if (source === undefined || destinations.length === 0) {
    throw new Fault('invalid', `wherry ${verb} needs a source and a destination: wherry ${verb} SRC DST.`);
  }
  const { preserve: _, ...moving } = movingWishes(flags);
  const parallel = flags.number('parallel', 1, 16);
  const maxDelete = flags.text('max-delete');
  const age = flags.text('cleanup');
  return {
    kind: 'sync',
    source: plain(source),
    destinations: destinations.map(plain),
    folders: flags.list('folder').map(folderOf),
    delete: flags.is('delete'),
    detectRenames: !flags.is('no-renames'),
    checksum: flags.is('checksum'),
    ...moving,
    ...(parallel === undefined ? {} : { parallel }),
    ...(maxDelete === undefined ? {} : { maxDelete: boundOf(maxDelete) }),
    ...(age === undefined ? {} : { cleanup: { ageHours: hours('cleanup', age) } }),
    media: mediaOf(flags),
  };
}

const mediaWords = ['hashes', 'metadata', 'xmp', 'overwrite-xmp', 'thumbnails'] as const;

function mediaOf(flags: Flags): NonNullable<SyncRequest['media']> {
  const words = (flags.text('media') ?? '').split(',').filter((word) => word !== '');
  const strange = words.find((word) => !mediaWords.some((known) => known === word));
  if (strange !== undefined) {
    throw new Fault('invalid', `--media takes ${mediaWords.join(', ')}; "${displayPath(strange)}" is none of them.`);
  }
  const has = (word: (typeof mediaWords)[number]) => words.includes(word);
  const dedup = flags.choice('dedup', ['off', 'hardlink', 'skip']);
  return {
    ...{ hashes: has('hashes'), metadata: has('metadata'), thumbnails: has('thumbnails') },
    ...{ xmp: has('xmp') || has('overwrite-xmp'), overwriteXmp: has('overwrite-xmp') },
    ...(dedup === undefined ? {} : { dedup }),
  };
}

function plain(place: string): string {
  return place === '/' ? place : place.replace(/\/+$/, '');
}

function folderOf(text: string): SyncFolder {
  const cut = text.indexOf('=');
  return cut < 0 ? text.replace(/\/+$/, '') : { from: text.slice(0, cut), to: text.slice(cut + 1) };
}

function boundOf(text: string): number | string {
  if (/^\d+$/.test(text)) return Number(text);
  if (/^(100|[0-9]{1,2})%$/.test(text)) return text;
  throw new Fault('invalid', `--max-delete takes a number of files or a percentage, not "${displayPath(text)}".`);
}
