// A real sshd on a free port of loopback, with host keys and user keys of its own: killed, started again, with another key, chrooted, with passwords.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childrenOf, descendantsOf, end, endWithUs } from './children.ts';
import { freePort } from './free-port.ts';

export interface SshdOptions {
  /** SFTP only, and nothing outside of this folder is seen: whoever owns it must be root, and all above it. `sftpFolder` makes one. */
  readonly chroot?: string;
  /** SFTP only, and nothing can be changed. */
  readonly readOnly?: boolean;
  /** As in sshd_config. */
  readonly ciphers?: string;
  /** Further lines of sshd_config; they win over those of ours. */
  readonly lines?: readonly string[];
}

export interface Sshd {
  readonly port: number;
  readonly user: string;
  /** Private key that the server lets in; its public key lies beside it. */
  readonly identityFile: string;
  /** Names the server's host key as it was at first, for every port of 127.0.0.1: it holds through a `linkTo` as well. */
  readonly knownHosts: string;
  /** Everything of this server; tests may put files of their own in `files` below it. */
  readonly folder: string;
  readonly files: string;
  /** `ssh://user@127.0.0.1:PORT` and the path. */
  address(path?: string): string;
  /** Arguments that make ssh, scp (`-P`), sftp and rsync's `-e` use it. */
  readonly clientOptions: readonly string[];
  /** Open connections. */
  sessions(): number[];
  /** Breaks all open connections off, as `kill -9` of their processes does; the server itself goes on. Says how many there were. */
  killSessions(): number;
  /** The processes that sessions run for their clients: command lines. */
  commands(): string[];
  /** Server and sessions are gone at once. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  /** Makes another host key, which the next `start` uses; `knownHosts` keeps the old one. */
  changeHostKey(): void;
  /** What the server wrote to its log. */
  log(): string;
  close(): Promise<void>;
}

/** Logs in as whoever runs the tests: no shell's profile is read where that is root. */
export async function startSshd(options: SshdOptions = {}): Promise<Sshd> {
  const folder = mkdtempSync(join(tmpdir(), 'wh-sshd-'));
  const files = join(folder, 'files');
  mkdirSync(files);
  const { username: user, uid } = userInfo();
  if (uid === 0) mkdirSync('/run/sshd', { recursive: true });
  const port = await freePort();
  const at = (name: string) => join(folder, name);
  const makeKey = (name: string) => execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(name)]);
  makeKey('host-key');
  makeKey('id');
  writeFileSync(at('known_hosts'), `[127.0.0.1]:* ${readFileSync(at('host-key.pub'), 'utf8')}`);
  const sftpOnly = options.chroot !== undefined || options.readOnly === true;
  writeFileSync(
    at('sshd_config'),
    [
      // The first of two that say the same counts.
      ...(options.lines ?? []),
      `Port ${port}`,
      'ListenAddress 127.0.0.1',
      `HostKey ${at('host-key')}`,
      `AuthorizedKeysFile ${at('id.pub')}`,
      `PidFile ${at('sshd.pid')}`,
      'UsePAM no',
      'UseDNS no',
      'StrictModes no',
      'PermitRootLogin yes',
      'PasswordAuthentication yes',
      'MaxStartups 100',
      'PrintMotd no',
      // bash reads the user's profile when it thinks that sshd started it as the first shell.
      'SetEnv SHLVL=5',
      'Subsystem sftp internal-sftp',
      ...(options.ciphers === undefined ? [] : [`Ciphers ${options.ciphers}`]),
      ...(options.chroot === undefined ? [] : [`ChrootDirectory ${options.chroot}`]),
      ...(sftpOnly ? [`ForceCommand internal-sftp${options.readOnly ? ' -R' : ''}`] : []),
      '',
    ].join('\n'),
  );
  const logFile = at('sshd.log');
  writeFileSync(logFile, '');
  let server: ChildProcess | undefined;

  const sessions = () => (server?.pid === undefined ? [] : childrenOf(server.pid));
  const killSessions = () => {
    const roots = sessions();
    for (const pid of roots.flatMap((root) => [root, ...descendantsOf(root)])) end(pid);
    return roots.length;
  };
  const kill = async () => {
    const running = server;
    server = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const below = descendantsOf(running.pid);
    const gone = new Promise((resolve) => running.once('exit', resolve));
    for (const pid of [running.pid, ...below]) end(pid);
    await gone;
  };
  const start = async () => {
    if (server !== undefined) return;
    const child = endWithUs(
      spawn('/usr/sbin/sshd', ['-D', '-f', at('sshd_config'), '-E', logFile], { stdio: 'ignore', detached: true }),
    );
    server = child;
    while (!(await answers(port))) {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`sshd did not start: ${readFileSync(logFile, 'utf8')}`);
      await sleep(20);
    }
  };
  await start();
  return {
    port,
    user,
    identityFile: at('id'),
    knownHosts: at('known_hosts'),
    folder,
    files,
    address: (path = files) => `ssh://${user}@127.0.0.1:${port}${path}`,
    clientOptions: [
      ...['-i', at('id'), '-o', 'IdentitiesOnly=yes', '-o', `UserKnownHostsFile=${at('known_hosts')}`],
      ...['-o', 'StrictHostKeyChecking=yes', '-o', 'BatchMode=yes', '-F', 'none'],
    ],
    sessions,
    killSessions,
    commands: () =>
      sessions()
        .flatMap(descendantsOf)
        .map(commandLine)
        .filter((line) => line !== '' && !line.startsWith('sshd: ')),
    kill,
    start,
    changeHostKey() {
      rmSync(at('host-key'));
      rmSync(at('host-key.pub'));
      makeKey('host-key');
    },
    log: () => readFileSync(logFile, 'utf8'),
    async close() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A folder that sshd accepts as a chroot; what is in `inside` can be written to. Needs root. */
export function chrootFolder(): { readonly path: string; readonly inside: string; remove(): void } {
  const path = mkdtempSync('/srv/wherry-chroot-');
  execFileSync('chmod', ['755', path]);
  const inside = join(path, 'in');
  mkdirSync(inside);
  return { path, inside, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** A user of this machine for as long as a test runs, with a password, an empty home folder and /bin/sh. Needs root. */
export function passwordUser(): {
  readonly name: string;
  readonly password: string;
  readonly home: string;
  remove(): void;
} {
  const name = `wherry-t${process.pid}`;
  const password = 'right horse, right battery';
  const home = mkdtempSync(join(tmpdir(), 'wh-home-'));
  const hashed = execFileSync('openssl', ['passwd', '-6', '-stdin'], {
    input: `${password}\n`,
    encoding: 'utf8',
  }).trim();
  execFileSync('useradd', ['-M', '-d', home, '-s', '/bin/sh', '-p', hashed, name]);
  execFileSync('chown', [name, home]);
  let isThere = true;
  const remove = () => {
    if (!isThere) return;
    isThere = false;
    execFileSync('userdel', [name], { stdio: 'ignore' });
    rmSync(home, { recursive: true, force: true });
  };
  process.once('exit', remove);
  return { name, password, home, remove };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(port, '127.0.0.1');
    const settle = (isUp: boolean) => {
      connection.destroy();
      resolve(isUp);
    };
    connection.once('data', (data) => settle(data.toString().startsWith('SSH-')));
    connection.once('error', () => settle(false));
    connection.once('close', () => settle(false));
  });
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim();
  } catch {
    return '';
  }
}
