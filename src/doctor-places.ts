// The part of `wherry doctor` that looks at places far away: SSH with each configured host, object stores, the engine of containers, and sinks.

import { accessSync, constants, existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createConnection, type NetConnectOpts } from 'node:net';
import { dirname } from 'node:path';
import type { Settings } from './config.ts';
import type { Finding } from './doctor.ts';
import { asFault, type Fault } from './model/fault.ts';
import { displayPath } from './model/names.ts';
import type { SinkSettings } from './model/sink-config.ts';

/** A host may take as long to let somebody in. */
const answerMs = 25_000;
const connectMs = 5_000;

type Check = Finding['check'];

export async function* examinePlaces(settings: Settings): AsyncIterable<Finding> {
  yield judgeCryptography();
  yield await judgeAgent(process.env.SSH_AUTH_SOCK);
  yield* await examineHosts(settings);
  yield* await examineStores(settings);
  const engine = await examineContainers();
  if (engine !== undefined) yield engine;
  yield* await Promise.all(settings.sinks.map(judgeSink));
}

function problem(check: Check, text: string, fault: Fault): Finding {
  return { check, state: 'problem', text: `${text}: ${fault.message}`, remedy: fault.meaning.remedy };
}

/** Without it SSH runs at a fraction of its speed, and nobody says so. */
function judgeCryptography(): Finding {
  const { bindingAvailable } = createRequire(import.meta.url)('ssh2/lib/protocol/crypto.js') as {
    bindingAvailable: boolean;
  };
  if (bindingAvailable) return { check: 'ssh', state: 'ok', text: 'The native cryptography of SSH is loaded.' };
  return {
    check: 'ssh',
    state: 'warning',
    text: 'The native cryptography of SSH does not load; connections are slower without it.',
    remedy: 'Run `npm ci` on this machine, with a C++ compiler (the package build-essential).',
  };
}

async function judgeAgent(socket: string | undefined): Promise<Finding> {
  if (!socket)
    return { check: 'ssh', state: 'ok', text: 'There is no SSH agent (SSH_AUTH_SOCK); keys come from files.' };
  const shown = displayPath(socket);
  const why = await connects({ path: socket });
  if (why === undefined) return { check: 'ssh', state: 'ok', text: `The SSH agent at ${shown} answers.` };
  return {
    check: 'ssh',
    state: 'warning',
    text: `The SSH agent at ${shown} cannot be asked for keys (${why}).`,
    remedy: 'Start it again (`eval $(ssh-agent)`, `ssh-add`), or take SSH_AUTH_SOCK away.',
  };
}

/** All at once: one that does not answer holds up no other. */
async function examineHosts({ ssh }: Settings): Promise<readonly Finding[]> {
  const names = Object.keys(ssh.hosts);
  if (names.length === 0) return [];
  const { createSshHosts } = await import('./endpoints/ssh/ssh-hosts.ts');
  const { knownKeys } = await import('./endpoints/ssh/known-hosts.ts');
  const hosts = createSshHosts(ssh);
  const judge = async (name: string): Promise<Finding> => {
    try {
      const host = hosts.host(name);
      const { user, host: at, port, hostKeys } = host.target;
      const where = `${displayPath(name)} (${displayPath(`${user}@${at}`)}, port ${port})`;
      if (hostKeys === 'accept-new' && knownKeys(host.target).length === 0) {
        return {
          check: 'ssh',
          state: 'warning',
          text: `${where} is not known yet; its key is added to ${displayPath(host.target.knownHosts[0] ?? '')} when it is first used.`,
          remedy: 'Nothing to do, if the line to it is to be trusted that first time.',
        };
      }
      const place = { fromHome: true, root: '', name: `ssh://${name}/` };
      const facts = await host.call('facts', place, {}, { signal: AbortSignal.timeout(answerMs) }).output;
      const text = `${where} answers in ${facts.roundTripMs.toFixed(1)} ms: ${facts.transport}.`;
      return { check: 'ssh', state: 'ok', text };
    } catch (error) {
      return problem('ssh', `The host ${displayPath(name)} cannot be used`, asFault(error));
    }
  };
  try {
    return await Promise.all(names.map(judge));
  } finally {
    await hosts.close();
  }
}

/** Each configured bucket; where none is named, whether something answers at the store's address. */
async function examineStores({ s3 }: Settings): Promise<readonly Finding[]> {
  const buckets = Object.keys(s3.buckets);
  if (buckets.length === 0 && s3.endpoint === undefined) return [];
  if (buckets.length === 0) {
    const { endpoint = '' } = s3;
    try {
      await fetch(endpoint, { method: 'HEAD', signal: AbortSignal.timeout(connectMs) });
      return [{ check: 's3', state: 'ok', text: `The store at ${displayPath(endpoint)} answers; no bucket is named.` }];
    } catch (error) {
      const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
      const why = cause instanceof Error && 'code' in cause ? String(cause.code) : String(cause);
      const text = `The store at ${displayPath(endpoint)} does not answer (${displayPath(why)}).`;
      return [{ check: 's3', state: 'problem', text, remedy: 'Correct `s3.endpoint`, or start the server.' }];
    }
  }
  const { openS3 } = await import('./endpoints/s3/s3-place.ts');
  const { parseEndpoint } = await import('./model/endpoint-url.ts');
  return Promise.all(
    buckets.map(async (bucket): Promise<Finding> => {
      const name = `s3://${bucket}/`;
      try {
        const place = await openS3(parseEndpoint(name), () => s3);
        try {
          for await (const _ of place.list('', { signal: AbortSignal.timeout(answerMs) })) break;
        } finally {
          await place.close();
        }
        return { check: 's3', state: 'ok', text: `${displayPath(name)} can be listed.` };
      } catch (error) {
        return problem('s3', `${displayPath(name)} cannot be used`, asFault(error));
      }
    }),
  );
}

