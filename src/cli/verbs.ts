// The list of verbs: what each takes, and where its code is.

import { mhlFormats } from '../model/hash.ts';
import { jobStates } from '../model/job.ts';
import { transferStates } from '../model/transfer.ts';
import type { OptionSpec, VerbSpec } from './command-line.ts';
import {
  conflictOption,
  paceOptions,
  preserveOption,
  proofOptions,
  selectionOptions,
  symlinksOption,
} from './moving-options.ts';
import { roomVerb } from './room-verbs.ts';
import { manifestVerb, syncsVerb, syncVerb } from './sync-verbs.ts';
import { watchesVerb, watchVerb } from './watch-verbs.ts';

const data: OptionSpec = {
  name: 'data',
  value: 'DIR',
  about: "The daemon's data folder (or WHERRY_DATA)",
};
const config: OptionSpec = { name: 'config', value: 'FILE', about: 'The configuration to read (or WHERRY_CONFIG)' };

const copy: VerbSpec = {
  name: 'copy',
  usage: ['[OPTION…] SRC… DST'],
  paths: true,
  summary: 'Copy files and folders, verified',
  about:
    "A folder's contents go into DST; a file goes into DST where that is a folder or ends with /, else becomes DST. What is there unchanged is left alone. " +
    'Each file takes its name only when its content is proven by reading it back. Stopped or broken off, the same command again goes on where it was.',
  options: [
    { name: 'dry-run', short: 'n', about: 'Only say what would be done' },
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is, and each file as it arrives' },
    { name: 'checksum', short: 'c', about: 'Compare content where size and time agree' },
    { name: 'move', about: 'Delete each source file once it is proven at the destination' },
    conflictOption('What is there under that name: overwrite (default), newer, skip, rename, fail'),
    ...selectionOptions,
    symlinksOption('skip', 'keep', 'follow'),
    { name: 'links', short: 'l', about: 'As --symlinks keep' },
    ...proofOptions,
    preserveOption,
    ...paceOptions('Files that move at once (4)'),
    {
      name: 'data',
      value: 'DIR',
      about: 'Let the daemon of this data folder do it; where none runs, keep the ledger there',
    },
    config,
  ],
  examples: [
    ['wherry copy photos/ /mnt/backup/photos', 'the contents of photos, into a folder that is made if need be'],
    ['wherry copy -n --exclude "*.tmp" project /mnt/nas/', 'what would be copied'],
    [
      'wherry copy --move --verify read-back card/ archive/',
      'empties the card, file by file, each only when it is proven',
    ],
  ],
  load: async () => (await import('./copy.ts')).copy,
};

const verify: VerbSpec = {
  name: 'verify',
  usage: ['[OPTION…] PATH…', '--against SRC DST'],
  paths: true,
  summary: 'Prove again that what was copied is still what it was',
  about:
    'Reads each file below PATH again and compares its hash with the receipt that its copy left. A file that has been read lately may come from memory: ' +
    'only a reading past the page cache (--direct, or after a remount) proves the medium. PATH may be a place far away (ssh, s3, docker): hosts and containers hash their files themselves, of a store all is read. A folder with an ASC MHL history (ascmhl) is compared with that.',
  options: [
    { name: 'against', value: 'SRC', about: 'Compare with this file or folder, by hash, instead of receipts' },
    { name: 'direct', about: 'Read past the page cache (O_DIRECT), where the file system can' },
    {
      name: 'hash',
      value: 'ALGORITHM',
      choices: ['xxh128-8m', 'sha256', 'blake3'],
      about: 'For --against: xxh128-8m (default), sha256 (default where a place is far away) or blake3',
    },
    { name: 'data', value: 'DIR', about: 'Also ask the ledger of this data folder, or its daemon where one runs' },
    config,
  ],
  examples: [
    ['wherry verify /mnt/backup/photos', 'every file that was copied there'],
    ['wherry verify ssh://nas/volume1/photos', 'the same on a host, which hashes its files itself'],
    ['wherry verify --direct --against photos/ /mnt/backup/photos', 'two trees, the second from its medium'],
  ],
  load: async () => (await import('./verify.ts')).verify,
};

