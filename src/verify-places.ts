// Places as `wherry verify` reads them, on this machine and far away: which files they hold, and their hashes, computed where the files are.

import type { PartsOptions } from './compose.ts';
import { hashPastCache } from './direct-hash.ts';
import { hashStream } from './endpoints/content-hash.ts';
import type { Call, Endpoint } from './endpoints/endpoint.ts';
import { addressBelow, formatEndpoint, parseEndpoint } from './model/endpoint-url.ts';
import { asFault, Fault } from './model/fault.ts';
import type { HashAlgorithm } from './model/hash.ts';
import { baseName, displayPath, parentPath } from './model/names.ts';

/** A file of a place: both addresses are in their one written form. */
export interface FileToVerify {
  readonly address: string;
  /** Relative to the place that was looked through; its own name where that is the file. */
  readonly below: string;
  readonly sizeBytes: number;
}

export interface PlacesToVerify {
  /** The files below an address, or that file. Rejects with `not_found` where nothing is there and `must` is set. */
  files(address: string, must: boolean): AsyncIterable<FileToVerify>;
  /** Of a file below an address that was looked through; its reading is newly opened. `direct` reads past the page cache of this machine. */
  hash(address: string, algorithm: HashAlgorithm, options: { readonly direct: boolean }): Promise<string>;
  close(): Promise<void>;
}

type Parts = Pick<PartsOptions, 'ssh' | 's3'> & { readonly signal: AbortSignal };

export async function openPlacesToVerify({ signal, ...reached }: Parts): Promise<PlacesToVerify> {
  const { openPlaces } = await import('./compose.ts');
  const places = await openPlaces(reached);
  const call: Call = { signal };
  /** Far places stay open, by their addresses. */
  const far = new Map<string, { readonly endpoint: Endpoint; readonly hash: HashTogether }>();
  const openFar = async (address: string) => {
    const known = far.get(address);
    if (known !== undefined) return known;
    const endpoint = await places.open(address);
    const opened = { endpoint, hash: hashTogether(endpoint, call) };
    far.set(address, opened);
    return opened;
  };
  const withPlace = async <Result>(address: string, use: (endpoint: Endpoint) => Promise<Result>): Promise<Result> => {
    if (isFar(address)) return await use((await openFar(address)).endpoint);
    const endpoint = await places.open(address);
    try {
      return await use(endpoint);
    } finally {
      await endpoint.close();
    }
  };

  return {
    async *files(address, must) {
      const above = addressAbove(address);
      const own = await withPlace(above?.folder ?? address, (endpoint) => endpoint.stat(above?.name ?? '', call));
      // A store has no folder of its own at its top.
      const kind = above === undefined ? 'folder' : own?.kind;
      if (kind === undefined && must) throw new Fault('not_found', `${displayPath(address)} is not there.`);
      if (kind === 'file') yield { address, below: above?.name ?? '', sizeBytes: own?.sizeBytes ?? 0 };
      if (kind !== 'folder') return;
      const endpoint = isFar(address) ? (await openFar(address)).endpoint : await places.open(address);
      try {
        for await (const { kind: each, path, sizeBytes } of endpoint.list('', call)) {
          if (each === 'file') yield { address: addressBelow(address, path), below: path, sizeBytes };
        }
      } finally {
        if (!isFar(address)) await endpoint.close();
      }
    },
    async hash(address, algorithm, { direct }) {
      if (!isFar(address)) {
        if (direct) return hashPastCache(address, algorithm, signal);
        return withPlace(parentPath(address) || '/', (endpoint) =>
          hashAlone(endpoint, baseName(address), algorithm, call),
        );
      }
      if (direct) {
        const text = `${displayPath(address)} is not on this machine, and only a reading here can go past the page cache`;
        throw new Fault('unsupported', `${text}; leave --direct out.`);
      }
      const root = [...far.keys()].filter((one) => isWithin(address, one)).sort((a, b) => b.length - a.length)[0];
      if (root === undefined) throw new Error(`${address} was not looked through`);
      const [whole, top] = [parseEndpoint(address).path, parseEndpoint(root).path];
      return (far.get(root) as { hash: HashTogether }).hash(
        top === '' ? whole : whole.slice(top.length + 1),
        algorithm,
      );
    },
    async close() {
      for (const { endpoint } of far.values()) await endpoint.close();
      await places.close();
    },
  };
}

function isFar(address: string): boolean {
  return !address.startsWith('/');
}

function isWithin(address: string, folder: string): boolean {
  return address.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

/** The folder that something lies in; undefined for the top of a place. */
function addressAbove(address: string): { readonly folder: string; readonly name: string } | undefined {
  const parsed = parseEndpoint(address);
  if (parsed.path === '' || parsed.path === '/' || parsed.path === '~') return undefined;
  const folder = formatEndpoint({ ...parsed, path: parentPath(parsed.path) || (isFar(address) ? '' : '/') });
  return { folder, name: baseName(parsed.path) };
}

async function hashAlone(endpoint: Endpoint, path: string, algorithm: HashAlgorithm, call: Call): Promise<string> {
  try {
    if (endpoint.hash !== undefined) return await endpoint.hash(path, algorithm, call);
  } catch (error) {
    if (asFault(error).code !== 'unsupported') throw error;
  }
  return hashStream(await endpoint.read(path, 0, call), algorithm);
}

type HashTogether = (path: string, algorithm: HashAlgorithm) => Promise<string>;

const mostTogether = 500;

/** What is asked for while an answer is under way goes together with the next question: one way there and back for many files. */
function hashTogether(endpoint: Endpoint, call: Call): HashTogether {
  const waiting: { path: string; algorithm: HashAlgorithm; answer: PromiseWithResolvers<string> }[] = [];
  let isAsking = false;
  const ask = async () => {
    isAsking = true;
    await new Promise(setImmediate);
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      const { algorithm } = first;
      const mine = waiting.filter((one) => one.algorithm === algorithm).slice(0, mostTogether);
      for (const one of mine) waiting.splice(waiting.indexOf(one), 1);
      const paths = mine.map(({ path }) => path);
      try {
        const found = (await endpoint.hashMany?.(paths, algorithm, call)) ?? new Map<string, string>();
        for (const { path, answer } of mine) {
          const hash = found.get(path);
          // By itself it says why.
          if (hash === undefined) hashAlone(endpoint, path, algorithm, call).then(answer.resolve, answer.reject);
          else answer.resolve(hash);
        }
      } catch (error) {
        for (const { answer } of mine) answer.reject(error);
      }
    }
    isAsking = false;
  };
  return (path, algorithm) => {
    if (endpoint.hashMany === undefined) return hashAlone(endpoint, path, algorithm, call);
    const answer = Promise.withResolvers<string>();
    waiting.push({ path, algorithm, answer });
    if (!isAsking) void ask();
    return answer.promise;
  };
}
