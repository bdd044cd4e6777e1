// Folders of this machine pass the suite, on disk and in memory, and through a root that is a symlink.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import { localOperations, openLocal } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { endpointSuite } from '../support/endpoint-suite.ts';

const mounts = openMounts({ modules: [localOperations] });
const top = mkdtempSync(join(tmpdir(), 'wherry-local-'));
let count = 0;
afterAll(async () => {
  await mounts.close();
  rmSync(top, { recursive: true });
});

async function subject(root: string) {
  const endpoint = await openLocal(root, { mounts });
  await endpoint.makeFolder?.('');
  return {
    endpoint,
    rawNames: true,
    makeHuge: async (path: string, sizeBytes: number) => {
      writeFileSync(join(root, path), '');
      truncateSync(join(root, path), sizeBytes);
    },
    dispose: async () => rmSync(root, { recursive: true }),
  };
}

const fresh = () => join(top, `place-${++count}`);

endpointSuite('local', () => subject(join(fresh(), 'not', 'yet')));

endpointSuite('local through a symlink', () => {
  const root = fresh();
  mkdirSync(`${root}-real`);
  symlinkSync(`${root}-real`, root);
  return subject(join(root, 'inside'));
});
