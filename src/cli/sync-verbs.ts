// What `wherry sync`, `wherry syncs` and `wherry manifest` take.

import type { OptionSpec, VerbSpec } from './command-line.ts';
import { syncOptions } from './sync-request.ts';

const config: OptionSpec = { name: 'config', value: 'FILE', about: 'The configuration to read (or WHERRY_CONFIG)' };
const data: OptionSpec = { name: 'data', value: 'DIR', about: "The daemon's data folder (or WHERRY_DATA)" };

export const syncVerb: VerbSpec = {
  name: 'sync',
  usage: ['[OPTION…] SRC DST…'],
  paths: true,
  summary: 'Bring folders up to date again and again, by what is known to be there',
  about:
    'The contents of SRC come to each DST. What has come over is known by its receipt: the next run lists the source and moves what is new or changed. With --delete what ' +
    'the source has no more goes, but only after all of it was listed; what was renamed there is renamed. A listing that fails or breaks off changes nothing. ' +
    'Stopped or broken off, the same command again goes on where it was.',
  options: [
    { name: 'dry-run', short: 'n', about: 'Only say what would be done' },
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is, and each file as it arrives' },
    ...syncOptions,
    {
      name: 'data',
      value: 'DIR',
      about: 'Let the daemon of this data folder do it; where none runs, keep the ledger there',
    },
    config,
  ],
  examples: [
    ['wherry sync ssh://root@gpu1:2222/workspace/outputs /media/pictures', 'what is new on a rented host'],
    ['wherry sync -n --delete --max-delete 10% photos /mnt/backup/photos', 'what a mirror would do'],
    ['wherry sync --folder txt2img=pictures --folder grids out /media', 'two folders, the first under another name'],
  ],
  load: async () => (await import('./sync.ts')).sync,
};

export const syncsVerb: VerbSpec = {
  name: 'syncs',
  usage: ['ls', 'add [OPTION…] NAME SRC DST…', 'show|run|plan|enable|disable|clear|rm ID…'],
  paths: true,
  summary: "The daemon's syncs: list, show, add, run, plan, enable, disable, clear, remove",
  actions: {
    ls: 'List them, with when they are due',
    'show ID…': 'One of them, by id or name',
    'add NAME SRC DST…': 'Keep a sync under a name, with a schedule or without',
    'run ID': 'Begin a run now, and show it',
    'plan ID': 'What its next run would do',
    'enable ID…': 'Let its schedule begin runs again',
    'disable ID…': 'Let its schedule rest',
    'clear ID…': 'Check everything again with the next run',
    'rm ID…': 'Forget it; what it has copied stays',
  },
  options: [
    { name: 'cron', value: 'PATTERN', about: 'When it runs (add): minute, hour, day, month, weekday' },
    { name: 'timezone', value: 'ZONE', about: 'Of --cron; default is that of the machine' },
    { name: 'every', value: 'TIME', about: 'Or how often (add): 10m, 6h' },
    ...syncOptions,
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is (run)' },
    data,
  ],
  examples: [
    ['wherry syncs add --every 10m pictures ssh://root@gpu1/out /media/pictures', 'every ten minutes'],
    ['wherry syncs run pictures', 'now'],
  ],
  load: async () => (await import('./syncs.ts')).syncs,
};

export const manifestVerb: VerbSpec = {
  name: 'manifest',
  usage: ['export|clear ID', 'export|clear SRC DST…', 'import SRC DST FILE', 'diff FILE FILE'],
  paths: true,
  summary: 'What is known to be at the destinations of a sync: export, import, compare, clear',
  about:
    'ID is a sync of the daemon; SRC and DST are those of `wherry sync` without one. Files have a JSON object a line. What is imported is read at DST first: only what has the hash that stands there is known from then on.',
  actions: {
    export: 'One JSON object a file on standard output',
    clear: 'Check everything again with the next run; receipts stay',
    'import SRC DST FILE': 'Take in what was exported, where DST still has that content',
    'diff FILE FILE': 'What is new, modified, deleted and renamed from the first to the second',
  },
  options: [{ name: 'folder', value: 'FOLDER', many: true, about: 'Only of this folder, or FROM=TO' }, data],
  examples: [['wherry manifest export photos /mnt/backup/photos > known.jsonl', 'all that is proven to be there']],
  load: async () => (await import('./manifest.ts')).manifest,
};
