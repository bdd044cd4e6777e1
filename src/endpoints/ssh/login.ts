// Brings up one SSH connection, inside its thread: host key, jump host, agent, keys, password; and notices when it is dead.

import { readFileSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import ssh2, {
  type AnyAuthMethod,
  type AuthenticationType,
  type Client,
  type ConnectConfig,
  type ParsedKey,
} from 'ssh2';
import { asFault, Fault, type FaultCode } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { errnoFault, errnoOf } from '../errno.ts';
import { judgeHostKey, knownKeys, wantedKeyTypes } from './known-hosts.ts';
import { hostAndPort, type SshTarget } from './ssh-target.ts';

export interface Connection {
  readonly client: Client;
  /** With what was wrong, once it is lost; never rejects. */
  readonly lost: Promise<Fault>;
  close(): void;
}

const loginMs = 20_000;
const lookMs = 2_000;
/** So long may nothing be heard before the host is asked whether it is there, and before it is taken for lost. */
const askAfterMs = 3_000;
const silentMs = 10_000;

// AES in Galois mode first: processors have instructions for it. ssh2 has no other order on every machine.
const ciphers = [
  'aes128-gcm@openssh.com',
  'aes256-gcm@openssh.com',
  'chacha20-poly1305@openssh.com',
  'aes128-ctr',
  'aes192-ctr',
  'aes256-ctr',
] as const;
const hostKeyTypes = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
] as const;

/**
 * Rejects with `unreachable` and `network` (which may pass), `host_key` and `login_refused` (which do not), `invalid` and `permission`
 * for files of the configuration that cannot be used.
 */
export async function login(target: SshTarget, signal: AbortSignal): Promise<Connection> {
  const jump = target.jump === null ? undefined : await login(target.jump, signal);
  try {
    const socket = jump === undefined ? await reach(target, signal) : await through(jump, target);
    return await greet(target, socket, jump, signal);
  } catch (error) {
    jump?.close();
    throw error;
  }
}

function fault(code: FaultCode, target: SshTarget, why: string, cause?: unknown): Fault {
  const name = displayPath(hostAndPort(target));
  return new Fault(code, `${name} ${why}.`, {
    place: { endpoint: `ssh://${name}` },
    ...(cause === undefined ? {} : { cause }),
  });
}

function reach(target: SshTarget, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = createConnection({ host: target.host, port: target.port, noDelay: true, keepAlive: true });
    const stop = (why: Fault) => {
      socket.destroy();
      settle(() => reject(why));
    };
    const timer = setTimeout(
      () => stop(fault('unreachable', target, `does not answer within ${loginMs / 1000} s`)),
      loginMs,
    );
    const aborted = () => stop(fault('interrupted', target, 'is not wanted any more'));
    const settle = (act: () => void) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      act();
    };
    signal.addEventListener('abort', aborted, { once: true });
    socket.once('connect', () => settle(() => resolve(socket)));
    socket.once('error', (error) => {
      const why = reasons[errnoOf(error) ?? ''] ?? `could not be reached (${errnoOf(error) ?? error.message})`;
      stop(fault('unreachable', target, why, error));
    });
  });
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refuses the connection: no SSH server listens there',
  ENOTFOUND: 'is not known by that name',
  EAI_AGAIN: 'cannot be looked up: the name server does not answer',
  EHOSTUNREACH: 'cannot be reached: there is no way to it',
  ENETUNREACH: 'cannot be reached: there is no way to it',
  ETIMEDOUT: 'does not answer',
};

function through(jump: Connection, target: SshTarget): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    jump.client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
      if (error === undefined || error === null) resolve(channel);
      else reject(fault('unreachable', target, 'cannot be reached from the jump host', error));
    });
  });
}

function greet(
  target: SshTarget,
  socket: Duplex,
  jump: Connection | undefined,
  signal: AbortSignal,
): Promise<Connection> {
  const client = new ssh2.Client();
  const lost = Promise.withResolvers<Fault>();
  return new Promise<Connection>((resolve, reject) => {
    let trouble: Fault | undefined;
    let isReady = false;
    let watching: NodeJS.Timeout | undefined;
    const end = (why: Fault) => {
      trouble ??= why;
      clearInterval(watching);
      signal.removeEventListener('abort', aborted);
      socket.destroy();
      jump?.close();
      if (isReady) lost.resolve(trouble);
      else reject(trouble);
    };
    const aborted = () => end(fault('interrupted', target, 'is not wanted any more'));
    const offer = authentications(target);
    const config: ConnectConfig = {
      sock: socket as NonNullable<ConnectConfig['sock']>,
      username: target.user,
      readyTimeout: loginMs,
      algorithms: {
        cipher: [...ciphers],
        serverHostKey: wantedKeyTypes(knownKeys(target), hostKeyTypes) as (typeof hostKeyTypes)[number][],
      },
      hostVerifier: (key: Buffer) => {
        try {
          judgeHostKey(target, key);
          return true;
        } catch (error) {
          trouble = asFault(error);
          return false;
        }
      },
      authHandler: (left, _partly, next) => {
        try {
          next(offer.next(left));
        } catch (error) {
          trouble = asFault(error);
          next(false as unknown as AuthenticationType);
        }
      },
    };
    client.on('ready', () => {
      isReady = true;
      watching = watch(client, socket, () =>
        end(fault('network', target, `has not answered for ${silentMs / 1000} s: the connection is given up`)),
      );
      resolve({ client, lost: lost.promise, close: () => end(fault('network', target, 'is not connected any more')) });
    });
    client.on('error', (error: Error & { level?: string }) => {
      // One way to prove who we are did not work; others are tried.
      if (error.level === 'agent') return;
      if (error.level === 'client-authentication') return end(offer.refused());
      if (error.level === 'client-timeout')
        return end(fault('unreachable', target, 'does not finish the greeting', error));
      if (error.level === 'handshake' || error.level === 'protocol')
        return end(
          fault('unreachable', target, `speaks SSH in a way that is not understood (${error.message})`, error),
        );
      end(fault('network', target, 'broke the connection off', error));
    });
    client.on('close', () =>
      end(fault('network', target, isReady ? 'broke the connection off' : 'ended the connection during the greeting')),
    );
    signal.addEventListener('abort', aborted, { once: true });
    try {
      client.connect(config);
    } catch (error) {
      end(asFault(error));
    }
  });
}

