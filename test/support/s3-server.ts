// A real S3 server on a free port of loopback (OpenStack Swift with its S3 interface, one node), its data in a temporary folder.

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { clientConfig } from '../../src/endpoints/s3/s3-client.ts';
import type { S3Config } from '../../src/model/s3-config.ts';
import { endWithUs, killGroup } from './children.ts';
import { freePort } from './free-port.ts';

export interface S3Server {
  readonly port: number;
  /** What the configuration would say, at another port where one is given (a link, a proxy). */
  config(port?: number): S3Config;
  readonly credentialsFile: string;
  /** A client of the SDK's own, to look behind Wherry's back. */
  readonly client: S3Client;
  makeBucket(name: string): Promise<string>;
  /** Gone at once; what it has answered is kept. */
  kill(): Promise<void>;
  /** Starts it again on the same port. */
  start(): Promise<void>;
  close(): Promise<void>;
}

const program = fileURLToPath(new URL('./s3-server.py', import.meta.url));

/** The temporary folder has to keep extended attributes, which ext4, xfs and btrfs do. */
export async function startS3Server(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'wh-s3-'));
  const credentialsFile = join(folder, 'credentials');
  writeFileSync(
    credentialsFile,
    '[default]\naws_access_key_id = wherry:tester\naws_secret_access_key = secret\n\n[stranger]\naws_access_key_id = wherry:tester\naws_secret_access_key = guessed\n',
  );
  const port = await freePort();
  const config = (at = port): S3Config => ({ endpoint: `http://127.0.0.1:${at}`, credentialsFile, buckets: {} });
  const client = new S3Client(clientConfig(config(), {}));
  let server: ChildProcess | undefined;
  const start = async () => {
    // Debian's own Python, whatever else is first on the path: the server's modules are installed there.
    const child = endWithUs(
      spawn('/usr/bin/python3', [program, folder, String(port)], { detached: true, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
    server = child;
    let said = '';
    child.stderr?.on('data', (text) => {
      said = `${said}${text}`.slice(-4000);
    });
    await new Promise<void>((resolve, reject) => {
      child.stdout?.on('data', (text) => String(text).includes('ready') && resolve());
      child.once('exit', () => reject(new Error(`The S3 server did not start: ${said}`)));
    });
  };
  const kill = async () => {
    const running = server;
    server = undefined;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once('exit', resolve));
    killGroup(running);
    await gone;
  };
  await start();
  return {
    port,
    config,
    credentialsFile,
    client,
    async makeBucket(name) {
      await client.send(new CreateBucketCommand({ Bucket: name }));
      return name;
    },
    kill,
    start,
    async close() {
      client.destroy();
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
