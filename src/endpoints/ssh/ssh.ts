// Places over SSH, `ssh://user@host:port/path`: every call runs in the thread of one of the host's connections.

import { type EndpointAddress, formatEndpoint } from '../../model/endpoint-url.ts';
import type { Entry } from '../../model/manifest.ts';
import { safeRelativePath } from '../../model/names.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { troubleFault } from '../local-listing.ts';
import { unpackEntries } from '../packed-entries.ts';
import type { FarOperations, FarPlace, ListingMessage } from './far-call.ts';
import type { DeltaInput, DeltaProgress } from './far-delta.ts';
import { readFar, writeFar } from './far-streams.ts';
import { Inbox } from './inbox.ts';
import { farMs, mostConnections, type SshHosts } from './ssh-hosts.ts';
import { manyMethods } from './ssh-many.ts';
import { farFolder } from './ssh-target.ts';

/**
 * Opens a place, without connecting yet: what is wrong with the host comes out at the first call, as `unreachable`, `network`,
 * `host_key` or `login_refused`. The path is absolute; `~` at its beginning is the home folder of the login. Rejects with `invalid`.
 */
export function openSsh(address: EndpointAddress, hosts: SshHosts): Endpoint {
  const name = formatEndpoint(address);
  const host = hosts.host(address.authority);
  const { fromHome, path: root } = farFolder(address.path);
  const place: FarPlace = { fromHome, root, name };
  const quickly = async <Operation extends keyof FarOperations>(
    operation: Operation,
    input: FarOperations[Operation]['input'],
    call: Call | undefined,
  ): Promise<FarOperations[Operation]['output']> => host.call(operation, place, input, { signal: call?.signal }).output;

  const delta = async (input: DeltaInput, call: Call = {}) =>
    host.stream(
      'delta',
      place,
      { ...input, path: safeRelativePath(input.path) },
      { signal: call.signal, onMessage: (message) => call.progress?.((message as DeltaProgress).fileBytes) },
    ).output;

  const alone = {
    name,
    traits: { atomicRename: true, mtimePrecisionMs: 1_000, resumableWrite: true, caseSensitive: true },
    async *list(prefix, call) {
      call?.signal?.throwIfAborted();
      yield* listFar(safeRelativePath(prefix), call);
    },
    stat: async (path, call) => quickly('stat', { path: safeRelativePath(path) }, call),
    read: async (path, from, call = {}) => readFar(host, place, { path: safeRelativePath(path), from }, call),
    write: (path, from, body, call = {}) => writeFar(host, place, { path, from }, body, call),
    remove: async (path, call) => quickly('remove', { path: safeRelativePath(path) }, call),
    async close() {
      // Connections belong to the host, and end when nothing was asked of it for a while.
    },
    hash: async (path, algorithm, call) =>
      host.stream(
        'hash',
        place,
        { path: safeRelativePath(path), algorithm },
        {
          signal: call?.signal,
          onMessage: (done) => call?.progress?.(done as number),
        },
      ).output,
    hashStart: async (path, sizeBytes, algorithm, call) =>
      host.stream('hashStart', place, { path: safeRelativePath(path), sizeBytes, algorithm }, { signal: call?.signal })
        .output,
    rename: async (from, to, { overwrite }, call) =>
      quickly('rename', { from: safeRelativePath(from), to: safeRelativePath(to), overwrite }, call),
    makeFolder: async (path, call) => quickly('makeFolder', { path: safeRelativePath(path) }, call),
    makeSymlink: async (path, target, call) => quickly('makeSymlink', { path: safeRelativePath(path), target }, call),
    setMetadata: async (path, metadata, call) =>
      quickly('setMetadata', { path: safeRelativePath(path), ...metadata }, call),
    space: async (call) => quickly('space', {}, call),
    readRange: async (path, from, to, call = {}) =>
      readFar(host, place, { path: safeRelativePath(path), from, to }, call),
    async writeAt(path, from, body, call = {}) {
      return (await writeFar(host, place, { path, from, within: true }, body, call)) - from;
    },
    copy: async (from, to, call) =>
      host.stream('copy', place, { from: safeRelativePath(from), to: safeRelativePath(to) }, { signal: call?.signal })
        .output,
    wayObstacle: (way, call) => quickly('wayObstacle', { way }, call),
    deltas: {
      obstacle: (algorithm, call) => quickly('deltaObstacle', { algorithm }, call),
      fetch: (path, file, options, call) => delta({ way: 'fetch', path, file, ...options }, call),
      send: (file, path, options, call) => delta({ way: 'send', path, file, ...options }, call),
    },
  } satisfies Endpoint;
  return {
    ...alone,
    ...manyMethods(host, place, alone),
    /** A line that is far away is not filled by one connection: each has a window of its own. */
    get streams() {
      return (host.facts?.roundTripMs ?? 0) > farMs ? mostConnections : 1;
    },
    get transport() {
      return host.facts?.transport ?? 'SSH, not connected yet';
    },
  };

  async function* listFar(path: string, call: Call | undefined): AsyncGenerator<Entry> {
    const stop = new AbortController();
    const inbox = new Inbox<ListingMessage>();
    const signal = call?.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]);
    const { output } = host.call('list', place, { path }, { signal, onMessage: inbox.take });
    inbox.follow(output);
    try {
      for (let packed = await inbox.next(); packed !== undefined; packed = await inbox.next()) {
        for (const entry of unpackEntries(packed)) {
          yield entry;
          call?.signal?.throwIfAborted();
        }
      }
      const trouble = troubleFault(await output);
      if (trouble !== undefined) throw trouble;
    } finally {
      stop.abort();
    }
  }
}
