// Two rented hosts whose pictures come home: one is a folder of this machine, the other a real SSH server, in a real daemon.

import { mkdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { openRealConsole, type RealConsole } from './real-console.ts';

export interface SyncScene {
  readonly console: RealConsole;
  readonly sshd: Sshd;
  /** Of this machine: the source that is a folder. */
  readonly source: string;
  /** What the other one holds. */
  readonly far: string;
  readonly home: string;
  close(): Promise<void>;
}

const day = 86_400;

export async function openSyncScene(given?: string): Promise<SyncScene> {
  const sshd = await startSshd();
  try {
    const console_ = await openRealConsole(
      (folder) => configOf(folder, sshd),
      (folder) => prepare(folder, sshd.files),
      given,
    );
    return {
      console: console_,
      sshd,
      source: join(console_.folder, 'gpu-1/outputs'),
      far: sshd.files,
      home: join(console_.folder, 'renders'),
      async close() {
        await console_.close();
        await sshd.close();
      },
    };
  } catch (error) {
    await sshd.close();
    throw error;
  }
}

/** The far host goes by a name, as in a configuration that somebody has written. */
function configOf(folder: string, { port, user, identityFile, knownHosts }: Sshd): string {
  const host = { host: '127.0.0.1', port, user, identityFile, knownHosts, agent: false };
  const sinks = [
    { name: 'picture-log', kind: 'json-lines', file: join(folder, 'pictures.jsonl') },
    // Nobody listens there.
    {
      ...{ name: 'news-desk', kind: 'webhook', url: 'http://127.0.0.1:9/ingest' },
      ...{ secretFile: join(folder, 'desk.secret'), allowPrivate: true },
    },
  ];
  return JSON.stringify({ roots: [folder], ssh: { hosts: { 'gpu-2': host } }, sinks });
}

function prepare(folder: string, far: string): void {
  writeFileSync(join(folder, 'desk.secret'), `whsec_${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
  const source = join(folder, 'gpu-1/outputs');
  for (const name of ['txt2img-images', 'img2img-images', 'WAN']) mkdirSync(join(source, name), { recursive: true });
  mkdirSync(join(folder, 'renders'));
  for (let number = 1; number <= 40; number++) {
    const name = `${String(number).padStart(5, '0')}-${2_718_281 * number}.png`;
    writeFileSync(join(source, 'txt2img-images', name), Buffer.alloc(30_000 + number * 700, name));
  }
  for (let number = 1; number <= 12; number++) {
    writeFileSync(join(source, 'img2img-images', `take ${number}.png`), Buffer.alloc(90_000, `take ${number}`));
  }
  for (const name of ['harbour at dawn.mp4', 'rope walk, slow.mp4']) {
    writeFileSync(join(source, 'WAN', name), Buffer.alloc(6_000_000, name));
  }
  mkdirSync(join(far, 'output'));
  for (let number = 1; number <= 8; number++) {
    writeFileSync(join(far, 'output', `ComfyUI_${String(number).padStart(5, '0')}_.png`), Buffer.alloc(70_000, number));
  }
}

/** So old that a cleanup takes it. */
export function makeOld(path: string): void {
  const seconds = Date.now() / 1000 - 3 * day;
  utimesSync(path, seconds, seconds);
}