/**
 * Whatever comes in shows that somebody is there; so does what is waiting to go out, while it goes. Where neither happens for a while,
 * the host is asked. What only went into the system's buffer shows nothing.
 */
function watch(client: Client, socket: Duplex, dead: () => void): NodeJS.Timeout {
  const inside = client as unknown as { _callbacks: (() => void)[]; _protocol: { ping(): void } };
  let heard = 0;
  if (!('bytesRead' in socket))
    socket.on('data', (data: Buffer) => {
      heard += data.length;
    });
  let seen = { read: -1, written: -1 };
  let aliveAt = 0;
  let isAsked = false;
  const look = () => {
    const { bytesRead: read = heard, bytesWritten = 0, writableLength } = socket as Duplex & Partial<Socket>;
    const written = bytesWritten - writableLength;
    const now = performance.now();
    if (read !== seen.read || (writableLength > 0 && written !== seen.written)) {
      aliveAt = now;
      isAsked = false;
    } else if (now - aliveAt > silentMs) dead();
    else if (now - aliveAt > askAfterMs && !isAsked) {
      isAsked = true;
      inside._callbacks.push(() => undefined);
      inside._protocol.ping();
    }
    seen = { read, written };
  };
  return setInterval(look, lookMs);
}

interface Authentications {
  /** The next way to prove who we are, of those that the server takes. */
  next(left: readonly AuthenticationType[] | null): AuthenticationType;
  refused(): Fault;
}

/** Agent, keys, password, in this order. */
function authentications(target: SshTarget): Authentications {
  const { user: username, agent, passwordFile } = target;
  const tried: string[] = [];
  const ways: { readonly name: string; readonly method: string; make(): AnyAuthMethod | undefined }[] = [];
  const key = (file: string) => ({
    name: file,
    method: 'publickey',
    make: () => {
      const parsed = readKey(file, target.identityNamed);
      return parsed === undefined ? undefined : ({ type: 'publickey', username, key: parsed } as AnyAuthMethod);
    },
  });
  const keys = target.identityFiles.map(key);
  if (target.identityNamed) ways.push(...keys);
  if (agent !== null)
    ways.push({ name: 'the agent', method: 'publickey', make: () => ({ type: 'agent', username, agent }) });
  if (!target.identityNamed) ways.push(...keys);
  if (passwordFile !== null) {
    const password = () => firstLine(passwordFile);
    ways.push({
      name: `the password in ${passwordFile}`,
      method: 'password',
      make: () => ({ type: 'password', username, password: password() }),
    });
    const prompt = (
      _name: string,
      _text: string,
      _language: string,
      prompts: { prompt: string }[],
      answer: (answers: string[]) => void,
    ) => answer(prompts.map(() => password()));
    ways.push({
      name: `the password in ${passwordFile}`,
      method: 'keyboard-interactive',
      make: () => ({ type: 'keyboard-interactive', username, prompt }) as AnyAuthMethod,
    });
  }
  return {
    next(left) {
      for (let way = ways.shift(); way !== undefined; way = ways.shift()) {
        if (left !== null && !(left as readonly string[]).includes(way.method)) continue;
        const made = way.make();
        if (made === undefined) continue;
        tried.push(way.name);
        return made as unknown as AuthenticationType;
      }
      return false as unknown as AuthenticationType;
    },
    refused() {
      const with_ =
        tried.length === 0
          ? 'there is neither a key nor an agent nor a password to show'
          : `tried ${[...new Set(tried)].map(displayPath).join(', ')}`;
      return fault('login_refused', target, `does not let ${displayPath(username)} in: ${with_}`);
    },
  };
}

/** Undefined where one of the usual keys is not there, or cannot be used without its passphrase. */
function readKey(file: string, isNamed: boolean): ParsedKey | undefined {
  let text: Buffer;
  try {
    text = readFileSync(file);
  } catch (error) {
    if (!isNamed) return undefined;
    throw errnoFault(error, { operation: 'read the key', path: file });
  }
  const parsed = ssh2.utils.parseKey(text);
  const [first] = Array.isArray(parsed) ? parsed : [parsed];
  if (first !== undefined && !(first instanceof Error)) return first;
  if (!isNamed) return undefined;
  throw new Fault(
    'invalid',
    `${displayPath(file)} holds no private key that can be used without a passphrase; load it into an agent (ssh-add).`,
  );
}

function firstLine(file: string): string {
  try {
    return readFileSync(file, 'utf8').split(/\r?\n/, 1)[0] ?? '';
  } catch (error) {
    throw errnoFault(error, { operation: 'read the password', path: file });
  }
}
