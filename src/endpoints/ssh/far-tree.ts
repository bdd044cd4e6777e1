// Paths on the far side, inside the thread: looked at part by part, so that no symlink is followed; made, removed, renamed, listed by SFTP.

import { Fault, type FaultCode } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath, joinPath, parentPath, safeRelativePath } from '../../model/names.ts';
import { farFault, hasStatus } from './far-faults.ts';
import type { Sftp } from './sftp.ts';
import { type Attributes, kindOf, type PacketWriter, packetTypes, statusCodes } from './sftp-packets.ts';

/** One endpoint's root on the far side, over one connection. */
export interface FarRoot {
  readonly sftp: Sftp;
  /** Absolute. */
  readonly root: string;
  /** The endpoint's name, for people. */
  readonly place: string;
  /** For a call about many files: what was found at the folders on the way is not asked for again. */
  readonly folders?: Map<string, Promise<Attributes | undefined>>;
}

export function fullPath({ root }: FarRoot, path: string): string {
  return path === '' ? root : `${root === '/' ? '' : root}/${path}`;
}

export function refuse(far: FarRoot, code: FaultCode, path: string, why: string): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(far.place) };
  return new Fault(code, `${path === '' ? place.endpoint : `${place.path} in ${place.endpoint}`} ${why}.`, { place });
}

/** Undefined where nothing is there. */
export async function look(far: FarRoot, path: string): Promise<Attributes | undefined> {
  // The root itself may be a symlink: whoever wrote the address wanted what it leads to.
  const type = path === '' ? packetTypes.stat : packetTypes.lstat;
  try {
    return await far.sftp.attributes(type, (writer) => writer.path(fullPath(far, path)));
  } catch (error) {
    if (hasStatus(error, statusCodes.notFound)) return undefined;
    throw farFault(error, { operation: 'look at', path, place: far.place });
  }
}

function lookOnce(far: FarRoot, path: string): Promise<Attributes | undefined> {
  const known = far.folders?.get(path);
  if (known !== undefined) return known;
  const looking = look(far, path);
  far.folders?.set(path, looking);
  return looking;
}

/** What stands at a path and at each folder above it, from the root on; asked for in one go. */
async function lookAlong(far: FarRoot, path: string): Promise<readonly (Attributes | undefined)[]> {
  const along = [''];
  for (let cut = path.indexOf('/'); cut >= 0; cut = path.indexOf('/', cut + 1)) along.push(path.slice(0, cut));
  if (path !== '') along.push(path);
  return Promise.all(along.map((part) => (part === path ? look(far, part) : lookOnce(far, part))));
}

/**
 * What stands at `path`, reached without following a symlink below the root; undefined where it, or a folder above it, is missing.
 * Rejects with `name_unsafe` where a symlink is on the way, and with `exists` where a file is and `strict` is set.
 */
export async function reach(
  far: FarRoot,
  path: string,
  options: { strict?: boolean } = {},
): Promise<Attributes | undefined> {
  const found = await lookAlong(far, path);
  const parts = path.split('/');
  for (const [at, attributes] of found.slice(0, -1).entries()) {
    if (attributes === undefined) return undefined;
    const kind = kindOf(attributes.mode);
    const folder = parts.slice(0, at).join('/');
    if (kind === 'symlink')
      throw refuse(far, 'name_unsafe', folder, 'is a symlink where a folder is needed; it is not followed');
    if (kind === 'folder') continue;
    if (options.strict) throw refuse(far, 'exists', folder, 'is not a folder, and a folder is needed there');
    return undefined;
  }
  return found.at(-1);
}

export async function entryAt(far: FarRoot, path: string): Promise<Entry | undefined> {
  const attributes = await reach(far, path);
  if (attributes === undefined) return undefined;
  const entry = entryOf(path, attributes);
  if (entry.kind !== 'symlink') return entry;
  const linkTarget = await linkTargetOf(far, path);
  return linkTarget === undefined ? undefined : { ...entry, linkTarget };
}

/** Whole seconds: that is what SFTP knows, and every way to look at a file must say the same. */
export function entryOf(path: string, attributes: Attributes): Entry {
  const kind = kindOf(attributes.mode);
  return {
    path,
    kind,
    sizeBytes: kind === 'file' || kind === 'symlink' ? (attributes.sizeBytes ?? 0) : 0,
    mtimeMs: (attributes.mtimeSeconds ?? 0) * 1000,
    mode: (attributes.mode ?? 0) & 0o7777,
  };
}

