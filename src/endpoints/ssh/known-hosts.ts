// known_hosts as OpenSSH keeps it (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT): who a host was, and whether it still is.

import { createHash, createHmac } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { errnoFault, errnoOf } from '../errno.ts';
import { hostAndPort, type SshTarget } from './ssh-target.ts';

interface KnownKey {
  readonly marker: '' | '@revoked' | '@cert-authority' | string;
  readonly type: string;
  /** Base64, as in the file. */
  readonly key: string;
  readonly file: string;
  readonly line: number;
}

/** What the files say of a host, by its name and port. A file that is not there says nothing. Rejects with `permission` and `io`. */
export function knownKeys(target: Pick<SshTarget, 'host' | 'port' | 'knownHosts'>): readonly KnownKey[] {
  const name = hostAndPort(target).toLowerCase();
  return target.knownHosts.flatMap((file) =>
    readLines(file).flatMap((text, at) => {
      const fields = text.trim().split(/\s+/);
      const marker = fields[0]?.startsWith('@') ? (fields.shift() ?? '') : '';
      const [hosts, type, key] = fields;
      if (hosts === undefined || type === undefined || key === undefined || hosts.startsWith('#')) return [];
      return namesHost(hosts, name) ? [{ marker, type, key, file, line: at + 1 }] : [];
    }),
  );
}

/** Of the keys that a host may show, those that are known come first: it is asked for one of these. */
export function wantedKeyTypes(known: readonly KnownKey[], all: readonly string[]): readonly string[] {
  const types = new Set(known.filter(({ marker }) => marker === '').flatMap(({ type }) => algorithmsOf(type)));
  return [...all.filter((name) => types.has(name)), ...all.filter((name) => !types.has(name))];
}

function algorithmsOf(type: string): readonly string[] {
  return type === 'ssh-rsa' ? ['rsa-sha2-512', 'rsa-sha2-256'] : [type];
}

/**
 * Judges the key that a host has shown, in the form of the protocol. Returns where it is known, or has been added by `accept-new`.
 * Throws `host_key` where it is not the known one, revoked, vouched for by an authority alone, or of a host that nobody knows.
 */
export function judgeHostKey(target: SshTarget, shown: Buffer): void {
  const name = hostAndPort(target);
  const key = shown.toString('base64');
  const type = shown.subarray(4, 4 + shown.readUInt32BE(0)).toString('latin1');
  const known = knownKeys(target);
  const print = fingerprint(shown);
  const refuse = (why: string): never => {
    throw new Fault('host_key', `${displayPath(name)} ${why}`, { place: { endpoint: displayPath(name) } });
  };
  // Wherever it stands: a key that another line vouches for is revoked all the same.
  const revoked = known.find((entry) => entry.marker === '@revoked' && entry.key === key);
  if (revoked !== undefined) {
    refuse(`shows a key that is revoked (${revoked.file}, line ${revoked.line}): ${print}.`);
  }
  if (known.some((entry) => entry.marker === '' && entry.key === key)) return;
  const other = known.find(({ marker }) => marker === '');
  if (other !== undefined) {
    const cause = `shows another host key than the one that is known (${other.file}, line ${other.line})`;
    refuse(
      `${cause}: now ${type} ${print}. Somebody may stand in between, or the host was set up anew; find out which, and only then take the old key out: ssh-keygen -R '${name}' -f '${other.file}'.`,
    );
  }
  const authority = known.find(({ marker }) => marker === '@cert-authority');
  if (authority !== undefined) {
    refuse(
      `is known by a certificate authority only (${authority.file}, line ${authority.line}), which Wherry does not read; add the key of the host itself.`,
    );
  }
  if (target.hostKeys === 'strict') {
    const add = `ssh-keyscan -p ${target.port} ${target.host}`;
    refuse(
      `is not known: its key ${type} ${print} is not in ${target.knownHosts[0] ?? 'known_hosts'}. Compare it with what the host's owner says (${add} shows it) and add it there, or set hostKeys: accept-new for this host.`,
    );
  }
  addHost(target.knownHosts[0] ?? '', `${name} ${type} ${key}\n`);
}

/** As `ssh-keygen -l` shows it. */
export function fingerprint(key: Buffer): string {
  return `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;
}

function addHost(file: string, line: string): void {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // A last line that nobody ended would become one with it.
    const isEnded = (readLines(file).at(-1) ?? '') === '';
    appendFileSync(file, isEnded ? line : `\n${line}`, { mode: 0o600 });
  } catch (error) {
    throw errnoFault(error, { operation: 'add the host to', path: file });
  }
}

function readLines(file: string): string[] {
  try {
    return readFileSync(file, 'utf8').split('\n');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return [];
    throw errnoFault(error, { operation: 'read', path: file });
  }
}

/** One field of hosts: a hashed name, or patterns between commas, where `!` excludes. `name` is in small letters. */
function namesHost(field: string, name: string): boolean {
  if (field.startsWith('|1|')) {
    const [, , salt = '', hash = ''] = field.split('|');
    return createHmac('sha1', Buffer.from(salt, 'base64')).update(name).digest('base64') === hash;
  }
  let names = false;
  for (const pattern of field.toLowerCase().split(',')) {
    const excludes = pattern.startsWith('!');
    if (!matches(excludes ? pattern.slice(1) : pattern, name)) continue;
    if (excludes) return false;
    names = true;
  }
  return names;
}

/** `*` and `?` stand for what they do in ssh. */
function matches(pattern: string, name: string): boolean {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(name);
}
