// A pack inside its worker: groups of small files are copied, made durable, noted, published and reported, one group after the other.

import { constants, statSync } from 'node:fs';
import { ConfinedRoot } from '../../endpoints/confined.ts';
import { type Control, type OperationContext, type StopReason, sides, stopReasons } from '../../endpoints/mounts.ts';
import { systemCalls } from '../../endpoints/system-calls.ts';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import { displayPath, parentPath } from '../../model/names.ts';
import { type GroupSync, openGroupSync, type SyncWay } from './group-sync.ts';
import { LaneFile, removeFile } from './lane-file.ts';
import type { PackFile } from './move.ts';
import { type Columns, filesFrom, publishedColumns } from './pack-columns.ts';
import { type CopiedFile, PackCopier, type PackRules } from './pack-file.ts';
import { type PackHead, PackJournalWriter } from './pack-journal.ts';
import { FolderSource, type NextFile, type PackReading, type PackSource, StreamSource } from './pack-source.ts';
import { giveName } from './publish-partial.ts';
import { sourceChanged } from './source-identity.ts';

export interface PackInput {
  readonly from:
    | { readonly root: string }
    /** Memory of a write ring, which is fed as pack-source.ts says; the place's name for faults; and a byte for each file, not 0 where it has changed. */
    | { readonly name: string; readonly ring: SharedArrayBuffer; readonly changed: SharedArrayBuffer };
  readonly destinationRoot: string;
  /** The destination endpoint's name, for the journal. */
  readonly destination: string;
  /** `fileColumns` of the pack's files. */
  readonly files: Columns;
  readonly rules: Omit<PackRules, 'syncedDevice'>;
  readonly journal: string;
  /** Both ends are disks of this machine. A worker that is given up in a call to a share is ended there, and only what Node opened is closed then. */
  readonly isNear: boolean;
  readonly syncWay: SyncWay;
  /** Int32 cells: groups that may be published so far (the worker waits for it; -1: none any more), groups that the ledger has. */
  readonly leave: SharedArrayBuffer;
}

/** `staged` asks for leave to publish; `durable` says which files stand under their final names for good. */
export type PackMessage =
  | {
      readonly kind: 'staged';
      readonly group: number;
      /** Positions of the files that it would publish, where they come by a stream. */
      readonly at: readonly number[];
    }
  | {
      readonly kind: 'durable';
      readonly group: number;
      /** `publishedColumns` of them. */
      readonly published: Columns;
      readonly failed: readonly FailedRow[];
    };

export interface FailedRow {
  readonly at: number;
  readonly fault: FaultReport;
}

export interface PackLaneOutcome {
  /** Files of which nothing was said by then were not begun, or their group was given up because of the stop. */
  readonly stopped: StopReason;
}

/** How much goes under way together. */
interface GroupSizes {
  readonly files: number;
  readonly bytes: number;
  /** Of groups that wait for leave to publish, one alone may have more; -1: only one waits. */
  readonly waitingBytes: number;
}

const mebibyte = 1024 * 1024;
/** What comes by a stream has been paid for by the way here: with what stands in its memory, a block is all that is lost with a worker. */
const sizes: Readonly<Record<'folder' | 'stream', Readonly<Record<'durable' | 'inMemory', GroupSizes>>>> = {
  folder: {
    durable: { files: 1_000, bytes: 64 * mebibyte, waitingBytes: -1 },
    // Where no sync is to be paid for, so that commits and copying go side by side.
    inMemory: { files: 500, bytes: 64 * mebibyte, waitingBytes: -1 },
  },
  stream: {
    durable: { files: 1_000, bytes: 3 * mebibyte, waitingBytes: 3 * mebibyte },
    inMemory: { files: 500, bytes: 1.5 * mebibyte, waitingBytes: 4.5 * mebibyte },
  },
};
/** So long does a file that came by a stream wait for others. */
const companyMs = 1_000;
const lookAgainMs = 100;
/** Files from which on loading the native system calls costs less than it saves. */
const worthLoading = 300;

interface Group {
  readonly index: number;
  /** How many were taken from the source for it, and their bytes. */
  files: number;
  bytes: number;
  /** Not published yet, or published and not known to be durable under their final names. */
  staged: CopiedFile[];
  readonly there: CopiedFile[];
  readonly failed: FailedRow[];
}

