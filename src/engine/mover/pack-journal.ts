// The journal of a pack: which partials it makes, and, made durable before any of them is published, which file each one is.

import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import type { ContentHash, HashAlgorithm, Verify } from '../../model/hash.ts';
import { baseName, joinPath, parentPath, partialName } from '../../model/names.ts';
import type { Publishing, SourceIdentity } from '../../model/transfer.ts';
import type { PackFile } from './move.ts';

/** A file of a pack that may have taken its final name. */
export interface PackPublishing extends Publishing {
  readonly file: PackFile;
  readonly identity: SourceIdentity;
  readonly verify: Verify;
}

export interface PackHead {
  readonly version: 1;
  /** The destination endpoint's name. */
  readonly destination: string;
  readonly fence: number;
  readonly algorithm: HashAlgorithm;
  readonly verify: Verify;
}

/** A file whose content stands verified in its partial; positions count the pack's files. */
export interface StagedFile {
  readonly at: number;
  /** '' where it is the planned one. */
  readonly finalPath: string;
  readonly device: string;
  readonly inode: string;
  readonly source: SourceIdentity;
  readonly hash: string;
}

export interface PackJournal {
  readonly destination: string;
  /** Partials that may be there. */
  readonly partials: readonly string[];
  /** Files that may have been published and not been committed yet. */
  readonly publishing: readonly PackPublishing[];
}

/** Short forms, for they are written by the thousand: [transferId, sourcePath, destinationPath, sizeBytes, mtimeMs, mode]. */
type FileRow = readonly [string, string, string, number, number, number | null];
/** [at, finalPath, device, inode, sizeBytes, mtimeMs, source device, source inode, hash] */
type PublishingRow = readonly [number, string, string, string, number, number, string, string, string];

type Line =
  | PackHead
  | { readonly files: readonly FileRow[] }
  | { readonly publishing: number; readonly rows: readonly PublishingRow[] }
  | { readonly committed: number };

/** Beside the final name, whatever name that will be. */
export function packPartialPath({ destinationPath, transferId }: PackFile, fence: number): string {
  return joinPath(parentPath(destinationPath), partialName(baseName(destinationPath), transferId, fence));
}

/** Lines that are torn or make no sense are passed over: nothing is published before its line is durable. Undefined without a head. */
export function parsePackJournal(text: string): PackJournal | undefined {
  let head: PackHead | undefined;
  let files: readonly PackFile[] = [];
  const rows = new Map<number, readonly PublishingRow[]>();
  const lines = text.split('\n');
  lines.pop();
  for (const raw of lines) {
    const line = parseLine(raw);
    if (line === undefined) continue;
    if ('version' in line) head = line;
    else if ('files' in line) files = line.files.map(fileOf);
    else if ('rows' in line) rows.set(line.publishing, line.rows);
    else rows.delete(line.committed);
  }
  if (head === undefined) return undefined;
  const { destination, fence } = head;
  const known = (at: number) => {
    const file = files[at];
    return file === undefined ? [] : [file];
  };
  return {
    destination,
    partials: files.map((file) => packPartialPath(file, fence)),
    publishing: [...rows.values()].flat().flatMap((row) => known(row[0]).map((file) => publishingOf(file, row, head))),
  };
}

function parseLine(raw: string): Line | undefined {
  try {
    return JSON.parse(raw) as Line;
  } catch {
    return undefined;
  }
}

function rowOf({ transferId, sourcePath, destinationPath, entry }: PackFile): FileRow {
  return [transferId, sourcePath, destinationPath, entry.sizeBytes, entry.mtimeMs, entry.mode ?? null];
}

function fileOf([transferId, sourcePath, destinationPath, sizeBytes, mtimeMs, mode]: FileRow): PackFile {
  const entry = { path: sourcePath, kind: 'file', sizeBytes, mtimeMs, ...(mode === null ? {} : { mode }) } as const;
  return { transferId, sourcePath, destinationPath, entry };
}

function publishingRow({ at, finalPath, device, inode, source, hash }: StagedFile): PublishingRow {
  const { sizeBytes, mtimeMs } = source;
  return [at, finalPath, device, inode, sizeBytes, mtimeMs, source.device ?? '', source.inode ?? '', hash];
}

function publishingOf(file: PackFile, row: PublishingRow, { fence, algorithm, verify }: PackHead): PackPublishing {
  const [, finalPath, device, inode, sizeBytes, mtimeMs, sourceDevice, sourceInode, value] = row;
  const hash: ContentHash = { algorithm, value };
  return {
    file,
    partialPath: packPartialPath(file, fence),
    finalPath: finalPath === '' ? file.destinationPath : finalPath,
    device,
    inode,
    sizeBytes,
    hash,
    verify,
    identity: sourceIdentity(sourceDevice, sourceInode, sizeBytes, mtimeMs),
  };
}

/** What comes by a stream has neither device nor inode; both are '' in rows and columns then. */
export function sourceIdentity(device: string, inode: string, sizeBytes: number, mtimeMs: number): SourceIdentity {
  return inode === '' ? { sizeBytes, mtimeMs } : { device, inode, sizeBytes, mtimeMs };
}

/** Undefined where there is none. Throws `permission`, `io`. */
export function readPackJournal(path: string, control: Control): PackJournal | undefined {
  control.enter(sides.own);
  try {
    return parsePackJournal(readFileSync(path, 'utf8'));
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw errnoFault(error, { operation: 'read the journal', path });
  }
}

/** Throws `space`, `permission`, `io`. */
export class PackJournalWriter {
  readonly #path: string;
  readonly #control: Control;
  readonly #fd: number;

  /** With `durable` its name outlives a power cut. */
  constructor(path: string, head: PackHead, control: Control, options: { durable: boolean }) {
    this.#path = path;
    this.#control = control;
    this.#fd = this.#call('open the journal', () =>
      openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600),
    );
    this.#append(head);
    if (!options.durable) return;
    this.#call('make durable the folder of the journal', () => {
      const folder = openSync(dirname(path), constants.O_RDONLY);
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    });
  }

  /** All of the pack, before the first partial is made. */
  begin(files: readonly PackFile[]): void {
    this.#append({ files: files.map(rowOf) });
  }

  /** Outlives the process; with `durable` a power cut too. */
  publishing(group: number, files: readonly StagedFile[], options: { durable: boolean }): void {
    this.#append({ publishing: group, rows: files.map(publishingRow) });
    if (options.durable) this.#call('make durable the journal', () => fdatasyncSync(this.#fd), 60_000);
  }

  committed(group: number): void {
    this.#append({ committed: group });
  }

  close(): void {
    this.#call('close the journal', () => closeSync(this.#fd));
  }

  #append(line: Line): void {
    // Begins with a line's end, so that a torn line before it does not swallow it.
    const bytes = Buffer.from(`\n${JSON.stringify(line)}\n`);
    this.#call('write the journal', () => {
      for (let done = 0; done < bytes.length; ) done += writeSync(this.#fd, bytes, done);
    });
  }

  #call<Result>(operation: string, run: () => Result, patienceMs?: number): Result {
    this.#control.enter(sides.own, patienceMs);
    try {
      return run();
    } catch (error) {
      throw errnoFault(error, { operation, path: this.#path });
    }
  }
}
