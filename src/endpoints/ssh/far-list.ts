// A whole tree on the far side listed, inside the thread: by one `find` where there is GNU's, else by SFTP; then put in order.

import type { Client } from 'ssh2';
import { Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { joinPath, parentPath, pathBytes, pathFromBytes, safeRelativePath } from '../../model/names.ts';
import { commandLine, type FarAbilities, run } from './far-shell.ts';
import { type FarRoot, fullPath, listBySftp, reach, refuse } from './far-tree.ts';
import { kindOf } from './sftp-packets.ts';

export interface FarListing {
  /** In the order of the contract. */
  readonly entries: readonly Entry[];
  /** Folders that could not be read. */
  readonly troubles: readonly Fault[];
}

/** Rejects with `not_found`, `exists` where no folder is, `name_unsafe`, and whenever it is not certain to be whole. */
export async function listTree(
  far: FarRoot,
  start: string,
  parts: { readonly client: Client; readonly abilities: FarAbilities; readonly signal: AbortSignal },
): Promise<FarListing> {
  const troubles: Fault[] = [];
  // Side by side, for a way there and back less; what find says of something that is no folder is not used.
  const listing = parts.abilities.gnuFind
    ? listByFind(far, start, parts, troubles)
    : folderAt(far, start).then(() => listBySftp(far, start, parts.signal, troubles));
  listing.catch(() => undefined);
  await folderAt(far, start);
  const found = await listing;
  return { entries: inOrder(found, start), troubles };
}

async function folderAt(far: FarRoot, start: string): Promise<void> {
  const there = await reach(far, start);
  if (there === undefined) throw refuse(far, 'not_found', start, 'is not there');
  const kind = kindOf(there.mode);
  if (kind === 'symlink')
    throw refuse(far, 'name_unsafe', start, 'is a symlink where a folder is needed; it is not followed');
  if (kind !== 'folder') throw refuse(far, 'exists', start, 'is not a folder');
}

/*
 * Three fields with a NUL after each: what it is, its name below the start, a symlink's target. A folder that cannot be read is named
 * once more as `!`, so that find itself has nothing to complain of, and its exit code says whether the listing is whole.
 */
const entryFormat = { word: '%y %s %T@ %m\\0%P\\0%l\\0' };
const closedFormat = { word: '!\\0%P\\0\\0' };

async function listByFind(
  far: FarRoot,
  start: string,
  { client, signal }: { readonly client: Client; readonly signal: AbortSignal },
  troubles: Fault[],
): Promise<Entry[]> {
  const command = commandLine([
    'exec env LC_ALL=C find -H',
    { word: fullPath(far, start) },
    '-ignore_readdir_race -mindepth 1 -printf',
    entryFormat,
    "-type d '(' '!' -readable -o '!' -executable ')' -prune -printf",
    closedFormat,
  ]);
  const entries: Entry[] = [];
  const { code, said, isWhole } = await rowsOf(client, command, signal, (fields) =>
    takeEntry(far, start, fields, entries, troubles),
  );
  if (code !== 0 || !isWhole) {
    const place = { path: start, endpoint: far.place, operation: 'list' };
    const why = said === '' ? `find ended with ${code ?? 'the connection'}` : said.split('\n')[0];
    throw new Fault(code === null ? 'network' : 'io', `The listing of ${far.place} is not whole: ${why}.`, { place });
  }
  return entries;
}

interface RowsEnd {
  readonly code: number | null;
  readonly said: string;
  /** Its output ended with a row. */
  readonly isWhole: boolean;
}

/** Takes output apart that has three fields a row. `take` must keep nothing of what it is given. */
export class RowReader {
  readonly #take: (fields: readonly Buffer[]) => void;
  readonly #fields: Buffer[] = [];
  #rest: Buffer = Buffer.alloc(0);

  constructor(take: (fields: readonly Buffer[]) => void) {
    this.#take = take;
  }

  /** Throws what `take` throws. */
  give(data: Buffer): void {
    const fields = this.#fields;
    const whole = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let from = 0;
    for (let at = whole.indexOf(0); at >= 0; at = whole.indexOf(0, from)) {
      fields.push(whole.subarray(from, at));
      from = at + 1;
      if (fields.length < 3) continue;
      this.#take(fields);
      fields.length = 0;
    }
    // What ssh2 hands over is used again.
    for (const [at, field] of fields.entries()) fields[at] = Buffer.from(field);
    this.#rest = Buffer.from(whole.subarray(from));
  }

  /** It ended with a row. */
  get isWhole(): boolean {
    return this.#rest.length === 0 && this.#fields.length === 0;
  }
}

/** Output of three fields a row. `take` must keep nothing of what it is given. Rejects with what it throws. */
async function rowsOf(
  client: Client,
  command: Buffer,
  signal: AbortSignal,
  take: (fields: readonly Buffer[]) => void,
  input?: Uint8Array,
): Promise<RowsEnd> {
  let wrong: unknown;
  const rows = new RowReader(take);
  const received = (data: Buffer | null) => {
    if (data === null || wrong !== undefined) return;
    try {
      rows.give(data);
    } catch (error) {
      wrong = error;
    }
  };
  const { channel, ended } = await run(client, command, received, signal);
  if (input !== undefined) void channel.write(input);
  channel.end();
  const { code, said } = await ended;
  signal.throwIfAborted();
  if (wrong !== undefined) throw wrong;
  return { code, said, isWhole: rows.isWhole };
}

/**
 * As `entryAt` for each path, by one program: what is not there is left out. Rejects with `name_unsafe` where a folder on the way is a
 * symlink, and with `network` where the answer is not whole.
 */
export async function statByFind(
  far: FarRoot,
  paths: readonly string[],
  { client, signal }: { readonly client: Client; readonly signal: AbortSignal },
): Promise<readonly Entry[]> {
  const question = new FarQuestion(far, paths);
  const script = `exec find "$@" -maxdepth 0 -printf '${lookFormat}'`;
  const command = commandLine([
    'cd',
    { word: far.root },
    '&& exec env LC_ALL=C xargs -0 sh -c',
    { word: script },
    'sh',
  ]);
  const take = ([facts, name, target]: readonly Buffer[]) => question.take(facts, name, target);
  const { code, isWhole } = await rowsOf(client, command, signal, take, question.names);
  // 123: some were not there.
  if ((code !== 0 && code !== somewhereNot) || !isWhole) {
    const place = { endpoint: far.place, operation: 'look at' };
    throw new Fault('network', `${far.place} did not say of all files how they are.`, { place });
  }
  return question.answer();
}

/** How files are, asked of a `find`: names for it, its answers, and what follows from them. */
export class FarQuestion {
  /** With a NUL after each. */
  readonly names: Buffer;
  readonly #far: FarRoot;
  readonly #paths: readonly string[];
  readonly #folders = new Set<string>();
  readonly #asked: ReadonlySet<string>;
  readonly #there = new Map<string, Entry>();

  constructor(far: FarRoot, paths: readonly string[]) {
    this.#far = far;
    this.#paths = paths;
    for (const path of paths) {
      for (let folder = parentPath(path); folder !== '' && !this.#folders.has(folder); folder = parentPath(folder))
        this.#folders.add(folder);
    }
    this.#asked = new Set([...this.#folders, ...paths]);
    this.names = Buffer.concat([...this.#asked].flatMap((path) => [here, pathBytes(path), Buffer.of(0)]));
  }

  /** Fields of `lookFormat`. */
  take(facts: Buffer | undefined, name: Buffer | undefined, target: Buffer | undefined): void {
    const path = pathFromBytes((name ?? here).subarray(here.length));
    // find says nothing of its own accord; what answers otherwise is not find.
    if (!this.#asked.has(path)) return;
    this.#there.set(path, entryFrom(path, facts?.toString('latin1') ?? '', target ?? here));
  }

  /** Once all has been taken. Throws `name_unsafe` where a folder on the way is a symlink. */
  answer(): readonly Entry[] {
    for (const folder of this.#folders) {
      if (this.#there.get(folder)?.kind === 'symlink')
        throw refuse(this.#far, 'name_unsafe', folder, 'is a symlink where a folder is needed; it is not followed');
    }
    return this.#paths.flatMap((path) => this.#there.get(path) ?? []);
  }
}

const here = Buffer.from('./');
const somewhereNot = 123;
/** What it is, its name as it was asked for, a symlink's target. */
export const lookFormat = '%y %s %T@ %m\\0%p\\0%l\\0';

const kinds: Readonly<Record<string, Entry['kind']>> = { f: 'file', d: 'folder', l: 'symlink' };

function takeEntry(far: FarRoot, start: string, fields: readonly Buffer[], entries: Entry[], troubles: Fault[]): void {
  const [facts = '', name = Buffer.alloc(0), target = Buffer.alloc(0)] = [
    fields[0]?.toString('latin1'),
    fields[1],
    fields[2],
  ];
  const below = pathFromBytes(name);
  const path = joinPath(start, below);
  if (below === '' || safeRelativePath(path) !== path) {
    throw refuse(
      far,
      'name_unsafe',
      below,
      'was named as something in a folder, but is a path that leads elsewhere: the host is not to be trusted',
    );
  }
  if (facts === '!') {
    troubles.push(
      refuse(far, 'permission', path, 'could not be listed: the operating system of the host does not allow it'),
    );
    return;
  }
  entries.push(entryFrom(path, facts, target));
}

function entryFrom(path: string, facts: string, target: Uint8Array): Entry {
  const [type = '', size = '', time = '', mode = ''] = facts.split(' ');
  const kind = kinds[type] ?? 'other';
  return {
    path,
    kind,
    sizeBytes: kind === 'file' || kind === 'symlink' ? Number(size) : 0,
    // As SFTP has it: 32 bits without sign.
    mtimeMs: (Math.floor(Number(time)) >>> 0) * 1000,
    mode: Number.parseInt(mode, 8),
    ...(kind === 'symlink' ? { linkTarget: pathFromBytes(target) } : {}),
  };
}

/** Folders before what is in them, siblings by their bytes. What has no folder above it was made after that one had been listed, and is left to the next listing. */
function inOrder(found: readonly Entry[], start: string): Entry[] {
  const byFolder = new Map<string, { readonly name: string; readonly entry: Entry }[]>();
  for (const entry of found) {
    const folder = parentPath(entry.path);
    const child = { name: folder === '' ? entry.path : entry.path.slice(folder.length + 1), entry };
    const siblings = byFolder.get(folder);
    if (siblings === undefined) byFolder.set(folder, [child]);
    else siblings.push(child);
  }
  for (const siblings of byFolder.values()) sortByName(siblings);
  const ordered: Entry[] = [];
  const stack = [(byFolder.get(start) ?? []).values()];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const { value } = top.next();
    if (value === undefined) {
      stack.pop();
      continue;
    }
    ordered.push(value.entry);
    const inside = value.entry.kind === 'folder' ? byFolder.get(value.entry.path) : undefined;
    if (inside !== undefined) stack.push(inside.values());
  }
  return ordered;
}

/** UTF-16 sorts as the bytes of UTF-8 do, except where surrogates come into it. */
function sortByName(siblings: { readonly name: string }[]): void {
  if (!siblings.some(({ name }) => /[\ud800-\uffff]/.test(name))) {
    siblings.sort((a, b) => (a.name < b.name ? -1 : 1));
    return;
  }
  siblings.sort((a, b) => Buffer.compare(pathBytes(a.name), pathBytes(b.name)));
}
