// Plugins: packages and paths that the configuration names, each loaded, looked at, and told of by name when it is wrong; their adapters.

import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { DeviceAdapter } from './device.ts';

/** Who brings an adapter: `built in`, or the plugin as the configuration names it. */
export interface NamedAdapter {
  readonly from: string;
  readonly adapter: DeviceAdapter;
}

const kindPattern = /^[a-z][a-z0-9_]{1,40}$/;

/** What a plugin exports. */
export interface LoadedModule {
  readonly plugin: string;
  readonly exported: { readonly wherryAdapters?: unknown; readonly wherrySinks?: unknown };
}

/**
 * The plugins, in order. Packages are looked for from `folder` upwards, then from Wherry's own place. Rejects with `config_invalid`,
 * naming the plugin: not there, throws when it is loaded, or exports neither `wherryAdapters` nor `wherrySinks`.
 */
export async function loadModules(plugins: readonly string[], folder: string): Promise<readonly LoadedModule[]> {
  const found: LoadedModule[] = [];
  for (const plugin of plugins) {
    const file = plugin.startsWith('/') ? entryOf(plugin) : entryOfPackage(plugin, folder);
    if (file === undefined) {
      const where = plugin.startsWith('/') ? '' : `; \`npm install ${plugin}\` in ${displayPath(folder)} brings it`;
      throw pluginFault(plugin, `is not there${where}`);
    }
    found.push({ plugin, exported: await imported(plugin, file) });
  }
  return found;
}

/** The adapters of each plugin, in order. Rejects as `loadModules`, and with `config_invalid` for what is no adapter. */
export async function loadPlugins(plugins: readonly string[], folder: string): Promise<readonly NamedAdapter[]> {
  const found: NamedAdapter[] = [];
  for (const one of await loadModules(plugins, folder)) {
    for (const adapter of await adaptersOf(one)) found.push({ from: one.plugin, adapter });
  }
  return found;
}

/** The adapters, where each has a kind of its own. Rejects with `config_invalid` and names both who bring the same. */
export function distinctAdapters(named: readonly NamedAdapter[]): readonly DeviceAdapter[] {
  const byKind = new Map<string, string>();
  for (const { from, adapter } of named) {
    const other = byKind.get(adapter.kind);
    if (other !== undefined) {
      throw new Fault(
        'config_invalid',
        `Two adapters are of the kind ${adapter.kind}: ${displayPath(other)} and ${displayPath(from)}. Leave one out.`,
      );
    }
    byKind.set(adapter.kind, from);
  }
  return named.map(({ adapter }) => adapter);
}

async function imported(plugin: string, file: string): Promise<LoadedModule['exported']> {
  let exported: LoadedModule['exported'];
  try {
    exported = (await import(pathToFileURL(file).href)) as LoadedModule['exported'];
  } catch (error) {
    throw pluginFault(plugin, `could not be loaded: ${messageOf(error)}`, error);
  }
  if (typeof exported.wherryAdapters === 'function' || typeof exported.wherrySinks === 'function') return exported;
  throw pluginFault(plugin, 'exports no function wherryAdapters or wherrySinks');
}

async function adaptersOf({ plugin, exported }: LoadedModule): Promise<readonly DeviceAdapter[]> {
  const { wherryAdapters } = exported;
  if (typeof wherryAdapters !== 'function') return [];
  let adapters: unknown;
  try {
    adapters = await wherryAdapters();
  } catch (error) {
    throw pluginFault(plugin, `could not make its adapters: ${messageOf(error)}`, error);
  }
  if (!Array.isArray(adapters)) throw pluginFault(plugin, 'gives no list of adapters');
  for (const adapter of adapters as unknown[]) {
    const { kind, connect } = (adapter ?? {}) as Partial<DeviceAdapter>;
    if (typeof kind !== 'string' || !kindPattern.test(kind)) {
      throw pluginFault(
        plugin,
        `gives an adapter whose kind is ${displayPath(String(kind))}; a kind is a word such as gopro`,
      );
    }
    if (typeof connect !== 'function')
      throw pluginFault(plugin, `gives an adapter of the kind ${kind} that cannot connect`);
  }
  return adapters as DeviceAdapter[];
}

export function pluginFault(plugin: string, why: string, cause?: unknown): Fault {
  const message = `The plugin ${displayPath(plugin)} ${why}.`;
  return new Fault('config_invalid', message, cause === undefined ? {} : { cause });
}

function messageOf(error: unknown): string {
  return displayPath(error instanceof Error ? error.message : String(error)).slice(0, 500);
}

function entryOfPackage(name: string, folder: string): string | undefined {
  for (const start of [folder, import.meta.dirname]) {
    for (let up = start; ; up = dirname(up)) {
      const found = entryOf(join(up, 'node_modules', name));
      if (found !== undefined) return found;
      if (up === dirname(up)) break;
    }
  }
  return undefined;
}

/** The file to import: the path itself, or what the package.json of a folder names. */
function entryOf(path: string): string | undefined {
  if (!existsSync(path)) return undefined;
  if (!statSync(path).isDirectory()) return path;
  let described: { readonly exports?: unknown; readonly module?: unknown; readonly main?: unknown } = {};
  try {
    described = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8')) as typeof described;
  } catch {
    // It may be a folder with an index.js alone.
  }
  const named = exported(described.exports) ?? described.module ?? described.main ?? 'index.js';
  const file = join(path, String(named));
  return existsSync(file) ? file : undefined;
}

/** What `exports` has for whoever imports the package by its name. */
function exported(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports;
  if (typeof exports !== 'object' || exports === null) return undefined;
  const choices = exports as Readonly<Record<string, unknown>>;
  for (const key of ['.', 'node', 'import', 'default']) {
    const found = key in choices ? exported(choices[key]) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}
