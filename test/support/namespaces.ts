// Network namespaces on one switch, as machines of a network: made for a test, with addresses of their own, ways that can be blocked, slowed and cut.

import { spawnSync } from 'node:child_process';

export interface Host {
  readonly address: string;
  /** What a command begins with that runs there. */
  readonly within: readonly string[];
}

export interface Namespaces {
  host(name: string): Host;
  /** This process's own address on that network, where a server of its can be reached. */
  readonly gateway: string;
  /** The switch, and that host's port on it, by their names on this machine. */
  readonly bridge: string;
  port(name: string): string;
  /** Nothing that one of them sends to the other arrives, and nobody is told. Hosts by name. */
  block(one: string, other: string): void;
  heal(): void;
  /** Towards that host not more than this. */
  slow(name: string, bitsPerSecond: number): void;
  /** The cable is pulled at the switch, or put in again. */
  cable(name: string, plugged: boolean): void;
  close(): void;
}

/**
 * Needs root. Names begin with `wherry` and the process's id, addresses are of 10.213.0.0/16: the third number is of the process, so that test files
 * side by side do not meet.
 */
export function namespaces(names: readonly string[]): Namespaces {
  const tag = `wh${process.pid.toString(36)}`;
  const third = 1 + (process.pid % 250);
  const bridge = `${tag}b`;
  const spaceOf = (name: string) => `${tag}-${name}`;
  const hosts = new Map(names.map((name, at) => [name, `10.213.${third}.${at + 10}`]));
  const gateway = `10.213.${third}.1`;
  const addressOf = (name: string) => {
    const address = hosts.get(name);
    if (address === undefined) throw new Error(`There is no host ${name}`);
    return address;
  };
  const within = (name: string) => ['ip', 'netns', 'exec', spaceOf(name)];

  const close = () => {
    for (const name of names) run(['ip', 'netns', 'del', spaceOf(name)], 'perhaps');
    run(['ip', 'link', 'del', bridge], 'perhaps');
  };

  close();
  try {
    run(['ip', 'link', 'add', bridge, 'type', 'bridge']);
    run(['ip', 'addr', 'add', `${gateway}/24`, 'dev', bridge]);
    run(['ip', 'link', 'set', bridge, 'up']);
    for (const [at, name] of names.entries()) {
      const space = spaceOf(name);
      const port = `${tag}p${at}`;
      run(['ip', 'netns', 'add', space]);
      run(['ip', 'link', 'add', port, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', space]);
      run(['ip', 'link', 'set', port, 'master', bridge, 'up']);
      run(['ip', '-n', space, 'addr', 'add', `${addressOf(name)}/24`, 'dev', 'eth0']);
      run(['ip', '-n', space, 'link', 'set', 'eth0', 'up']);
      run(['ip', '-n', space, 'link', 'set', 'lo', 'up']);
      run(['ip', '-n', space, 'route', 'add', 'default', 'via', gateway]);
    }
  } catch (error) {
    close();
    throw error;
  }

  const portOf = (name: string) => `${tag}p${names.indexOf(name)}`;
  return {
    gateway,
    bridge,
    port: portOf,
    host: (name) => ({ address: addressOf(name), within: within(name) }),
    block(one, other) {
      for (const [here, there] of [
        [one, other],
        [other, one],
      ] as const) {
        const drop = (chain: string, way: string) =>
          run([...within(here), 'iptables', '-w', '-A', chain, way, addressOf(there), '-j', 'DROP']);
        drop('INPUT', '-s');
        drop('OUTPUT', '-d');
      }
    },
    heal() {
      for (const name of names) run([...within(name), 'iptables', '-w', '-F']);
    },
    slow(name, bitsPerSecond) {
      const rate = `${Math.round(bitsPerSecond / 1_000)}kbit`;
      run([
        'tc',
        'qdisc',
        'replace',
        'dev',
        portOf(name),
        'root',
        'tbf',
        'rate',
        rate,
        'burst',
        '64kb',
        'latency',
        '50ms',
      ]);
    },
    cable(name, plugged) {
      run(['ip', 'link', 'set', portOf(name), plugged ? 'up' : 'down']);
    },
    close,
  };
}

function run([program = '', ...args]: readonly string[], sure?: 'perhaps'): void {
  const done = spawnSync(program, args, { encoding: 'utf8' });
  if (done.status === 0 || sure === 'perhaps') return;
  throw new Error(`${[program, ...args].join(' ')} ended with ${done.status ?? done.error?.message}: ${done.stderr}`);
}
