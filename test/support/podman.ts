// A real Podman with an engine's socket of its own: an image made of busybox, containers without a network, all in a temporary folder.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from './children.ts';

export interface Podman {
  /** As DOCKER_HOST has it. */
  readonly host: string;
  readonly socket: string;
  /** Runs until it is stopped. `shell: false` makes one that has nothing but a program that waits. */
  container(options?: { readonly shell?: boolean }): Promise<string>;
  /** `podman exec`: behind Wherry's back. */
  exec(container: string, ...command: string[]): string;
  stop(container: string): void;
  start(container: string): void;
  remove(container: string): void;
  /** The socket goes away; containers go on. */
  killService(): Promise<void>;
  startService(): Promise<void>;
  close(): Promise<void>;
}

export async function startPodman(): Promise<Podman> {
  // The path of a socket is short.
  const folder = mkdtempSync(join(tmpdir(), 'wh-pod-'));
  const socket = join(folder, 'sock');
  writeFileSync(
    join(folder, 'containers.conf'),
    `[containers]\ndefault_ulimits=["nofile=${openFiles()}:${openFiles()}","nproc=1024:1024"]\n[network]\nnetwork_backend="cni"\n`,
  );
  const policy = join(folder, 'policy.json');
  writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
  const env = { ...process.env, CONTAINERS_CONF: join(folder, 'containers.conf') };
  const own = [
    ...['--runtime', 'runc', '--root', join(folder, 'root'), '--runroot', join(folder, 'run')],
    ...['--storage-driver', 'vfs', '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'],
  ];
  const podman = (...args: string[]) =>
    execFileSync('podman', [...own, ...args], { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();
  const import_ = (image: string, applets: readonly string[]) => {
    const files = join(folder, image);
    for (const each of ['bin', 'etc', 'tmp', 'proc', 'dev', 'data', 'root'])
      mkdirSync(join(files, each), { recursive: true });
    copyFileSync('/bin/busybox', join(files, 'bin/busybox'));
    for (const applet of applets) symlinkSync('busybox', join(files, 'bin', applet));
    writeFileSync(join(files, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\n');
    const tar = join(folder, `${image}.tar`);
    execFileSync('tar', ['-C', files, '-cf', tar, '.']);
    podman('import', '--signature-policy', policy, '-q', tar, image);
    rmSync(tar);
  };
  const applets = execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).trim().split('\n');
  import_(
    'wherry-full',
    applets.filter((applet) => applet !== 'busybox'),
  );
  let isBare = false;
  let service: ChildProcess | undefined;
  const startService = async () => {
    rmSync(socket, { force: true });
    const child = endWithUs(
      spawn('podman', [...own, 'system', 'service', '-t', '0', `unix://${socket}`], {
        env,
        stdio: 'ignore',
        detached: true,
      }),
    );
    service = child;
    while (!(await answers(socket))) {
      if (child.exitCode !== null) throw new Error('podman system service did not start');
      await sleep(20);
    }
  };
  const killService = async () => {
    const running = service;
    service = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    running.kill('SIGKILL');
    await gone;
    rmSync(socket, { force: true });
  };
  await startService();
  return {
    host: `unix://${socket}`,
    socket,
    async container({ shell = true } = {}) {
      if (!shell && !isBare) {
        import_('wherry-bare', ['sleep']);
        isBare = true;
      }
      const image = shell ? 'wherry-full' : 'wherry-bare';
      const id = podman('run', '-d', '--network', 'none', '--signature-policy', policy, image, '/bin/sleep', '1000000');
      return id.slice(0, 12);
    },
    exec: (container, ...command) => podman('exec', container, ...command),
    stop: (container) => void podman('stop', '-t', '0', container),
    start: (container) => void podman('start', container),
    remove: (container) => void podman('rm', '-f', '-t', '0', container),
    killService,
    startService,
    async close() {
      podman('rm', '-f', '-t', '0', '-a');
      await killService();
      // What Podman leaves behind for each program that was run in a container stays for minutes.
      for (const pid of monitorsOf(folder)) {
        try {
          process.kill(pid, 'SIGKILL');
        } catch {
          // It has just ended.
        }
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Podman asks for more open files than may be had where the hard limit is low. */
function openFiles(): string {
  return /^Max open files\s+\d+\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1] ?? '1024';
}

function monitorsOf(folder: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => {
      if (!Number.isInteger(pid) || !existsSync(`/proc/${pid}/cmdline`)) return false;
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
        return words[0]?.endsWith('conmon') === true && words.some((word) => word.startsWith(`${folder}/`));
      } catch {
        return false;
      }
    });
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = createConnection(socket, () => {
      connection.destroy();
      resolve(true);
    });
    connection.once('error', () => resolve(false));
  });
}
