// A changed configuration while the daemon runs: applied, named as needing a restart, or refused as a whole.

import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { configJsonSchema } from '../../src/config-schema.ts';
import { deviceConfigSchema } from '../../src/model/device-config.ts';
import { offloadRuleSchema } from '../../src/model/offload-rules.ts';
import { roomsConfigSchema } from '../../src/model/room-config.ts';
import { s3ConfigSchema } from '../../src/model/s3-config.ts';
import { type SinkSettings, sinksConfigSchema } from '../../src/model/sink-config.ts';
import { changesBetween } from '../../src/reload.ts';
import { type Daemon, startDaemon } from '../support/daemon.ts';

let folder = '';
let daemon: Daemon;
const at = (...parts: string[]) => join(folder, ...parts);
const config = (text: string) => writeFileSync(at('wherry.yaml'), text);
const events = async () => {
  const { rows } = await daemon.client.call('listEvents', { query: { limit: 1000 } });
  return rows.filter(({ name }) => name.startsWith('observation.config.'));
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-reload-'));
  mkdirSync(at('in'));
  mkdirSync(at('root'));
  daemon = await startDaemon(folder, { config: 'roots: [in]\nlimits: { transfers: 3 }\n' });
});
afterAll(async () => {
  await daemon.kill();
  rmSync(folder, { recursive: true, force: true });
});

test('POST /api/v1/config/reload applies what changed, says so by log and event, and names what needs a restart', async () => {
  const { client } = daemon;
  expect(await client.call('reloadConfig')).toEqual({ file: at('wherry.yaml'), changed: [] });
  await expect(client.call('browse', { query: { path: at('root') } })).rejects.toMatchObject({ code: 'outside_roots' });

  config(
    'roots: [in, root]\nlimits: { transfers: 5 }\nbandwidth: 3M\nlogs: { keep: 7 }\n' +
      'watches: [{ source: in, destination: out, scanSeconds: 0.2, stableSeconds: 0.1 }]\n',
  );
  const { changed } = await client.call('reloadConfig');
  expect(changed.map(({ key, takesEffect }) => `${key} ${takesEffect}`)).toEqual([
    'roots now',
    'limits.transfers now',
    'bandwidth now',
    'logs.keep restart',
    'watches now',
  ]);
  expect(changed[1]).toMatchObject({ before: '3', after: '5' });
  await client.call('browse', { query: { path: at('root') } });
  expect((await client.call('getBandwidth')).bytesPerSecond).toBe(3 * 2 ** 20);
  writeFileSync(at('in', 'file'), 'text');
  await expect.poll(() => existsSync(at('out', 'file')), { timeout: 20_000 }).toBe(true);
  expect((await events()).at(-1)).toMatchObject({
    name: 'observation.config.reloaded',
    data: {
      by: 'WHERRY_TOKEN',
      changed: expect.arrayContaining([expect.objectContaining({ key: 'limits.transfers' })]),
    },
  });
  // The file is there once its first line is written.
  const log = () => (existsSync(at('data/logs/wherry.log')) ? readFileSync(at('data/logs/wherry.log'), 'utf8') : '');
  await expect.poll(log, { timeout: 20_000 }).toMatch(/The configuration was read again/);
  // What needs a restart is named again until there is one.
  expect((await client.call('reloadConfig')).changed.map(({ key }) => key)).toEqual(['logs.keep']);
});

test('SIGHUP does the same, and a watch that is taken out ends', async () => {
  config('roots: [in, root]\nbandwidth: null\nplugins: []\ndevices: { pollSeconds: 7 }\n');
  const before = (await events()).length;
  daemon.child.kill('SIGHUP');
  await expect.poll(async () => (await events()).length, { timeout: 20_000 }).toBe(before + 1);
  expect((await events()).at(-1)).toMatchObject({ name: 'observation.config.reloaded', data: { by: 'SIGHUP' } });
  expect((await daemon.client.call('getBandwidth')).bytesPerSecond).toBeNull();
  expect((await daemon.client.call('listWatches')).rows).toEqual([]);
  const log = () => readFileSync(at('data/logs/wherry.log'), 'utf8');
  await expect.poll(log, { timeout: 20_000 }).toContain('These need a restart of the daemon: devices.pollSeconds');
  expect(daemon.child.exitCode).toBeNull();
});

