// Whether files can go the way that a job insists on; what chooses by itself needs no asking.

import type { Call, Endpoint } from '../endpoints/endpoint.ts';
import { Fault } from '../model/fault.ts';
import type { Transport } from '../model/moving.ts';
import { displayPath } from '../model/names.ts';

/** Rejects with `unsupported` and the reason, or with what asking a host rejects with. */
export async function requireWay(
  transport: Transport | undefined,
  source: Endpoint,
  destination: Endpoint,
  call: Call = {},
): Promise<void> {
  if (transport === undefined || transport === 'auto') return;
  const hosts = [source, destination].filter(({ wayObstacle }) => wayObstacle !== undefined);
  const [from, to] = [displayPath(source.name), displayPath(destination.name)];
  if (hosts.length === 0) {
    const text = `"${transport}" is a way to the files of a host over SSH, and neither ${from} nor ${to} is such a place`;
    throw new Fault('unsupported', `${text}; leave the transport at "auto".`);
  }
  if (transport === 'rsync' && source.localPath === undefined && destination.localPath === undefined) {
    const text = `rsync runs between this machine and a host, not from ${from} to ${to}`;
    throw new Fault('unsupported', `${text}; leave the transport at "auto".`);
  }
  for (const host of hosts) {
    const obstacle = await host.wayObstacle?.(transport, call);
    if (obstacle === undefined) continue;
    const place = { endpoint: displayPath(host.name) };
    throw new Fault('unsupported', `${place.endpoint} cannot be reached by ${transport}: ${obstacle}.`, { place });
  }
}