async function linkTargetOf(far: FarRoot, path: string): Promise<string | undefined> {
  try {
    const names = await far.sftp.names(packetTypes.readlink, (writer) => writer.path(fullPath(far, path)));
    return names?.[0]?.name ?? '';
  } catch (error) {
    // It was removed, or replaced by something else, since it was looked at.
    if (hasStatus(error, statusCodes.notFound) || hasStatus(error, statusCodes.badMessage)) return undefined;
    throw farFault(error, { operation: 'read the symlink', path, place: far.place });
  }
}

/** Makes a folder and those above it, the root too; what is there already is checked. */
export async function makeFolders(far: FarRoot, path: string): Promise<void> {
  const there = await reach(far, path, { strict: true });
  if (there !== undefined) {
    const kind = kindOf(there.mode);
    if (kind === 'folder') return;
    if (kind === 'symlink')
      throw refuse(far, 'name_unsafe', path, 'is a symlink where a folder is needed; it is not followed');
    throw refuse(far, 'exists', path, 'is not a folder, and a folder is needed there');
  }
  if (path !== '') await makeFolders(far, parentPath(path));
  else await makeAbove(far);
  await makeOne(far, fullPath(far, path), path);
}

/** The root's own parents, by their absolute paths; symlinks there are the host's own affair. */
async function makeAbove(far: FarRoot): Promise<void> {
  const missing: string[] = [];
  for (let folder = parentPath(far.root); folder !== ''; folder = parentPath(folder)) {
    const there = await far.sftp
      .attributes(packetTypes.stat, (writer) => writer.path(folder))
      .catch((error: unknown) => {
        if (hasStatus(error, statusCodes.notFound)) return undefined;
        throw farFault(error, { operation: 'look at', path: folder, place: far.place });
      });
    if (there !== undefined) break;
    missing.push(folder);
  }
  for (const folder of missing.reverse()) await makeOne(far, folder, folder);
}

async function makeOne(far: FarRoot, full: string, path: string): Promise<void> {
  try {
    await far.sftp.command(packetTypes.mkdir, (writer) => writer.path(full).attributes({}));
    far.folders?.clear();
  } catch (error) {
    // Somebody else made it meanwhile.
    const there = await far.sftp.attributes(packetTypes.stat, (writer) => writer.path(full)).catch(() => undefined);
    if (there !== undefined && kindOf(there.mode) === 'folder') return;
    throw await explained(far, error, 'make the folder', path);
  }
}

/** A fault for what failed without saying why: room and write protection are asked for. */
export async function explained(
  far: FarRoot,
  error: unknown,
  operation: string,
  path: string,
  offsetBytes?: number,
): Promise<Fault> {
  const isVague = hasStatus(error, statusCodes.failure) || hasStatus(error, statusCodes.permission);
  const space = isVague ? await spaceOf(far).catch(() => undefined) : undefined;
  if (space?.isReadOnly)
    return refuse(
      far,
      'read_only',
      path,
      `could not be written to (${operation}): its file system is mounted read-only`,
    );
  if (
    hasStatus(error, statusCodes.failure) &&
    space !== undefined &&
    (space.freeBytes < nearlyFullBytes || space.freeInodes === 0)
  ) {
    return refuse(far, 'space', path, `does not fit: there is no room left (${operation})`);
  }
  return farFault(error, { operation, path, place: far.place, ...(offsetBytes === undefined ? {} : { offsetBytes }) });
}

const nearlyFullBytes = 1024 * 1024;

/** Of the file system that the root lies on, or will. Rejects with `unsupported` where the server does not say. */
export async function spaceOf(far: FarRoot): Promise<{
  readonly freeBytes: number;
  readonly totalBytes: number;
  readonly freeInodes: number | null;
  readonly isReadOnly: boolean;
}> {
  if (!far.sftp.extensions.has('statvfs@openssh.com'))
    throw refuse(far, 'unsupported', '', 'does not say how much room there is');
  for (let folder = far.root; ; folder = parentPath(folder)) {
    try {
      return await far.sftp.extended(
        'statvfs@openssh.com',
        (writer) => writer.path(folder === '' ? '/' : folder),
        (reader) => {
          reader.large();
          const unit = reader.large();
          const blocks = reader.large();
          reader.large();
          const available = reader.large();
          const files = reader.large();
          reader.large();
          const freeFiles = reader.large();
          reader.large();
          const flags = reader.large();
          return {
            freeBytes: unit * available,
            totalBytes: unit * blocks,
            freeInodes: files === 0 ? null : freeFiles,
            isReadOnly: (flags & 1) === 1,
          };
        },
      );
    } catch (error) {
      if (folder !== '' && hasStatus(error, statusCodes.notFound)) continue;
      throw farFault(error, { operation: 'ask for the room of', path: '', place: far.place });
    }
  }
}

