// A pack inside its worker: groups of small files are copied, made durable, noted, published and reported, one group after the other.

import { constants, statSync } from 'node:fs';
import { ConfinedRoot } from '../../endpoints/confined.ts';
import { type Control, type OperationContext, type StopReason, sides, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import { displayPath, parentPath } from '../../model/names.ts';
import { type SyncWay, syncFileSystem } from './group-sync.ts';
import { LaneFile, removeFile } from './lane-file.ts';
import type { PackFile } from './move.ts';
import { PackCopier, type PackRules, type StagedFile } from './pack-file.ts';
import { PackJournalWriter, type PackPublishing } from './pack-journal.ts';
import { giveName } from './publish-partial.ts';

export interface PackInput {
  readonly sourceRoot: string;
  readonly destinationRoot: string;
  /** The destination endpoint's name, for the journal. */
  readonly destination: string;
  readonly files: readonly PackFile[];
  readonly rules: Omit<PackRules, 'syncedDevice'>;
  readonly journal: string;
  readonly syncWay: SyncWay;
  /** Int32: failures of syncs, counted over all workers (group-sync.ts). */
  readonly failures: SharedArrayBuffer;
  /** Int32 cells: groups that may be published so far (the worker waits for it; -1: none any more), groups that the ledger has. */
  readonly leave: SharedArrayBuffer;
}

/** `staged` asks for leave to publish; `durable` says which files stand under their final names for good. */
export type PackMessage =
  | { readonly kind: 'staged'; readonly group: number }
  | { readonly kind: 'durable'; readonly group: number; readonly results: readonly PackLaneResult[] };

export type PackLaneResult =
  | { readonly kind: 'published'; readonly staged: StagedFile }
  | { readonly kind: 'failed'; readonly file: PackFile; readonly fault: FaultReport };

export interface PackLaneOutcome {
  /** Files from here on were not begun, or their group was given up because of the stop. */
  readonly begunFiles: number;
  readonly stopped: StopReason;
}

const groupFiles = 1_000;
const groupBytes = 64 * 1024 * 1024;
const lookAgainMs = 100;

interface Group {
  readonly index: number;
  readonly results: PackLaneResult[];
  readonly staged: StagedFile[];
}

export function movePackFiles(input: PackInput, { control, emit }: OperationContext): PackLaneOutcome {
  return new PackLane(input, control, (message) => emit(message)).run();
}

class PackLane {
  readonly #input: PackInput;
  readonly #control: Control;
  readonly #emit: (message: PackMessage) => void;
  readonly #source: ConfinedRoot;
  readonly #destination: ConfinedRoot;
  readonly #journal: PackJournalWriter;
  readonly #copier: PackCopier;
  readonly #failures: Int32Array;
  readonly #leave: Int32Array;
  #syncWay: SyncWay;
  /** Published, and not yet known to be durable under its final names. */
  #unsettled: Group | undefined;
  #committed = 0;

  constructor(input: PackInput, control: Control, emit: (message: PackMessage) => void) {
    this.#input = input;
    this.#control = control;
    this.#emit = emit;
    this.#failures = new Int32Array(input.failures);
    this.#leave = new Int32Array(input.leave);
    this.#syncWay = input.syncWay;
    this.#source = ConfinedRoot.open(input.sourceRoot, { beforeCall: () => control.enter(sides.source) });
    try {
      const beforeCall = () => control.enter(sides.destination);
      this.#destination = ConfinedRoot.open(input.destinationRoot, { beforeCall, create: true });
    } catch (error) {
      this.#source.close();
      throw error;
    }
    const syncedDevice = input.syncWay === 'each' ? null : statSync(this.#destination.openFolder('').self).dev;
    const places = { source: this.#source, destination: this.#destination, control };
    this.#copier = new PackCopier(places, { ...input.rules, syncedDevice });
    this.#journal = new PackJournalWriter(input.journal, input.destination, control);
  }

  run(): PackLaneOutcome {
    const { files } = this.#input;
    try {
      let begun = 0;
      for (let index = 0; begun < files.length; index++) {
        const failuresBefore = Atomics.load(this.#failures, 0);
        const wanted = groupFrom(files, begun);
        const group = this.#stage(index, wanted);
        if (group === undefined || !this.#mayPublish(group, failuresBefore)) {
          this.#settle();
          return { begunFiles: begun, stopped: this.#control.stop };
        }
        this.#publish(group);
        begun += wanted.length;
      }
      this.#settle();
      return { begunFiles: begun, stopped: stopReasons.run };
    } finally {
      this.#journal.close();
      this.#source.close();
      this.#destination.close();
    }
  }

  /** Undefined where the stop flag was set: then nothing of the group is left. */
  #stage(index: number, files: readonly PackFile[]): Group | undefined {
    const group: Group = { index, results: [], staged: [] };
    this.#journal.begin(
      index,
      files.map((file) => this.#copier.partialPath(file)),
    );
    for (const file of files) {
      if (this.#control.stop !== stopReasons.run) {
        this.#giveUp(group);
        return undefined;
      }
      try {
        const staged = this.#copier.stage(file);
        if (staged.alreadyThere) group.results.push({ kind: 'published', staged });
        else group.staged.push(staged);
      } catch (error) {
        const fault = asFault(error);
        // A worker that has been given up may touch nothing further.
        if (fault.code === 'unreachable') throw fault;
        if (fault.code === 'interrupted') {
          this.#giveUp(group);
          return undefined;
        }
        group.results.push({ kind: 'failed', file, fault: fault.report() });
      }
    }
    return group;
  }

  /** Makes the group's content durable and asks for leave. False: the stop flag was set or the fence lost, and nothing of the group is left. */
  #mayPublish(group: Group, failuresBefore: number): boolean {
    this.#makeDurable(group, failuresBefore);
    for (; this.#committed < Atomics.load(this.#leave, 1); this.#committed++) this.#journal.committed(this.#committed);
    if (group.staged.length > 0) this.#journal.publishing(group.index, group.staged.map(noteOf));
    this.#emit({ kind: 'staged', group: group.index });
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

  #makeDurable(group: Group, failuresBefore: number): void {
    if (this.#syncWay === 'group') {
      try {
        if (!syncFileSystem(this.#input.destinationRoot, this.#failures, this.#control)) this.#syncWay = 'each';
        else if (Atomics.load(this.#failures, 0) !== failuresBefore) throw syncedByNobody(this.#input.destinationRoot);
        else this.#report();
      } catch (error) {
        this.#failAll(group, asFault(error));
        this.#settleByFolder();
        return;
      }
    }
    if (this.#syncWay === 'each' && this.#input.syncWay === 'group') {
      for (const staged of [...group.staged]) this.#try(group, staged, () => this.#syncFile(staged.partialPath));
    }
    try {
      this.#destination.syncMade();
    } catch (error) {
      this.#failAll(group, asFault(error));
    }
  }

  #publish(group: Group): void {
    const folders = new Map<string, StagedFile[]>();
    for (const staged of [...group.staged]) {
      const { partialPath, finalPath, replace } = staged;
      const partial = { root: this.#destination.root, path: partialPath };
      this.#try(group, staged, () => {
        if (!giveName(this.#destination, { partial, finalPath, replace }, this.#control))
          throw appeared(staged, partial.root);
        const folder = parentPath(finalPath);
        const others = folders.get(folder);
        if (others === undefined) folders.set(folder, [staged]);
        else others.push(staged);
      });
    }
    for (const [folder, members] of folders) {
      if (this.#syncWay !== 'each' && !members.some((member) => member.ownFolderSync)) continue;
      const fault = this.#syncFolder(folder);
      if (fault !== null) for (const member of members) this.#fail(group, member, fault);
    }
    for (const staged of group.staged) group.results.push({ kind: 'published', staged });
    this.#unsettled = group;
    if (this.#syncWay !== 'group') this.#report();
  }

  /** After the last group: its names are made durable too. */
  #settle(): void {
    if (this.#unsettled === undefined) return;
    try {
      const failuresBefore = Atomics.load(this.#failures, 0);
      const isSynced = syncFileSystem(this.#input.destinationRoot, this.#failures, this.#control);
      if (isSynced && Atomics.load(this.#failures, 0) === failuresBefore) this.#report();
      else this.#settleByFolder();
    } catch (error) {
      if (asFault(error).code !== 'sync_failed') throw error;
      this.#settleByFolder();
    }
  }

  /** Where the one sync failed: each folder by itself. */
  #settleByFolder(): void {
    const group = this.#unsettled;
    if (group === undefined) return;
    const results = group.results.splice(0);
    const faults = new Map<string, Fault | null>();
    for (const result of results) {
      if (result.kind === 'failed' || result.staged.alreadyThere) {
        group.results.push(result);
        continue;
      }
      const folder = parentPath(result.staged.finalPath);
      if (!faults.has(folder)) faults.set(folder, this.#syncFolder(folder));
      const fault = faults.get(folder);
      if (fault === null || fault === undefined) group.results.push(result);
      else group.results.push({ kind: 'failed', file: result.staged.file, fault: fault.report() });
    }
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
    this.#emit({ kind: 'durable', group: group.index, results: group.results });
  }

  #syncFile(path: string): void {
    const file = LaneFile.open(this.#destination, path, constants.O_RDONLY, sides.destination, this.#control);
    try {
      file.sync();
    } finally {
      file.release();
    }
  }

  #try(group: Group, staged: StagedFile, work: () => void): void {
    try {
      work();
    } catch (error) {
      const fault = asFault(error);
      if (fault.code === 'unreachable') throw fault;
      this.#fail(group, staged, fault);
      removeFile(this.#destination, staged.partialPath, this.#control);
    }
  }

  #fail(group: Group, staged: StagedFile, fault: Fault): void {
    group.staged.splice(group.staged.indexOf(staged), 1);
    group.results.push({ kind: 'failed', file: staged.file, fault: fault.report() });
  }

  #failAll(group: Group, fault: Fault): void {
    this.#giveUp(group);
    for (const staged of [...group.staged]) this.#fail(group, staged, fault);
  }

  #giveUp(group: Group): void {
    for (const { partialPath } of group.staged) removeFile(this.#destination, partialPath, this.#control);
  }
}

function noteOf({ alreadyThere, replace, ownFolderSync, ...publishing }: StagedFile): PackPublishing {
  void [alreadyThere, replace, ownFolderSync];
  return publishing;
}

function appeared({ finalPath }: StagedFile, root: string): Fault {
  const place = { path: displayPath(finalPath), endpoint: displayPath(root) };
  return new Fault('busy', `${place.path} appeared in ${place.endpoint} while it was copied.`, { place });
}

function syncedByNobody(root: string): Fault {
  return new Fault('sync_failed', `Something that was written to ${displayPath(root)} could not be made durable.`, {
    place: { endpoint: displayPath(root), operation: 'make durable' },
  });
}

/** The next files that make one group. */
function groupFrom(files: readonly PackFile[], from: number): readonly PackFile[] {
  let end = from;
  for (let bytes = 0; end < files.length && end - from < groupFiles && bytes < groupBytes; end++) {
    bytes += files[end]?.entry.sizeBytes ?? 0;
  }
  return files.slice(from, end);
}
