// Content on the far side, inside the thread: read, written and hashed, with as many requests under way as a far host needs.

import type { Client } from 'ssh2';
import type { HashAlgorithm } from '../../model/hash.ts';
import { blockBytes } from '../../model/hash.ts';
import { parentPath } from '../../model/names.ts';
import { createHasher } from '../content-hash.ts';
import { farFault, hasStatus } from './far-faults.ts';
import { commandLine, type FarAbilities, runWhole } from './far-shell.ts';
import { explained, type FarRoot, fullPath, makeFolders, reach, refuse } from './far-tree.ts';
import { requestsAtOnce } from './requests-at-once.ts';
import { kindOf, openFlags, packetTypes, statusCodes } from './sftp-packets.ts';

interface Opened {
  readonly handle: Buffer;
  readonly sizeBytes: number;
}

async function openToRead(far: FarRoot, path: string): Promise<Opened> {
  const { sftp } = far;
  // Asked for together with the look at the way there: what was opened through a symlink is closed again unread.
  const opening = sftp.handle(packetTypes.open, (writer) =>
    writer.path(fullPath(far, path)).number(openFlags.read).attributes({}),
  );
  opening.catch(() => undefined);
  const closed = () => opening.then((handle) => close(far, handle)).catch(() => undefined);
  try {
    const there = await reach(far, path);
    if (there === undefined) throw refuse(far, 'not_found', path, 'is not there');
    const kind = kindOf(there.mode);
    if (kind === 'symlink') throw refuse(far, 'name_unsafe', path, 'is a symlink, which is not followed');
    if (kind === 'folder') throw refuse(far, 'exists', path, 'is a folder, not a file');
    if (kind !== 'file') throw refuse(far, 'unsupported', path, 'is not a regular file');
    return { handle: await opening, sizeBytes: there.sizeBytes ?? 0 };
  } catch (error) {
    void closed();
    throw farFault(error, { operation: 'read', path, place: far.place });
  }
}

/** Not waited for: nothing depends on it. */
function close({ sftp }: FarRoot, handle: Buffer): void {
  sftp.command(packetTypes.close, (writer) => writer.bytes(handle)).catch(() => undefined);
}

export interface Reading {
  readonly from: number;
  /** Not beyond this; left out: to the end. */
  readonly to?: number | undefined;
  readonly signal: AbortSignal;
  /** Called once the file is open. */
  opened(): void;
  /** In order; each piece belongs to the receiver. Resolves when another one may be asked for. */
  piece(bytes: Uint8Array<ArrayBuffer>): Promise<void> | undefined;
}

/** Resolves at the file's end, also where that has moved meanwhile. */
export async function readFile(far: FarRoot, path: string, reading: Reading): Promise<void> {
  const { sftp } = far;
  const { from, to = Number.POSITIVE_INFINITY, signal } = reading;
  const { handle, sizeBytes } = await openToRead(far, path);
  let next = from;
  let done = from;
  let isAtEnd = from >= to;
  const underWay: Promise<{ at: number; piece: Uint8Array<ArrayBuffer> | undefined }>[] = [];
  /** Undefined at the file's end. A server may give less than was asked for. */
  const ask = async (at: number, length: number) => {
    const piece = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const got = await sftp.read(handle, at + filled, piece.subarray(filled));
      if (got === 0) break;
      filled += got;
    }
    return { at, piece: filled === 0 ? undefined : filled === length ? piece : piece.slice(0, filled) };
  };
  try {
    reading.opened();
    while (!isAtEnd || underWay.length > 0) {
      signal.throwIfAborted();
      while (!isAtEnd && underWay.length < requestsAtOnce) {
        const left = sizeBytes - next;
        // Beyond the size that it had there may be more; one question is enough to know.
        if (left <= 0 && underWay.length > 0 && next > sizeBytes) break;
        const length = Math.min(sftp.readBytes, left > 0 ? left : sftp.readBytes, to - next);
        const asked = ask(next, length);
        asked.catch(() => undefined);
        underWay.push(asked);
        next += length;
        if (next >= to) isAtEnd = true;
        if (left <= 0) break;
      }
      const answer = await underWay.shift();
      if (answer?.piece === undefined) {
        isAtEnd = true;
        continue;
      }
      if (answer.at !== done) throw refuse(far, 'source_changed', path, 'became shorter while it was read');
      done += answer.piece.length;
      await reading.piece(answer.piece);
    }
  } catch (error) {
    throw farFault(error, { operation: 'read', path, place: far.place, offsetBytes: done });
  } finally {
    close(far, handle);
  }
}