export async function removeAt(far: FarRoot, path: string): Promise<void> {
  if (path === '') throw refuse(far, 'unsupported', path, 'is the root and is not removed');
  const there = await reach(far, path);
  if (there === undefined) return;
  const isFolder = kindOf(there.mode) === 'folder';
  try {
    await far.sftp.command(isFolder ? packetTypes.rmdir : packetTypes.remove, (writer) =>
      writer.path(fullPath(far, path)),
    );
  } catch (error) {
    if (hasStatus(error, statusCodes.notFound)) return;
    if (isFolder && hasStatus(error, statusCodes.failure) && (await isFilled(far, path))) {
      throw refuse(far, 'exists', path, 'is not empty');
    }
    throw await explained(far, error, 'remove', path);
  }
}

async function isFilled(far: FarRoot, path: string): Promise<boolean> {
  const handle = await far.sftp
    .handle(packetTypes.opendir, (writer) => writer.path(fullPath(far, path)))
    .catch(() => undefined);
  if (handle === undefined) return false;
  const names = await far.sftp.names(packetTypes.readdir, (writer) => writer.bytes(handle)).catch(() => null);
  await far.sftp.command(packetTypes.close, (writer) => writer.bytes(handle)).catch(() => undefined);
  return (names ?? []).some(({ name }) => name !== '.' && name !== '..');
}

export async function renameAt(far: FarRoot, from: string, to: string, options: { overwrite: boolean }): Promise<void> {
  const [old, taken] = await Promise.all([reach(far, from), reach(far, to, { strict: true })]);
  if (old === undefined) throw refuse(far, 'not_found', from, 'is not there');
  if (from === to) return;
  const isFolder = kindOf(old.mode) === 'folder';
  const exists = () => refuse(far, 'exists', to, 'has that name already');
  if (taken !== undefined && (!options.overwrite || isFolder || kindOf(taken.mode) === 'folder')) throw exists();
  if (taken === undefined) await makeFolders(far, parentPath(to));
  const [oldFull, newFull] = [fullPath(far, from), fullPath(far, to)];
  const { sftp } = far;
  try {
    if (options.overwrite && sftp.extensions.has('posix-rename@openssh.com')) {
      await sftp.extended(
        'posix-rename@openssh.com',
        (writer) => writer.path(oldFull).path(newFull),
        () => undefined,
      );
      return;
    }
    if (taken !== undefined) await sftp.command(packetTypes.remove, (writer) => writer.path(newFull));
    // The server takes a free name only: OpenSSH makes a hard link and removes the old name.
    await sftp.command(packetTypes.rename, (writer) => writer.path(oldFull).path(newFull));
  } catch (error) {
    if (!options.overwrite && hasStatus(error, statusCodes.failure) && (await look(far, to)) !== undefined)
      throw exists();
    throw await explained(far, error, 'rename', from);
  }
}

/** As `renameAt`, where nothing stands in the way with fewer questions. */
export async function renameQuickly(
  far: FarRoot,
  from: string,
  to: string,
  options: { overwrite: boolean },
): Promise<void> {
  const { sftp } = far;
  const isReady = !options.overwrite || sftp.extensions.has('posix-rename@openssh.com');
  const folders = await Promise.all([isFolder(far, parentPath(from)), isFolder(far, parentPath(to))]);
  if (!isReady || folders.includes(false)) return renameAt(far, from, to, options);
  const [oldFull, newFull] = [fullPath(far, from), fullPath(far, to)];
  const both = (writer: PacketWriter) => writer.path(oldFull).path(newFull);
  try {
    if (options.overwrite) await sftp.extended('posix-rename@openssh.com', both, () => undefined);
    else await sftp.command(packetTypes.rename, both);
  } catch {
    // Why it is so, and what it is called, the longer way says.
    await renameAt(far, from, to, options);
  }
}

/** A folder that is reached through folders. */
async function isFolder(far: FarRoot, path: string): Promise<boolean> {
  const found = [
    lookOnce(far, ''),
    ...path.split('/').map((_, at, parts) => lookOnce(far, parts.slice(0, at + 1).join('/'))),
  ];
  return (await Promise.all(found)).every(
    (attributes) => attributes !== undefined && kindOf(attributes.mode) === 'folder',
  );
}

