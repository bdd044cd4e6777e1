// A real clamd with a signature file of its own: it finds EICAR's test file, and nothing else.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { endWithUs } from './children.ts';

/** EICAR's test string (https://www.eicar.org), in two parts so that no scanner takes this file for it. */
export const eicar = ['X5O!P%@AP[4\\PZX54(P^)7CC)7}$', 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'].join('');

export interface Clamd {
  readonly socket: string;
  /** For other programs of ClamAV. */
  readonly config: string;
  /** Resolves when it answers. */
  start(): Promise<void>;
  /** Held by SIGSTOP: connections are taken by the kernel, and nothing is answered. */
  hang(): void;
  goOn(): void;
  stop(): Promise<void>;
  close(): Promise<void>;
}

export function prepareClamd(options: { readonly streamMax?: string } = {}): Clamd {
  // The path of a socket is short.
  const folder = mkdtempSync(join(tmpdir(), 'wh-clam-'));
  const database = join(folder, 'db');
  const socket = join(folder, 'clamd.sock');
  mkdirSync(database);
  const md5 = createHash('md5').update(eicar).digest('hex');
  writeFileSync(join(database, 'test.hdb'), `${md5}:${eicar.length}:Eicar-Test\n`);
  // Inside other content too.
  writeFileSync(join(database, 'test.ndb'), `Eicar-Inside:0:*:${Buffer.from(eicar).toString('hex')}\n`);
  const config = join(folder, 'clamd.conf');
  const lines = {
    DatabaseDirectory: database,
    LocalSocket: socket,
    LogFile: join(folder, 'clamd.log'),
    TemporaryDirectory: folder,
    Foreground: 'yes',
    StreamMaxLength: options.streamMax ?? '100M',
    ...(process.getuid?.() === 0 ? { User: 'root' } : {}),
  };
  writeFileSync(
    config,
    Object.entries(lines)
      .map(([key, value]) => `${key} ${value}\n`)
      .join(''),
  );
  let child: ChildProcess | undefined;
  const answers = () =>
    new Promise<boolean>((resolve) => {
      const connection = createConnection(socket, () => connection.write('zPING\0'));
      connection.once('data', (data) => {
        connection.destroy();
        resolve(data.toString().startsWith('PONG'));
      });
      connection.once('error', () => resolve(false));
      connection.once('close', () => resolve(false));
      connection.setTimeout(1_000, () => {
        connection.destroy();
        resolve(false);
      });
    });
  const stop = async () => {
    const running = child;
    child = undefined;
    if (running === undefined || running.exitCode !== null) return;
    running.kill('SIGCONT');
    running.kill('SIGKILL');
    if (running.exitCode === null && running.signalCode === null)
      await new Promise((resolve) => running.once('exit', resolve));
    rmSync(socket, { force: true });
  };
  return {
    socket,
    config,
    async start() {
      if (child !== undefined) return;
      child = endWithUs(spawn('/usr/sbin/clamd', ['--config-file', config], { stdio: 'ignore', detached: true }));
      while (!(await answers())) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(execFileSync('cat', [join(folder, 'clamd.log')], { encoding: 'utf8' }));
        await sleep(50);
      }
    },
    hang: () => void child?.kill('SIGSTOP'),
    goOn: () => void child?.kill('SIGCONT'),
    stop,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
