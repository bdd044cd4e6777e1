// One small file of a pack, inside a worker: read, hashed, written aside, read back.

import { constants, lstatSync } from 'node:fs';
import type { ConfinedRoot } from '../../endpoints/confined.ts';
import { type ContentHasher, createHasher, createLeafHasher, type LeafHasher } from '../../endpoints/content-hash.ts';
import { checkStop } from '../../endpoints/control.ts';
import { type Control, sides } from '../../endpoints/mounts.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { blockBytes, type ContentHash, type HashAlgorithm } from '../../model/hash.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath, partialName } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { LaneFile, removeFile } from './lane-file.ts';
import type { MoveOptions, PackFile } from './move.ts';
import type { PackPublishing } from './pack-journal.ts';
import { setMetadata } from './publish-partial.ts';
import { identityOf, inodeOf, sameSource, sourceChanged } from './source-identity.ts';

export interface PackPlaces {
  readonly source: ConfinedRoot;
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

/** A file whose content stands verified in a partial, or was there already. */
export interface StagedFile extends PackPublishing {
  readonly alreadyThere: boolean;
  readonly replace: boolean;
  /** It lies where the group's one sync does not reach. */
  readonly ownFolderSync: boolean;
}

const bufferBytes = 256 * 1024;

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

  partialPath({ destinationPath, transferId }: PackFile): string {
    return joinPath(parentPath(destinationPath), partialName(baseName(destinationPath), transferId, this.#rules.fence));
  }

  /** Throws the file's Fault; its partial is gone then. */
  stage(file: PackFile): StagedFile {
    const { source, control } = this.#places;
    const reading = LaneFile.open(source, file.sourcePath, constants.O_RDONLY, sides.source, control);
    try {
      const identity = identityOf(reading.stats, reading.fd);
      const target = this.#target(file, reading, identity);
      if ('there' in target) return this.#there(file, identity, target.there);
      return this.#copy(file, reading, identity, target);
    } finally {
      reading.release();
    }
  }

  #copy(
    file: PackFile,
    reading: LaneFile,
    identity: SourceIdentity,
    { finalPath, replace }: { finalPath: string; replace: boolean },
  ): StagedFile {
    const { destination, control } = this.#places;
    const { options, isPlain, syncedDevice } = this.#rules;
    const partialPath = this.partialPath(file);
    const { mode, uid, gid } = reading.stats;
    const writing = this.#create(partialPath, options.preserve.mode ? (mode & 0o777) | 0o600 : 0o666);
    try {
      const reader = this.#hasher(this.#algorithm, identity.sizeBytes);
      const check = this.#algorithm === 'xxh128-8m' ? null : createHasher('xxh128-8m');
      for (let at = 0; at < identity.sizeBytes; ) {
        const length = Math.min(bufferBytes, identity.sizeBytes - at);
        control.throttle(length);
        if (reading.read(this.#chunk, length, at) < length)
          throw sourceChanged({ root: this.#places.source.root, path: file.sourcePath });
        const chunk = this.#chunk.subarray(0, length);
        reader.update(chunk);
        check?.update(chunk);
        writing.write(chunk, length, at);
        control.addBytes(length);
        at += length;
        if (at < identity.sizeBytes) checkStop(control);
      }
      const value = reader.digest();
      if (!sameSource(identity, identityOf(reading.statsNow(), reading.fd))) {
        throw sourceChanged({ root: this.#places.source.root, path: file.sourcePath });
      }
      const isGrouped = writing.stats.dev === syncedDevice;
      const facts = { identity, mode: mode & 0o7777, uid, gid, allocatedBytes: identity.sizeBytes };
      if (!isPlain) {
        writing.sync();
        this.#verify(partialPath, identity.sizeBytes, check?.digest() ?? value);
        setMetadata(writing, facts, options.preserve);
        writing.sync();
      } else {
        this.#verify(partialPath, identity.sizeBytes, check?.digest() ?? value);
        setMetadata(writing, facts, options.preserve);
        if (!isGrouped) writing.sync();
      }
      const inode = inodeOf(writing.stats, writing.fd);
      writing.close();
      const hash: ContentHash = { algorithm: this.#algorithm, value };
      return {
        file,
        identity,
        verify: options.verify === 'size' ? 'size' : 'read-back',
        partialPath,
        finalPath,
        ...inode,
        sizeBytes: identity.sizeBytes,
        hash,
        alreadyThere: false,
        replace,
        ownFolderSync: !isGrouped,
      };
    } catch (error) {
      writing.release();
      removeFile(destination, partialPath, control);
      throw error;
    }
  }

  #create(path: string, mode: number): LaneFile {
    const { destination, control } = this.#places;
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL;
    const open = () => LaneFile.open(destination, path, flags, sides.destination, control, { mode, create: true });
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
  #verify(path: string, sizeBytes: number, expected: string): void {
    if (this.#rules.options.verify === 'size') return;
    const { destination } = this.#places;
    if (this.#digestOf(destination, path, sizeBytes) === expected) return;
    const place = { path: displayPath(path), endpoint: displayPath(destination.root), operation: 'read back' };
    throw new Fault('corrupt', `${place.path} in ${place.endpoint} reads back other than it was written.`, { place });
  }

  /** `xxh128-8m` of a file at the destination, up to a size; undefined where it is shorter. */
  #digestOf(root: ConfinedRoot, path: string, sizeBytes: number): string | undefined {
    const file = LaneFile.open(root, path, constants.O_RDONLY, sides.destination, this.#places.control);
    try {
      const hasher = this.#hasher('xxh128-8m', sizeBytes);
      for (let at = 0; at < sizeBytes; ) {
        const length = Math.min(bufferBytes, sizeBytes - at);
        if (file.read(this.#back, length, at) < length) return undefined;
        hasher.update(this.#back.subarray(0, length));
        at += length;
      }
      return hasher.digest();
    } finally {
      file.release();
    }
  }

  /** For most files one leaf that is used again and again. */
  #hasher(algorithm: HashAlgorithm, sizeBytes: number): ContentHasher {
    if (algorithm !== 'xxh128-8m' || sizeBytes > blockBytes) return createHasher(algorithm);
    const leaf = this.#leaf;
    leaf.reset();
    return { update: (bytes) => leaf.update(bytes), digest: () => Buffer.from(leaf.digest()).toString('hex') };
  }

  /** Under which name it goes, by the conflict rule; throws `exists` where that leaves what is there. */
  #target(
    file: PackFile,
    reading: LaneFile,
    identity: SourceIdentity,
  ): { finalPath: string; replace: boolean } | { there: string } {
    const { conflict } = this.#rules.options;
    const path = file.destinationPath;
    // What has the name is only looked at by the rename, which refuses to replace a folder.
    if (conflict === 'overwrite') return { finalPath: path, replace: true };
    const there = this.#look(path);
    if (there === undefined) return { finalPath: path, replace: false };
    const { destination } = this.#places;
    const place = { path: displayPath(path), endpoint: displayPath(destination.root) };
    const refuse = (why: string): never => {
      throw new Fault('exists', `${place.path} in ${place.endpoint} ${why}.`, { place });
    };
    if (conflict === 'fail') refuse('is there already');
    if (there.isFile() && there.size === identity.sizeBytes) {
      const digest = this.#digestOf(destination, path, identity.sizeBytes);
      if (digest !== undefined && digest === this.#sourceDigest(reading, identity.sizeBytes)) return { there: digest };
    }
    if (conflict === 'rename') {
      for (let n = 1; ; n++) {
        const finalPath = joinPath(parentPath(path), numberedName(baseName(path), n));
        if (this.#look(finalPath) === undefined) return { finalPath, replace: false };
      }
    }
    if (conflict === 'skip') refuse('has other content and was left as it is');
    if (there.isDirectory()) refuse('is a folder, and a file is to take its name');
    if (identity.mtimeMs <= there.mtimeMs + this.#rules.mtimePrecisionMs) refuse('is newer and was left as it is');
    return { finalPath: path, replace: true };
  }

  #look(path: string) {
    const { destination, control } = this.#places;
    try {
      const at = destination.file(path, { create: true });
      control.enter(sides.destination);
      return lstatSync(at, { throwIfNoEntry: false });
    } catch (error) {
      if (asFault(error).code === 'not_found') return undefined;
      throw error;
    }
  }

  #sourceDigest(reading: LaneFile, sizeBytes: number): string {
    const hasher = this.#hasher('xxh128-8m', sizeBytes);
    for (let at = 0; at < sizeBytes; ) {
      const length = reading.read(this.#chunk, Math.min(bufferBytes, sizeBytes - at), at);
      if (length === 0) break;
      hasher.update(this.#chunk.subarray(0, length));
      at += length;
    }
    return hasher.digest();
  }

  #there(file: PackFile, identity: SourceIdentity, value: string): StagedFile {
    return {
      file,
      identity,
      verify: 'read-back',
      partialPath: '',
      finalPath: file.destinationPath,
      device: '',
      inode: '',
      sizeBytes: identity.sizeBytes,
      hash: { algorithm: 'xxh128-8m', value },
      alreadyThere: true,
      replace: false,
      ownFolderSync: false,
    };
  }
}
