// Cleanup at a real SSH server: what came home goes there, and what only seems to have come home, through another way to the same folder, stays.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openWherry, type Wherry } from '../../../src/main.ts';
import { type Sshd, startSshd } from '../../support/sshd.ts';

let sshd: Sshd;
let wherry: Wherry;
let folder = '';
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-cleanup-ssh-'));
  sshd = await startSshd();
  const { port, user, identityFile, knownHosts } = sshd;
  const host = { host: '127.0.0.1', port, user, identityFile, knownHosts, agent: false };
  const { sshConfigSchema } = await import('../../../src/model/ssh-config.ts');
  wherry = await openWherry({
    dataFolder: join(folder, 'data'),
    ssh: sshConfigSchema.parse({ hosts: { gpu: host, other: host } }),
  });
});
afterEach(async () => {
  await wherry.close();
  await sshd.close();
  rmSync(folder, { recursive: true, force: true });
});

function put(path: string, text: string, hours: number): void {
  const at = join(sshd.files, path);
  mkdirSync(dirname(at), { recursive: true });
  writeFileSync(at, text);
  const time = new Date(Date.now() - hours * 3_600_000);
  utimesSync(at, time, time);
}
const left = () => readdirSync(sshd.files, { recursive: true }).map(String).sort();

test('old files go at the host, with their dated folders, whatever their names', { timeout: 60_000 }, async () => {
  for (let n = 0; n < 30; n++) put(`WAN/2026-11-01/it's | ${n}\n.png`, `picture ${n}`, 48);
  put('WAN/2026-11-02/new.png', 'new', 1);
  const source = `ssh://gpu${sshd.files}`;
  const job = await wherry.submit({ kind: 'copy', sources: [source], destination: join(folder, 'home') });
  expect(await job.done).toMatchObject({ state: 'completed', counts: { completed: 31 } });
  put('WAN/2026-11-02/changed.png', 'came later', 48);
  const dry = await wherry.cleanup({ endpoint: source, folders: ['WAN', 'txt2img-images'], dryRun: true });
  const wet = await wherry.cleanup({ endpoint: source, folders: ['WAN', 'txt2img-images'] });
  expect(wet).toEqual({ ...dry, dryRun: false });
  expect(wet).toMatchObject({
    ...{ filesScanned: 32, filesDeleted: 30, errors: [], foldersRemoved: 1 },
    kept: { young: 1, unproven: 1 },
  });
  expect(left()).toEqual(['WAN', 'WAN/2026-11-02', 'WAN/2026-11-02/changed.png', 'WAN/2026-11-02/new.png']);
  expect(readdirSync(join(folder, 'home/WAN/2026-11-01'))).toHaveLength(30);
});

test('a host that is also known by another name, where the copy’s folder is by now the original’s, is no second place', {
  timeout: 60_000,
}, async () => {
  put('a/1.png', 'picture', 48);
  mkdirSync(join(sshd.files, 'b'));
  const source = `ssh://gpu${sshd.files}/a`;
  const job = await wherry.submit({ kind: 'copy', sources: [source], destination: `ssh://other${sshd.files}/b` });
  expect(await job.done).toMatchObject({ state: 'completed', counts: { completed: 1 } });
  rmSync(join(sshd.files, 'b/1.png'));
  execFileSync('mount', ['--bind', join(sshd.files, 'a'), join(sshd.files, 'b')]);
  try {
    // It is there, with its size and time, and it is read again: nothing but a second look beside it tells.
    const result = await wherry.cleanup({ endpoint: source, checksum: true });
    expect(result).toMatchObject({ filesDeleted: 0, kept: { failed: 1 }, errors: [{ code: 'exists' }] });
    expect(left()).toEqual(['a', 'a/1.png', 'b', 'b/1.png']);
  } finally {
    execFileSync('umount', [join(sshd.files, 'b')]);
  }
});
