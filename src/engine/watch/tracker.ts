// What a watch knows of each file it has seen, and what is to be done about it next. No I/O: looks go in, actions come out.

import type { WatchSpec } from '../../model/specs.ts';
import type { Transfer } from '../../model/transfer.ts';
import { type BundleRules, groupBundles, inOrder, markerPath } from './bundle.ts';
import { growthRate, type Look, type Observation, type ObservationSettings, observe } from './observation.ts';
import type { SeenFile } from './tree-snapshot.ts';

/** A file that is not at its destinations yet. */
export interface TrackedFile {
  readonly path: string;
  readonly file: SeenFile;
  readonly observation: Observation | undefined;
  /** Rows of the ledger, one for each destination; none before it was discovered. */
  readonly transfers: readonly Transfer[];
  /** `seen`: no row may move yet. `held`: stable, but its bundle is not. `let`: its rows may move. */
  readonly stage: 'seen' | 'held' | 'let';
  /** Copied while it grows. */
  readonly growing: boolean;
}

export type WatchAction =
  /** Rows are to be written for it. */
  | { readonly kind: 'discover'; readonly path: string }
  /** Its bundle is not whole yet. */
  | { readonly kind: 'hold'; readonly path: string }
  | { readonly kind: 'queue'; readonly path: string; readonly growing: boolean }
  /** More can be read of a growing file, or it has ended. */
  | { readonly kind: 'go_on'; readonly path: string }
  /** It went away before its copy began. */
  | { readonly kind: 'cancel'; readonly path: string }
  /** It has changed while its rows were let go: are they still under way? */
  | { readonly kind: 'check'; readonly path: string };

/** The content that a path had when it was taken; another size or mtime is another content. */
interface Taken {
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  /** Where it has been seen by this process. */
  readonly identity?: string;
}

/** Of so many files that were done with and then gone it is known for a while that they were. */
const mostMissed = 50_000;

export interface GrowthState {
  readonly sizeBytes: number;
  readonly ended: boolean;
  readonly bytesPerSecond: number | null;
}

export class Tracker {
  readonly #settings: ObservationSettings;
  readonly #bundles: BundleRules;
  readonly #tracked = new Map<string, TrackedFile>();
  /** Files that are done with (arrived, failed for good, cancelled), as they then were. */
  readonly #taken = new Map<string, Taken>();
  /** Those of them that are gone, oldest first: a listing that ended early brings the very same files back. */
  readonly #missed = new Map<string, Taken>();
  readonly #present = new Set<string>();