export interface Writing {
  readonly from: number;
  /** The file is neither emptied nor cut, and made where it is missing. */
  readonly within?: boolean | undefined;
  readonly signal: AbortSignal;
  /** The next piece, which is used no more once the next is asked for; undefined at the end. Rejects when there will be none. */
  next(): Promise<Uint8Array | undefined>;
  /** Bytes of this call that the far side has, without a gap before them. */
  written(bytes: number): void;
}

/** Resolves with the file's size once it is durable, where the server can tell. */
export async function writeFile(far: FarRoot, path: string, writing: Writing): Promise<number> {
  const { sftp } = far;
  const { from, within = false, signal } = writing;
  const handle = await openToWrite(far, path, { from, within });
  let at = from;
  let firstFailed: number | undefined;
  let trouble: unknown;
  let done = from;
  const underWay: { readonly end: number; isDone: boolean }[] = [];
  const all: Set<Promise<void>> = new Set();
  let freed: () => void = () => undefined;
  const put = async (piece: Uint8Array) => {
    const place = { end: at + piece.length, isDone: false };
    underWay.push(place);
    const offset = at;
    at = place.end;
    const { sent, done: written } = sftp.write(handle, offset, piece);
    const task: Promise<void> = written
      .then(
        () => {
          place.isDone = true;
          while (underWay[0]?.isDone) done = underWay.shift()?.end ?? done;
          if (firstFailed === undefined) writing.written(done - from);
        },
        (error: unknown) => {
          trouble ??= error;
          firstFailed = Math.min(firstFailed ?? offset, offset);
        },
      )
      .finally(() => {
        all.delete(task);
        freed();
      });
    all.add(task);
    await sent;
  };
  try {
    for (;;) {
      signal.throwIfAborted();
      const piece = await writing.next();
      signal.throwIfAborted();
      if (piece === undefined) break;
      for (let cut = 0; cut < piece.length; cut += sftp.writeBytes) {
        while (all.size >= requestsAtOnce) await new Promise<void>((resolve) => (freed = resolve));
        if (trouble !== undefined) throw trouble;
        await put(piece.subarray(cut, cut + sftp.writeBytes));
      }
    }
    const synced = sftp.extensions.has('fsync@openssh.com')
      ? sftp.extended(
          'fsync@openssh.com',
          (writer) => writer.bytes(handle),
          () => undefined,
        )
      : Promise.resolve();
    synced.catch(() => undefined);
    await Promise.all(all);
    if (trouble !== undefined) throw trouble;
    await synced.catch((error: unknown) => {
      if (!hasStatus(error, statusCodes.unsupported)) throw error;
    });
    await sftp.command(packetTypes.close, (writer) => writer.bytes(handle));
    return at;
  } catch (error) {
    await Promise.all(all).catch(() => undefined);
    // What came after a piece that could not be written is no continuation of what came before it.
    if (firstFailed !== undefined && !within) {
      const sizeBytes = firstFailed;
      await sftp
        .command(packetTypes.fsetstat, (writer) => writer.bytes(handle).attributes({ sizeBytes }))
        .catch(() => undefined);
    }
    close(far, handle);
    throw await explained(far, error, 'write', path, firstFailed ?? at);
  }
}

async function openToWrite(
  far: FarRoot,
  path: string,
  { from, within }: { from: number; within: boolean },
): Promise<Buffer> {
  const { sftp } = far;
  if (path === '') throw refuse(far, 'exists', path, 'is the root, not a file');
  const there = await reach(far, path, { strict: true });
  if (there === undefined) {
    if (from > 0 && !within) throw refuse(far, 'not_found', path, 'is not there');
    await makeFolders(far, parentPath(path));
  } else {
    const kind = kindOf(there.mode);
    if (kind === 'symlink') throw refuse(far, 'name_unsafe', path, 'is a symlink, which is not followed');
    if (kind === 'folder') throw refuse(far, 'exists', path, 'is a folder, not a file');
    if (kind !== 'file') throw refuse(far, 'unsupported', path, 'is not a regular file');
    if ((there.sizeBytes ?? 0) < from && !within) {
      throw refuse(far, 'invalid', path, `has ${there.sizeBytes ?? 0} bytes and cannot be gone on with at ${from}`);
    }
  }
  // What was not there a moment ago is made, or refused where somebody has put something in its place.
  const flags =
    openFlags.write |
    (there === undefined ? openFlags.create | (within ? 0 : openFlags.exclusive) : 0) |
    (there !== undefined && from === 0 && !within ? openFlags.truncate : 0);
  try {
    const handle = await sftp.handle(packetTypes.open, (writer) =>
      writer.path(fullPath(far, path)).number(flags).attributes({}),
    );
    if (from > 0 && !within && there?.sizeBytes !== from) {
      await sftp.command(packetTypes.fsetstat, (writer) => writer.bytes(handle).attributes({ sizeBytes: from }));
    }
    return handle;
  } catch (error) {
    throw await explained(far, error, 'write', path);
  }
}

