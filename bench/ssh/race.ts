// Copies from a host over SSH: many small files, one large one, one of which little changed, and a tree in which nothing changed.

import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Contender, Race, RaceGoal } from '../race.ts';
import {
  empty,
  makeFile,
  makeTree,
  need,
  noise,
  numbers,
  type Stage,
  sameSize,
  sameTree,
  stateOf,
  wherry,
} from '../stage.ts';
import type { FarHost } from './far-host.ts';

interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What every command of a peer is told of the way to the host. */
function wayTo(far: FarHost) {
  const options = [...far.options];
  return {
    ssh: ['ssh', ...options, '-p', String(far.port), `${far.user}@127.0.0.1`],
    rsh: ['ssh', ...options, '-p', String(far.port)].join(' '),
    scp: [...options, '-P', String(far.port)],
    at: (path: string) => `${far.user}@127.0.0.1:${path}`,
    rclone: [
      ...['rclone', '--config', '/dev/null', '--sftp-host', '127.0.0.1', '--sftp-port', String(far.port)],
      ...['--sftp-user', far.user, '--sftp-key-file', far.identityFile, '--sftp-known-hosts-file', far.knownHosts],
      ...['--sftp-shell-type', 'unix'],
    ],
    lftp: (command: string) => [
      'lftp',
      '-c',
      `set sftp:connect-program "ssh -a -x ${options.join(' ')}"; open -u ${far.user}, sftp://127.0.0.1:${far.port}; ${command}`,
    ],
  };
}

function contenders(
  stage: Stage,
  far: FarHost,
  peers: (target: string) => readonly Peer[],
  check: (target: string) => void,
  keeps: boolean,
): (Contender & { readonly target: string })[] {
  const state = stateOf(stage);
  return peers('').map(({ name }, at) => {
    const target = join(stage.folder, `${far.line.roundTripMs}-${name.replace(/\W+/g, '-')}`);
    const own = `${state.XDG_STATE_HOME}-${far.line.roundTripMs}-${name.replace(/\W+/g, '-')}`;
    const { command = [], env = {} } = peers(target)[at] ?? {};
    let ready = false;
    return {
      name,
      target,
      command,
      env: { ...env, XDG_STATE_HOME: own },
      prepare: () => {
        if (keeps && ready) return;
        ready = true;
        for (const folder of [target, own]) empty(folder);
        mkdirSync(target, { recursive: true });
      },
      check: () => check(target),
    };
  });
}

const wherryFrom = (far: FarHost, path: string, target: string): Peer => ({
  name: 'wherry copy (verified)',
  command: [wherry, 'copy', '--quiet', far.address(path), target],
  // Its connections are those of ssh: key and known hosts in the home folder.
  env: { HOME: far.home, SSH_AUTH_SOCK: '' },
});

/**
 * Peers that need a way there and back for each file take minutes over a far line, and are left out there; rclone, which runs a program on
 * the host for each file, takes a quarter of a minute on loopback, too.
 */
export function sshSmall(stage: Stage, far: FarHost, files: number): Race {
  need('rsync', 'rsync');
  const source = join(stage.folder, `source-${files}`);
  if (!existsSync(source)) makeTree(source, files, Math.max(1, Math.round(files / 100)));
  const way = wayTo(far);
  const isFar = far.line.roundTripMs > 0;
  const peers = (target: string): readonly Peer[] => [
    wherryFrom(far, source, target),
    { name: 'rsync -a -e ssh', command: ['rsync', '-a', '-e', way.rsh, way.at(`${source}/`), `${target}/`] },
    {
      name: 'tar over ssh',
      command: ['sh', '-c', '"$@" | tar -x -C "$0"', target, ...way.ssh, `tar -c -C ${source} .`],
    },
    ...(isFar
      ? []
      : [
          { name: 'scp -r', command: ['scp', '-q', '-r', ...way.scp, way.at(`${source}/.`), target] },
          { name: 'lftp mirror -P8', command: way.lftp(`mirror -P8 ${source} ${target}`) },
        ]),
  ];
  const goals: RaceGoal[] = [
    { against: 'rsync -a -e ssh', atMost: 1 },
    { against: 'tar over ssh', atMost: 1 },
  ];
  return {
    name: 'ssh-small',
    title: `${files.toLocaleString('en')} files of 4–64 KiB from a host over SSH, ${far.line.name}`,
    files,
    contenders: contenders(stage, far, peers, (target) => sameTree(source, target), false),
    goals,
  };
}

export function sshLarge(stage: Stage, far: FarHost, bytes: number): Race {
  const source = join(stage.folder, 'large');
  const file = join(source, 'file.bin');
  mkdirSync(source, { recursive: true });
  if (!existsSync(file)) makeFile(file, bytes);
  const way = wayTo(far);
  const peers = (target: string): readonly Peer[] => [
    wherryFrom(far, source, target),
    { name: 'ssh cat', command: ['sh', '-c', '"$@" > "$0"', join(target, 'file.bin'), ...way.ssh, `cat ${file}`] },
    { name: 'scp', command: ['scp', '-q', ...way.scp, way.at(file), `${target}/`] },
    { name: 'rsync -W', command: ['rsync', '-W', '-e', way.rsh, way.at(file), `${target}/`] },
    { name: 'sftp', command: ['sftp', '-q', ...way.scp, way.at(file), `${target}/`] },
    { name: 'rclone sftp', command: [...way.rclone, 'copy', `:sftp:${source}`, target] },
    { name: 'lftp pget -n4', command: way.lftp(`pget -n4 ${file} -o ${target}/file.bin`) },
  ];
  const names = ['ssh cat', 'scp', 'rsync -W', 'sftp', 'rclone sftp', 'lftp pget -n4'];
  return {
    name: 'ssh-large',
    title: `One file of ${bytes / 2 ** 30} GiB from a host over SSH, ${far.line.name}`,
    bytes,
    contenders: contenders(stage, far, peers, (target) => sameSize(file, join(target, 'file.bin')), false),
    goals: names.map((against) => ({ against, atMost: 1 })),
  };
}

