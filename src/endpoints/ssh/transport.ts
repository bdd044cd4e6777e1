// How a host is reached, in words for people.

import type { FarAbilities } from './far-shell.ts';

export function transportOf({ exec, gnuFind, programs }: FarAbilities): string {
  if (!exec) return 'SFTP alone: the host runs no commands for us';
  const listing = gnuFind ? 'find for listings' : 'SFTP for listings';
  const hashing = programs.has('sha256sum') || programs.has('shasum') ? ', sha256 computed there' : '';
  return `SFTP for content, ${listing}${hashing}`;
}
