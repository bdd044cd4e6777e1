// How a host is reached, in words for people; and whether it can be reached in a way that somebody insists on.

import type { Way } from '../endpoint.ts';
import { deltaObstacle } from './far-delta.ts';
import type { FarAbilities } from './far-shell.ts';

export async function transportOf(abilities: FarAbilities): Promise<string> {
  const { exec, gnuFind, gnuTar, programs } = abilities;
  if (!exec) return 'SFTP alone: the host runs no commands for us';
  const noDelta = await deltaObstacle(abilities);
  return [
    gnuTar ? 'tar packs for small files' : 'small files by SFTP, several at once (the host has no GNU tar)',
    noDelta === undefined
      ? 'SFTP for large ones, rsync for those that changed'
      : `SFTP for large ones, whole when they changed (no rsync: ${noDelta})`,
    gnuFind ? 'find for listings' : 'SFTP for listings',
    programs.has('sha256sum') || programs.has('shasum') ? 'hashes computed there' : 'hashes by reading back',
  ].join(', ');
}

/** The end of a sentence; undefined where nothing is in the way. */
export async function wayObstacle(abilities: FarAbilities, way: Way): Promise<string | undefined> {
  if (way === 'rsync') return await deltaObstacle(abilities);
  if (way === 'sftp') return undefined;
  if (!abilities.exec) return 'the host runs no commands for us';
  return abilities.gnuTar ? undefined : 'the host has no GNU tar';
}
