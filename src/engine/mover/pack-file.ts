// One small file of a pack, inside a worker: read, hashed, written aside, read back.

import { constants, lstatSync } from 'node:fs';
import type { ConfinedRoot, Located } from '../../endpoints/confined.ts';
import {
  type ContentHasher,
  createHasher,
  createLeafHasher,
  hashBlock,
  type LeafHasher,
} from '../../endpoints/content-hash.ts';
import { checkStop } from '../../endpoints/control.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import type { FileFacts, OpenFacts } from '../../endpoints/system-calls.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { blockBytes, type HashAlgorithm } from '../../model/hash.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath, partialName } from '../../model/names.ts';
import { LaneFile, removeFile } from './lane-file.ts';
import type { MoveOptions, PackFile } from './move.ts';
import type { StagedFile } from './pack-journal.ts';
import type { PackReading } from './pack-source.ts';
import { setMetadata } from './publish-partial.ts';
import { inodeOf, sourceChanged } from './source-identity.ts';

export interface PackPlaces {
  /** The source's name, for faults. */
  readonly source: string;
  readonly destination: ConfinedRoot;
  readonly control: Control;
}

export interface PackRules {
  readonly fence: number;
  readonly options: MoveOptions;
  readonly mtimePrecisionMs: number;
  /** Reading back from the page cache shows what was written; else each file is made durable first. */
  readonly isPlain: boolean;
  /** Device of the destination's root where one sync of its file system stands for all files; others are made durable one by one. */
  readonly syncedDevice: number | null;
}

/** A file whose content stands verified in its partial, or was there already. */
export interface CopiedFile extends StagedFile {
  readonly file: PackFile;
  readonly partialPath: string;
  readonly alreadyThere: boolean;
  readonly replace: boolean;
  /** It lies where the group's one sync does not reach. */
  readonly ownFolderSync: boolean;
}

interface Hashes {
  /** By the algorithm that was asked for. */
  readonly asked: string;
  /** `xxh128-8m`, for comparing with what is read back; undefined where the whole content stands in memory and is compared itself. */
  readonly check: string | undefined;
}

interface Target {
  /** '' where it is the planned one. */
  readonly finalPath: string;
  readonly replace: boolean;
}

const bufferBytes = 256 * 1024;
/** How often a file is written that does not read back as it was written. */
const writesOfAFile = 3;

/** Copies files one after the other with the same buffers and hashers. */
export class PackCopier {
  readonly #places: PackPlaces;
  readonly #rules: PackRules;
  readonly #algorithm: HashAlgorithm;
  readonly #chunk = Buffer.allocUnsafeSlow(bufferBytes);
  readonly #back = Buffer.allocUnsafeSlow(bufferBytes);
  readonly #leaf: LeafHasher = createLeafHasher();

  constructor(places: PackPlaces, rules: PackRules) {
    this.#places = places;
    this.#rules = rules;
    this.#algorithm = rules.options.algorithm ?? 'xxh128-8m';
  }

  /**
   * Throws the file's Fault; its partial is gone then. `at` is its position in the pack, `reading` stays open. Rejects with `unsupported`
   * what comes by a stream and would have to be compared with what has its name.
   */
  stage(file: PackFile, at: number, reading: PackReading): CopiedFile {
    const target = this.#target(file, reading);
    if ('there' in target) return this.#there(file, at, reading, target.there);
    for (let pass = 1; ; pass++) {
      try {
        return this.#copy(file, at, reading, target);
      } catch (error) {
        if (pass === writesOfAFile || !reading.isLasting || asFault(error).code !== 'corrupt') throw error;
        this.#places.control.addBytes(-reading.stats.size);
      }
    }
  }

