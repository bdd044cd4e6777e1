// The journal of a pack: which partials it makes, and, made durable before any of them is published, which file each one is.

import { closeSync, constants, fdatasyncSync, fsyncSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { errnoFault, errnoOf } from '../../endpoints/errno.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import type { Verify } from '../../model/hash.ts';
import type { Publishing, SourceIdentity } from '../../model/transfer.ts';
import type { PackFile } from './move.ts';

/** A file of a pack that is about to take its final name. */
export interface PackPublishing extends Publishing {
  readonly file: PackFile;
  readonly identity: SourceIdentity;
  readonly verify: Verify;
}

export interface PackJournal {
  /** The destination endpoint's name. */
  readonly destination: string;
  /** Partials that may be there. */
  readonly partials: readonly string[];
  /** Files that may have been published and not been committed yet. */
  readonly publishing: readonly PackPublishing[];
}

type Line =
  | { readonly version: 1; readonly destination: string }
  | { readonly group: number; readonly partials: readonly string[] }
  | { readonly publishing: number; readonly files: readonly PackPublishing[] }
  | { readonly committed: number };

/** Lines that are torn or make no sense are passed over: nothing is published before its line is durable. Undefined without a head. */
export function parsePackJournal(text: string): PackJournal | undefined {
  let destination: string | undefined;
  const partials = new Map<number, readonly string[]>();
  const publishing = new Map<number, readonly PackPublishing[]>();
  const lines = text.split('\n');
  lines.pop();
  for (const raw of lines) {
    const line = parseLine(raw);
    if (line === undefined) continue;
    if ('version' in line) destination = line.destination;
    else if ('partials' in line) partials.set(line.group, line.partials);
    else if ('files' in line) publishing.set(line.publishing, line.files);
    else {
      partials.delete(line.committed);
      publishing.delete(line.committed);
    }
  }
  if (destination === undefined) return undefined;
  return { destination, partials: [...partials.values()].flat(), publishing: [...publishing.values()].flat() };
}

function parseLine(raw: string): Line | undefined {
  try {
    return JSON.parse(raw) as Line;
  } catch {
    return undefined;
  }
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

/** Throws `space`, `permission`, `io`, `sync_failed`. */
export class PackJournalWriter {
  readonly #path: string;
  readonly #control: Control;
  readonly #fd: number;

  constructor(path: string, destination: string, control: Control) {
    this.#path = path;
    this.#control = control;
    this.#fd = this.#call('open the journal', () =>
      openSync(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600),
    );
    this.#append({ version: 1, destination });
    this.#call('make durable the folder of the journal', () => {
      const folder = openSync(dirname(path), constants.O_RDONLY);
      try {
        fsyncSync(folder);
      } finally {
        closeSync(folder);
      }
    });
  }

  begin(group: number, partials: readonly string[]): void {
    this.#append({ group, partials });
  }

  /** Durable when it returns. */
  publishing(group: number, files: readonly PackPublishing[]): void {
    this.#append({ publishing: group, files });
    this.#call('make durable the journal', () => fdatasyncSync(this.#fd), 60_000);
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