export async function makeSymlinkAt(far: FarRoot, path: string, target: string): Promise<void> {
  await makeFolders(far, parentPath(path));
  try {
    // OpenSSH takes the two in the opposite order of the draft, and everybody has followed it.
    await far.sftp.command(packetTypes.symlink, (writer) => writer.path(target).path(fullPath(far, path)));
  } catch (error) {
    if ((await look(far, path)) !== undefined) throw refuse(far, 'exists', path, 'has that name already');
    throw await explained(far, error, 'make the symlink', path);
  }
}

export async function setMetadataAt(
  far: FarRoot,
  path: string,
  metadata: { mtimeMs?: number; mode?: number },
): Promise<void> {
  const there = await reach(far, path, { strict: true });
  if (there === undefined) throw refuse(far, 'not_found', path, 'is not there');
  if (kindOf(there.mode) === 'symlink')
    throw refuse(far, 'unsupported', path, 'is a symlink, whose metadata is not set');
  const seconds = metadata.mtimeMs === undefined ? undefined : Math.max(0, Math.floor(metadata.mtimeMs / 1000));
  const attributes: Attributes = {
    ...(metadata.mode === undefined ? {} : { mode: metadata.mode & 0o7777 }),
    ...(seconds === undefined ? {} : { mtimeSeconds: seconds, atimeSeconds: there.atimeSeconds ?? seconds }),
  };
  try {
    await far.sftp.command(packetTypes.setstat, (writer) => writer.path(fullPath(far, path)).attributes(attributes));
  } catch (error) {
    throw await explained(far, error, 'set time and mode of', path);
  }
}

const foldersAtOnce = 16;

/** All entries below a folder, in no order, by SFTP alone. `troubles` gets the folders that could not be read. */
export async function listBySftp(
  far: FarRoot,
  start: string,
  signal: AbortSignal,
  troubles: Fault[],
): Promise<Entry[]> {
  const entries: Entry[] = [];
  const waiting = [start];
  const links: Entry[] = [];
  const one = async (folder: string) => {
    try {
      await listFolder(far, folder, (entry) => {
        if (entry.kind === 'symlink') links.push(entry);
        else entries.push(entry);
        if (entry.kind === 'folder') waiting.push(entry.path);
      });
    } catch (error) {
      const fault = farFault(error, { operation: 'list', path: folder, place: far.place });
      if (folder === start) throw fault;
      if (fault.code === 'permission') troubles.push(fault);
      // Gone since it was named.
      else if (fault.code !== 'not_found') throw fault;
    }
  };
  const running = new Set<Promise<void>>();
  while (waiting.length > 0 || running.size > 0) {
    signal.throwIfAborted();
    for (let folder = running.size < foldersAtOnce ? waiting.pop() : undefined; folder !== undefined; ) {
      const task = one(folder).finally(() => running.delete(task));
      running.add(task);
      folder = running.size < foldersAtOnce ? waiting.pop() : undefined;
    }
    await Promise.race(running);
  }
  for (let at = 0; at < links.length; at += 64) {
    signal.throwIfAborted();
    const some = links.slice(at, at + 64);
    const targets = await Promise.all(some.map(({ path }) => linkTargetOf(far, path)));
    for (const [index, entry] of some.entries()) {
      const linkTarget = targets[index];
      if (linkTarget !== undefined) entries.push({ ...entry, linkTarget });
    }
  }
  return entries;
}

async function listFolder(far: FarRoot, folder: string, found: (entry: Entry) => void): Promise<void> {
  const { sftp } = far;
  const handle = await sftp.handle(packetTypes.opendir, (writer) => writer.path(fullPath(far, folder)));
  try {
    for (;;) {
      const names = await sftp.names(packetTypes.readdir, (writer) => writer.bytes(handle));
      if (names === null) return;
      for (const { name, attributes } of names) {
        if (name !== '.' && name !== '..') found(entryOf(checkedName(far, folder, name), attributes));
      }
    }
  } finally {
    void sftp.command(packetTypes.close, (writer) => writer.bytes(handle)).catch(() => undefined);
  }
}

/** A name in a folder is one name. What leads elsewhere comes from a host that lies, or is no name at all. */
export function checkedName(far: FarRoot, folder: string, name: string): string {
  const path = joinPath(folder, name);
  if (name.includes('/') || name === '' || safeRelativePath(path) !== path) {
    throw refuse(
      far,
      'name_unsafe',
      name,
      'was named as something in a folder, but is a path that leads elsewhere: the host is not to be trusted',
    );
  }
  return path;
}
