// Cleanup by the API: what may go goes, only inside the roots, and what was deleted is on record.

import { mkdirSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createClient } from '../../src/api/client.ts';
import { routeTable } from '../../src/api/route-table.ts';
import { type ApiRig, adminToken, openApiRig } from '../support/api-rig.ts';

let rig: ApiRig;
beforeAll(async () => {
  rig = await openApiRig();
});
afterAll(() => rig.close());

test('old files go once they are proven, and what was asked and deleted is told of', async () => {
  const client = createClient({ url: rig.url, token: adminToken });
  const out = join(rig.root, 'out');
  mkdirSync(out);
  for (const [name, hours] of [
    ['old\u0007.png', 30],
    ['new.png', 1],
  ] as const) {
    writeFileSync(join(out, name), 'x');
    const at = new Date(Date.now() - hours * 3_600_000);
    utimesSync(join(out, name), at, at);
  }
  const job = await client.call('createJob', {
    body: { kind: 'copy', sources: [out], destination: join(rig.root, 'home') },
  });
  await rig.engine.settled(job.id);
  const since = await rig.store.eventCursor();
  const dry = await client.call('cleanUp', { body: { endpoint: out, dryRun: true } });
  const answer = await client.call('cleanUp', { body: { endpoint: out } });
  expect(routeTable.cleanUp.output.parse(answer)).toEqual(answer);
  expect(answer).toEqual({ ...dry, dryRun: false });
  expect(answer).toMatchObject({
    ...{ filesScanned: 2, filesDeleted: 1, spaceFreedBytes: 1, errors: [] },
    files: [{ path: 'old\\x07.png', pathBytes: expect.any(String), sizeBytes: 1 }],
  });
  expect(readdirSync(out)).toEqual(['new.png']);
  const { events } = await rig.store.events({ since, limit: 100 });
  const names = events.map(({ name }) => name.replace('observation.', ''));
  expect(names).toEqual(expect.arrayContaining(['sync.file_deleted', 'sync.cleaned', 'audit.changed']));
  await expect(client.call('cleanUp', { body: { endpoint: '/etc' } })).rejects.toMatchObject({ code: 'outside_roots' });
  await expect(client.call('cleanUp', { body: { endpoint: out, folders: ['../..'] } })).rejects.toMatchObject({
    code: 'name_unsafe',
  });
});
