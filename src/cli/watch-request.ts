// From the command line: flags and words as the watch that the engine takes, and where a foreground watch's own ledger is.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { WatchRequest } from '../model/specs.ts';
import type { Flags, OptionSpec } from './command-line.ts';
import { absolutePlace, ownLedger } from './copy-request.ts';

export const watchOptions: readonly OptionSpec[] = [
  {
    name: 'after',
    value: 'WHAT',
    choices: ['keep', 'delete', 'move-to'],
    about: 'What happens to a proven source file: keep (default), delete, move-to',
  },
  { name: 'move-to', value: 'DIR', about: 'Where --after move-to puts it; a folder outside the watched one' },
  {
    name: 'rule',
    value: 'MATCH=TEMPLATE',
    many: true,
    about: "Where matching files go: '*.mxf={date}/{name}'; MATCH is a glob, or re: and a regular expression",
  },
  { name: 'include', value: 'GLOB', many: true, about: 'Take only these paths' },
  { name: 'exclude', value: 'GLOB', many: true, about: 'Leave these paths out (*.tmp, cache/**)' },
  { name: 'stable', value: 'SECONDS', about: 'Unchanged for so long, a file is complete (30)' },
  { name: 'scan', value: 'SECONDS', about: 'How often everything is looked at (10; seldom where events work)' },
  { name: 'poll', value: 'SECONDS', about: 'How often files under way are looked at (5)' },
  { name: 'grow-from', value: 'SIZE', about: 'Files from this size on are copied while they grow (50MB)' },
  { name: 'margin', value: 'SIZE', about: 'How far that copy stays behind the writer (16MB)' },
  { name: 'idle', value: 'SECONDS', about: 'A pause in growth shorter than this does not end it (30)' },
  { name: 'readable', about: 'Keep a growing copy readable under its final name, with a .growing marker beside it' },
  { name: 'bundle', about: 'Each folder directly below SRC is one set, taken as a whole' },
  { name: 'done-marker', value: 'NAME', about: "A file is complete when its marker is there: '{name}.done'" },
  {
    name: 'conflict',
    value: 'RULE',
    choices: ['overwrite', 'newer', 'skip', 'rename', 'fail'],
    about: 'A name that is taken: rename (default), overwrite, newer, skip, fail',
  },
  { name: 'symlinks', value: 'POLICY', choices: ['skip', 'keep', 'follow'], about: 'skip (default), keep or follow' },
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
  { name: 'preserve', value: 'LIST', about: 'Beside time and mode also: owner, xattrs, sparse (comma-separated)' },
  { name: 'transfers', value: 'N', about: 'Files of this watch that move at once' },
  { name: 'bwlimit', value: 'RATE', about: 'A rate (2M; a bare number is KiB/s), or a timetable (08:00,2M 19:00,off)' },
  { name: 'reserve', value: 'SIZE', about: 'Free space that must remain at the destination' },
];

/** Rejects with `invalid`. */
export function watchRequest(verb: string, words: readonly string[], flags: Flags): WatchRequest {
  const [source, ...destinations] = words.map((word) => absolutePlace(word).replace(/(?<=.)\/+$/, ''));
  if (source === undefined || destinations.length === 0) {
    throw new Fault('invalid', `wherry ${verb} needs a folder and a destination: wherry ${verb} SRC DST….`);
  }
  const extras = (flags.text('preserve') ?? '').split(',').filter((word) => word !== '');
  const known = ['owner', 'xattrs', 'sparse', 'mtime', 'mode'];
  const strange = extras.find((word) => !known.includes(word));
  if (strange !== undefined) {
    throw new Fault('invalid', `--preserve takes ${known.join(', ')}; "${displayPath(strange)}" is none of them.`);
  }
  const moveTo = flags.text('move-to');
  const after = flags.choice('after', ['keep', 'delete', 'move-to']) ?? (moveTo === undefined ? undefined : 'move-to');
  const wishes = {
    after,
    moveTo: moveTo === undefined ? undefined : absolutePlace(moveTo),
    stableSeconds: seconds(flags, 'stable'),
    scanSeconds: seconds(flags, 'scan'),
    growthPollSeconds: seconds(flags, 'poll'),
    bundle: flags.is('bundle') ? ('folder' as const) : undefined,
    doneMarker: flags.text('done-marker'),
    conflict: flags.choice('conflict', ['rename', 'overwrite', 'newer', 'skip', 'fail']),
    symlinks: flags.choice('symlinks', ['skip', 'keep', 'follow']),
    verify: flags.choice('verify', ['read-back', 'far-hash', 'size']),
    hash: flags.choice('hash', ['xxh128-8m', 'sha256', 'blake3']),
    transfers: flags.number('transfers', 1, 64),
    bandwidth: flags.text('bwlimit'),
    reserveBytes: flags.sizeBytes('reserve'),
  };
  const growing = {
    minSize: flags.sizeBytes('grow-from'),
    safetyMargin: flags.sizeBytes('margin'),
    idleSeconds: seconds(flags, 'idle'),
    readable: flags.is('readable') ? true : undefined,
  };
  return {
    kind: 'watch',
    source,
    destinations,
    rules: placementRules(flags),
    include: flags.list('include'),
    exclude: flags.list('exclude'),
    preserve: Object.fromEntries(extras.map((word) => [word, true])),
    growing: given(growing),
    ...given(wishes),
  };
}

/** `GLOB=TEMPLATE` or `re:EXPRESSION=TEMPLATE`, as often as --rule stands there. Rejects with `invalid`. */
export function placementRules(flags: Flags): { match?: string; regex?: string; to: string }[] {
  return flags.list('rule').map((text) => {
    const cut = text.lastIndexOf('=');
    const [match, to] = [text.slice(0, cut), text.slice(cut + 1)];
    if (cut < 1 || to === '') {
      throw new Fault(
        'invalid',
        `--rule takes MATCH=TEMPLATE, such as '*.mxf={date}/{name}', not "${displayPath(text)}".`,
      );
    }
    return match.startsWith('re:') ? { regex: match.slice(3), to } : { match, to };
  });
}

/** The ledger of a watch in the foreground, beside those of copies, so that `wherry verify` finds its receipts. */
export function watchLedger(base: string, { source, destinations }: WatchRequest): string {
  const [destination = ''] = destinations;
  return ownLedger(base, ['watch', source, ...destinations], { sources: [source], destination, destinations });
}

function seconds(flags: Flags, name: string): number | undefined {
  const text = flags.text(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0) {
    throw new Fault('invalid', `--${name} takes seconds, not "${displayPath(text)}".`);
  }
  return value;
}

type Given<Wishes> = { [Key in keyof Wishes]?: Exclude<Wishes[Key], undefined> };

/** What was left out keeps its default. */
function given<Wishes extends object>(wishes: Wishes): Given<Wishes> {
  return Object.fromEntries(Object.entries(wishes).filter(([, value]) => value !== undefined)) as Given<Wishes>;
}
