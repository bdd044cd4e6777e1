// The ways to say one file as a place: a copy of /a/b names its files below /a/b, one of /a the same files below /a. Pure.

import { formatEndpoint, parseEndpoint } from '../../model/endpoint-url.ts';
import type { Place } from '../../model/transfer.ts';

/** Every root above the file with the path below it, longest root first; the one given always comes along as it is. */
export function waysToSay(root: string, path: string): readonly Place[] {
  const address = parseEndpoint(root);
  const above = address.path.split('/').filter((part) => part !== '');
  const parts = [...above, ...path.split('/')];
  const ways: Place[] = [];
  for (let at = parts.length - 1; at >= 0; at--) {
    const top = parts.slice(0, at).join('/');
    const endpoint = formatEndpoint({ ...address, path: address.scheme === 'file' ? `/${top}` : top });
    ways.push({ endpoint, path: parts.slice(at).join('/') });
  }
  if (!ways.some(({ endpoint }) => endpoint === root)) ways.push({ endpoint: root, path });
  return ways;
}

/** One text for all ways to say a file. */
export function wholePlace({ endpoint, path }: Place): string {
  const address = parseEndpoint(endpoint);
  const above = address.path.split('/').filter((part) => part !== '');
  return `${address.scheme}://${address.authority}/${[...above, path].join('/')}`;
}
