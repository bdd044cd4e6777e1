// What the configuration gives to the sync contract of older clients: presets, and hosts that are reached as a preset says.

import { isDeepStrictEqual } from 'node:util';
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
  /** By what places are opened, and what is to be told when hosts are reached in another way; before the API listens. */
  opens(open: Parts['open'], changed: () => void): void;
  /** Other settings from now on; `ssh` is then what they say. A preset holds for its hosts when it is next used. */
  adjust(settings: Told & Pick<Settings, 'ssh'>): void;
}

export function contractMeans(
  settings: Told & Pick<Settings, 'ssh'>,
  mediaFolderOf: (settings: Told) => string,
): ContractConfig {
  let told: Told & Pick<Settings, 'ssh'> = settings;
  const byPreset: Record<string, SshHostConfig> = {};
  let open: Parts['open'] | undefined;
  let changed: () => void = () => undefined;
  return {
    get ssh() {
      return { ...told.ssh, hosts: { ...byPreset, ...told.ssh.hosts } };
    },
    opens: (by, tell) => {
      open = by;
      changed = tell;
    },
    adjust: (now) => {
      told = now;
    },
    means: {
      presets: () => told.syncPresets,
      reachAs: (host, preset) => {
        const login = hostOf(preset);
        if (Object.hasOwn(told.ssh.hosts, host) || isDeepStrictEqual(byPreset[host], login)) return;
        byPreset[host] = login;
        changed();
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
