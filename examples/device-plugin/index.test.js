// The conformance suite over the example: what a plugin's author writes.

import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { deviceChecks } from 'wherry/device-conformance';
import { labelledFolders } from './index.js';

const files = { 'DCIM/a.mp4': new Uint8Array(300_000).fill(7), 'DCIM/a.txt': new TextEncoder().encode('a sidecar') };

async function open() {
  const folder = await mkdtemp(join(tmpdir(), 'labelled-'));
  await mkdir(join(folder, 'DCIM'));
  for (const [path, bytes] of Object.entries(files)) await writeFile(join(folder, path), bytes);
  await writeFile(join(folder, 'label.json'), JSON.stringify({ serial: '0001' }));
  return {
    adapter: labelledFolders([folder]),
    device: { id: 'label-0001', kind: 'labelled_folder', name: 'A recorder' },
    files,
    removable: 'DCIM/a.txt',
    unplug: () => rename(join(folder, 'label.json'), `${folder}.label`),
    replug: () => rename(`${folder}.label`, join(folder, 'label.json')),
    dispose: () => rm(folder, { recursive: true }),
  };
}

for (const { name, run } of deviceChecks(open)) test(name, run);