test('a file with a mistake changes nothing, and the line is named', async () => {
  config('roots: [in]\nbandwidth: 1M\nlimts: {}\n');
  await expect(daemon.client.call('reloadConfig')).rejects.toMatchObject({
    code: 'config_invalid',
    message: expect.stringMatching(
      /wherry\.yaml:3:1: "limts" is no key of the configuration\. Did you mean "limits"\?/,
    ),
  });
  expect((await daemon.client.call('getBandwidth')).bytesPerSecond).toBeNull();
  await daemon.client.call('browse', { query: { path: at('root') } });
  expect((await events()).at(-1)).toMatchObject({
    name: 'observation.config.refused',
    data: { code: 'config_invalid', message: expect.stringMatching(/:3:1:/) },
  });
  daemon.child.kill('SIGHUP');
  await expect.poll(() => daemon.words()).toMatch(/:3:1: .* Everything stays as it was\./);
});

test('a token that changes is in force at once, and is shown nowhere', async () => {
  writeFileSync(at('token'), 'first-secret-of-many-letters-0123\n');
  const home = { HOME: folder, WHERRY_TOKEN: '' };
  config('tokenFile: token\n');
  const before = await loadSettings({ config: at('wherry.yaml') }, home);
  writeFileSync(at('token'), 'second-secret-of-many-letters-0123\n');
  const after = await loadSettings({ config: at('wherry.yaml') }, home);
  expect(changesBetween(before, after)).toEqual([{ key: 'tokenFile', takesEffect: 'now', before: null, after: null }]);

  const other = await startDaemon(at('other'), { config: 'tokenFile: ../token\n', env: { WHERRY_TOKEN: '' } });
  try {
    const ask = (token: string, method = 'GET', path = '/api/v1/session') =>
      fetch(other.url + path, { method, headers: { authorization: `Bearer ${token}` } });
    expect((await ask('second-secret-of-many-letters-0123')).status).toBe(200);
    writeFileSync(at('token'), 'third-secret-of-many-letters-0123\n');
    expect((await ask('second-secret-of-many-letters-0123', 'POST', '/api/v1/config/reload')).status).toBe(200);
    expect((await ask('second-secret-of-many-letters-0123')).status).toBe(401);
    expect((await ask('third-secret-of-many-letters-0123')).status).toBe(200);
    await other.stop();
    expect(readFileSync(at('other/data/logs/wherry.log'), 'utf8') + other.words()).not.toMatch(/(second|third)-secret/);
  } finally {
    await other.kill();
  }
});

test('webhooks of the configuration are made, changed and taken out; their secrets are shown nowhere', async () => {
  const received: string[] = [];
  const server = createServer((request, response) => {
    received.push(String(request.headers['webhook-id']));
    request.resume();
    response.writeHead(204).end();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const key = randomBytes(32).toString('base64');
  writeFileSync(at('hook.secret'), `whsec_${key}\n`);
  const hook = `{ name: desk, url: "http://127.0.0.1:${port}/", events: [observation.job.created], secretFile: hook.secret, allowPrivate: true }`;
  try {
    config(`roots: [in, root]\nwebhooks:\n  - ${hook}\n`);
    const { changed } = await daemon.client.call('reloadConfig');
    expect(changed).toContainEqual({ key: 'webhooks', takesEffect: 'now', before: null, after: null });
    const { rows } = await daemon.client.call('listWebhooks');
    expect(rows).toMatchObject([{ name: 'desk', fromConfig: true, state: 'on' }]);
    await expect(daemon.client.call('removeWebhook', { params: { id: rows[0]?.id ?? '' } })).rejects.toMatchObject({
      code: 'state_conflict',
    });
    writeFileSync(at('in', 'one'), '1');
    await daemon.client.call('createJob', {
      body: { kind: 'copy', sources: [at('in', 'one')], destination: at('root', 'one') },
    });
    await expect.poll(() => received.length, { timeout: 20_000 }).toBe(1);

    writeFileSync(at('hook.secret'), 'whsec_short\n');
    await expect(daemon.client.call('reloadConfig')).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringMatching(/webhook desk: .*24 to 64 bytes/),
    });
    config('roots: [in, root]\n');
    await daemon.client.call('reloadConfig');
    expect((await daemon.client.call('listWebhooks')).rows).toEqual([]);
    expect(
      readFileSync(at('data/logs/wherry.log'), 'utf8') + daemon.words() + JSON.stringify(await events()),
    ).not.toContain(key);
  } finally {
    server.close();
  }
});

