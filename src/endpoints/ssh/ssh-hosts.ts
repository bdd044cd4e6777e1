// The hosts that are connected: a few connections each, shared by all places on the host, opened when needed and closed when idle.

import { availableParallelism } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import type { Worker } from 'node:worker_threads';
import { asFault, Fault } from '../../model/fault.ts';
import type { SshConfig } from '../../model/ssh-config.ts';
import type { FarOperations, FarPlace, HostFacts } from './far-call.ts';
import { type SshTarget, sshTarget } from './ssh-target.ts';
import { type CallOptions, type FarCall, SshThread } from './ssh-thread.ts';
import { startSshThread } from './start-thread.ts';

export interface SshHosts {
  /** Does not connect yet. Rejects with `invalid`. */
  host(authority: string): SshHost;
  /**
   * Other settings from now on. What is under way to a host of which they say something else comes to its end over the old connections,
   * which are closed then; whatever is asked next goes by the new ones.
   */
  configure(settings: SshConfig): void;
  /** Ends all connections. */
  close(): Promise<void>;
}

export interface SshHost {
  /** Rejects with `invalid` where the settings of today make none. */
  readonly target: SshTarget;
  /** Of the last connection; undefined before the first. */
  readonly facts: HostFacts | undefined;
  /** A short call, over the first connection. */
  call<Name extends keyof FarOperations>(
    operation: Name,
    place: FarPlace,
    input: FarOperations[Name]['input'],
    options?: CallOptions,
  ): FarCall<FarOperations[Name]['output']>;
  /** A call that carries content, over the connection that has least to do; one more is opened where all are busy. */
  stream: SshHost['call'];
}

/** Connections to one host. Each is a thread with a key exchange of its own. */
export const mostConnections = 4;
const idleMs = 30_000;
/** A host that answers sooner is near: there it is the processors that set the pace, and no connection's window. */
export const farMs = 8;
/** Packs to a host that is far: another connection costs a dozen ways there and back before its first byte, and a pack may be through by then. */
const packsTogether = 3;
/** How many calls share a connection to a host that is near before another is worth its thread. */
const callsNearby = availableParallelism() < 4 ? 4 : 1;

/** `takeEarly` gives a thread that was started before anybody knew for which host, if there is one. */
export function createSshHosts(first: SshConfig, takeEarly: () => Worker | undefined = () => undefined): SshHosts {
  const takeThread = () => takeEarly() ?? startSshThread();
  let settings = first;
  const hosts = new Map<string, OpenHost>();
  return {
    host(authority) {
      const known = hosts.get(authority);
      if (known !== undefined) return known;
      const made = createHost(sshTarget(authority, settings), takeThread);
      hosts.set(authority, made);
      return made;
    },
    configure(next) {
      settings = next;
      for (const [authority, host] of hosts) host.adjust(targetOf(authority, settings));
    },
    async close() {
      const all = [...hosts.values()];
      hosts.clear();
      await Promise.all(all.map((host) => host.close()));
    },
  };
}

interface OpenHost extends SshHost {
  adjust(target: SshTarget | Fault): void;
  close(): Promise<void>;
}

function targetOf(authority: string, settings: SshConfig): SshTarget | Fault {
  try {
    return sshTarget(authority, settings);
  } catch (error) {
    return asFault(error);
  }
}

function createHost(first: SshTarget, takeThread: () => Worker): OpenHost {
  let wanted: SshTarget | Fault = first;
  const threads: SshThread[] = [];
  /** Of former settings, until they have nothing more to do. */
  const retired = new Set<SshThread>();
  const targetNow = (): SshTarget => {
    if (wanted instanceof Fault) throw wanted;
    return wanted;
  };
  let idle: NodeJS.Timeout | undefined;
  let facts: HostFacts | undefined;
  const start = () => {
    const thread: SshThread = new SshThread(targetNow(), takeThread(), {
      onExit() {
        retired.delete(thread);
        const at = threads.indexOf(thread);
        if (at >= 0) threads.splice(at, 1);
      },
      onFacts(learnt) {
        if (!retired.has(thread)) facts = learnt;
      },
    });
    threads.push(thread);
    return thread;
  };
  const rest = () => {
    clearTimeout(idle);
    idle = setTimeout(() => {
      if (threads.some(({ busy }) => busy > 0)) return rest();
      for (const thread of threads.splice(0)) void thread.close();
    }, idleMs);
    idle.unref();
  };
  const over = <Name extends keyof FarOperations>(
    thread: SshThread,
    operation: Name,
    place: FarPlace,
    input: FarOperations[Name]['input'],
    options?: CallOptions,
  ) => {
    rest();
    return thread.call(operation, place, input, options);
  };
  return {
    get target() {
      return targetNow();
    },
    adjust(next) {
      if (isDeepStrictEqual(next, wanted)) return;
      wanted = next;
      facts = undefined;
      for (const thread of threads.splice(0)) {
        retired.add(thread);
        thread.closeWhenIdle();
      }
    },
    get facts() {
      return facts;
    },
    call: (operation, place, input, options) => over(threads[0] ?? start(), operation, place, input, options),
    stream(operation, place, input, options) {
      const [least] = [...threads].sort((a, b) => a.busy - b.busy);
      const isNear = (facts?.roundTripMs ?? farMs) < farMs;
      const mostCalls = isNear ? callsNearby : operation === 'readManyInto' ? packsTogether : 1;
      const isCrowded = least !== undefined && least.busy >= mostCalls && threads.length < mostConnections;
      const thread = least === undefined || isCrowded ? start() : least;
      return over(thread, operation, place, input, options);
    },
    async close() {
      clearTimeout(idle);
      await Promise.all([...threads.splice(0), ...retired].map((thread) => thread.close()));
    },
  };
}