const processVerb: VerbSpec = {
  name: 'process',
  usage: ['[OPTION…] KIND SOURCE DESTINATION'],
  paths: true,
  summary: 'Put one file through a pipeline by hand: stitch, transcode, thumbnail, checksum',
  about:
    'KIND is that of the device (gopro, insta360, mounted); it chooses the pipeline of the configuration, as after an offload. Into a folder go all results; a DESTINATION ' +
    'with an ending (.m3u8, .mp4, .jpg, .webp, .xmp, .json) is the one result of that type, and needs no configuration. What is there is not written over. ' +
    'Stopped or broken off, the same command again goes on where it was.',
  options: [
    { name: 'pipeline', value: 'NAME', about: 'This pipeline of the configuration' },
    { name: 'progress', short: 'P', about: 'Say how far it is also where no terminal is' },
    config,
  ],
  examples: [
    ['wherry process insta360 VID_001.insv /mnt/films/flight.m3u8', 'stitched, and cut up for playing in a browser'],
    ['wherry process gopro GX010001.MP4 /mnt/processed/', 'all that the pipeline for a GoPro makes'],
  ],
  load: async () => (await import('./process.ts')).processVerb,
};

const cleanup: VerbSpec = {
  name: 'cleanup',
  usage: ['[OPTION…] ENDPOINT'],
  paths: true,
  summary: 'Delete old files at a source that are proven to stand elsewhere',
  about:
    'A file goes only where a receipt proves its copy, it is what it was then, and the copy still stands there, looked at right before. Receipts are those of the daemon that runs, and of ' +
    "this user's own copies, syncs and watches; where none is known nothing goes. After a listing that failed nothing is deleted. Folders named by a day (2026-11-21) go with their last file.",
  options: [
    { name: 'age', value: 'TIME', about: 'Only files last written so long ago: 24h (default), 90m, 7d' },
    { name: 'folder', value: 'FOLDER', many: true, about: 'Only in this folder of the place' },
    { name: 'preserve', value: 'GLOB', many: true, about: 'Never these files or folders (*.safetensors, best/**)' },
    { name: 'copies', value: 'N', about: 'So many proven copies must be there (1)' },
    { name: 'checksum', short: 'c', about: 'Read each copy again and compare it with its receipt' },
    { name: 'dry-run', short: 'n', about: 'Only say what would be deleted' },
    data,
    config,
  ],
  examples: [
    ['wherry cleanup -n --age 7d /mnt/render/out', 'what could go'],
    ['wherry cleanup --folder txt2img-images --preserve "*.keep.*" /mnt/render/out', 'and away with it'],
  ],
  load: async () => (await import('./cleanup.ts')).cleanup,
};

const serve: VerbSpec = {
  name: 'serve',
  usage: ['[OPTION…]'],
  summary: 'Run the daemon: watches, the API and the web console',
  about:
    'Listens on loopback and prints a link to the console that works once. Without a configuration it watches demo/in below the current folder and copies what is dropped there to demo/out.',
  options: [
    { name: 'data', value: 'DIR', about: 'Ledger, journals and logs (WHERRY_DATA)' },
    { name: 'listen', value: 'HOST:PORT', about: 'Default is 127.0.0.1:7373 (WHERRY_LISTEN)' },
    config,
    { name: 'bwlimit', value: 'RATE', about: 'A rate for all transfers (2M; a bare number is KiB/s), or a timetable' },
    { name: 'transfers', value: 'N', about: 'Files that move at once (4)' },
    { name: 'insecure-http', about: 'Listen beyond loopback without TLS' },
    { name: 'no-demo', about: 'No demo watch where there is no configuration' },
  ],
  load: async () => (await import('./serve.ts')).serve,
};

const actions = {
  ls: 'List them, newest first',
  'show ID': 'One of them, with all that happened to it',
  'pause ID…': 'Stop for now; what is done is kept',
  'resume ID…': 'Go on',
  'cancel ID…': 'Stop for good; what is complete stays',
  'retry ID…': 'Try again what failed or was cancelled',
};

const devices: VerbSpec = {
  name: 'devices',
  usage: ['ls', 'show|files ID…'],
  summary: "The daemon's cameras and cards, and what files they hold",
  actions: {
    ls: 'Look for them now and list them',
    'show ID…': 'All that is known of one',
    'files ID…': 'What files it holds',
  },
  options: [data],
  load: async () => (await import('./devices.ts')).devices,
};

