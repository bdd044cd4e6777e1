// Plugins: the example runs as it stands, and one that is wrong is told of by its name.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadSettings } from '../../src/config.ts';
import { deviceOptions } from '../../src/config-devices.ts';
import { deviceChecks } from '../../src/devices/conformance.ts';
import type { DeviceAdapter } from '../../src/devices/device.ts';
import { distinctAdapters, loadPlugins } from '../../src/devices/plugins.ts';
import { createDeviceRegistry } from '../../src/devices/registry.ts';
import { localOperations } from '../../src/endpoints/local.ts';
import { openMounts } from '../../src/endpoints/mount-pool.ts';
import { systemClock } from '../../src/model/clock.ts';
import { bytesOf } from '../support/bytes.ts';
import { content } from '../support/trees.ts';

const root = resolve(import.meta.dirname, '../..');
const example = join(root, 'examples/device-plugin');
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wherry-plugins-'));
});
afterEach(() => {
  delete process.env.WHERRY_LABELLED_FOLDERS;
  rmSync(folder, { recursive: true, force: true });
});

const files = { 'DCIM/a.mp4': content(1, 300_000), 'DCIM/b/c.txt': content(2, 30) };
const label = (at: string) => {
  for (const [path, bytes] of Object.entries(files)) {
    mkdirSync(join(at, path, '..'), { recursive: true });
    writeFileSync(join(at, path), bytes);
  }
  writeFileSync(join(at, 'label.json'), JSON.stringify({ serial: '0001', name: 'Tower' }));
  process.env.WHERRY_LABELLED_FOLDERS = at;
};
const write = (name: string, code: string): string => {
  const path = join(folder, name);
  writeFileSync(path, code);
  return path;
};
const only = async (path: string): Promise<DeviceAdapter> => {
  const [first] = await loadPlugins([path], folder);
  if (first === undefined) throw new Error('no adapter');
  return first.adapter;
};

describe('the example', () => {
  describe('conformance', () => {
    for (const { name, run } of deviceChecks(async () => {
      const at = mkdtempSync(join(tmpdir(), 'wherry-labelled-'));
      label(at);
      return {
        adapter: await only(example),
        device: { id: 'label-0001', kind: 'labelled_folder', name: 'Tower' },
        files,
        removable: 'DCIM/b/c.txt',
        unplug: async () => renameSync(join(at, 'label.json'), `${at}.label`),
        replug: async () => renameSync(`${at}.label`, join(at, 'label.json')),
        dispose: async () => rmSync(at, { recursive: true }),
      };
    })) {
      test(name, run);
    }
  });

  test('is a package that a configuration names, and its device opens by its id', async () => {
    cpSync(example, join(folder, 'node_modules/wherry-plugin-labelled-folder'), { recursive: true });
    label(join(folder, 'recorder'));
    const config = write(
      'wherry.yaml',
      'plugins: [wherry-plugin-labelled-folder]\ndevices: { names: { label-0001: The tower } }\n',
    );
    const settings = await loadSettings({ config, data: join(folder, 'data') }, {});
    const mounts = openMounts({ modules: [localOperations] });
    const { adapters, ...options } = deviceOptions(settings);
    const registry = createDeviceRegistry({
      ...options,
      adapters: (await adapters({ mounts })).filter(({ kind }) => kind === 'labelled_folder'),
      clock: systemClock,
      log: { info: () => undefined, warn: () => undefined },
    });
    await registry.look();
    expect(registry.devices).toMatchObject([{ connected: true, info: { id: 'label-0001', name: 'The tower' } }]);
    const place = await registry.open('label-0001', {}, 'DCIM');
    expect(Buffer.compare(await bytesOf(await place.read('a.mp4', 0)), content(1, 300_000))).toBe(0);
    await registry.close();
    await mounts.close();
  });

  test('its own test runs with the built package', () => {
    const own = join(folder, 'plugin');
    cpSync(example, own, { recursive: true });
    mkdirSync(join(own, 'node_modules'));
    symlinkSync(root, join(own, 'node_modules/wherry'));
    const { NODE_OPTIONS: _, VITEST: __, ...env } = process.env;
    const said = execFileSync(process.execPath, ['--test', '--test-reporter=tap'], { cwd: own, encoding: 'utf8', env });
    expect(said).toMatch(/# pass 19\n# fail 0/);
  });
});

describe('a plugin that is wrong', () => {
  test.each([
    ['throws when it is loaded', 'throw new Error("no licence");', 'could not be loaded: no licence'],
    ['is no JavaScript', 'this is none', 'could not be loaded'],
    ['exports nothing of ours', 'export const a = 1;', 'exports no function wherryAdapters'],
    ['throws when it is asked', 'export function wherryAdapters() { throw new Error("no bus"); }', 'no bus'],
    ['gives no list', 'export const wherryAdapters = () => ({});', 'gives no list of adapters'],
    ['gives a nameless adapter', 'export const wherryAdapters = () => [{ connect() {} }];', 'whose kind is undefined'],
    ['cannot connect', 'export const wherryAdapters = () => [{ kind: "odd" }];', 'of the kind odd that cannot connect'],
  ])('because it %s is told of by its name', async (_, code, message) => {
    const path = write('plugin.mjs', code);
    const loading = loadPlugins([path], folder);
    await expect(loading).rejects.toMatchObject({ code: 'config_invalid', message: expect.stringContaining(message) });
    await expect(loading).rejects.toThrow('plugin.mjs');
  });

  test('because it is not there is told of with what brings it', async () => {
    await expect(loadPlugins(['wherry-plugin-none'], folder)).rejects.toThrow('npm install wherry-plugin-none');
    await expect(loadPlugins([join(folder, 'none.mjs')], folder)).rejects.toThrow('none.mjs is not there');
  });

  test('because another brings the same kind refuses the start, with both names', async () => {
    const code = 'export const wherryAdapters = () => [{ kind: "twin", connect() {} }];';
    const named = await loadPlugins([write('one.mjs', code), write('two.mjs', code)], folder);
    expect(() => distinctAdapters(named)).toThrow(/twin: .*one\.mjs and .*two\.mjs/);
    const gopro = write('gopro.mjs', 'export const wherryAdapters = () => [{ kind: "gopro", connect() {} }];');
    const config = write('wherry.yaml', `plugins: [${gopro}]\n`);
    const mounts = openMounts({ modules: [localOperations] });
    const adaptersOf = async () =>
      deviceOptions(await loadSettings({ config, data: join(folder, 'data') }, {})).adapters({ mounts });
    await expect(adaptersOf()).rejects.toThrow(/gopro: the one that comes with Wherry and .*gopro\.mjs/);
    // The control: without the one that comes with Wherry there are not two.
    writeFileSync(config, `plugins: [${gopro}]\ndevices: { without: [gopro] }\n`);
    expect((await adaptersOf()).map(({ kind }) => kind)).toEqual(['mounted', 'gphoto2', 'osc', 'gopro']);
    await mounts.close();
  });

  test.each(['some-package', 'wherry-plugin-', 'http://x/y.js'])('the name %j is no plugin’s', async (name) => {
    const config = write('wherry.yaml', `plugins: ["${name}"]\n`);
    await expect(loadSettings({ config }, {})).rejects.toMatchObject({ code: 'config_invalid' });
  });
});
