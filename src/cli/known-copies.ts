// What is known of the copies below a path: the newest proven size and hash of each file, from the ledgers that can be asked.

import { statSync } from 'node:fs';
import { addressBelow, formatEndpoint, parseEndpoint } from '../model/endpoint-url.ts';
import { asFault } from '../model/fault.ts';
import type { ContentHash } from '../model/hash.ts';
import { baseName, displayPath } from '../model/names.ts';
import { exactPath, type PathText } from '../model/path-text.ts';
import { copyLedgers, knownCopies } from './copy-request.ts';
import { type DaemonLink, findDaemon } from './daemon-client.ts';
import type { Terminal } from './terminal.ts';

/** A file as it was proven when it was copied. */
export interface Proven {
  readonly sizeBytes: number;
  readonly hash: ContentHash;
  /** Milliseconds since 1970. */
  readonly at: number;
}

export interface ReceiptsWanted {
  /** Addresses in their one written form; of this machine absolute paths. */
  readonly paths: readonly string[];
  /** A data folder to ask beside the ledgers of this user's own copies. */
  readonly data: string | undefined;
  readonly defaultData: string;
  readonly terminal: Terminal;
}

const pageRows = 1000;

/** By address. A ledger that cannot be asked now is named, and the others are asked. */
export async function provenFiles(wanted: ReceiptsWanted): Promise<Map<string, Proven>> {
  const { paths, data, terminal } = wanted;
  const found = new Map<string, Proven>();
  const note = (place: { endpoint: string; path: string }, proven: Proven) => {
    const absolute = addressBelow(place.endpoint, place.path);
    if (!paths.some((one) => isBelow(absolute, one))) return;
    const known = found.get(absolute);
    if (known === undefined || known.at <= proven.at) found.set(absolute, proven);
  };
  const ledgers = [copyLedgers(undefined), ...(data === undefined ? [] : [copyLedgers(data)])].flatMap(knownCopies);
  for (const { folder, pair } of ledgers) {
    const places = (pair.destinations ?? [pair.destination]).map((place) => formatEndpoint(parseEndpoint(place)));
    const near = places.some((place) => paths.some((path) => isBelow(path, place) || isBelow(place, path)));
    if (near) {
      await tryLedger(terminal, `of the copy to ${displayPath(pair.destination)}`, () => readLedger(folder, note));
    }
  }
  const daemon = findDaemon(data ?? wanted.defaultData);
  if (daemon !== undefined)
    await tryLedger(terminal, `of the daemon at ${daemon.url}`, () => askDaemon(daemon, paths, note));
  else if (data !== undefined) await tryLedger(terminal, `in ${displayPath(data)}`, () => readLedger(data, note));
  return found;
}

export function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(folder.endsWith('/') ? folder : `${folder}/`);
}

type Note = (place: { endpoint: string; path: string }, proven: Proven) => void;

async function tryLedger(terminal: Terminal, which: string, read: () => Promise<void>): Promise<void> {
  try {
    await read();
  } catch (error) {
    terminal.warn(`wherry: the ledger ${which} cannot be asked: ${asFault(error).message}`);
  }
}

async function readLedger(folder: string, note: Note): Promise<void> {
  const { openForReading } = await import('../main.ts');
  const ledger = await openForReading({ dataFolder: folder });
  try {
    let cursor: string | undefined;
    do {
      const page = await ledger.reader.transfers({
        states: ['completed'],
        limit: pageRows,
        ...(cursor === undefined ? {} : { cursor }),
      });
      for (const { destination, publishedPath, sizeBytes, hash, finishedAt } of page.rows) {
        if (sizeBytes === null || hash === null) continue;
        note(
          { endpoint: destination.endpoint, path: publishedPath ?? destination.path },
          { sizeBytes, hash, at: finishedAt ?? 0 },
        );
      }
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
  } finally {
    await ledger.close();
  }
}

async function askDaemon({ client }: DaemonLink, paths: readonly string[], note: Note): Promise<void> {
  const search = searchFor(paths);
  let cursor: string | undefined;
  do {
    const page = await client.call('listTransfers', {
      query: {
        state: ['completed'],
        limit: pageRows,
        order: 'asc',
        ...(search === undefined ? {} : { search }),
        ...(cursor === undefined ? {} : { cursor }),
      },
    });
    for (const { destination, published, sizeBytes, hash, finishedAt } of page.rows) {
      if (sizeBytes === null || hash === null) continue;
      const at = finishedAt === null ? 0 : Date.parse(finishedAt);
      note(
        { endpoint: destination.endpoint, path: exactPath(plainPath(published ?? destination)) },
        { sizeBytes, hash, at },
      );
    }
    cursor = page.nextCursor ?? undefined;
  } while (cursor !== undefined);
}

/** A single file can be looked for by its name; whatever is in a folder may have its name from the endpoint's own path. */
function searchFor([path, ...others]: readonly string[]): string | undefined {
  if (path === undefined || others.length > 0 || !path.isWellFormed()) return undefined;
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true ? baseName(path) : undefined;
}

function plainPath({ path, pathBytes }: { path: string; pathBytes?: string | undefined }): PathText {
  return pathBytes === undefined ? { path } : { path, pathBytes };
}