const offload: VerbSpec = {
  name: 'offload',
  usage: ['[OPTION…] DEVICE [DEST]', '[OPTION…] PATH DEST'],
  paths: true,
  summary: 'Download the files of a camera or card, verified, and process them',
  about:
    'DEVICE is an id that `wherry devices` shows, PATH where a card is mounted. A file that was taken before is not taken again. Originals go to DEST, results to DEST/processed; without DEST ' +
    "to the daemon's media folder. Where a daemon runs it does the work; without one this process does, for a card that is mounted.",
  options: [
    { name: 'file', value: 'PATH', many: true, about: 'Only this file of the device, with what belongs to it' },
    ...selectionOptions,
    { name: 'processed', value: 'DIR', about: 'Where results go' },
    { name: 'pipeline', value: 'NAME', about: 'This pipeline of the configuration; none for no processing' },
    {
      name: 'key',
      value: 'TEXT',
      about: 'Kept on transfers and recordings, which are found by it (a flight, a shoot)',
    },
    { name: 'delete-after', value: 'N', about: 'Delete each file on the device once N copies of it are proven' },
    {
      name: 'asc-mhl',
      value: 'HASH',
      choices: mhlFormats,
      about: `Add a generation to the ASC MHL history of the folder of originals, with hashes of this kind: ${mhlFormats.join(', ')}`,
    },
    { name: 'dry-run', short: 'n', about: 'Only say what would be done' },
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is' },
    { name: 'transfers', value: 'N', about: 'Files that move at once' },
    data,
    config,
  ],
  examples: [
    ['wherry offload card-0123-4567-ab', 'all that is new on this card, to the media folder of the daemon'],
    ['wherry offload --key "flight 7" /media/me/CARD /mnt/films/', 'a mounted card, found again by its key'],
  ],
  load: async () => (await import('./offload.ts')).offload,
};

const recordings: VerbSpec = {
  name: 'recordings',
  usage: ['ls [OPTION…]', 'show ID…'],
  summary: 'What became of the files that came home, and who made what of them',
  actions: { ls: 'List them, newest first', 'show ID…': 'Originals, results, and the chain of custody' },
  options: [
    { name: 'key', value: 'TEXT', about: 'Only those with this key (ls)' },
    { name: 'device', value: 'ID', about: 'Only those of this device (ls)' },
    { name: 'job', value: 'ID', about: 'Only those of this job (ls)' },
    { name: 'search', value: 'TEXT', about: 'Only those with this in a path, a device or a key (ls)' },
    { name: 'limit', value: 'N', about: 'At most so many; 0 is all (ls, 50)' },
    data,
  ],
  load: async () => (await import('./recordings.ts')).recordings,
};

const transfers: VerbSpec = {
  name: 'transfers',
  usage: ['ls [OPTION…]', 'show|pause|resume|cancel|retry ID…'],
  summary: "The daemon's transfers: list, show, pause, resume, cancel, retry",
  actions,
  options: [
    { name: 'state', value: 'STATE', choices: transferStates, many: true, about: 'Only those in this state (ls)' },
    { name: 'job', value: 'ID', about: 'Only those of this job (ls)' },
    { name: 'search', value: 'TEXT', about: 'Only those with this in a path (ls)' },
    { name: 'limit', value: 'N', about: 'At most so many; 0 is all (ls, 50)' },
    data,
  ],
  load: async () => (await import('./transfers.ts')).transfers,
};

const jobs: VerbSpec = {
  name: 'jobs',
  usage: ['ls [OPTION…]', 'show|pause|resume|cancel|retry ID…'],
  summary: "The daemon's jobs: list, show, pause, resume, cancel, retry",
  actions,
  options: [
    { name: 'state', value: 'STATE', choices: jobStates, many: true, about: 'Only those in this state (ls)' },
    { name: 'limit', value: 'N', about: 'At most so many; 0 is all (ls, 50)' },
    data,
  ],
  load: async () => (await import('./jobs.ts')).jobs,
};

const explain: VerbSpec = {
  name: 'explain',
  usage: ['PATH'],
  paths: true,
  summary: 'Where a file is, or why it is not there yet',
  options: [data],
  load: async () => (await import('./explain.ts')).explain,
};

const token: VerbSpec = {
  name: 'token',
  usage: ['create [--scope SCOPE…] [--days N] NAME', 'ls', 'revoke ID'],
  summary: 'Tokens for programs that use the API',
  actions: { create: 'Make one; its secret is shown this once', ls: 'List them', revoke: 'End one at once' },
  options: [
    {
      name: 'scope',
      value: 'SCOPE',
      choices: ['read', 'write', 'management', 'admin'],
      many: true,
      about: 'read (default), write, management or admin',
    },
    { name: 'days', value: 'N', about: 'It ends after so many days' },
    data,
  ],
  load: async () => (await import('./token.ts')).token,
};