export function movePackFiles(input: PackInput, { control, emit }: OperationContext): PackLaneOutcome {
  return new PackLane(input, control, (message) => emit(message)).run();
}

class PackLane {
  readonly #files: readonly PackFile[];
  readonly #control: Control;
  readonly #emit: (message: PackMessage) => void;
  readonly #source: PackSource;
  readonly #isStream: boolean;
  /** Not 0 where a file that came by the stream has changed since. */
  readonly #changed: Uint8Array | undefined;
  readonly #destination: ConfinedRoot;
  readonly #journal: PackJournalWriter;
  readonly #copier: PackCopier;
  readonly #leave: Int32Array;
  /** Only with the sync way `group`. */
  readonly #sync: GroupSync | undefined;
  #syncWay: SyncWay;
  readonly #sizes: GroupSizes;
  /** Durable, and waiting for leave to publish while the next ones are copied; oldest first. */
  readonly #waiting: Group[] = [];
  /** Published, and not yet known to be durable under their final names. */
  #unsettled: Group[] = [];
  #publishedAt = 0;
  #committed = 0;

  constructor(input: PackInput, control: Control, emit: (message: PackMessage) => void) {
    this.#files = filesFrom(input.files);
    this.#control = control;
    this.#emit = emit;
    this.#leave = new Int32Array(input.leave);
    const calls = input.isNear && this.#files.length >= worthLoading ? systemCalls() : undefined;
    const { from } = input;
    this.#isStream = 'ring' in from;
    this.#changed = 'ring' in from ? new Uint8Array(from.changed) : undefined;
    this.#source =
      'ring' in from
        ? new StreamSource(from.ring, from.name, this.#files, control)
        : new FolderSource(
            ConfinedRoot.open(from.root, { beforeCall: () => control.enter(sides.source), calls }),
            this.#files,
            control,
          );
    try {
      const beforeCall = () => control.enter(sides.destination);
      this.#destination = ConfinedRoot.open(input.destinationRoot, { beforeCall, create: true, calls });
    } catch (error) {
      this.#source.close();
      throw error;
    }
    const files = this.#files.length;
    this.#sync = input.syncWay === 'group' ? openGroupSync(this.#destination, { files, control }) : undefined;
    this.#syncWay = input.syncWay === 'group' && this.#sync === undefined ? 'each' : input.syncWay;
    const syncedDevice = this.#syncWay === 'each' ? null : statSync(this.#destination.openFolder('').self).dev;
    const places = { source: this.#source.name, destination: this.#destination, control };
    this.#copier = new PackCopier(places, { ...input.rules, syncedDevice });
    this.#sizes = sizes[this.#isStream ? 'stream' : 'folder'][this.#isDurable ? 'durable' : 'inMemory'];
    const { options, fence } = input.rules;
    const head: PackHead = {
      version: 1,
      destination: input.destination,
      fence,
      algorithm: options.algorithm ?? 'xxh128-8m',
      verify: options.verify === 'size' ? 'size' : 'read-back',
    };
    this.#journal = new PackJournalWriter(input.journal, head, control, { durable: this.#isDurable });
  }

  /** What lies in memory does not outlive a power cut, so its journal need not either. */
  get #isDurable(): boolean {
    return this.#syncWay !== 'none';
  }

  run(): PackLaneOutcome {
    try {
      this.#journal.begin(this.#files);
      for (let index = 0, isOver = false; !isOver; index++) {
        const group = this.#stage(index);
        if (group === undefined) return this.#stopped();
        isOver = this.#source.isOver;
        if (group.files > 0) {
          if (!this.#publishUpTo(this.#sizes.waitingBytes - group.bytes)) {
            this.#giveUp(group);
            return this.#stopped();
          }
          this.#prepare(group);
          this.#waiting.push(group);
        } else if (!isOver) {
          // Nothing more comes just now: what has its name is made durable and told.
          this.#settle();
        }
      }
      if (!this.#publishUpTo(-1)) return this.#stopped();
      this.#settle();
      return { stopped: stopReasons.run };
    } finally {
      this.#journal.close();
      this.#sync?.close();
      this.#source.close();
      this.#destination.close();
    }
  }

  #stopped(): PackLaneOutcome {
    this.#publishGranted();
    for (const group of this.#waiting.splice(0)) this.#giveUp(group);
    this.#settle();
    return { stopped: this.#control.stop };
  }

  /** Undefined where the stop flag was set or the fence lost: then nothing of the group is left. Without files where none came for a while. */
  #stage(index: number): Group | undefined {
    const group: Group = { index, files: 0, bytes: 0, staged: [], there: [], failed: [] };
    let companyUntil = Number.POSITIVE_INFINITY;
    while (group.files < this.#sizes.files && group.bytes < this.#sizes.bytes) {
      try {
        if (this.#control.stop !== stopReasons.run || this.#leaveNow < 0) return this.#givenUp(group);
        this.#publishGranted();
        const settleAt = this.#unsettled.length > 0 ? this.#publishedAt + companyMs : Number.POSITIVE_INFINITY;
        const until = Math.min(companyUntil, settleAt);
        const next = this.#source.next(until, () => this.#isGranted);
        if (next === undefined) {
          if (this.#source.isOver || performance.now() >= until) break;
          continue;
        }
        if (this.#isStream && group.files === 0) companyUntil = performance.now() + companyMs;
        group.files++;
        group.bytes += this.#files[next.at]?.entry.sizeBytes ?? 0;
        this.#take(next, group);
      } catch (error) {
        if (asFault(error).code !== 'interrupted') throw error;
        return this.#givenUp(group);
      }
    }
    return group;
  }

  /** Throws `unreachable` and `interrupted`; anything else is the file's own trouble. */
  #take({ at, open }: NextFile, group: Group): void {
    let reading: PackReading | undefined;
    try {
      reading = open();
      const copied = this.#copier.stage(this.#files[at] as PackFile, at, reading);
      (copied.alreadyThere ? group.there : group.staged).push(copied);
    } catch (error) {
      const fault = asFault(error);
      // A worker that has been given up may touch nothing further.
      if (fault.code === 'unreachable' || fault.code === 'interrupted') throw fault;
      group.failed.push({ at, fault: fault.report() });
    } finally {
      reading?.release();
    }
  }

  #givenUp(group: Group): undefined {
    this.#giveUp(group);
    return undefined;
  }

  /** Makes the group's content durable and asks for leave to publish it. */
  #prepare(group: Group): void {
    this.#makeDurable(group);
    for (; this.#committed < Atomics.load(this.#leave, 1); this.#committed++) this.#journal.committed(this.#committed);
    if (group.staged.length > 0) this.#journal.publishing(group.index, group.staged, { durable: this.#isDurable });
    const at = this.#isStream ? group.staged.map((copied) => copied.at) : [];
    this.#emit({ kind: 'staged', group: group.index, at });
  }

  /** Groups that may be published so far; below 0: none any more. */
  get #leaveNow(): number {
    return Atomics.load(this.#leave, 0);
  }

  /** True where what has waited longest may be published. */
  get #isGranted(): boolean {
    const [first] = this.#waiting;
    return first !== undefined && this.#leaveNow > first.index;
  }

  /** All that have leave by now. */
  #publishGranted(): void {
    while (this.#isGranted) this.#publish(this.#waiting.shift() as Group);
  }

  /** Until no more than so many bytes wait (below 0: nothing). False: the stop flag was set or the fence lost before leave was given. */
  #publishUpTo(mostBytes: number): boolean {
    this.#publishGranted();
    while (this.#waiting.length > 0 && this.#waiting.reduce((sum, { bytes }) => sum + bytes, 0) > mostBytes) {
      const leave = this.#leaveNow;
      if (leave < 0 || this.#control.stop !== stopReasons.run) return false;
      this.#control.enter(sides.none);
      if (!this.#isGranted) Atomics.wait(this.#leave, 0, leave, lookAgainMs);
      this.#publishGranted();
    }
    return true;
  }

  #makeDurable(group: Group): void {
    try {
      if (this.#syncWay === 'group' && this.#sync?.sync() === true) this.#report();
      else if (this.#sync !== undefined) {
        // It was left to the group's sync, which turned out not to be there: for this group and all that follow.
        this.#syncWay = 'each';
        this.#forEach(group, ({ partialPath }) => this.#syncFile(partialPath));
      }
    } catch (error) {
      const fault = asFault(error);
      if (fault.code === 'unreachable') throw fault;
      this.#failAll(group, fault);
      this.#settleByFolder();
      return;
    }
    try {
      this.#destination.syncMade();
    } catch (error) {
      this.#failAll(group, asFault(error));
    }
  }

  /** Once there is leave. */
  #publish(group: Group): void {
    const folders = new Set<string>();
    this.#forEach(group, ({ at, file, partialPath, finalPath, replace, ownFolderSync }) => {
      if (this.#changed?.[at]) throw sourceChanged({ root: this.#source.name, path: file.sourcePath });
      const path = finalPath === '' ? file.destinationPath : finalPath;
      const partial = { root: this.#destination.root, path: partialPath };
      if (!giveName(this.#destination, { partial, finalPath: path, replace }, this.#control))
        throw appeared(partial.root, path);
      if (this.#syncWay === 'each' || ownFolderSync) folders.add(parentPath(path));
    });
    this.#syncFolders(group, folders);
    this.#unsettled.push(group);
    this.#publishedAt = performance.now();
    if (this.#syncWay !== 'group') this.#report();
  }

  #syncFolders(group: Group, folders: ReadonlySet<string>): void {
    for (const folder of folders) {
      const fault = this.#syncFolder(folder);
      if (fault === null) continue;
      const isIn = (copied: CopiedFile) => parentPath(copied.file.destinationPath) === folder;
      for (const { at } of group.staged.filter(isIn)) group.failed.push({ at, fault: fault.report() });
      group.staged = group.staged.filter((copied) => !isIn(copied));
    }
  }

  /** After the last group, or where nothing more comes just now: their names are made durable too. */
  #settle(): void {
    if (this.#unsettled.length === 0) return;
    try {
      if (this.#sync?.sync()) this.#report();
      else this.#settleByFolder();
    } catch (error) {
      const fault = asFault(error);
      if (fault.code === 'unreachable') throw fault;
      this.#settleByFolder();
    }
  }

  /** Where the one sync failed: each folder by itself. */
  #settleByFolder(): void {
    for (const group of this.#unsettled)
      this.#syncFolders(group, new Set(group.staged.map(({ file }) => parentPath(file.destinationPath))));
    this.#report();
  }

  #syncFolder(folder: string): Fault | null {
    try {
      this.#control.enter(sides.destination, 60_000);
      this.#destination.syncFolder(folder);
      return null;
    } catch (error) {
      return asFault(error);
    }
  }

  /** What has been published stands durably: by the sync that came after it. */
  #report(): void {
    for (const group of this.#unsettled.splice(0)) {
      const published = publishedColumns([...group.there, ...group.staged]);
      this.#emit({ kind: 'durable', group: group.index, published, failed: group.failed });
    }
  }

  #syncFile(path: string): void {
    const file = LaneFile.open(this.#destination, path, constants.O_RDONLY, sides.destination, this.#control);
    try {
      file.sync();
    } finally {
      file.release();
    }
  }

  /** What fails drops out, and its partial is removed. */
  #forEach(group: Group, work: (copied: CopiedFile) => void): void {
    group.staged = group.staged.filter((copied) => {
      try {
        work(copied);
        return true;
      } catch (error) {
        const fault = asFault(error);
        if (fault.code === 'unreachable') throw fault;
        group.failed.push({ at: copied.at, fault: fault.report() });
        removeFile(this.#destination, copied.partialPath, this.#control);
        return false;
      }
    });
  }

  #failAll(group: Group, fault: Fault): void {
    this.#giveUp(group);
    for (const { at } of group.staged) group.failed.push({ at, fault: fault.report() });
    group.staged = [];
  }

  #giveUp(group: Group): void {
    for (const { partialPath } of group.staged) removeFile(this.#destination, partialPath, this.#control);
  }
}

function appeared(root: string, path: string): Fault {
  const place = { path: displayPath(path), endpoint: displayPath(root) };
  return new Fault('busy', `${place.path} appeared in ${place.endpoint} while it was copied.`, { place });
}
