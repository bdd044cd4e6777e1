// How a host is reached over SSH: what the address says, with what the configuration says of that host.

import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { SshConfig, SshHostConfig } from '../../model/ssh-config.ts';

export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly identityFiles: readonly string[];
  /** True where the key files were named: a missing one is then a mistake. */
  readonly identityNamed: boolean;
  readonly agent: string | null;
  readonly passwordFile: string | null;
  readonly hostKeys: 'strict' | 'accept-new';
  /** All are read; a new host is added to the first. */
  readonly knownHosts: readonly string[];
  readonly jump: SshTarget | null;
}

const usualKeys = ['id_ed25519', 'id_ecdsa', 'id_rsa'];
const mostJumps = 4;

/** Rejects with `invalid`: a host or user that is none, also one that begins with `-`, and hosts that are reached through each other. */
export function sshTarget(authority: string, settings: SshConfig): SshTarget {
  return resolve(authority, settings, 0);
}

function resolve(authority: string, settings: SshConfig, jumps: number): SshTarget {
  if (jumps > mostJumps) throw new Fault('invalid', `${displayPath(authority)} is reached through too many hosts.`);
  const given = parseAuthority(authority);
  const known: SshHostConfig = Object.hasOwn(settings.hosts, given.host) ? (settings.hosts[given.host] ?? {}) : {};
  const host = checked(known.host ?? given.host, 'host', authority);
  const user = checked(given.user ?? known.user ?? userInfo().username, 'user', authority);
  const folder = join(homedir(), '.ssh');
  return {
    host,
    port: given.port ?? known.port ?? 22,
    user,
    identityFiles:
      known.identityFile === undefined ? usualKeys.map((name) => join(folder, name)) : [known.identityFile],
    identityNamed: known.identityFile !== undefined,
    agent: known.agent === false ? null : (process.env.SSH_AUTH_SOCK ?? null),
    passwordFile: known.passwordFile ?? null,
    hostKeys: known.hostKeys ?? 'strict',
    knownHosts:
      known.knownHosts === undefined
        ? [join(folder, 'known_hosts'), join(folder, 'known_hosts2'), '/etc/ssh/ssh_known_hosts']
        : [known.knownHosts],
    jump: known.jump === undefined ? null : resolve(known.jump, settings, jumps + 1),
  };
}

/** `user@host:port`, `[IPv6]:port`; user and port may be left out. Rejects with `invalid`. */
export function parseAuthority(authority: string): {
  readonly user: string | undefined;
  readonly host: string;
  readonly port: number | undefined;
} {
  const match = /^(?:([^@]*)@)?(?:\[([0-9A-Fa-f:.%a-z]+)\]|([^@:[\]]+))(?::(\d{1,5}))?$/.exec(authority);
  const port = match?.[4] === undefined ? undefined : Number(match[4]);
  if (match === null || port === 0 || (port ?? 0) > 65_535) {
    throw new Fault(
      'invalid',
      `${displayPath(authority)} is no host; write user@host:port, where user and port may be left out.`,
    );
  }
  const user = match[1] === undefined ? undefined : checked(decodeURIComponent(match[1]), 'user', authority);
  return { user, host: checked(match[2] ?? match[3] ?? '', 'host', authority), port };
}

/** Programs take what begins with `-` for an option. None is run with it here, and none of ours shall ever be. */
function checked(text: string, what: 'host' | 'user', authority: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (text === '' || text.startsWith('-') || /[\u0000-\u0020\u007f/\\'"`$;|&<>(){}*?]/.test(text)) {
    throw new Fault('invalid', `${displayPath(authority)} has a ${what} that is none: ${displayPath(text)}.`);
  }
  return text;
}

/** As it is written for people and in known_hosts. */
export function hostAndPort({ host, port }: Pick<SshTarget, 'host' | 'port'>): string {
  return port === 22 ? host : `[${host}]:${port}`;
}

/** The folder that an address means: absolute, but `~` at its beginning is the home folder of the login. */
export function farFolder(path: string): { readonly fromHome: boolean; readonly path: string } {
  const clean = path
    .split('/')
    .filter((part) => part !== '' && part !== '.')
    .join('/');
  if (clean.split('/').includes('..')) {
    throw new Fault('invalid', `${displayPath(path)} goes upwards; write the folder itself.`);
  }
  if (clean === '~') return { fromHome: true, path: '' };
  if (clean.startsWith('~/')) return { fromHome: true, path: clean.slice(2) };
  return { fromHome: false, path: `/${clean}` };
}