describe('the list of what may change', () => {
  test('has every key of the configuration', async () => {
    const settings = await loadSettings({}, { HOME: folder });
    const numbers = { ...settings.limits, transfers: 9, perEndpoint: 9, processing: 9, endpoints: { x: 1 } };
    const other = {
      ...settings,
      ...{ dataFolder: '/x', listen: { host: '::1', port: 1 }, insecureHttp: true, adminToken: 'x', bandwidth: '1M' },
      ...{ tls: { certificateFile: 'x', keyFile: 'x' }, allowedOrigins: ['x'], allowedHosts: ['x'], roots: ['/x'] },
      ...{ mediaBase: '/x', limits: numbers, stallMs: 1, eventDays: 1, historyDays: 1 },
      retry: { firstSeconds: 1, mostSeconds: 1, windowDays: 1, attempts: 1, checkSeconds: 1 },
      logs: { folder: '/x', level: 'debug' as const, maxBytes: 1, keep: 1, jobs: 1 },
      webhooks: [{ name: 'x', url: 'https://x', events: ['*'], allowPrivate: false, secret: 'x' }],
      syncPresets: { forge: { user: 'x' } },
      syncWithoutToken: true,
      sinks: sinksConfigSchema.parse([{ name: 'x', kind: 'json-lines', file: '/x' }]) as SinkSettings[],
      offload: { rules: [offloadRuleSchema.parse({ name: 'x', kind: 'x' })], triggers: ['x.y'] },
      watches: [{ kind: 'watch' as const, source: '/x', destinations: ['/y'] }],
      syncs: [{ name: 'x', source: '/x', destinations: ['/y'] }],
      pipelines: [],
      plugins: ['wherry-plugin-x'],
      ssh: { hosts: { x: { user: 'y' } } },
      s3: s3ConfigSchema.parse({
        ...{ endpoint: 'https://x.net', region: 'x', forcePathStyle: true, profile: 'x', credentialsFile: '/x' },
        buckets: { x: {} },
      }),
      devices: deviceConfigSchema.parse({
        ...{ pollSeconds: 9, without: ['osc'], names: { x: 'y' }, mounted: { roots: ['/x'] } },
        ...{
          gphoto2: { ports: [{ port: 'disk:/x', camera: 'x' }] },
          osc: { addresses: ['x'] },
          gopro: { addresses: ['x'] },
        },
        known: [{ id: 'x', kind: 'xx', name: 'x' }],
      }),
      rooms: roomsConfigSchema.parse({
        ...{ enabled: false, maxFile: 1, chunkSize: 16_384, members: 1, rooms: 1, keptTransfers: 1 },
        ...{ runningTransfers: 1, runningPerMember: 1, types: { allow: ['x/*'] }, times: { presenceSeconds: 1 } },
        ...{ rates: { pendingOffers: 1 }, iceServers: [{ urls: ['stun:x'] }], relay: { allowed: false } },
      }),
    };
    const { properties } = configJsonSchema() as { properties: Record<string, { properties?: object }> };
    const keys = Object.entries(properties).flatMap(([key, { properties: inner }]) =>
      inner === undefined || key === 'tls' ? [key] : Object.keys(inner).map((one) => `${key}.${one}`),
    );
    expect(
      changesBetween(settings, other)
        .map(({ key }) => key)
        .sort(),
    ).toEqual(keys.sort());
    expect(changesBetween(settings, settings)).toEqual([]);
  });
});
