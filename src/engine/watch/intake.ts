// Writes what the tracker finds and lets go into the ledger: rows, their places, and packs of small files.

import { asFault, Fault, faultFrom } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import type { Transfer, TransferState } from '../../model/transfer.ts';
import type { ModeHost, NewTransfer } from '../mode.ts';
import { type BurstFile, type BurstLine, createBurstLine, isBurst, isSmall } from './burst.ts';
import { needsHash } from './placement.ts';
import type { Placer } from './placer.ts';
import type { Tracker, WatchAction } from './tracker.ts';
import type { SeenFile } from './tree-snapshot.ts';
import type { PreparedWatch } from './watch-mode.ts';

export const resting: readonly TransferState[] = ['completed', 'failed', 'cancelled'];

interface Refused {
  readonly file: SeenFile;
  readonly fault: Fault;
}

type Advances = Parameters<ModeHost['advanceAll']>[0][number][];

export class Intake {
  readonly #spec: PreparedWatch;
  readonly #host: ModeHost;
  readonly #tracker: Tracker;
  readonly #placer: Placer;
  readonly #usesHash: boolean;
  /** Null where each file has to have its row first: for its order, its place, or several destinations. */
  readonly #bursts: BurstLine | null;

  constructor(parts: { spec: PreparedWatch; host: ModeHost; tracker: Tracker; placer: Placer }) {
    this.#spec = parts.spec;
    this.#host = parts.host;
    this.#tracker = parts.tracker;
    this.#placer = parts.placer;
    this.#usesHash = needsHash(this.#spec.rules);
    const { source, destinations, bundle, doneMarker } = this.#spec;
    const [destination = ''] = destinations;
    const isPlain = destinations.length === 1 && bundle === null && doneMarker === null && !this.#usesHash;
    const addRows = (files: readonly BurstFile[]) => this.#addRows(files, 'queued');
    this.#bursts = isPlain ? createBurstLine({ source, destination }, this.#host, addRows) : null;
  }

