// The engine behind a container (Docker's, or Podman's in its place): programs run in the container, and what is wrong when they do not.

import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import type Dockerode from 'dockerode';
import { Fault, type FaultCode } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';

/** A program that runs in the container. */
export interface Running {
  /** Hijacked connection: what is written to it is the program's standard input, until `end`. */
  readonly input: Duplex;
  readonly output: Readable;
  readonly errors: Readable;
  /** What it ended with; null where that cannot be told. */
  exitCode(): Promise<number | null>;
}

export interface DockerEngine {
  readonly container: string;
  run(command: readonly string[], options: { readonly takesInput: boolean; readonly name: string }): Promise<Running>;
  /** The container is there and does not run; false where that cannot be told. */
  isStopped(): Promise<boolean>;
  /** What stands at an absolute path, by the engine itself; undefined where nothing does. */
  look(path: string, call: ArchiveCall): Promise<PathFacts | undefined>;
  /** A file, or a folder with all that is in it, as a tar archive. */
  pack(path: string, call: ArchiveCall): Promise<Readable>;
  /** Unpacks a tar archive into a folder that is there. */
  unpack(folder: string, archive: Readable, call: ArchiveCall): Promise<void>;
  /** Why a program ended before it was done: the container was stopped, removed, or the engine is away. */
  whyEnded(name: string): Promise<Fault>;
}

export interface ArchiveCall {
  readonly name: string;
  readonly signal?: AbortSignal | undefined;
}

/** As the engine tells it. */
export interface PathFacts {
  readonly size: number;
  /** Go's bits: permissions below, kinds above. */
  readonly mode: number;
  /** RFC 3339. */
  readonly mtime: string;
  readonly linkTarget: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** DOCKER_HOST, else the first of the usual sockets that is there. */
export function engineOptions(env: Environment): Dockerode.DockerOptions | undefined {
  // The client reads DOCKER_HOST, DOCKER_TLS_VERIFY and DOCKER_CERT_PATH by itself.
  if (env.DOCKER_HOST) return undefined;
  const own = env.XDG_RUNTIME_DIR
    ? [`${env.XDG_RUNTIME_DIR}/docker.sock`, `${env.XDG_RUNTIME_DIR}/podman/podman.sock`]
    : [];
  const sockets = ['/var/run/docker.sock', ...own, '/run/podman/podman.sock'];
  return { socketPath: sockets.find((socket) => existsSync(socket)) ?? '/var/run/docker.sock' };
}

export async function openEngine(container: string, env: Environment = process.env): Promise<DockerEngine> {
  const { default: Docker } = await import('dockerode');
  const docker = new Docker(engineOptions(env));
  const handle = docker.getContainer(container);

  const whyEnded = async (name: string): Promise<Fault> => {
    try {
      const { State } = await handle.inspect();
      if (State.Running && !State.Paused) return dockerFault('network', name, 'a program in the container ended early');
      return dockerFault('unreachable', name, `the container is ${State.Status}; start it`);
    } catch (error) {
      return engineFault(error, name);
    }
  };

  const asked = async <Answer>(ask: () => Promise<unknown>, { name, signal }: ArchiveCall): Promise<Answer> => {
    try {
      return (await ask()) as Answer;
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      throw engineFault(error, name);
    }
  };
  const abortable = (signal: AbortSignal | undefined) => (signal === undefined ? {} : { abortSignal: signal });

  return {
    container,
    whyEnded,
    isStopped: () =>
      handle.inspect().then(
        ({ State }) => !State.Running,
        () => false,
      ),
    async look(path, call) {
      try {
        const ask = () => handle.infoArchive({ path, ...abortable(call.signal) });
        const { headers } = await asked<IncomingMessage>(ask, call);
        const said = String(headers['x-docker-container-path-stat'] ?? '');
        return JSON.parse(Buffer.from(said, 'base64').toString('utf8')) as PathFacts;
      } catch (error) {
        if (!isMissing(error)) throw error;
        // The same answer says that there is no such container.
        await asked(() => handle.inspect(), call);
        return undefined;
      }
    },
    pack: (path, call) => asked(() => handle.getArchive({ path, ...abortable(call.signal) }), call),
    unpack: (folder, archive, call) =>
      asked(
        () => handle.putArchive(archive, { path: folder, noOverwriteDirNonDir: '1', ...abortable(call.signal) }),
        call,
      ),
    async run(command, { takesInput, name }) {
      try {
        const exec = await handle.exec({
          Cmd: [...command],
          AttachStdin: takesInput,
          AttachStdout: true,
          AttachStderr: true,
          Tty: false,
        });
        const input = await exec.start({ hijack: true, stdin: takesInput });
        const output = new PassThrough();
        const errors = new PassThrough();
        docker.modem.demuxStream(input, output, errors);
        const ended = () => {
          output.end();
          errors.end();
        };
        input.on('end', ended);
        input.on('close', ended);
        // Whoever reads learns from what is missing at the end.
        input.on('error', ended);
        const exitCode = () =>
          exec.inspect().then(
            ({ ExitCode }) => ExitCode,
            () => null,
          );
        return { input, output, errors, exitCode };
      } catch (error) {
        const fault = engineFault(error, name);
        // Both engines answer 500 or 409 where the container has just stopped.
        throw fault.code === 'io' ? await whyEnded(name) : fault;
      }
    },
  };
}

export function dockerFault(code: FaultCode, name: string, why: string, cause?: unknown): Fault {
  const place = { endpoint: displayPath(name) };
  return new Fault(code, `${place.endpoint} cannot be reached: ${why}.`, { place, cause });
}

function engineFault(error: unknown, name: string): Fault {
  const { code, status } = signsOf(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return dockerFault('permission', name, "this user may not use the engine's socket", error);
  }
  if (code !== '') {
    const where = process.env.DOCKER_HOST ? `DOCKER_HOST (${displayPath(process.env.DOCKER_HOST)})` : 'its socket';
    return dockerFault(
      'unreachable',
      name,
      `no engine answers at ${where} (${code}); start it, or set DOCKER_HOST`,
      error,
    );
  }
  if (status === 404) return dockerFault('unreachable', name, 'there is no container of that name', error);
  if (status === 409) return dockerFault('unreachable', name, 'the container is not running; start it', error);
  return dockerFault('io', name, `the engine refused with ${status}`, error);
}

function isMissing(error: unknown): boolean {
  return error instanceof Fault && signsOf(error.cause).status === 404;
}

function signsOf(error: unknown): { code: string; status: number } {
  if (!(error instanceof Error)) return { code: '', status: 0 };
  return {
    code: 'code' in error && typeof error.code === 'string' ? error.code : '',
    status: 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 0,
  };
}
