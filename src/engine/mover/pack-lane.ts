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
import { giveName } from './publish-partial.ts';

export interface PackInput {
  readonly sourceRoot: string;
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
  | { readonly kind: 'staged'; readonly group: number }
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
  /** Files from here on were not begun, or their group was given up because of the stop. */
  readonly begunFiles: number;
  readonly stopped: StopReason;
}

const groupFiles = 1_000;
/** Where no sync is to be paid for, so that commits and copying go side by side. */
const groupFilesInMemory = 500;
const groupBytes = 64 * 1024 * 1024;
const lookAgainMs = 100;
/** Files from which on loading the native system calls costs less than it saves. */
const worthLoading = 300;

interface Group {
  readonly index: number;
  /** Position of its first file in the pack. */
  readonly from: number;
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
  readonly #source: ConfinedRoot;
  readonly #destination: ConfinedRoot;
  readonly #journal: PackJournalWriter;
  readonly #copier: PackCopier;
  readonly #leave: Int32Array;
  /** Only with the sync way `group`. */
  readonly #sync: GroupSync | undefined;
  #syncWay: SyncWay;
  /** Published, and not yet known to be durable under its final names. */
  #unsettled: Group | undefined;
  #committed = 0;

  constructor(input: PackInput, control: Control, emit: (message: PackMessage) => void) {
    this.#files = filesFrom(input.files);
    this.#control = control;
    this.#emit = emit;
    this.#leave = new Int32Array(input.leave);
    const calls = input.isNear && this.#files.length >= worthLoading ? systemCalls() : undefined;
    this.#source = ConfinedRoot.open(input.sourceRoot, { beforeCall: () => control.enter(sides.source), calls });
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
    const places = { source: this.#source, destination: this.#destination, control };
    this.#copier = new PackCopier(places, { ...input.rules, syncedDevice });
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
    const files = this.#files;
    try {
      let begun = 0;
      /** Durable, and waiting for leave to publish while the next group is copied. */
      let ready: Group | undefined;
      for (let index = 0; begun < files.length || ready !== undefined; index++) {
        const wanted = groupFrom(files, begun, this.#isDurable ? groupFiles : groupFilesInMemory);
        const group = wanted.length === 0 ? undefined : this.#stage(index, begun, wanted);
        if (ready !== undefined && !this.#publish(ready)) {
          if (group !== undefined) this.#giveUp(group);
          return this.#stopped(ready.from);
        }
        ready = undefined;
        if (group === undefined) {
          if (wanted.length > 0) return this.#stopped(begun);
          break;
        }
        this.#prepare(group);
        ready = group;
        begun += wanted.length;
      }
      this.#settle();
      return { begunFiles: begun, stopped: stopReasons.run };
    } finally {
      this.#journal.close();
      this.#sync?.close();
      this.#source.close();
      this.#destination.close();
    }
  }

  #stopped(begunFiles: number): PackLaneOutcome {
    this.#settle();
    return { begunFiles, stopped: this.#control.stop };
  }

  /** Undefined where the stop flag was set: then nothing of the group is left. */
  #stage(index: number, from: number, files: readonly PackFile[]): Group | undefined {
    const group: Group = { index, from, staged: [], there: [], failed: [] };
    this.#journal.begin(index, from, files);
    for (const [n, file] of files.entries()) {
      if (this.#control.stop !== stopReasons.run) {
        this.#giveUp(group);
        return undefined;
      }
      try {
        const copied = this.#copier.stage(file, from + n);
        (copied.alreadyThere ? group.there : group.staged).push(copied);
      } catch (error) {
        const fault = asFault(error);
        // A worker that has been given up may touch nothing further.
        if (fault.code === 'unreachable') throw fault;
        if (fault.code === 'interrupted') {
          this.#giveUp(group);
          return undefined;
        }
        group.failed.push({ at: from + n, fault: fault.report() });
      }
    }
    return group;
  }

  /** Makes the group's content durable and asks for leave to publish it. */
  #prepare(group: Group): void {
    this.#makeDurable(group);
    for (; this.#committed < Atomics.load(this.#leave, 1); this.#committed++) this.#journal.committed(this.#committed);
    if (group.staged.length > 0) this.#journal.publishing(group.index, group.staged, { durable: this.#isDurable });
    this.#emit({ kind: 'staged', group: group.index });
  }

  /** False: the stop flag was set or the fence lost before leave was given, and nothing of the group is left. */
  #hasLeave(group: Group): boolean {
    for (;;) {
      const leave = Atomics.load(this.#leave, 0);
      if (leave > group.index) return true;
      if (leave < 0 || this.#control.stop !== stopReasons.run) {
        this.#giveUp(group);
        return false;
      }
      this.#control.enter(sides.none);
      Atomics.wait(this.#leave, 0, leave, lookAgainMs);
    }
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

  /** Once there is leave; false where there will be none. */
  #publish(group: Group): boolean {
    if (!this.#hasLeave(group)) return false;
    const folders = new Set<string>();
    this.#forEach(group, ({ file, partialPath, finalPath, replace, ownFolderSync }) => {
      const path = finalPath === '' ? file.destinationPath : finalPath;
      const partial = { root: this.#destination.root, path: partialPath };
      if (!giveName(this.#destination, { partial, finalPath: path, replace }, this.#control))
        throw appeared(partial.root, path);
      if (this.#syncWay === 'each' || ownFolderSync) folders.add(parentPath(path));
    });
    this.#syncFolders(group, folders);
    this.#unsettled = group;
    if (this.#syncWay !== 'group') this.#report();
    return true;
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

  /** After the last group: its names are made durable too. */
  #settle(): void {
    if (this.#unsettled === undefined) return;
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
    const group = this.#unsettled;
    if (group === undefined) return;
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

  /** The group published last stands durably: by the sync that came after it. */
  #report(): void {
    const group = this.#unsettled;
    if (group === undefined) return;
    this.#unsettled = undefined;
    const published = publishedColumns([...group.there, ...group.staged]);
    this.#emit({ kind: 'durable', group: group.index, published, failed: group.failed });
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

/** The next files that make one group. */
function groupFrom(files: readonly PackFile[], from: number, most: number): readonly PackFile[] {
  let end = from;
  for (let bytes = 0; end < files.length && end - from < most && bytes < groupBytes; end++) {
    bytes += files[end]?.entry.sizeBytes ?? 0;
  }
  return files.slice(from, end);
}
