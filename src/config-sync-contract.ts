// What the configuration gives to the sync contract of older clients: presets, and hosts that are reached as a preset says.

import type { ContractMeans } from './api/contract/sync-contract.ts';
import type { Parts } from './compose.ts';
import type { Settings } from './config.ts';
import type { SshConfig, SshHostConfig } from './model/ssh-config.ts';
import type { SyncPreset } from './model/sync-contract.ts';

/** To look for the folders of a preset may take so long; then the job itself finds out. */
const lookMs = 10_000;

type Told = Pick<Settings, 'syncPresets' | 'mediaBase' | 'dataFolder'>;

export interface ContractConfig {
  readonly means: ContractMeans;
  /** The configuration's hosts, and those that presets have been used for. */
  readonly ssh: SshConfig;
  /** By what places are opened; to be told before the API listens. */
  opens(open: Parts['open']): void;
  /** Other settings from now on; a host that has been reached already stays as it was until a restart. */
  adjust(settings: Told): void;
}

export function contractMeans(
  settings: Told & Pick<Settings, 'ssh'>,
  mediaFolderOf: (settings: Told) => string,
): ContractConfig {
  const named = settings.ssh.hosts;
  const hosts: Record<string, SshHostConfig> = { ...named };
  let told: Told = settings;
  let open: Parts['open'] | undefined;
  return {
    ssh: { ...settings.ssh, hosts },
    opens: (by) => {
      open = by;
    },
    adjust: (now) => {
      told = now;
    },
    means: {
      presets: () => told.syncPresets,
      reachAs: (host, preset) => {
        if (!Object.hasOwn(named, host)) hosts[host] = hostOf(preset);
      },
      foldersThere: async (address, folders) => {
        const place = await open?.(address);
        if (place === undefined) return folders;
        const signal = AbortSignal.timeout(lookMs);
        const kinds = await Promise.all(
          folders.map(async (folder) => {
            const name = typeof folder === 'string' ? folder : folder.from;
            return name === '' ? 'folder' : (await place.stat(name, { signal }))?.kind;
          }),
        );
        return folders.filter((_, at) => kinds[at] === 'folder');
      },
      mediaFolder: () => mediaFolderOf(told),
    },
  };
}

function hostOf({ root, folders, host, port, destination, ...login }: SyncPreset): SshHostConfig {
  return login;
}
