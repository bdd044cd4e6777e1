// A real coturn for tests of direct connections: starts on a free port, where told in a network namespace, and can be killed in the midst.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pass } from 'node:timers/promises';
import type { IceServer } from '../../src/links/rtc.ts';

export interface TurnServer {
  /** What a browser is given to use it. */
  readonly iceServer: IceServer;
  /** At once and without a word, as when its machine dies. */
  kill(): Promise<void>;
  close(): Promise<void>;
}

/** `within` is the command that a program of the namespace begins with; default is none. */
export async function turnServer(address: string, port: number, within: readonly string[] = []): Promise<TurnServer> {
  const folder = mkdtempSync(join(tmpdir(), 'wherry-turn-'));
  const log = join(folder, 'turn.log');
  writeFileSync(log, '');
  const words = [
    ...within,
    ...['turnserver', '-n', '-L', address, '-E', address, '-p', String(port)],
    ...['--lt-cred-mech', '-u', 'room:of-the-test', '-r', 'wherry', '--no-tls', '--no-dtls', '--no-cli'],
    ...['--allow-loopback-peers', '--pidfile', join(folder, 'turn.pid'), '--userdb', join(folder, 'turn.db')],
    ...['-l', log, '--simple-log'],
  ];
  const [program = '', ...args] = words;
  const server = spawn(program, args, { cwd: folder, stdio: 'ignore' });
  const stop = async () => {
    if (!isRunning(server)) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  };
  for (let tries = 0; !readFileSync(log, 'utf8').includes('Total General servers'); tries++) {
    if (!isRunning(server) || tries > 600) {
      await stop();
      throw new Error(`turnserver did not start: ${readFileSync(log, 'utf8').slice(-2_000)}`);
    }
    await pass(50);
  }
  return {
    iceServer: { urls: [`turn:${address}:${port}?transport=udp`], username: 'room', credential: 'of-the-test' },
    kill: stop,
    async close() {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function isRunning({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode === null && signalCode === null;
}