  constructor(spec: WatchSpec) {
    this.#settings = {
      stableMs: spec.stableSeconds * 1000,
      emptyMs: spec.emptySeconds * 1000,
      growing: { minSizeBytes: spec.growing.minSize, idleMs: spec.growing.idleSeconds * 1000 },
    };
    this.#bundles = { bundle: spec.bundle, doneMarker: spec.doneMarker };
  }

  /** Takes up what the ledger knows, oldest row first: so a restart neither takes a file twice nor forgets one. */
  remember(transfer: Transfer): void {
    const path = transfer.source.path;
    const before = this.#tracked.get(path);
    if (transfer.state === 'completed' || transfer.state === 'failed' || transfer.state === 'cancelled') {
      if (transfer.mtimeMs !== null && transfer.sizeBytes !== null) {
        this.#taken.set(path, { sizeBytes: transfer.sizeBytes, mtimeMs: transfer.mtimeMs });
      }
      return;
    }
    const stage = transfer.state === 'discovered' ? 'seen' : transfer.waiting?.reason === 'bundle' ? 'held' : 'let';
    this.#tracked.set(path, {
      path,
      file: {
        path,
        sizeBytes: transfer.sizeBytes ?? 0,
        mtimeMs: transfer.mtimeMs ?? 0,
        mode: transfer.fileMode ?? 0o644,
        identity: '',
      },
      observation: undefined,
      transfers: [...(before?.transfers ?? []), transfer],
      stage,
      growing: stage === 'let' && transfer.sizeBytes === null,
    });
  }

  get tracked(): ReadonlyMap<string, TrackedFile> {
    return this.#tracked;
  }

  file(path: string): TrackedFile | undefined {
    return this.#tracked.get(path);
  }

  /** The path of a tracked file with this end (whole parts of it); the first where there are several. */
  endingWith(end: string): string | undefined {
    if (this.#tracked.has(end)) return end;
    for (const path of this.#tracked.keys()) if (path.endsWith(`/${end}`)) return path;
    return undefined;
  }

  /** True for a file that is done with as it was last seen. */
  isTaken(path: string): boolean {
    return this.#taken.has(path);
  }

  /** True while a file stands in the watched folder as this row had it: without the row it would be taken again. */
  standsAs(row: Pick<Transfer, 'source' | 'sizeBytes' | 'mtimeMs'>): boolean {
    const { path } = row.source;
    if (this.#tracked.has(path)) return true;
    const taken = this.#taken.get(path);
    if (taken === undefined || !this.#present.has(path)) return false;
    return taken.sizeBytes === row.sizeBytes && taken.mtimeMs === row.mtimeMs;
  }

  /** Nothing stands in the ledger of a file that is gone: it need not be remembered here either. */
  forget(path: string): void {
    if (!this.#present.has(path) && !this.#tracked.has(path)) this.#taken.delete(path);
  }

  /** Files that must be looked at again although nothing is heard of them: they are not done being watched. */
  underWay(): string[] {
    return [...this.#tracked.values()]
      .filter((one) => one.stage !== 'let' || (one.growing && !this.#ended(one)))
      .map((one) => one.path);
  }

  /** Takes in what was seen of a file and says what follows from it for the file alone (bundles are settled by `settle`). */
  see(file: SeenFile, at: number, writerOpen?: boolean): WatchAction[] {
    this.#present.add(file.path);
    const taken = this.#taken.get(file.path) ?? this.#found(file);
    const before = this.#tracked.get(file.path);
    if (before === undefined && taken !== undefined && isSameContent(taken, file)) {
      if (taken.identity !== file.identity) this.#taken.set(file.path, takenAs(file));
      return [];
    }
    const look: Look = {
      at,
      sizeBytes: file.sizeBytes,
      mtimeMs: file.mtimeMs,
      identity: file.identity,
      ...(writerOpen === undefined ? {} : { writerOpen }),
      finished: this.#marked(file.path),
    };
    let observation = observe(before?.observation, look, this.#settings);
    // A growing copy that broke off with the daemon: whether its source still grows must be seen anew.
    if (before?.growing && before.observation === undefined && observation.verdict === 'unstable')
      observation = { ...observation, verdict: 'growing' };
    const one: TrackedFile = {
      path: file.path,
      transfers: [],
      stage: 'seen',
      growing: false,
      ...before,
      file,
      observation,
    };
    this.#tracked.set(file.path, one);
    const actions: WatchAction[] = [];
    // Small files of a burst are let go without rows.
    if (one.stage === 'seen' && one.transfers.length === 0 && observation.verdict !== 'empty')
      actions.push({ kind: 'discover', path: file.path });
    if (one.stage === 'seen' && observation.verdict === 'growing' && this.#alone(file.path)) {
      this.#tracked.set(file.path, { ...one, stage: 'let', growing: true });
      actions.push({ kind: 'queue', path: file.path, growing: true });
    } else if (one.growing) actions.push({ kind: 'go_on', path: file.path });
    else if (one.stage === 'let' && observation.changedAt === at && before?.observation !== undefined)
      actions.push({ kind: 'check', path: file.path });
    return actions;
  }

  /** What is gone now. A copy that has begun goes on or fails by itself; one that has not is cancelled. */
  lose(path: string): WatchAction[] {
    this.#present.delete(path);
    this.#miss(path);
    const one = this.#tracked.get(path);
    if (one === undefined) return [];
    if (one.growing) return [{ kind: 'go_on', path }];
    if (one.transfers.length === 0) this.#tracked.delete(path);
    return [{ kind: 'cancel', path }];
  }

  /** Lets go what has become stable, bundle by bundle; order is the order of queueing. */
  settle(): WatchAction[] {
    const waiting = [...this.#tracked.values()].filter((one) => one.stage !== 'let' && one.observation !== undefined);
    if (waiting.length === 0) return [];
    const actions: WatchAction[] = [];
    if (this.#bundles.bundle === null && this.#bundles.doneMarker === null) {
      for (const one of waiting) if (one.observation?.verdict === 'stable') this.#let(one, actions);
      return actions;
    }
    const groups = groupBundles([...this.#tracked.keys()], this.#bundles);
    const sets = new Map<string, TrackedFile[]>();
    for (const one of this.#tracked.values()) {
      const set = groups.get(one.path)?.bundle ?? one.path;
      const members = sets.get(set);
      if (members === undefined) sets.set(set, [one]);
      else members.push(one);
    }
    for (const [set, members] of sets) this.#settleSet(set, members, actions);
    return actions;
  }

  setTransfers(path: string, transfers: readonly Transfer[]): void {
    const one = this.#tracked.get(path);
    if (one !== undefined) this.#tracked.set(path, { ...one, transfers });
  }

  /**
   * A row of this file has come to its end; when all have, the file is done with as it was. True where it was last seen otherwise than
   * it was copied, before or since: it is to be looked at once more, as nothing else may tell of a change.
   */
  rest(transfer: Transfer, seen: Taken | undefined): boolean {
    const path = transfer.source.path;
    const one = this.#tracked.get(path);
    if (one === undefined) return false;
    const left = one.transfers.filter((row) => row.id !== transfer.id);
    if (left.length > 0) {
      this.#tracked.set(path, { ...one, transfers: left });
      return false;
    }
    this.#tracked.delete(path);
    const isPresent = this.#present.has(path);
    if (!isPresent && seen === undefined) return false;
    const isAsSeen = seen === undefined || isSameContent(seen, one.file);
    this.#taken.set(path, isAsSeen ? takenAs(one.file) : seen);
    return isPresent && !isAsSeen;
  }

  /** It cannot go anywhere as it is; only another content is looked at again. */
  refuse(path: string): void {
    const one = this.#tracked.get(path);
    if (one === undefined) return;
    this.#tracked.delete(path);
    this.#taken.set(path, takenAs(one.file));
  }

  growth(path: string): GrowthState | undefined {
    const one = this.#tracked.get(path);
    if (one === undefined || !one.growing || one.observation === undefined) return undefined;
    return {
      sizeBytes: one.observation.last.sizeBytes,
      ended: this.#ended(one),
      bytesPerSecond: growthRate(one.observation),
    };
  }

  #miss(path: string): void {
    const taken = this.#taken.get(path);
    this.#taken.delete(path);
    if (taken?.identity === undefined) return;
    this.#missed.set(path, taken);
    for (const oldest of this.#missed.keys()) {
      if (this.#missed.size <= mostMissed) return;
      this.#missed.delete(oldest);
    }
  }

  /** A file that was gone and is back: the very same one, and not a copy of it that somebody put there, is done with as it was. */
  #found(file: SeenFile): Taken | undefined {
    const missed = this.#missed.get(file.path);
    if (missed === undefined) return undefined;
    this.#missed.delete(file.path);
    if (missed.identity !== file.identity || !isSameContent(missed, file)) return undefined;
    this.#taken.set(file.path, missed);
    return missed;
  }

  /** Where there are done-markers, silence ends nothing: the marker does. */
  #ended(one: TrackedFile): boolean {
    if (this.#bundles.doneMarker !== null) return this.#marked(one.path);
    return one.observation?.verdict === 'stable';
  }

  #let(one: TrackedFile, actions: WatchAction[]): void {
    this.#tracked.set(one.path, { ...one, stage: 'let' });
    actions.push({ kind: 'queue', path: one.path, growing: false });
  }

  /** With a done-marker, a set is done when its marker is there, and not before; without one, when all of it is stable. */
  #settleSet(set: string, members: readonly TrackedFile[], actions: WatchAction[]): void {
    const { doneMarker } = this.#bundles;
    const others = members.filter((one) => !this.#isMarker(one.path));
    const whole =
      doneMarker === null
        ? members.every((one) => one.stage === 'let' || one.observation?.verdict === 'stable')
        : others.length === 0 || this.#present.has(markerPath(set, doneMarker));
    for (const one of inOrder(members, (path) => this.#isMarker(path))) {
      if (one.stage === 'let') continue;
      // The marker tells those who read the destination that all is there: it goes when nothing else of its set is left.
      if (whole && (others.length === 0 || !this.#isMarker(one.path))) this.#let(one, actions);
      else if (one.stage === 'seen' && one.transfers.length > 0 && one.observation?.verdict === 'stable') {
        this.#tracked.set(one.path, { ...one, stage: 'held' });
        actions.push({ kind: 'hold', path: one.path });
      }
    }
  }

  /** True where a file may grow into its destination by itself: members of a bundle wait for the others. */
  #alone(path: string): boolean {
    return this.#bundles.bundle === null || !path.includes('/');
  }

  #marked(path: string): boolean {
    const { doneMarker } = this.#bundles;
    return doneMarker !== null && (this.#present.has(markerPath(path, doneMarker)) || this.#isMarker(path));
  }

  #isMarker(path: string): boolean {
    const { doneMarker } = this.#bundles;
    if (doneMarker === null) return false;
    const tail = doneMarker.replace(/\{(name|stem)\}/g, '');
    return tail !== '' && path.endsWith(tail);
  }
}

function isSameContent(taken: Taken, file: SeenFile): boolean {
  return taken.sizeBytes === file.sizeBytes && taken.mtimeMs === file.mtimeMs;
}

function takenAs({ sizeBytes, mtimeMs, identity }: SeenFile): Taken {
  return { sizeBytes, mtimeMs, identity };
}
