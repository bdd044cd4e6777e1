// Puts the adapters together that the configuration asks for: those that come with Wherry, and those of its plugins.

import { dirname, join } from 'node:path';
import type { DeviceOptions } from './compose.ts';
import type { Settings } from './config.ts';

/** Packages are looked for from the configuration's folder on. Rejects as `loadPlugins`. */
export async function pluginAdapters({ plugins, file }: Pick<Settings, 'plugins' | 'file'>) {
  if (plugins.length === 0) return [];
  const { loadPlugins } = await import('./devices/plugins.ts');
  return loadPlugins(plugins, file === null ? process.cwd() : dirname(file));
}

/** `adapters` rejects with `config_invalid` for a plugin that cannot be used, or two adapters of one kind. */
export function deviceOptions({ devices, plugins, file, dataFolder }: Settings): DeviceOptions {
  const { pollSeconds, names, known, without, mounted, gphoto2, osc, gopro } = devices;
  return {
    pollSeconds,
    names,
    known: known.map(({ address, ...rest }) => (address === undefined ? rest : { ...rest, address })),
    async adapters({ mounts }) {
      const [{ builtInAdapters }, { distinctAdapters }] = await Promise.all([
        import('./devices/index.ts'),
        import('./devices/plugins.ts'),
      ]);
      const ports = gphoto2.ports.map(({ name, ...port }) => (name === undefined ? port : { ...port, name }));
      const own = builtInAdapters({
        mounts,
        mounted,
        gphoto2: { ports, scratchFolder: join(dataFolder, 'scratch') },
        osc,
        gopro,
      });
      const loaded = await pluginAdapters({ plugins, file });
      const kept = own.filter(({ kind }) => !without.includes(kind));
      return distinctAdapters([
        ...kept.map((adapter) => ({ from: 'the one that comes with Wherry', adapter })),
        ...loaded,
      ]);
    },
  };
}