  /** Small files of a burst stay without rows; should they not become stable with the others, they are found here again. */
  withoutBurst(paths: readonly string[]): readonly string[] {
    if (this.#bursts === null || !isBurst(paths.length)) return paths;
    const others = paths.filter((path) => {
      const one = this.#tracker.file(path);
      return one !== undefined && (one.growing || !isSmall(one.file));
    });
    return isBurst(paths.length - others.length) ? others : paths;
  }

  async discover(paths: readonly string[]): Promise<void> {
    const seen = paths.flatMap((path) => this.#tracker.file(path)?.file ?? []);
    const { placed, refused } = await this.#placed(seen);
    await this.#addRows(placed, 'discovered');
    await this.#refuse(refused);
  }

  /** Many at once in one commit: a burst of small files would else wait for as many. */
  async queue(actions: readonly (WatchAction & { kind: 'queue' })[]): Promise<void> {
    const wishes: Advances = [];
    const bare: SeenFile[] = [];
    for (const { path, growing } of actions) {
      const one = this.#tracker.file(path);
      if (one === undefined) continue;
      if (one.transfers.length === 0) bare.push(one.file);
      else {
        const to = this.#usesHash ? await this.#placedByHash(one.file) : undefined;
        if (to === null) continue;
        for (const transfer of one.transfers) {
          const destination = to === undefined ? transfer.destination : { ...transfer.destination, path: to };
          const sizeBytes = growing ? null : one.file.sizeBytes;
          wishes.push({ transfer, inputs: 'queue', patch: { sizeBytes, mtimeMs: one.file.mtimeMs, destination } });
        }
      }
    }
    if (bare.length > 0) {
      const { placed, refused } = await this.#placed(bare);
      this.#bursts?.hand(placed);
      await this.#refuse(refused);
    }
    await this.#advance(wishes);
  }

  /** Changes each row of a file; `undefined` from `change` says that somebody else was first, and the ledger is asked. */
  async change(path: string, change: (row: Transfer) => Promise<Transfer | undefined>): Promise<void> {
    const rows = this.#tracker.file(path)?.transfers ?? [];
    const after = new Map<string, Transfer>();
    await Promise.all(rows.map(async (row) => after.set(row.id, (await change(row)) ?? (await this.#asItIs(row)))));
    this.#keep(path, after);
  }

  async #advance(wishes: Advances): Promise<void> {
    const rows = await this.#host.advanceAll(wishes);
    const after = new Map<string, Transfer>();
    for (const [at, { transfer }] of wishes.entries())
      after.set(transfer.id, rows[at] ?? (await this.#asItIs(transfer)));
    for (const path of new Set(wishes.map(({ transfer }) => transfer.source.path))) this.#keep(path, after);
  }

  async #asItIs(row: Transfer): Promise<Transfer> {
    return (await this.#host.reader.transfer(row.id)) ?? row;
  }

  /** Rows may have come to rest meanwhile: only those that still stand are changed. */
  #keep(path: string, after: ReadonlyMap<string, Transfer>): void {
    const rows = (this.#tracker.file(path)?.transfers ?? []).map((row) => after.get(row.id) ?? row);
    this.#tracker.setTransfers(
      path,
      rows.filter((row) => !resting.includes(row.state)),
    );
  }

  async #addRows(files: readonly BurstFile[], as: 'discovered' | 'queued'): Promise<void> {
    if (files.length === 0) return;
    const rows = await this.#host.add(
      files.flatMap(({ file, to }) => this.#rows(file, to)),
      as,
    );
    const byPath = Map.groupBy(rows, (row) => row.source.path);
    for (const [path, transfers] of byPath) this.#tracker.setTransfers(path, transfers);
  }

  #rows({ path, sizeBytes, mtimeMs, mode }: SeenFile, to: string): NewTransfer[] {
    const source = { endpoint: this.#spec.source, path };
    return this.#spec.destinations.map((endpoint) => {
      return { source, destination: { endpoint, path: to }, sizeBytes, mtimeMs, fileMode: mode };
    });
  }

  /** Where each goes; a name that has no place there is refused. Where a rule needs the hash, that is for later. */
  async #placed(files: readonly SeenFile[]): Promise<{ placed: BurstFile[]; refused: Refused[] }> {
    if (this.#usesHash) return { placed: files.map((file) => ({ file, to: file.path })), refused: [] };
    const foundAt = this.#host.clock.now();
    const results = await this.#placer.place(files.map(({ path, mtimeMs }) => ({ path, mtimeMs, foundAt })));
    const placed: BurstFile[] = [];
    const refused: Refused[] = [];
    for (const [at, result] of results.entries()) {
      const file = files[at] as SeenFile;
      if (result.kind === 'placed') placed.push({ file, to: result.path });
      else if (result.kind === 'refused') refused.push({ file, fault: faultFrom(result.fault) });
    }
    return { placed, refused };
  }

  async #refuse(refused: readonly Refused[]): Promise<void> {
    if (refused.length === 0) return;
    await this.#host.refuse(
      refused.flatMap(({ file, fault }) => this.#rows(file, file.path).map((row) => ({ file: row, fault }))),
    );
    for (const { file } of refused) this.#tracker.refuse(file.path);
  }

  /** A rule that speaks of the content's hash costs a reading of its own. Null where there is no place for it: its rows have then failed. */
  async #placedByHash(file: SeenFile): Promise<string | null> {
    try {
      const source = await this.#host.open(this.#spec.source);
      const hash = await source.hash?.(file.path, 'sha256');
      if (hash === undefined)
        throw new Fault('unsupported', `${displayPath(this.#spec.source)} cannot tell hashes, which a rule asks for.`);
      const { path, mtimeMs } = file;
      const [placed] = await this.#placer.place([{ path, mtimeMs, foundAt: this.#host.clock.now(), hash }]);
      if (placed?.kind === 'placed') return placed.path;
      throw placed?.kind === 'refused' ? faultFrom(placed.fault) : new Fault('internal', 'A rule gave no answer.');
    } catch (error) {
      const fault = asFault(error);
      this.#host.log.warn({ jobId: this.#host.job.id, fault: fault.report() }, fault.message);
      const rows = this.#tracker.file(file.path)?.transfers ?? [];
      await this.#host.advanceAll(
        rows.map((transfer) => ({ transfer, inputs: 'fail' as const, patch: { error: fault.report() } })),
      );
      this.#tracker.refuse(file.path);
      return null;
    }
  }
}
