// The list of endpoints: which scheme is opened by what.

import { type EndpointAddress, type EndpointScheme, formatEndpoint } from '../model/endpoint-url.ts';
import { Fault } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { S3Config } from '../model/s3-config.ts';
import type { Call, Endpoint, Unavailable } from './endpoint.ts';
import { openGenerated } from './generated.ts';
import { openLocal } from './local.ts';
import { openMemory } from './memory.ts';
import type { Mounts } from './mounts.ts';
import type { SshHosts } from './ssh/ssh-hosts.ts';

/** What endpoints are made of. */
export interface EndpointParts {
  readonly mounts: Mounts;
  /** Connections to hosts, made when the first of their places is opened. Absent where hosts are known by nothing but their addresses. */
  readonly ssh?: () => Promise<SshHosts>;
  /** Where object stores are, and how to sign in there, as it is known now. */
  readonly s3?: () => S3Config | undefined;
  /** Opens a device, from a path on it on. Absent where nobody looks for devices. */
  readonly openDevice?: (id: string, call: Call, path: string) => Promise<Endpoint>;
}

type Open = (address: EndpointAddress, parts: EndpointParts, call: Call) => Promise<Endpoint | Unavailable>;

const openers: Readonly<Record<EndpointScheme, Open>> = {
  file: (address, parts, call) => openLocal(address.path, parts, call),
  mem: async (address) => openMemory(address),
  generated: async (address) => openGenerated(address),
  ssh: async (address, { ssh = plainHosts }) => {
    const { openSsh } = await import('./ssh/ssh.ts');
    return openSsh(address, await ssh());
  },
  docker: async (address) => (await import('./docker/docker-place.ts')).openDocker(address),
  s3: async (address, { s3 }) => (await import('./s3/s3-place.ts')).openS3(address, s3),
  device: async (address, { openDevice }, call) =>
    openDevice === undefined
      ? {
          unavailable: true,
          kind: 'device',
          reason: 'Only a daemon knows cameras and cards by their id; `wherry serve` runs one.',
        }
      : await openDevice(address.authority, call, address.path),
  room: async () => ({
    unavailable: true,
    kind: 'room',
    reason: 'Files come and go in a room by a member: `wherry room join` and `wherry room send` make one.',
  }),
};

let plain: Promise<SshHosts> | undefined;

/** As ssh without a configuration: the user's own keys, agent and known_hosts. */
function plainHosts(): Promise<SshHosts> {
  plain ??= import('./ssh/ssh-hosts.ts').then(({ createSshHosts }) => createSshHosts({ hosts: {} }));
  return plain;
}

/** Opens a place, which need not exist yet. Rejects with `unreachable`, `permission`, `invalid` (settings) or `name_unsafe`. */
export function openEndpoint(
  address: EndpointAddress,
  parts: EndpointParts,
  call: Call = {},
): Promise<Endpoint | Unavailable> {
  return openers[address.scheme](address, parts, call);
}

/** As `openEndpoint`, but what is unavailable rejects with `unsupported` and says why. */
export async function requireEndpoint(
  address: EndpointAddress,
  parts: EndpointParts,
  call: Call = {},
): Promise<Endpoint> {
  const opened = await openEndpoint(address, parts, call);
  if (!('unavailable' in opened)) return opened;
  throw new Fault('unsupported', `${displayPath(formatEndpoint(address))} cannot be opened: ${opened.reason}`, {
    place: { endpoint: displayPath(formatEndpoint(address)) },
  });
}
