// What `wherry watch` and `wherry watches` take.

import type { OptionSpec, VerbSpec } from './command-line.ts';
import { watchOptions } from './watch-request.ts';

export const watchVerb: VerbSpec = {
  name: 'watch',
  usage: ['[OPTION…] SRC DST…'],
  paths: true,
  summary: 'Move files out of a folder as they appear, also while they still grow',
  about:
    'Runs in the foreground until Ctrl-C. A file moves when it is complete (unchanged for a while, closed by its writer, or marked); a large one is copied ' +
    'while it grows, and sealed when its writer is done. It takes its name at each destination only when its content is proven there. The same command ' +
    'again goes on where it stopped. For watches that outlive the terminal use `wherry serve`.',
  options: [
    ...watchOptions,
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is' },
    { name: 'data', value: 'DIR', about: 'Keep the ledger there' },
    { name: 'config', value: 'FILE', about: 'The configuration to read limits from (or WHERRY_CONFIG)' },
  ],
  examples: [
    ['wherry watch /ingest /mnt/library', 'everything that appears below /ingest'],
    ["wherry watch --after delete --rule '*.mxf={date}/{name}' /ingest /mnt/a /mnt/b", 'read once, written to both'],
  ],
  load: async () => (await import('./watch.ts')).watch,
};

const data: OptionSpec = { name: 'data', value: 'DIR', about: "The daemon's data folder (or WHERRY_DATA)" };

export const watchesVerb: VerbSpec = {
  name: 'watches',
  usage: ['ls', 'add [OPTION…] SRC DST…', 'show|pause|resume|rm ID…', 'test --rule MATCH=TEMPLATE NAME…'],
  paths: true,
  summary: "The daemon's watches: list, show, add, pause, resume, remove, test rules",
  actions: {
    ls: 'List them, newest first',
    'show ID': 'One of them, and how it sees what appears',
    'add SRC DST…': 'Watch a folder',
    'pause ID…': 'Stop for now; what is done is kept',
    'resume ID…': 'Go on',
    'rm ID…': 'End it for good; what it has copied stays',
    'test NAME…': 'Where rules would put files of these names; nothing is written',
  },
  options: [...watchOptions, data],
  examples: [["wherry watches test --rule '*.mxf=video/{date}/{name}' A001.mxf", 'where that file would go']],
  load: async () => (await import('./watches.ts')).watches,
};
