// The engine behind a container (Docker's, or Podman's in its place): programs run in the container, and what is wrong when they do not.

import { existsSync } from 'node:fs';
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
  /** Why a program ended before it was done: the container was stopped, removed, or the engine is away. */
  whyEnded(name: string): Promise<Fault>;
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

  return {
    container,
    whyEnded,
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

function signsOf(error: unknown): { code: string; status: number } {
  if (!(error instanceof Error)) return { code: '', status: 0 };
  return {
    code: 'code' in error && typeof error.code === 'string' ? error.code : '',
    status: 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 0,
  };
}