const sinks: VerbSpec = {
  name: 'sinks',
  usage: ['ls', 'retry|aside SINK', 'replay|drop SINK [EVENT…]'],
  summary: 'Who is told which files came home, and what one of them will never take',
  actions: {
    ls: 'List them, each with how far it has come',
    'retry SINK': 'Tell one now what it was to be told again later',
    'aside SINK': 'What it will not take, with why; what follows it was told',
    'replay SINK [EVENT…]': 'Tell it once more what was set aside: these, or all',
    'drop SINK [EVENT…]': 'Never tell it these, or all that was set aside',
  },
  options: [data],
  load: async () => (await import('./sinks.ts')).sinks,
};

const webhooks: VerbSpec = {
  name: 'webhooks',
  usage: ['ls', 'add [OPTION…] URL', 'rm|test|pause|resume|messages|replay ID…'],
  summary: 'Who is told of events by HTTP, and what became of the messages',
  actions: {
    ls: 'List them',
    'add URL': 'Tell this address of events from now on; its secret is shown this once',
    'rm ID…': 'Remove them with their messages',
    'test ID…': 'Send one message now and say what was answered',
    'pause ID…': 'Send nothing until they are resumed; events gather meanwhile',
    'resume ID…': 'Send again to those that were paused, or whose receiver had answered 410',
    'messages ID…': 'What was sent, newest first',
    'replay ID…': 'Send again what was given up',
  },
  options: [
    { name: 'event', value: 'NAME', many: true, about: 'Events to tell of (add): a name, or a beginning with *' },
    { name: 'name', value: 'TEXT', about: 'What to call it (add)' },
    { name: 'allow-private', about: 'It may be at a private or loopback address (add)' },
    {
      name: 'state',
      value: 'STATE',
      choices: ['pending', 'delivered', 'dead'],
      about: 'Only messages in this state (messages)',
    },
    { name: 'limit', value: 'N', about: 'At most so many messages (50)' },
    data,
  ],
  load: async () => (await import('./webhooks.ts')).webhooks,
};

const consoleVerb: VerbSpec = {
  name: 'console',
  usage: [''],
  summary: 'A new one-time link to the web console',
  options: [data],
  load: async () => (await import('./console-link.ts')).consoleLink,
};

const configVerb: VerbSpec = {
  name: 'config',
  usage: ['check [FILE]'],
  paths: true,
  summary: 'Check the configuration',
  actions: { check: 'Name every mistake with its line' },
  options: [config],
  load: async () => (await import('./config-check.ts')).configCheck,
};

const doctor: VerbSpec = {
  name: 'doctor',
  usage: ['[OPTION…]'],
  summary: 'Look at what Wherry needs on this machine, and say what to do',
  about:
    'Looks at Node, programs, folders and what their file systems can do, the clock, the address, the configuration, and the daemon if one runs. ' +
    'Writes nothing but a hidden folder in each place that is to be written to, and takes it away again. Ends with 1 where something will not work.',
  options: [data, config, { name: 'listen', value: 'HOST:PORT', about: 'The address to look at (or WHERRY_LISTEN)' }],
  load: async () => (await import('./doctor.ts')).doctor,
};

const completion: VerbSpec = {
  name: 'completion',
  usage: ['bash|zsh|fish'],
  summary: 'Print what a shell needs to complete verbs, options and their values',
  actions: {
    bash: 'For ~/.bashrc',
    zsh: 'For ~/.zshrc, after compinit',
    fish: 'For ~/.config/fish/completions/wherry.fish',
  },
  options: [],
  examples: [
    ['source <(wherry completion bash)', 'in ~/.bashrc; for zsh alike'],
    ['wherry completion fish > ~/.config/fish/completions/wherry.fish', 'once'],
  ],
  load: async () => (await import('./completion.ts')).completion,
};

export const verbs: readonly VerbSpec[] = [
  copy,
  syncVerb,
  watchVerb,
  verify,
  cleanup,
  offload,
  processVerb,
  serve,
  watchesVerb,
  syncsVerb,
  manifestVerb,
  roomVerb,
  devices,
  recordings,
  jobs,
  transfers,
  explain,
  token,
  sinks,
  webhooks,
  consoleVerb,
  configVerb,
  doctor,
  completion,
];
