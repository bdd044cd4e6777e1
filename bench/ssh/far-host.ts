// The far host of the SSH races: a real sshd on loopback, reached directly or over a line with a delay and a rate.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Sshd, startSshd } from '../../test/support/sshd.ts';

/** All speak it, so that no contender is faster by its choice. */
const cipher = 'aes128-gcm@openssh.com';

export interface Line {
  readonly name: string;
  readonly roundTripMs: number;
  readonly mbitPerSecond: number;
}

/** No line: the loopback device itself. */
export const loopback: Line = { name: 'loopback', roundTripMs: 0, mbitPerSecond: 0 };
export const farLine: Line = { name: '20 ms, 1 Gbit/s', roundTripMs: 20, mbitPerSecond: 1_000 };

export interface FarHost {
  readonly line: Line;
  readonly port: number;
  readonly user: string;
  readonly identityFile: string;
  readonly knownHosts: string;
  /** Of ssh, scp and sftp, without the port. */
  readonly options: readonly string[];
  /** For whoever reads key and known hosts from the home folder. */
  readonly home: string;
  address(path: string): string;
  close(): Promise<void>;
}

export async function farHost(line: Line): Promise<FarHost> {
  const sshd = await startSshd({ ciphers: cipher });
  const relay = line.roundTripMs === 0 ? undefined : await startRelay(sshd, line);
  const port = relay?.port ?? sshd.port;
  const home = join(sshd.folder, 'home');
  mkdirSync(join(home, '.ssh'), { recursive: true, mode: 0o700 });
  copyFileSync(sshd.identityFile, join(home, '.ssh', 'id_ed25519'));
  copyFileSync(sshd.knownHosts, join(home, '.ssh', 'known_hosts'));
  // rclone knows no patterns of ports.
  const knownHosts = join(home, 'known_hosts');
  writeFileSync(knownHosts, readFileSync(sshd.knownHosts, 'utf8').replace(':*', `:${port}`));
  return {
    line,
    port,
    user: sshd.user,
    identityFile: sshd.identityFile,
    knownHosts,
    options: sshd.clientOptions,
    home,
    address: (path) => `ssh://${sshd.user}@127.0.0.1:${port}${path}`,
    async close() {
      relay?.child.kill();
      await sshd.close();
    },
  };
}

async function startRelay(sshd: Sshd, line: Line): Promise<{ port: number; child: ChildProcess }> {
  const program = join(tmpdir(), `wherry-bench-link-${process.pid}`);
  const made = spawnSync('gcc', ['-O2', '-o', program, join(import.meta.dirname, 'link.c')]);
  if (made.status !== 0) throw new Error(`link.c: ${made.error?.message ?? made.stderr}`);
  process.once('exit', () => rmSync(program, { force: true }));
  const child = spawn(program, [sshd.port, line.roundTripMs, line.mbitPerSecond].map(String), {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const [said] = await once(child.stdout as NodeJS.ReadableStream, 'data');
  return { port: Number(String(said)), child };
}