/** Undefined where there is no engine, and nobody said that there should be. */
async function examineContainers(): Promise<Finding | undefined> {
  const { engineOptions } = await import('./endpoints/docker/docker-engine.ts');
  const socket = engineOptions(process.env)?.socketPath;
  if (!process.env.DOCKER_HOST && (socket === undefined || !existsSync(socket))) return undefined;
  const where = displayPath(process.env.DOCKER_HOST || (socket ?? ''));
  try {
    const { default: Docker } = await import('dockerode');
    const docker = new Docker(engineOptions(process.env));
    const { Version, ApiVersion } = await withinTime(docker.version());
    const text = `The engine of containers at ${where} answers: version ${displayPath(Version)}, API ${displayPath(ApiVersion)}.`;
    return { check: 'docker', state: 'ok', text };
  } catch (error) {
    const why = error instanceof Error && 'code' in error ? String(error.code) : String(error);
    return {
      check: 'docker',
      state: 'warning',
      text: `The engine of containers at ${where} cannot be asked (${displayPath(why)}); docker:// places need it.`,
      remedy: 'Start it, let this user use its socket, or set DOCKER_HOST.',
    };
  }
}

async function judgeSink(sink: SinkSettings): Promise<Finding> {
  const title = `The sink ${displayPath(sink.name)}`;
  const wrong = (why: string, remedy: string): Finding => ({
    check: 'sink',
    state: 'problem',
    text: `${title} ${why}.`,
    remedy,
  });
  switch (sink.kind) {
    case 'json-lines': {
      const folder = dirname(sink.file);
      const target = existsSync(sink.file) ? sink.file : folder;
      try {
        accessSync(target, constants.W_OK);
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        if (code !== 'ENOENT') {
          const why = `cannot write ${displayPath(target)} (${code})`;
          return wrong(why, 'Give the user that runs Wherry the right to it.');
        }
      }
      return { check: 'sink', state: 'ok', text: `${title} writes to ${displayPath(sink.file)}.` };
    }
    case 'postgres':
      return await judgePostgres(sink, title, wrong);
    case 'webhook': {
      const { hostname, port, protocol } = new URL(sink.url);
      const reached = await connects({
        host: hostname.replace(/^\[|\]$/g, ''),
        port: Number(port) || (protocol === 'https:' ? 443 : 80),
      });
      if (reached !== undefined)
        return wrong(
          `does not answer at ${displayPath(sink.url)} (${reached})`,
          'Start its receiver, or correct its address.',
        );
      return { check: 'sink', state: 'ok', text: `${title} answers at ${displayPath(new URL(sink.url).host)}.` };
    }
    case 'plugin':
      return {
        check: 'sink',
        state: 'ok',
        text: `${title} is that of a plugin, ${displayPath(sink.sink)}; it is not tried.`,
      };
  }
}

async function judgePostgres(
  { url, schema, password }: Extract<SinkSettings, { kind: 'postgres' }>,
  title: string,
  wrong: (why: string, remedy: string) => Finding,
): Promise<Finding> {
  const [{ default: pg }, { connectionOf }] = await Promise.all([import('pg'), import('./sinks/postgres.ts')]);
  const options = { url, schema, ...(password === null ? {} : { password }) };
  const client = new pg.Client({ ...connectionOf(options), connectionTimeoutMillis: connectMs });
  // A connection that is lost afterwards is of no interest.
  client.on('error', () => undefined);
  const shown = displayPath(url.replace(/\/\/[^@/]*@/, '//'));
  try {
    await client.connect();
    const { rows } = await client.query<{ server_version: string }>('SHOW server_version');
    return {
      check: 'sink',
      state: 'ok',
      text: `${title} is let in at ${shown}: PostgreSQL ${displayPath(rows[0]?.server_version ?? '')}.`,
    };
  } catch (error) {
    const why = error instanceof Error ? ('code' in error && error.code ? String(error.code) : error.message) : '';
    return wrong(
      `cannot use the database at ${shown} (${displayPath(why)})`,
      'Start the server, or correct `url` and password.',
    );
  } finally {
    await client.end().catch(() => undefined);
  }
}

function withinTime<Value>(answer: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error('no answer')), connectMs);
  return Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}

/** Why nobody takes a connection; undefined where somebody does. */
function connects(to: NetConnectOpts): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = createConnection(to);
    const settle = (why: string | undefined) => {
      connection.destroy();
      resolve(why);
    };
    connection.setTimeout(connectMs, () => settle('no answer'));
    connection.once('connect', () => settle(undefined));
    connection.once('error', (error: NodeJS.ErrnoException) => settle(error.code ?? error.message));
  });
}
