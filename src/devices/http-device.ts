// Devices that speak HTTP: questions answered by JSON, files read from any byte, and what goes wrong as a Fault.

import { Fault, type FaultCode } from '../model/fault.ts';
import { displayPath } from '../model/names.ts';
import type { DeviceCall, RemoteFile } from './device.ts';
import { skipped } from './skipped.ts';

export interface HttpDevice {
  /** `http://host:port`, without a path. */
  readonly origin: string;
  /** Rejects with `device` (nobody answers), `network`, `not_found`, `permission`, `busy`, `io`. */
  json(path: string, call: DeviceCall, body?: unknown): Promise<unknown>;
  /** From a byte on; where the device does not know ranges, what lies before is read and left out. */
  read(path: string, from: number, call: DeviceCall): Promise<ReadableStream<Uint8Array>>;
  /** Bytes of a file, asked for with its first byte alone. Rejects with `not_found`. */
  sizeOf(path: string, call: DeviceCall): Promise<number>;
}

/** More than any list of files. */
const mostJsonBytes = 64 * 2 ** 20;

/** `name` is said in messages. Rejects with `invalid` for what is no address. */
export function httpDevice(address: string, name: string): HttpDevice {
  const origin = originOf(address);

  const ask = async (path: string, init: RequestInit & { signal: AbortSignal }): Promise<Response> => {
    try {
      // A camera sends nobody elsewhere, and packs nothing.
      return await fetch(origin + path, {
        redirect: 'error',
        ...init,
        headers: { 'accept-encoding': 'identity', ...init.headers },
      });
    } catch (error) {
      init.signal.throwIfAborted();
      throw unanswered(error, name, origin);
    }
  };
  const refused = async (response: Response, path: string): Promise<Fault> => {
    await response.body?.cancel().catch(() => undefined);
    const { status } = response;
    const code = codes[status] ?? (status >= 500 ? 'busy' : 'io');
    return new Fault(code, `${name} answered ${status} to ${displayPath(path)}.`, {
      place: { path: displayPath(path), endpoint: origin },
    });
  };

  return {
    origin,
    async json(path, { signal }, body) {
      const response = await ask(path, {
        signal,
        ...(body === undefined
          ? {}
          : {
              method: 'POST',
              body: JSON.stringify(body),
              headers: { 'content-type': 'application/json;charset=utf-8', 'x-xsrf-protected': '1' },
            }),
      });
      const isJson = response.headers.get('content-type')?.includes('json') === true;
      // Errors of some protocols are JSON too, and say more than the status.
      if (!response.ok && !(isJson && body !== undefined)) throw await refused(response, path);
      const text = await textOf(response, signal, name, origin);
      try {
        return text === '' ? {} : JSON.parse(text);
      } catch (error) {
        throw new Fault('io', `${name} answered something that is no JSON to ${displayPath(path)}.`, { cause: error });
      }
    },
    async read(path, from, { signal }) {
      const response = await ask(path, { signal, ...(from > 0 ? { headers: { range: `bytes=${from}-` } } : {}) });
      if (response.status === 416) {
        await response.body?.cancel();
        return new ReadableStream({ start: (controller) => controller.close() });
      }
      if (!response.ok) throw await refused(response, path);
      const body: ReadableStream<Uint8Array> = response.body ?? new ReadableStream({ start: (at) => at.close() });
      if (from === 0) return body;
      if (response.status !== 206) return skipped(body, from);
      const start = Number(/^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1]);
      if (start === from) return body;
      await body.cancel().catch(() => undefined);
      throw new Fault('io', `${name} was asked for ${displayPath(path)} from byte ${from} on and began elsewhere.`);
    },
    async sizeOf(path, { signal }) {
      const response = await ask(path, { signal, headers: { range: 'bytes=0-0' } });
      // A file without a byte has no first one.
      const total = /\/(\d+)$/.exec(response.headers.get('content-range') ?? '')?.[1];
      await response.body?.cancel().catch(() => undefined);
      if (response.status === 416) return Number(total ?? 0);
      if (!response.ok) throw await refused(response, path);
      const size = Number(response.status === 206 ? total : response.headers.get('content-length'));
      if (Number.isSafeInteger(size)) return size;
      throw new Fault('io', `${name} does not say how large ${displayPath(path)} is.`);
    },
  };
}

/**
 * How a device that has no question for one file is asked for one all the same: by its size now, and a listing where that is another
 * than before.
 */
export async function statByList(
  path: string,
  known: ReadonlyMap<string, RemoteFile>,
  sizeNow: () => Promise<number>,
  relist: () => Promise<ReadonlyMap<string, RemoteFile>>,
): Promise<RemoteFile | undefined> {
  const before = known.get(path) ?? (await relist()).get(path);
  if (before === undefined) return undefined;
  try {
    return (await sizeNow()) === before.size ? before : (await relist()).get(path);
  } catch (error) {
    if (error instanceof Fault && error.code === 'not_found') return undefined;
    throw error;
  }
}

/** Each part of a path encoded for a URL. */
export function encodedPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function originOf(address: string): string {
  const text = /^https?:\/\//.test(address) ? address : `http://${address}`;
  if (!URL.canParse(text))
    throw new Fault('invalid', `${displayPath(address)} is no address; write HOST or HOST:PORT.`);
  const { origin, username, password } = new URL(text);
  if (username !== '' || password !== '')
    throw new Fault('invalid', `${displayPath(address)} holds a name or password.`);
  return origin;
}

const codes: Readonly<Record<number, FaultCode>> = {
  401: 'permission',
  403: 'permission',
  404: 'not_found',
  410: 'not_found',
  409: 'busy',
  429: 'busy',
};

/** Nobody there at all, as told by the connection; what broke later is the network's. */
const nobody = new Set(
  'ECONNREFUSED EHOSTUNREACH EHOSTDOWN ENETUNREACH ENETDOWN ETIMEDOUT ENOTFOUND EAI_AGAIN EADDRNOTAVAIL UND_ERR_CONNECT_TIMEOUT'.split(
    ' ',
  ),
);

function unanswered(error: unknown, name: string, origin: string): Fault {
  const cause = error instanceof Error ? error.cause : undefined;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const isNobody = nobody.has(code);
  const why = isNobody ? 'does not answer' : 'broke the connection';
  return new Fault(isNobody ? 'device' : 'network', `${name} ${why} at ${origin}${code === '' ? '' : ` (${code})`}.`, {
    cause: error,
  });
}

async function textOf(response: Response, signal: AbortSignal, name: string, origin: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const part of response.body ?? []) {
      bytes += part.length;
      if (bytes > mostJsonBytes) break;
      parts.push(part);
    }
  } catch (error) {
    signal.throwIfAborted();
    throw unanswered(error, name, origin);
  }
  if (bytes > mostJsonBytes) throw new Fault('io', `${name} answers without end.`);
  return Buffer.concat(parts).toString('utf8');
}
