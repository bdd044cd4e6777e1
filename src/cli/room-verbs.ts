// What `wherry room` takes.

import type { VerbSpec } from './command-line.ts';

export const roomVerb: VerbSpec = {
  name: 'room',
  usage: ['create [--name NAME]', 'ls', 'close ID…', 'join [OPTION…] LINK --to DIR', 'send [OPTION…] LINK FILE…'],
  paths: true,
  summary: 'Share files with people in a browser: make a room, take what comes in, send into it',
  about:
    'LINK is the invite that `create`, or the page of a room, gives; what follows its # is the secret and is told to no server, so quote the link. ' +
    '`join` is a member that takes what its rules allow until Ctrl-C; `send` offers files and folders and ends when everybody has answered and all that was accepted has arrived. ' +
    'Each file is proven by the SHA-256 of both sides before it gets its name. Stopped or broken off, the same command again goes on where it was. ' +
    'With --data the daemon of that folder is the member, and goes on when this command has ended.',
  actions: {
    'create [--name NAME]': 'Make a room at the daemon, and print its invite',
    ls: "The daemon's rooms",
    'close ID…': 'End a room: its members are sent away, what is under way is cancelled',
    'join LINK --to DIR': 'Take files from a room into a folder',
    'send LINK FILE…': 'Offer files and folders to who is in a room',
  },
  options: [
    {
      name: 'name',
      value: 'NAME',
      about: "The room's name (create), or this member's (join, send); default is the machine's",
    },
    { name: 'inspect', about: 'The server sees, checks and scans all content: no end-to-end encryption (create)' },
    {
      name: 'to',
      value: 'WHERE',
      many: true,
      about: 'The folder for what is taken (join), or a member by name (send; default is everybody)',
    },
    { name: 'from', value: 'GLOB', many: true, about: 'Take only what these members offer (join)' },
    { name: 'type', value: 'GLOB', many: true, about: 'Take only these media types: "image/*" (join)' },
    { name: 'match', value: 'GLOB', many: true, about: 'Take only files of these names: "*.mov" (join)' },
    { name: 'max-size', value: 'SIZE', about: 'Take only files up to this size (join)' },
    {
      name: 'conflict',
      value: 'RULE',
      choices: ['overwrite', 'newer', 'skip', 'rename', 'fail'],
      about: 'What is there under that name (join): rename (default), overwrite, newer, skip, fail',
    },
    { name: 'exclude', value: 'GLOB', many: true, about: 'Leave these paths of a folder out (send)' },
    {
      name: 'bwlimit',
      value: 'RATE',
      about: 'A rate (2M; a bare number is KiB/s), or a timetable (08:00,2M 19:00,off)',
    },
    { name: 'progress', short: 'P', about: 'Show progress also where no terminal is, and each file as it arrives' },
    {
      name: 'data',
      value: 'DIR',
      about: "The daemon's data folder (or WHERRY_DATA): it makes the room, and it is the member",
    },
    { name: 'config', value: 'FILE', about: 'The configuration to read (or WHERRY_CONFIG)' },
  ],
  examples: [
    ['wherry room create --name Dailies', 'a room at the daemon that runs here'],
    [
      "wherry room join 'https://studio.example/rooms/dailies#…' --to /media/in --type 'video/*'",
      'what the crew drops there',
    ],
    ["wherry room send 'https://studio.example/rooms/dailies#…' cut-3.mov", 'to whoever is in the room'],
  ],
  load: async () => (await import('./room.ts')).room,
};
