// A watch while it runs: scans and looks, lets the tracker decide, and carries out what it says.

import { parseEndpoint } from '../../model/endpoint-url.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { Job } from '../../model/job.ts';
import { displayPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { Transfer } from '../../model/transfer.ts';
import { transferStates } from '../../model/transfer.ts';
import type { ModeHost, ModeRun } from '../mode.ts';
import { moveOptions } from '../move-options.ts';
import type { Growth } from '../mover/move.ts';
import type { StoragePlace } from '../storage-monitor.ts';
import { afterArrival } from './after.ts';
import { whyIgnored, whyNotYet } from './explain-watched.ts';
import { keepHistory } from './history.ts';
import { Intake, resting } from './intake.ts';
import { createPlacer, type Placer } from './placer.ts';
import { Tracker, type WatchAction } from './tracker.ts';
import type { SeenFile } from './tree-snapshot.ts';
import type { PreparedWatch } from './watch-mode.ts';
import type { WatchedTree, Watchers } from './watcher.ts';
import type { EventsTest, ScanResult } from './watcher-messages.ts';

/** With events that passed their test, everything is looked at again only this often. */
const scanWithEventsMs = 300_000;
/** Rows that are written in one go. */
const batch = 500;
/** Sources that are put away at once after a pack. */
const putAwayAtOnce = 8;

/** What a watch says of itself while it runs. */
export interface WatchStatus {
  readonly events: EventsTest | null;
  readonly files: number;
  readonly lastScanAt: number | null;
  readonly lastScanMs: number | null;
  readonly underWay: number;
  /** Folders and files that could not be looked at in the last scan. */
  readonly unreadable: readonly string[];
  /** Why nothing is seen at present; null where all is well. */
  readonly away: string | null;
}

export class WatchRun implements ModeRun {
  readonly mostAtOnce: number | null;
  readonly bandwidth: string | null;
  readonly #host: ModeHost;
  readonly #watchers: Watchers;
  readonly #spec: PreparedWatch;
  readonly #job: Job;
  readonly #tracker: Tracker;
  readonly #placer: Placer;
  readonly #intake: Intake;
  readonly #noticed = new Map<string, SeenFile>();
  /** Copied otherwise than they were last seen: what was seen may be the older of the two. */
  readonly #doubted = new Set<string>();
  readonly #gone = new Set<string>();
  #wake: () => void = () => undefined;
  #scanDue = true;
  #status: WatchStatus = {
    events: null,
    files: 0,
    lastScanAt: null,
    lastScanMs: null,
    underWay: 0,
    unreadable: [],
    away: null,
  };

  constructor(job: Job, host: ModeHost, watchers: Watchers) {
    this.#spec = job.spec as PreparedWatch;
    this.#job = job;
    this.#host = host;
    this.#watchers = watchers;
    this.#tracker = new Tracker(this.#spec);
    this.#placer = createPlacer(this.#spec.rules, host.clock);
    this.#intake = new Intake({ spec: this.#spec, host, tracker: this.#tracker, placer: this.#placer });
    this.mostAtOnce = this.#spec.transfers;
    this.bandwidth = this.#spec.bandwidth;
  }

  get status(): WatchStatus {
    return { ...this.#status, underWay: this.#tracker.tracked.size };
  }

  places(): readonly StoragePlace[] {
    const { source, destinations } = this.#spec;
    return [
      { endpoint: source, role: 'source' },
      ...destinations.map((endpoint) => ({ endpoint, role: 'destination' as const })),
    ];
  }

  async find(signal: AbortSignal): Promise<void> {
    for await (const row of this.#host.rows(transferStates)) this.#tracker.remember(row);
    // Under the name that the kernel knows it by: only that can be compared with what other processes have open.
    const { source } = this.#spec;
    const root = await this.#host.mounts.pool(source).run<string>('local.resolve', { root: source }, { quick: true });
    const tree = this.#watchers.open(
      this.#job.id,
      { ...this.#spec, root },
      {
        events: (test) => this.#eventsTested(test),
        noticed: (changed, gone) => {
          for (const file of changed) this.#noticed.set(file.path, file);
          for (const path of gone) this.#gone.add(path);
          this.#wake();
        },
        overflow: () => this.#scanSoon(),
      },
    );
    const stop = () => this.#wake();
    signal.addEventListener('abort', stop);
    const { destinations } = this.#spec.mountPoints;
    const kept = keepHistory(
      {
        ...{ spec: this.#spec, host: this.#host, tracker: this.#tracker },
        isWell: () => this.#status.away === null && this.#status.lastScanAt !== null,
        mustBeMounted: (one) => this.#mustBeMounted(one, destinations[this.#spec.destinations.indexOf(one)]),
      },
      signal,
    );
    try {
      await this.#watch(tree, signal);
    } finally {
      signal.removeEventListener('abort', stop);
      tree.close();
      await kept;
      this.#placer.close();
    }
  }

  options(transfer: Transfer) {
    const spec = this.#spec;
    const at = spec.destinations.indexOf(transfer.destination.endpoint);
    this.#mustBeMounted(transfer.destination.endpoint, spec.mountPoints.destinations[at]);
    return moveOptions(spec);
  }

  growth(transfer: Transfer): Growth | undefined {
    const path = transfer.source.path;
    const one = this.#tracker.file(path);
    if (transfer.sizeBytes !== null || (one !== undefined && !one.growing)) return undefined;
    const readable = this.#spec.growing.readable;
    // Nobody watches it any more (it was retried by hand): what is there now is all of it.
    if (one === undefined) return { limitBytes: Number.MAX_SAFE_INTEGER, ended: true, readable };
    const state = this.#tracker.growth(path);
    if (state === undefined) return { limitBytes: 0, ended: false, readable };
    if (state.ended) return { limitBytes: state.sizeBytes, ended: true, readable };
    return { limitBytes: Math.max(0, state.sizeBytes - this.#spec.growing.safetyMargin), ended: false, readable };
  }

  /** How far the writer is and how fast, for a file that is copied while it grows. */
  head(transfer: Transfer): { sizeBytes: number; bytesPerSecond: number | null } | undefined {
    return transfer.sizeBytes === null ? this.#tracker.growth(transfer.source.path) : undefined;
  }

  togetherKey(transfer: Transfer): string | undefined {
    return this.#spec.destinations.length > 1 ? transfer.source.path : undefined;
  }

  openEnded(transfer: Transfer): string | undefined {
    const growth = this.head(transfer) === undefined ? undefined : this.#tracker.growth(transfer.source.path);
    return growth !== undefined && !growth.ended ? 'source is still growing' : undefined;
  }

  async explain(path: string, bytesDone: (transferId: string) => number | undefined): Promise<string | undefined> {
    const known = path.startsWith('/') ? this.#below(path) : this.#tracker.endingWith(path);
    if (known === undefined || known === '') return undefined;
    const at = `${displayPath(known)} in the watched folder ${displayPath(this.#spec.source)}`;
    const one = this.#tracker.file(known);
    if (one !== undefined) {
      const done = one.transfers.flatMap((row) => bytesDone(row.id) ?? []);
      const slowest = done.length === 0 ? undefined : Math.min(...done);
      const why = whyNotYet(one, this.#spec, { at: this.#host.clock.now(), bytesDone: slowest });
      return why === undefined ? undefined : `${at}: ${why}.`;
    }
    if (this.#status.away !== null) return `${at}: nothing is seen at present. ${this.#status.away}`;
    const ignored = whyIgnored(known, this.#spec);
    if (ignored !== undefined) return `${at}: ${ignored}.`;
    if (this.#tracker.isTaken(known)) return undefined;
    return await this.#whyUnseen(known, at);
  }

  arrived(transfer: Transfer, receipt: Receipt): Promise<void> {
    return this.arrivedTogether([{ transfer, receipt }]);
  }

  async arrivedTogether(arrived: readonly { readonly transfer: Transfer; readonly receipt: Receipt }[]): Promise<void> {
    for (const { transfer, receipt } of arrived) this.#rest(transfer, receipt.sourceIdentity ?? undefined);
    // A marker may have waited for this.
    this.#wake();
    if (this.#spec.after === 'keep') return;
    const left = [...arrived];
    const one = async () => {
      for (let next = left.shift(); next !== undefined; next = left.shift()) {
        const { transfer, receipt } = next;
        await afterArrival(transfer, receipt, this.#spec, this.#host).catch((error) => {
          const fault = asFault(error).report();
          this.#host.log.warn({ jobId: this.#job.id, transferId: transfer.id, fault }, fault.message);
        });
      }
    };
    await Promise.all(Array.from({ length: putAwayAtOnce }, one));
  }

  stopped(transfer: Transfer): void {
    const path = transfer.source.path;
    if (resting.includes(transfer.state)) {
      this.#rest(transfer, undefined);
      this.#wake();
    } else if (this.#tracker.file(path)?.transfers.length === 0) this.#tracker.setTransfers(path, [transfer]);
  }

  #rest(transfer: Transfer, seen: { sizeBytes: number; mtimeMs: number } | undefined): void {
    if (this.#tracker.rest(transfer, seen)) this.#doubted.add(transfer.source.path);
  }

  /** The path below the source; undefined where it is elsewhere. */
  #below(path: string): string | undefined {
    const root = this.#spec.source === '/' ? '/' : `${this.#spec.source}/`;
    return path.startsWith(root) ? path.slice(root.length) : undefined;
  }

  async #whyUnseen(path: string, at: string): Promise<string | undefined> {
    try {
      const entry = await (await this.#host.open(this.#spec.source)).stat(path);
      if (entry === undefined) return `${at}: it is not there now.`;
      if (entry.kind === 'folder') return undefined;
      if (entry.kind === 'file') return `${at}: it is there, but has not been seen yet; the next scan will.`;
      if (entry.kind === 'symlink' && this.#spec.symlinks === 'follow') return undefined;
      return `${at}: ignored: it is ${entry.kind === 'symlink' ? 'a symlink' : 'no regular file'}.`;
    } catch (error) {
      return `${at}: it cannot be looked at. ${asFault(error).message}`;
    }
  }

  async #watch(tree: WatchedTree, signal: AbortSignal): Promise<void> {
    const { clock } = this.#host;
    const pollMs = Math.min(this.#spec.scanSeconds, this.#spec.growthPollSeconds) * 1000;
    let scannedAt = Number.NEGATIVE_INFINITY;
    let lookedAt = Number.NEGATIVE_INFINITY;
    while (!signal.aborted) {
      const everyMs = this.#status.events?.inForce ? scanWithEventsMs : this.#spec.scanSeconds * 1000;
      if (this.#scanDue || clock.monotonic() - scannedAt >= everyMs) {
        this.#scanDue = false;
        const well = await this.#scan(tree);
        scannedAt = well
          ? clock.monotonic()
          : clock.monotonic() - everyMs + Math.min(everyMs, this.#spec.scanSeconds * 1000);
      }
      const actions = this.#takeNoticed();
      if (this.#status.away === null && clock.monotonic() - lookedAt >= pollMs) {
        lookedAt = clock.monotonic();
        actions.push(...(await this.#lookAgain(tree)));
      }
      await this.#carryOut(actions, signal);
      await this.#carryOut(this.#tracker.settle(), signal);
      const nextMs = Math.min(lookedAt + pollMs, scannedAt + everyMs) - clock.monotonic();
      await this.#sleep(Math.max(10, nextMs), signal);
    }
  }

  #sleep(ms: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#scanDue || this.#noticed.size > 0 || this.#gone.size > 0) return Promise.resolve();
    return new Promise((resolve) => {
      const early = new AbortController();
      const done = () => {
        early.abort();
        resolve();
      };
      this.#wake = done;
      this.#host.clock.sleep(ms, early.signal).then(done, () => undefined);
    });
  }

  #scanSoon(): void {
    this.#scanDue = true;
    this.#wake();
  }

  #eventsTested(test: EventsTest): void {
    const before = this.#status.events;
    this.#status = { ...this.#status, events: test };
    this.#host.log.info({ jobId: this.#job.id, ...test }, 'the events of the watched folder were tested');
    if (before?.inForce !== test.inForce) void this.#host.tell('observation.watch.events_tested', { ...test });
    // Folders are watched from the scan on that finds them.
    if (test.inForce) this.#scanSoon();
  }

  /** False where the source is away; nothing is then concluded about any file. */
  async #scan(tree: WatchedTree): Promise<boolean> {
    let result: ScanResult;
    try {
      this.#mustBeMounted(this.#spec.source, this.#spec.mountPoints.source);
      result = await tree.scan();
    } catch (error) {
      await this.#away(asFault(error));
      return false;
    }
    await this.#back();
    const at = this.#host.clock.now();
    for (const file of result.changed) this.#noticed.set(file.path, file);
    for (const path of result.gone) this.#gone.add(path);
    const unreadable = result.unreadable.map((report) => report.message);
    for (const message of unreadable.filter((one) => !this.#status.unreadable.includes(one))) {
      this.#host.log.warn({ jobId: this.#job.id }, message);
    }
    this.#status = { ...this.#status, files: result.files, lastScanAt: at, lastScanMs: result.tookMs, unreadable };
    return true;
  }

  #takeNoticed(): WatchAction[] {
    const at = this.#host.clock.now();
    const actions: WatchAction[] = [];
    for (const path of this.#gone) if (!this.#noticed.has(path)) actions.push(...this.#tracker.lose(path));
    for (const file of this.#noticed.values()) actions.push(...this.#tracker.see(file, at));
    this.#noticed.clear();
    this.#gone.clear();
    return actions;
  }

  /** Files that are not done being watched are looked at again, with a look at who has them open. */
  async #lookAgain(tree: WatchedTree): Promise<WatchAction[]> {
    const paths = [...new Set([...this.#tracker.underWay(), ...this.#doubted])];
    if (paths.length === 0) return [];
    try {
      const seen = await tree.look(paths);
      for (const path of paths) this.#doubted.delete(path);
      const at = this.#host.clock.now();
      const open = seen.openForWriting === null ? null : new Set(seen.openForWriting);
      return paths.flatMap((path, index) => {
        const file = seen.files[index];
        // A look that finds nothing is left to the scan: only that knows whether the whole place is away.
        if (file === null || file === undefined) {
          this.#scanDue = true;
          return [];
        }
        return this.#tracker.see(file, at, open === null ? undefined : open.has(path));
      });
    } catch (error) {
      await this.#away(asFault(error));
      return [];
    }
  }

  async #away(fault: Fault): Promise<void> {
    const before = this.#status.away;
    this.#status = { ...this.#status, away: fault.message };
    if (before !== null) return;
    await this.#host.wait(fault.code === 'permission' ? 'permission' : 'network', fault, null);
    await this.#host.tell('observation.watch.waiting', { error: fault.report() });
  }

  async #back(): Promise<void> {
    if (this.#status.away === null) return;
    this.#status = { ...this.#status, away: null };
    await this.#host.endWait();
    await this.#host.tell('observation.watch.recovered', {});
  }

  async #carryOut(actions: readonly WatchAction[], signal: AbortSignal): Promise<void> {
    // A file that was noticed and looked at in one round is discovered by both.
    const found = [...new Set(actions.filter((action) => action.kind === 'discover').map((action) => action.path))];
    const discovered = this.#intake.withoutBurst(found);
    for (let at = 0; at < discovered.length && !signal.aborted; at += batch)
      await this.#intake.discover(discovered.slice(at, at + batch));
    const queued = actions.filter((action) => action.kind === 'queue');
    for (let at = 0; at < queued.length && !signal.aborted; at += batch)
      await this.#intake.queue(queued.slice(at, at + batch));
    const others = actions.filter((action) => action.kind !== 'discover' && action.kind !== 'queue');
    for (let at = 0; at < others.length && !signal.aborted; at += batch) {
      await Promise.all(others.slice(at, at + batch).map((action) => this.#act(action)));
    }
  }

  async #act(action: Exclude<WatchAction, { kind: 'discover' | 'queue' }>): Promise<void> {
    const one = this.#tracker.file(action.path);
    if (one === undefined) return;
    switch (action.kind) {
      case 'go_on':
        for (const row of one.transfers) this.#host.goOn(row.id);
        return;
      case 'hold':
        await this.#intake.change(action.path, (row) =>
          this.#host.advance(row, 'wait', { waiting: { reason: 'bundle', until: null } }),
        );
        return;
      case 'cancel': {
        const error = new Fault(
          'source_removed',
          `${displayPath(action.path)} was removed before its copy began.`,
        ).report();
        await this.#intake.change(action.path, async (row) => {
          const begun = row.state !== 'discovered' && row.startedAt !== null;
          const after = begun ? row : await this.#host.advance(row, 'cancel', { error });
          if (after?.state === 'cancelled') this.#tracker.rest(after, undefined);
          return after;
        });
        return;
      }
      case 'check':
        for (const row of one.transfers) {
          const now = await this.#host.reader.transfer(row.id);
          if (now === undefined || resting.includes(now.state))
            this.#tracker.rest(row, { sizeBytes: now?.sizeBytes ?? -1, mtimeMs: now?.mtimeMs ?? -1 });
        }
        if (this.#tracker.file(action.path) === undefined) this.#noticed.set(action.path, one.file);
        return;
    }
  }

  /** A share that is not mounted leaves an empty folder behind: what was there is not removed, and nothing may be written below it. */
  #mustBeMounted(address: string, mountPoint: string | null | undefined): void {
    const { scheme, path } = parseEndpoint(address);
    if (scheme !== 'file' || mountPoint === null || mountPoint === undefined) return;
    const now = this.#host.mounts.mountOf(path).mountPoint;
    if (now.length >= mountPoint.length) return;
    throw new Fault('unreachable', `${displayPath(path)} is on ${displayPath(mountPoint)}, which is not mounted now.`, {
      place: { path: displayPath(path) },
    });
  }
}