  #copy(file: PackFile, at: number, reading: PackReading, { finalPath, replace }: Target): CopiedFile {
    const { destination, control } = this.#places;
    const { options, isPlain, syncedDevice, fence } = this.#rules;
    const { stats } = reading;
    const { folder, name } = destination.locate(file.destinationPath, { create: true });
    const partial: Located = { folder, name: partialName(name, file.transferId, fence) };
    const partialPath = joinPath(folder.path, partial.name);
    const writing = this.#create(partialPath, partial, options.preserve.mode ? (stats.mode & 0o777) | 0o600 : 0o666);
    try {
      const hash = this.#write(file, reading, writing);
      if (!reading.isSame()) throw this.#changed(file);
      if (!isPlain) writing.sync();
      if (options.verify !== 'size') this.#verify(partialPath, { stats: writing.stats, at: partial }, stats.size, hash);
      const source = reading.identity();
      const attributes = options.preserve.xattrs ? reading.attributes() : undefined;
      const { uid, gid } = stats;
      setMetadata(writing, { identity: source, mode: stats.mode & 0o7777, uid, gid, attributes }, options.preserve);
      const ownFolderSync = writing.stats.dev !== syncedDevice;
      if (!isPlain || ownFolderSync) writing.sync();
      const { device, inode } = inodeOf(writing.stats, writing.fd);
      writing.close();
      return {
        at,
        finalPath,
        device,
        inode,
        source,
        hash: hash.asked,
        file,
        partialPath,
        alreadyThere: false,
        replace,
        ownFolderSync,
      };
    } catch (error) {
      writing.release();
      removeFile(destination, partialPath, control);
      throw error;
    }
  }

  #write(file: PackFile, reading: PackReading, writing: LaneFile): Hashes {
    return reading.stats.size <= bufferBytes
      ? this.#writeWhole(file, reading, writing)
      : this.#writeParts(file, reading, writing);
  }

  /** The content stands in `#chunk` then. */
  #writeWhole(file: PackFile, reading: PackReading, writing: LaneFile): Hashes {
    const { control } = this.#places;
    const { size } = reading.stats;
    control.throttle(size);
    if (reading.read(this.#chunk, size, 0) < size) throw this.#changed(file);
    writing.write(this.#chunk, size, 0);
    control.addBytes(size);
    const content = this.#chunk.subarray(0, size);
    if (this.#algorithm === 'xxh128-8m') return { asked: hashBlock(content), check: undefined };
    const hasher = createHasher(this.#algorithm);
    hasher.update(content);
    return { asked: hasher.digest(), check: undefined };
  }

  #writeParts(file: PackFile, reading: PackReading, writing: LaneFile): Hashes {
    const { control } = this.#places;
    const { size } = reading.stats;
    const hasher = this.#hasher('xxh128-8m', size);
    const asked = this.#algorithm === 'xxh128-8m' ? null : createHasher(this.#algorithm);
    for (let at = 0; at < size; ) {
      const length = Math.min(bufferBytes, size - at);
      control.throttle(length);
      if (reading.read(this.#chunk, length, at) < length) throw this.#changed(file);
      const chunk = this.#chunk.subarray(0, length);
      hasher.update(chunk);
      asked?.update(chunk);
      writing.write(chunk, length, at);
      control.addBytes(length);
      at += length;
      if (at < size) checkStop(control);
    }
    const check = hasher.digest();
    return { asked: asked?.digest() ?? check, check };
  }

  #create(path: string, at: Located, mode: number): LaneFile {
    const { destination, control } = this.#places;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const open = () => LaneFile.open(destination, path, flags, sides.destination, control, { mode, at });
    try {
      return open();
    } catch (error) {
      if (asFault(error).code !== 'exists') throw error;
      // A leftover of this very attempt: nobody else makes that name.
      removeFile(destination, path, control);
      return open();
    }
  }

  /** Reads the partial through a descriptor of its own. */
  #verify(path: string, made: { stats: OpenFacts; at: Located }, sizeBytes: number, { check }: Hashes): void {
    const { destination, control } = this.#places;
    const file = LaneFile.again(destination, path, made, sides.destination, control);
    try {
      const isSame = check === undefined ? this.#isChunk(file, sizeBytes) : this.#digest(file, sizeBytes) === check;
      if (isSame) return;
    } finally {
      file.release();
    }
    const place = { path: displayPath(path), endpoint: displayPath(destination.root), operation: 'read back' };
    throw new Fault('corrupt', `${place.path} in ${place.endpoint} reads back other than it was written.`, { place });
  }

  /** True where the file holds what was read from the source and still stands in memory, byte for byte. */
  #isChunk(file: LaneFile, sizeBytes: number): boolean {
    if (sizeBytes === 0) return true;
    if (file.read(this.#back, sizeBytes, 0) < sizeBytes) return false;
    return this.#back.compare(this.#chunk, 0, sizeBytes, 0, sizeBytes) === 0;
  }

  /** `xxh128-8m` of a file at the destination, up to a size; undefined where it is shorter. */
  #digestOf(path: string, sizeBytes: number): string | undefined {
    const { destination, control } = this.#places;
    const file = LaneFile.open(destination, path, constants.O_RDONLY, sides.destination, control);
    try {
      return this.#digest(file, sizeBytes);
    } finally {
      file.release();
    }
  }

  #digest(file: Pick<LaneFile, 'read'>, sizeBytes: number): string | undefined {
    const hasher = this.#hasher('xxh128-8m', sizeBytes);
    for (let at = 0; at < sizeBytes; ) {
      const length = Math.min(bufferBytes, sizeBytes - at);
      if (file.read(this.#back, length, at) < length) return undefined;
      hasher.update(this.#back.subarray(0, length));
      at += length;
    }
    return hasher.digest();
  }

  /** For most files one leaf that is used again and again; no two at a time. */
  #hasher(algorithm: HashAlgorithm, sizeBytes: number): ContentHasher {
    if (algorithm !== 'xxh128-8m' || sizeBytes > blockBytes) return createHasher(algorithm);
    const leaf = this.#leaf;
    leaf.reset();
    return { update: (bytes) => leaf.update(bytes), digest: () => (leaf.digest() as Buffer).toString('hex') };
  }

  /** Under which name it goes, by the conflict rule; throws `exists` where that leaves what is there. */
  #target(file: PackFile, reading: PackReading): Target | { there: string } {
    const { conflict } = this.#rules.options;
    // What has the name is only looked at by the rename, which refuses to replace a folder.
    if (conflict === 'overwrite') return { finalPath: '', replace: true };
    const path = file.destinationPath;
    const there = this.#look(path);
    if (there === undefined) return { finalPath: '', replace: false };
    const { destination } = this.#places;
    const place = { path: displayPath(path), endpoint: displayPath(destination.root) };
    const refuse = (why: string): never => {
      throw new Fault('exists', `${place.path} in ${place.endpoint} ${why}.`, { place });
    };
    if (conflict === 'fail') refuse('is there already');
    const { size, mtimeMs } = reading.stats;
    if (there.isFile() && there.size === size && !reading.isLasting) {
      throw new Fault('unsupported', `${place.path} in ${place.endpoint} is there already and is compared by itself.`);
    }
    if (there.isFile() && there.size === size) {
      const digest = this.#digestOf(path, size);
      if (digest !== undefined && digest === this.#digest(reading, size)) return { there: digest };
    }
    if (conflict === 'rename') {
      for (let n = 1; ; n++) {
        const finalPath = joinPath(parentPath(path), numberedName(baseName(path), n));
        if (this.#look(finalPath) === undefined) return { finalPath, replace: false };
      }
    }
    if (conflict === 'skip') refuse('has other content and was left as it is');
    if (there.isDirectory()) refuse('is a folder, and a file is to take its name');
    if (mtimeMs <= there.mtimeMs + this.#rules.mtimePrecisionMs) refuse('is newer and was left as it is');
    return { finalPath: '', replace: true };
  }

  #look(path: string): FileFacts | undefined {
    const { destination, control } = this.#places;
    try {
      const file = destination.file(path, { create: true });
      control.enter(sides.destination);
      return lstatSync(file, { throwIfNoEntry: false });
    } catch (error) {
      if (asFault(error).code === 'not_found') return undefined;
      throw error;
    }
  }

  #changed({ sourcePath }: PackFile): Fault {
    return sourceChanged({ root: this.#places.source, path: sourcePath });
  }

  #there(file: PackFile, at: number, reading: PackReading, hash: string): CopiedFile {
    return {
      at,
      finalPath: '',
      device: '',
      inode: '',
      source: reading.identity(),
      hash,
      file,
      partialPath: '',
      alreadyThere: true,
      replace: false,
      ownFolderSync: false,
    };
  }
}
