// Flags win over the environment, the environment over the file, the file over defaults.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { parseListen } from '../../src/config-schema.ts';

const folder = mkdtempSync(join(tmpdir(), 'wherry-config-'));
const home = { HOME: folder, XDG_CONFIG_DIRS: join(folder, 'etc') };
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function config(text: string): string {
  const file = join(folder, 'wherry.yaml');
  writeFileSync(file, text);
  return file;
}

describe('loadSettings', () => {
  test('without any file: loopback, folders of the XDG specification', async () => {
    const settings = await loadSettings({}, home);
    expect(settings).toMatchObject({
      file: null,
      dataFolder: join(folder, '.local/share/wherry/daemon'),
      listen: { host: '127.0.0.1', port: 7373 },
      roots: [],
      adminToken: null,
      bandwidth: null,
    });
    expect((await loadSettings({}, { ...home, XDG_DATA_HOME: '/srv/share' })).dataFolder).toBe(
      '/srv/share/wherry/daemon',
    );
    expect((await loadSettings({}, { ...home, XDG_DATA_HOME: 'relative' })).dataFolder).toContain(folder);
  });

  test('flags over environment over file', async () => {
    const file = config('data: from-file\nlisten: 127.0.0.1:1001\nlimits: { transfers: 3 }\nbandwidth: 3M\n');
    const env = { ...home, WHERRY_CONFIG: file };
    expect(await loadSettings({}, env)).toMatchObject({
      dataFolder: join(folder, 'from-file'),
      listen: { port: 1001 },
      limits: { transfers: 3 },
      bandwidth: '3M',
    });
    const more = {
      ...env,
      WHERRY_DATA: '/env',
      WHERRY_LISTEN: '127.0.0.1:1002',
      WHERRY_TRANSFERS: '5',
      WHERRY_BANDWIDTH: 'off',
    };
    expect(await loadSettings({}, more)).toMatchObject({
      dataFolder: '/env',
      listen: { port: 1002 },
      limits: { transfers: 5 },
      bandwidth: null,
    });
    expect(
      await loadSettings({ data: '/flag', listen: '[::1]:1003', transfers: 6, bandwidth: '1M' }, more),
    ).toMatchObject({
      dataFolder: '/flag',
      listen: { host: '::1', port: 1003 },
      limits: { transfers: 6 },
      bandwidth: '1M',
    });
  });

  test('folders begin at the file, ~ is home, watched folders and the media folder are roots', async () => {
    const file = config('logs: { folder: ~/logs }\nwatches:\n  - source: in\n    destinations: [/lib, out]\n');
    const settings = await loadSettings({ config: file }, { ...home, MEDIA_BASE: '/media/base' });
    expect(settings.logs.folder).toBe(join(folder, 'logs'));
    expect(settings.watches).toMatchObject([
      { kind: 'watch', source: join(folder, 'in'), destinations: ['/lib', join(folder, 'out')] },
    ]);
    expect(settings.roots).toEqual([join(folder, 'in'), '/lib', join(folder, 'out'), '/media/base']);
    expect((await loadSettings({ config: file }, { ...home, LOG_BASE: '/logs' })).logs.folder).toBe('/logs');
  });

  test('a token comes from the environment or a file, and an unreadable or empty file is refused', async () => {
    const tokenFile = join(folder, 'token');
    writeFileSync(tokenFile, 'secret\nmore\n');
    expect((await loadSettings({}, { ...home, WHERRY_TOKEN: 'plain' })).adminToken).toBe('plain');
    expect((await loadSettings({}, { ...home, WHERRY_TOKEN_FILE: tokenFile })).adminToken).toBe('secret');
    expect((await loadSettings({ config: config('tokenFile: token\n') }, home)).adminToken).toBe('secret');
    writeFileSync(tokenFile, '\n');
    await expect(loadSettings({}, { ...home, WHERRY_TOKEN_FILE: tokenFile })).rejects.toMatchObject({
      code: 'config_invalid',
    });
  });

  test('mistakes are faults that name the file and the line', async () => {
    const file = config('listn: x\nroot: []\n');
    await expect(loadSettings({ config: file }, home)).rejects.toMatchObject({
      code: 'config_invalid',
      message: expect.stringContaining(
        `${file}:1:1: "listn" is no key of the configuration. Did you mean "listen"? (and 1 more`,
      ),
    });
    await expect(loadSettings({ config: join(folder, 'none.yaml') }, home)).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(loadSettings({ listen: 'nowhere' }, home)).rejects.toMatchObject({ code: 'invalid' });
    await expect(loadSettings({}, { ...home, WHERRY_TRANSFERS: 'many' })).rejects.toMatchObject({ code: 'invalid' });
    await expect(loadSettings({ bandwidth: 'fast' }, home)).rejects.toMatchObject({ code: 'invalid' });
  });
});

test.each([
  ['127.0.0.1:80', { host: '127.0.0.1', port: 80 }],
  ['[::1]:8080', { host: '::1', port: 8080 }],
  [':7373', { host: '0.0.0.0', port: 7373 }],
  ['7373', { host: '127.0.0.1', port: 7373 }],
  ['nas.local:0', { host: 'nas.local', port: 0 }],
  ['127.0.0.1', undefined],
  ['127.0.0.1:70000', undefined],
  ['::1:80', undefined],
  ['a b:80', undefined],
])('listens at %s', (text, address) => expect(parseListen(text)).toEqual(address));
