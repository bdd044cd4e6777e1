// A real PostgreSQL on a free port of loopback in a temporary folder: killed as by a crash of its machine, started again on the same data.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import { descendantsOf, end, endWithUs } from './children.ts';
import { freePort } from './free-port.ts';

export interface Postgres {
  readonly port: number;
  /** `postgres://rig@127.0.0.1:PORT/postgres`; whoever comes is let in. */
  readonly url: string;
  /** Rows of one statement, by a connection of its own. */
  query<Row extends object>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** SIGKILL to all its processes; resolves when they are gone. */
  kill(): Promise<void>;
  /** On the same port and data. */
  start(): Promise<void>;
  /** Of the authority that signed its certificate, and of another; only with `tls`. */
  readonly authorities: { readonly right: string; readonly wrong: string };
  close(): Promise<void>;
}

/** PostgreSQL does not run as root: then it is user postgres. */
export async function startPostgres(
  options: {
    readonly password?: string;
    /** It has a certificate for 127.0.0.1, and user `guarded` is let in by it and by password only. */
    readonly tls?: boolean;
  } = {},
): Promise<Postgres> {
  const bin = newestBin();
  const folder = mkdtempSync(join(tmpdir(), 'wh-pg-'));
  const isRoot = userInfo().uid === 0;
  const idOf = (what: '-u' | '-g') => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }));
  const as = isRoot ? { uid: idOf('-u'), gid: idOf('-g') } : {};
  if (as.uid !== undefined) chownSync(folder, as.uid, as.gid);
  const data = join(folder, 'data');
  const initdb = ['-D', data, '-A', 'trust', '-U', 'rig', '-E', 'UTF8', '--locale=C', '--no-sync'];
  execFileSync(join(bin, 'initdb'), initdb, { ...as, cwd: folder, stdio: 'ignore' });
  const authorities = options.tls === true ? certificates(folder) : { right: '', wrong: '' };
  const tls: string[] = [];
  if (options.tls === true) {
    for (const file of ['server.key', 'server.crt'])
      if (as.uid !== undefined) chownSync(join(folder, file), as.uid, as.gid);
    tls.push('-c', 'ssl=on', '-c', `ssl_cert_file=${folder}/server.crt`, '-c', `ssl_key_file=${folder}/server.key`);
    const rules = ['hostssl all guarded all scram-sha-256', 'host all guarded all reject', 'host all rig all trust'];
    writeFileSync(join(data, 'pg_hba.conf'), `${rules.join('\n')}\n`);
  }
  const port = await freePort();
  const url = `postgres://rig@127.0.0.1:${port}/postgres`;
  let server: ChildProcess | undefined;
  let words = '';

  const query = async <Row extends object>(text: string, values: readonly unknown[] = []) => {
    const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Row>(text, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  const start = async () => {
    const settings = ['-c', 'shared_buffers=16MB', '-c', 'max_connections=20', '-c', 'fsync=off'];
    const child = endWithUs(
      spawn(
        join(bin, 'postgres'),
        ['-D', data, '-p', String(port), '-k', folder, '-h', '127.0.0.1', ...settings, ...tls],
        {
          ...as,
          cwd: folder,
          detached: true,
          stdio: ['ignore', 'ignore', 'pipe'],
        },
      ),
    );
    child.stderr?.on('data', (piece) => {
      words = (words + piece).slice(-20_000);
    });
    server = child;
    for (;;) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`PostgreSQL did not start: ${words}`);
      try {
        await query('SELECT 1');
        return;
      } catch {
        await sleep(30);
      }
    }
  };
  const kill = async () => {
    const running = server;
    server = undefined;
    if (running?.pid === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const all = [running.pid, ...descendantsOf(running.pid)];
    const gone = new Promise((resolve) => running.once('exit', resolve));
    for (const pid of all) end(pid);
    await gone;
    while (all.some(isThere)) await sleep(10);
  };
  await start();
  if (options.password !== undefined) {
    await query(`CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '${options.password.replaceAll("'", "''")}'`);
  }
  return {
    ...{ port, url, query, kill, start, authorities },
    close: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A certificate for 127.0.0.1 by an authority of its own, and another authority that has signed nothing. */
function certificates(folder: string): { readonly right: string; readonly wrong: string } {
  const openssl = (...given: string[]) => execFileSync('openssl', given, { cwd: folder, stdio: 'ignore' });
  chmodSync(folder, 0o755);
  for (const name of ['right', 'wrong']) {
    const subject = ['-subj', `/CN=${name} authority`];
    openssl(
      ...[
        'req',
        '-x509',
        '-newkey',
        'rsa:2048',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        `${name}.key`,
        '-out',
        `${name}.crt`,
      ],
      ...subject,
    );
  }
  openssl(
    ...[
      'req',
      '-newkey',
      'rsa:2048',
      '-nodes',
      '-keyout',
      'server.key',
      '-out',
      'server.csr',
      '-subj',
      '/CN=127.0.0.1',
    ],
  );
  writeFileSync(join(folder, 'names'), 'subjectAltName=IP:127.0.0.1\n');
  openssl(
    ...['x509', '-req', '-in', 'server.csr', '-CA', 'right.crt', '-CAkey', 'right.key', '-CAcreateserial'],
    ...['-days', '2', '-extfile', 'names', '-out', 'server.crt'],
  );
  chmodSync(join(folder, 'server.key'), 0o600);
  return { right: join(folder, 'right.crt'), wrong: join(folder, 'wrong.crt') };
}

function newestBin(): string {
  const root = '/usr/lib/postgresql';
  const [newest] = readdirSync(root).sort((one, other) => Number(other) - Number(one));
  return join(root, newest ?? '', 'bin');
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
