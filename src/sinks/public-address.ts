// Which addresses a message may be sent to: none of this machine or its network, unless somebody has allowed it.

import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';

/** IANA's special-purpose registries (RFC 6890 and what came later): not globally reachable, or not one host. */
const notPublic = new BlockList();
for (const [net, bits] of [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.0.0.0', 24],
  ['192.0.2.0', 24],
  ['192.88.99.0', 24],
  ['192.168.0.0', 16],
  ['198.18.0.0', 15],
  ['198.51.100.0', 24],
  ['203.0.113.0', 24],
  ['224.0.0.0', 3],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv4');
}
/** Of IPv6 only 2000::/3 is handed out; in it are these that lead elsewhere: documentation, 6to4 and Teredo, which hold IPv4. */
const publicV6 = new BlockList();
publicV6.addSubnet('2000::', 3, 'ipv6');
for (const [net, bits] of [
  ['2001::', 23],
  ['2001:db8::', 32],
  ['2002::', 16],
  ['3fff::', 20],
] as const) {
  notPublic.addSubnet(net, bits, 'ipv6');
}

export function isPublicAddress(address: string): boolean {
  if (isIP(address) === 4) return !notPublic.check(address, 'ipv4');
  if (isIP(address) !== 6) return false;
  const plain = address.replace(/%.*$/, '');
  return publicV6.check(plain, 'ipv6') && !notPublic.check(plain, 'ipv6');
}

/** Rejects with `not_authorised` where the host is an address that is not public. Names are looked at by `publicLookup`. */
export function requirePublicHost(hostname: string): void {
  const address = hostname.replace(/^\[|\]$/g, '');
  if (isIP(address) !== 0 && !isPublicAddress(address)) throw refuse(hostname);
}

/** As `dns.lookup`, without addresses that are not public: what is connected to is what was checked. */
export const publicLookup: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found: LookupAddress[]) => {
    const addresses = error === null ? found.filter(({ address }) => isPublicAddress(address)) : [];
    const [first] = addresses;
    if (error !== null || first === undefined) callback(error ?? Object.assign(refuse(hostname)), '', 0);
    else if (options.all === true) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};

function refuse(hostname: string): Fault {
  const text = `${displayPath(hostname)} is not a public address; the webhook must be allowed to go to private ones.`;
  return new Fault('not_authorised', text);
}