export function sshUnchanged(
  stage: Stage,
  far: FarHost,
  files: number,
): Omit<Race, 'contenders'> & { readonly contenders: readonly (Contender & { readonly target: string })[] } {
  const source = join(stage.folder, `source-${files}`);
  if (!existsSync(source)) makeTree(source, files, Math.max(1, Math.round(files / 100)));
  const way = wayTo(far);
  const peers = (target: string): readonly Peer[] => [
    wherryFrom(far, source, target),
    { name: 'rsync -a -e ssh', command: ['rsync', '-a', '-e', way.rsh, way.at(`${source}/`), `${target}/`] },
  ];
  return {
    name: 'ssh-unchanged',
    title: `${files.toLocaleString('en')} files of 4–64 KiB on a host over SSH, nothing changed, ${far.line.name}`,
    files,
    contenders: contenders(stage, far, peers, (target) => sameTree(source, target), true),
    goals: [{ against: 'rsync -a -e ssh', atMost: 1.5 }],
  };
}

/** Of what each contender has, a hundredth is made older by a byte before each of its runs, so that it is to be brought again. */
export function sshChanged(stage: Stage, far: FarHost, files: number): Race {
  const race = sshUnchanged(stage, far, files);
  return {
    ...race,
    name: 'ssh-changed',
    title: race.title.replace('nothing changed', '1 % changed'),
    contenders: race.contenders.map((contender) => ({
      ...contender,
      prepare: () => {
        contender.prepare();
        spoilSome(contender.target, files);
      },
    })),
  };
}

function spoilSome(target: string, files: number): void {
  const folders = readdirSync(target).sort();
  for (let at = 0; at < files / 100; at++) {
    const folder = folders[(at * 7) % folders.length];
    const names = folder === undefined ? [] : readdirSync(join(target, folder)).sort();
    const name = names[(at * 13) % names.length];
    if (folder === undefined || name === undefined) continue;
    const file = join(target, folder, name);
    appendFileSync(file, 'x');
    utimesSync(file, 1, 1);
  }
}

/** The target has the file as it was before one MiB in its middle changed. */
export function sshDelta(stage: Stage, far: FarHost, bytes: number): Race {
  need('rsync', 'rsync');
  const [source, before] = [join(stage.folder, 'changed'), join(stage.folder, 'before.bin')];
  const file = join(source, 'file.bin');
  mkdirSync(source, { recursive: true });
  if (!existsSync(file)) {
    makeFile(before, bytes);
    utimesSync(before, 1_600_000_000, 1_600_000_000);
    copyFileSync(before, file);
    const fd = openSync(file, 'r+');
    writeSync(fd, noise(changedBytes, numbers(99)), 0, changedBytes, bytes / 2);
    closeSync(fd);
  }
  const way = wayTo(far);
  const own = wherryFrom(far, source, '');
  const peers = (target: string): readonly Peer[] => [
    wherryFrom(far, source, target),
    {
      ...own,
      name: 'wherry copy --transport sftp',
      command: [wherry, 'copy', '--quiet', '--transport', 'sftp', far.address(source), target],
    },
    { name: 'rsync -a -e ssh', command: ['rsync', '-a', '-e', way.rsh, way.at(`${source}/`), `${target}/`] },
  ];
  return {
    name: 'ssh-delta',
    title: `One file of ${bytes / 2 ** 20} MiB of which one MiB changed, from a host over SSH, ${far.line.name}`,
    bytes,
    contenders: contenders(stage, far, peers, (target) => sameTree(source, target), false).map((contender) => ({
      ...contender,
      prepare: () => {
        contender.prepare();
        execFileSync('cp', ['-p', before, join(contender.target, 'file.bin')]);
      },
    })),
    goals: [{ against: 'rsync -a -e ssh', atMost: 1.5 }],
  };
}

const changedBytes = 2 ** 20;

const threeFolders = ['a', 'b', 'c'];

/** What waits for the way there and back in one folder leaves the line to the others. */
export function sshFolders(stage: Stage, far: FarHost, files: number): Race {
  const source = join(stage.folder, 'three');
  for (const folder of threeFolders) {
    const part = join(source, folder);
    if (!existsSync(part)) makeTree(part, Math.round(files / 3), 4);
  }
  const sync = (name: string, parallel: number, target: string): Peer => ({
    name,
    command: [
      ...[wherry, 'sync', '--quiet', '--parallel', String(parallel)],
      ...threeFolders.flatMap((folder) => ['--folder', folder]),
      ...[far.address(source), target],
    ],
    env: { HOME: far.home, SSH_AUTH_SOCK: '' },
  });
  const peers = (target: string): readonly Peer[] => [
    sync('wherry sync, three folders at once', 3, target),
    sync('one after the other', 1, target),
  ];
  return {
    name: 'ssh-folders',
    title: `Three folders of ${Math.round(files / 3).toLocaleString('en')} files each from a host over SSH, ${far.line.name}`,
    files,
    contenders: contenders(stage, far, peers, (target) => sameTree(source, target), false),
    goals: [{ against: 'one after the other', atMost: 0.5 }],
  };
}