/** Computed there by a program where the host has one, else by reading it from there. Lower-case hexadecimal. */
export async function hashFile(
  far: FarRoot,
  path: string,
  algorithm: HashAlgorithm,
  parts: {
    readonly client: Client;
    readonly abilities: FarAbilities;
    readonly signal: AbortSignal;
    readonly progress: (bytes: number) => void;
  },
): Promise<string> {
  const there = await reach(far, path);
  if (there === undefined) throw refuse(far, 'not_found', path, 'is not there');
  const kind = kindOf(there.mode);
  if (kind === 'symlink') throw refuse(far, 'name_unsafe', path, 'is a symlink, which is not followed');
  if (kind !== 'file') throw refuse(far, 'exists', path, 'is not a file');
  const program = hashProgram(algorithm, parts.abilities, there.sizeBytes ?? 0);
  if (program !== undefined) {
    const command = commandLine([`exec env LC_ALL=C ${program} <`, { word: fullPath(far, path) }]);
    const { code, output } = await runWhole(parts.client, command, parts.signal);
    const value = hashLine.exec(output.toString('latin1'))?.[1];
    if (code === 0 && value !== undefined) return value;
  }
  const hasher = createHasher(algorithm);
  let done = 0;
  await readFile(far, path, {
    from: 0,
    signal: parts.signal,
    opened: () => undefined,
    piece(bytes) {
      hasher.update(bytes);
      done += bytes.length;
      parts.progress(done);
      return undefined;
    },
  });
  return hasher.digest();
}

/** Of its first so many bytes, by programs of the host. Rejects with `unsupported` where it has none for that. */
export async function hashStart(
  far: FarRoot,
  path: string,
  { sizeBytes, algorithm }: { readonly sizeBytes: number; readonly algorithm: HashAlgorithm },
  parts: { readonly client: Client; readonly abilities: FarAbilities; readonly signal: AbortSignal },
): Promise<string> {
  const there = await reach(far, path);
  if (there === undefined) throw refuse(far, 'not_found', path, 'is not there');
  if (kindOf(there.mode) !== 'file') throw refuse(far, 'name_unsafe', path, 'is not a file; symlinks are not followed');
  const program = hashProgram(algorithm, parts.abilities, sizeBytes);
  const { programs } = parts.abilities;
  if (program !== undefined && programs.has('head')) {
    const command = commandLine([
      `LC_ALL=C head -c ${sizeBytes} <`,
      { word: fullPath(far, path) },
      `| LC_ALL=C ${program}`,
    ]);
    const { code, output } = await runWhole(parts.client, command, parts.signal);
    if (code === null) throw refuse(far, 'network', path, 'was not hashed: the connection broke off');
    const value = hashLine.exec(output.toString('latin1'))?.[1];
    if (code === 0 && value !== undefined) return value;
  }
  throw refuse(far, 'unsupported', path, 'cannot be hashed in part by a program there');
}

const hashLine = /^(?:XXH3_)?([0-9a-f]{32,64})\b/;

/** What reads standard input and writes the hash first; undefined where there is none. */
export function hashProgram(
  algorithm: HashAlgorithm,
  { programs }: FarAbilities,
  sizeBytes: number,
): string | undefined {
  if (algorithm === 'sha256') {
    if (programs.has('sha256sum')) return 'sha256sum';
    return programs.has('shasum') ? 'shasum -a 256' : undefined;
  }
  if (algorithm === 'blake3') return programs.has('b3sum') ? 'b3sum' : undefined;
  // A longer file's is made of its blocks' hashes.
  if (sizeBytes > blockBytes) return undefined;
  return programs.has('xxhsum') ? 'xxhsum -H2' : undefined;
}
