// How a host is reached, in words for people.

import type { FarAbilities } from './far-shell.ts';

export function transportOf({ exec, gnuFind, gnuTar, programs }: FarAbilities): string {
  if (!exec) return 'SFTP alone: the host runs no commands for us';
  return [
    gnuTar ? 'tar packs for small files' : 'small files by SFTP, several at once (the host has no GNU tar)',
    'SFTP for large ones',
    gnuFind ? 'find for listings' : 'SFTP for listings',
    programs.has('sha256sum') || programs.has('shasum') ? 'hashes computed there' : 'hashes by reading back',
  ].join(', ');
}
