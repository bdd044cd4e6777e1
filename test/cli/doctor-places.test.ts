// `wherry doctor` names hosts, stores and sinks that cannot be used, and says of the others what they have.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/daemon.ts';
import { type Sshd, startSshd } from '../support/sshd.ts';
import { type Bench, objects, openBench } from './command.ts';

let bench: Bench;
let sshd: Sshd;
beforeAll(async () => {
  bench = openBench();
  sshd = await startSshd();
});
afterAll(async () => {
  bench.close();
  await sshd.close();
});

test('each with its reason, and nothing is left at them', { timeout: 60_000 }, async () => {
  const nobody = await freePort();
  const { port, user, identityFile, knownHosts } = sshd;
  const stranger = join(sshd.folder, 'nobody-known');
  writeFileSync(stranger, '');
  const good = { host: '127.0.0.1', port, user, identityFile, knownHosts, agent: false };
  const hosts = {
    good,
    gone: { ...good, port: nobody },
    strange: { ...good, knownHosts: stranger },
    new: { ...good, knownHosts: stranger, hostKeys: 'accept-new' },
  };
  const config = {
    data: 'data',
    listen: `127.0.0.1:${await freePort()}`,
    ssh: { hosts },
    s3: { endpoint: `http://127.0.0.1:${nobody}`, credentialsFile: 'none', buckets: { pictures: {} } },
    sinks: [
      { name: 'lines', kind: 'json-lines', file: 'lines.jsonl' },
      { name: 'base', kind: 'postgres', url: `postgres://wherry@127.0.0.1:${nobody}/x` },
    ],
  };
  writeFileSync(bench.path('wherry.yaml'), JSON.stringify(config));
  const env = { SSH_AUTH_SOCK: bench.path('no-agent'), DOCKER_HOST: `unix://${bench.path('no-engine')}` };
  const ended = await bench.start(['doctor', '--json', '--config', 'wherry.yaml'], { env }).ended;
  expect(ended.code).toBe(1);
  const found = objects(ended).filter(({ type }) => type === 'finding');
  const of = (check: string) =>
    found.filter((one) => one.check === check).map(({ state, text }) => `${state}: ${text}`);
  expect(of('ssh')).toEqual([
    'ok: The native cryptography of SSH is loaded.',
    expect.stringMatching(/^warning: The SSH agent at .*no-agent cannot be asked for keys \(ENOENT\)/),
    expect.stringMatching(
      /^ok: good \(.*\) answers in [\d.]+ ms: tar packs .* rsync for those that changed, find .* hashes/,
    ),
    expect.stringMatching(/^problem: The host gone cannot be used: .*refuses the connection/),
    expect.stringMatching(/^problem: The host strange cannot be used: .*is not known/),
    expect.stringMatching(/^warning: new \(.*\) is not known yet/),
  ]);
  expect(of('s3')).toEqual([expect.stringMatching(/^problem: s3:\/\/pictures\/ cannot be used/)]);
  expect(of('docker')).toEqual([
    expect.stringMatching(/^warning: The engine of containers at unix:.*no-engine cannot be asked/),
  ]);
  expect(of('sink')).toEqual([
    expect.stringMatching(/^ok: The sink lines writes to .*lines\.jsonl\.$/),
    expect.stringMatching(/^problem: The sink base cannot use the database .*ECONNREFUSED/),
  ]);
  for (const finding of found) if (finding.state !== 'ok') expect(finding.remedy).toMatch(/\w/);
});
