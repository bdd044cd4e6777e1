// Hosts that are reached in another way from now on: new calls go the new way, what is under way ends the old way, and then its connection is closed.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openSsh } from '../../src/endpoints/ssh/ssh.ts';
import { createSshHosts } from '../../src/endpoints/ssh/ssh-hosts.ts';
import { parseEndpoint } from '../../src/model/endpoint-url.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { content } from '../support/trees.ts';

let old: Sshd;
let fresh: Sshd;
beforeAll(async () => {
  [old, fresh] = await Promise.all([startSshd(), startSshd()]);
  writeFileSync(join(old.files, 'large'), content(1, large));
}, 60_000);
afterAll(() => Promise.all([old.close(), fresh.close()]));

const large = 60_000_000;
const to = ({ port, identityFile, knownHosts, user }: Sshd) => ({
  hosts: { box: { host: '127.0.0.1', port, user, identityFile, knownHosts, agent: false } },
});

test('what changed holds at once, what is under way is not broken off', { timeout: 60_000 }, async () => {
  const hosts = createSshHosts(to(old));
  const place = openSsh(parseEndpoint(`ssh://box${old.files}`), hosts);
  const elsewhere = openSsh(parseEndpoint('ssh://box/'), hosts);
  const reading = (await place.read('large', 0)).getReader();
  let bytes = (await reading.read()).value?.length ?? 0;
  const [before] = old.sessions();
  expect(before).toBeDefined();

  hosts.configure(to(fresh));
  expect(await elsewhere.stat(fresh.files.slice(1))).toMatchObject({ kind: 'folder' });
  expect(fresh.sessions().length).toBeGreaterThan(0);
  expect(old.sessions()).toContain(before);
  for (let next = await reading.read(); next.value !== undefined; next = await reading.read())
    bytes += next.value.length;
  expect(bytes).toBe(large);
  await expect.poll(() => old.sessions(), { timeout: 30_000 }).toEqual([]);

  // The same again changes nothing: the connection stays.
  const kept = fresh.sessions();
  hosts.configure(to(fresh));
  await elsewhere.stat('');
  expect(fresh.sessions()).toEqual(kept);

  // Settings that make no host refuse its calls, and no others.
  hosts.configure({ hosts: { box: { jump: 'box' } } });
  await expect(elsewhere.stat('')).rejects.toMatchObject({ code: 'invalid' });
  hosts.configure(to(old));
  expect((await place.stat('large'))?.sizeBytes).toBe(large);
  await hosts.close();
});
