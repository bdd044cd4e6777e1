// From the command line: flags and words as the watch that the engine takes, and where a foreground watch's own ledger is.

import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { WatchRequest } from '../model/specs.ts';
import type { Flags, OptionSpec } from './command-line.ts';
import { absolutePlace, movingWishes, ownLedger } from './copy-request.ts';
import {
  conflictOption,
  paceOptions,
  preserveOption,
  proofOptions,
  selectionOptions,
  symlinksOption,
} from './moving-options.ts';

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
  ...selectionOptions,
  { name: 'stable', value: 'SECONDS', about: 'Unchanged for so long, a file is complete (30)' },
  { name: 'scan', value: 'SECONDS', about: 'How often everything is looked at (10; seldom where events work)' },
  { name: 'poll', value: 'SECONDS', about: 'How often files under way are looked at (5)' },
  { name: 'grow-from', value: 'SIZE', about: 'Files from this size on are copied while they grow (50MB)' },
  { name: 'margin', value: 'SIZE', about: 'How far that copy stays behind the writer (16MB)' },
  { name: 'idle', value: 'SECONDS', about: 'A pause in growth shorter than this does not end it (30)' },
  { name: 'readable', about: 'Keep a growing copy readable under its final name, with a .growing marker beside it' },
  { name: 'bundle', about: 'Each folder directly below SRC is one set, taken as a whole' },
  { name: 'done-marker', value: 'NAME', about: "A file is complete when its marker is there: '{name}.done'" },
  conflictOption('A name that is taken: rename (default), overwrite, newer, skip, fail'),
  symlinksOption('skip', 'keep', 'follow'),
  ...proofOptions,
  preserveOption,
  ...paceOptions('Files of this watch that move at once'),
];

/** Rejects with `invalid`. */
export function watchRequest(verb: string, words: readonly string[], flags: Flags): WatchRequest {
  const [source, ...destinations] = words.map((word) => absolutePlace(word).replace(/(?<=.)\/+$/, ''));
  if (source === undefined || destinations.length === 0) {
    throw new Fault('invalid', `wherry ${verb} needs a folder and a destination: wherry ${verb} SRC DST….`);
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
    ...movingWishes(flags),
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
