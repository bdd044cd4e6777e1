// One way of a sync while its run goes on: what was found is carried out, what arrives gets into its manifest, and it says how it stands.

import { asFault, Fault, type FaultReport, faultFrom } from '../../model/fault.ts';
import { displayPath, parentPath } from '../../model/names.ts';
import type { Receipt } from '../../model/receipt.ts';
import type { SyncFolderStatus, SyncSpec } from '../../model/sync-spec.ts';
import type { Place } from '../../model/transfer.ts';
import type { ComparedEntry } from '../compare-tree.ts';
import type { FolderKeeper } from '../copy/folder-keeper.ts';
import { newTransfer } from '../copy/new-transfer.ts';
import type { Packer } from '../copy/packer.ts';
import type { ModeHost, NewTransfer } from '../mode.ts';
import { smallBytes } from '../work.ts';
import { type Copy, type Deduplicated, deduplicate, type Later, newlyStranded, settleLater } from './dedup.ts';
import type { KnownTree } from './known-tree.ts';
import { destinationPath, type Leg, type LegFindings, type Rename, sourcePath } from './leg.ts';
import { contentHash, forEachSideBySide } from './many-calls.ts';

/** What is proven is written this often while files arrive; what a crash takes with it is found again at the destination. */
const writeEveryMs = 2_000;

export interface LegTools {
  readonly spec: SyncSpec;
  readonly host: ModeHost;
  readonly folders: FolderKeeper;
  readonly packer: Packer;
  /** Destinations of rows that stand already, as `takenKey` writes them. */
  readonly taken: ReadonlySet<string>;
  readonly problem: (path: string, text: string) => void;
}

export function takenKey({ endpoint, path }: Place): string {
  return `${endpoint}\n${path}`;
}

export class LegRun {
  readonly leg: Leg;
  findings: LegFindings | undefined;
  state: SyncFolderStatus['state'] = 'waiting';
  fault: FaultReport | null = null;
  found = 0;
  renamed = 0;
  #expected = 0;
  #expectedBytes = 0;
  #transferred = 0;
  #bytes = 0;
  #known: KnownTree | undefined;
  #later: readonly Later[] = [];
  #early: { readonly path: string; readonly receipt: Receipt }[] = [];
  #writtenAt = Number.NEGATIVE_INFINITY;
  #writing: Promise<void> = Promise.resolve();
  readonly #host: ModeHost;

  constructor(leg: Leg, host: ModeHost) {
    this.leg = leg;
    this.#host = host;
  }

  get status(): SyncFolderStatus {
    const { from, to, destination } = this.leg.key;
    const { state, found, fault } = this;
    const figures = { expected: this.#expected, expectedBytes: this.#expectedBytes };
    return {
      destination,
      from,
      to,
      state,
      found,
      ...figures,
      transferred: this.#transferred,
      bytes: this.#bytes,
      fault,
    };
  }

  get known(): KnownTree | undefined {
    return this.#known;
  }

  /** A new attempt to find out what is to be done. */
  begin(known: KnownTree): void {
    this.#known = known;
    this.state = 'listing';
    this.fault = null;
    for (const { path, receipt } of this.#early.splice(0)) known.proven(path, receipt);
  }

  failed(error: unknown): void {
    this.state = 'failed';
    this.fault = asFault(error).report();
  }

  /** A copy is proven, and its receipt durable. `path` is below the leg's folders. */
  arrived(path: string, receipt: Receipt): void {
    this.#transferred += 1;
    this.#bytes += receipt.sizeBytes;
    if (this.#known === undefined) this.#early.push({ path, receipt });
    else this.#known.proven(path, receipt);
    if (this.state === 'transferring' && this.#transferred >= this.#expected) this.state = 'done';
  }

  /** Now and then, while files arrive. */
  async writeSoon(): Promise<void> {
    const now = this.#host.clock.monotonic();
    if (now - this.#writtenAt < writeEveryMs) return;
    this.#writtenAt = now;
    await this.write();
  }

  /** Resolves once all that is known is durable. */
  write(): Promise<void> {
    this.#writing = this.#writing.then(async () => {
      const changes = this.#known?.changes(this.#host.clock.now()) ?? [];
      if (changes.length === 0) return;
      try {
        await this.#host.write(changes);
      } catch (error) {
        this.#known?.putBack(changes);
        this.#host.log.warn(
          { jobId: this.#host.job.id, fault: asFault(error).report() },
          'What is known of a folder could not be written; it is found out again',
        );
      }
    });
    return this.#writing;
  }

  /** Hands over all that is to be moved; resolves once that is done. */
  async carryOut(findings: LegFindings, tools: LegTools, signal: AbortSignal): Promise<void> {
    const { host, spec, folders, packer, taken } = tools;
    this.findings = findings;
    const { listing, known, copies, unchanged, skipped, symlinks } = findings;
    this.found = listing.files;
    const isTaken = ({ destination: path }: ComparedEntry) =>
      taken.has(takenKey({ endpoint: this.leg.key.destination, path }));
    const passed = skipped.filter(({ found }) => found.entry.kind === 'file');
    const standing = copies.filter(({ found }) => isTaken(found));
    host.found(listing.files, listing.bytes);
    host.skipped(unchanged.files + passed.length, unchanged.bytes + bytesOf(passed.map(({ found }) => found)));
    for (const { found, reason } of skipped) {
      host.log.info({ jobId: host.job.id, path: displayPath(found.entry.path) }, `Not synced: it ${reason}`);
    }
    for (const { found, fault } of findings.refused) tools.problem(found.destination, fault.message);
    if (spec.dryRun) {
      this.state = 'done';
      return;
    }
    for (const { path, receipt } of findings.proven) known.proven(path, receipt);
    for (const { path, entry } of findings.touched) known.touched(path, entry);
    await folders.make({ ...this.leg.key, destinationThere: findings.destinationThere }, findings.folders);
    for (const folder of listing.folders.keys()) known.addFolder(folder);
    const unrenamed = await this.#rename(findings.renames, tools, signal);

    const wanted = [...copies, ...unrenamed, ...(await newlyStranded(findings, host.reader))].filter(
      ({ found }) => !isTaken(found),
    );
    const todo = await this.#withoutTwins(findings, wanted, tools, signal);
    const expected = [...todo, ...standing].map(({ found }) => found);
    this.#expected = this.#transferred + expected.length;
    this.#expectedBytes = this.#bytes + bytesOf(expected);
    this.state = this.#expected > this.#transferred ? 'transferring' : 'done';
    const large: NewTransfer[] = [];
    for (const { found } of todo) {
      signal.throwIfAborted();
      folders.touched(parentPath(found.destination));
      if (found.entry.sizeBytes < smallBytes) await packer.add(found, found.destination);
      else large.push(newTransfer(this.leg.key.destination, found, found.destination));
    }
    if (large.length > 0) await host.add(large, 'queued');
    await packer.flushFull();
    const refused = findings.refused
      .filter(({ found }) => !isTaken(found))
      .map(({ found, fault }) => ({ file: newTransfer(this.leg.key.destination, found, found.destination), fault }));
    for (const { fault } of refused) host.log.warn({ jobId: host.job.id, fault: fault.report() }, fault.message);
    if (refused.length > 0) await host.refuse(refused);
    if (spec.symlinks === 'keep') await folders.keepSymlinks(this.leg.destination, symlinks);
    await this.write();
  }

  /** Resolves with those that have to be moved. */
  async #withoutTwins(
    findings: LegFindings,
    wanted: readonly Copy[],
    { spec: { media }, host, folders }: LegTools,
    signal: AbortSignal,
  ): Promise<readonly Copy[]> {
    this.#later = [];
    if (media.dedup === 'off') return wanted;
    const { copies, proven, later } = await deduplicate(findings, wanted, media.dedup, host, signal);
    this.#later = later;
    this.#takeIn(proven, folders);
    return copies;
  }

  #takeIn(proven: Deduplicated['proven'], folders: FolderKeeper): void {
    for (const { path, receipt } of proven) {
      this.#known?.proven(path, receipt);
      folders.touched(parentPath(destinationPath(this.leg, path)));
    }
  }

  /** What waited for another file of its content, once that has arrived; what of it has to be moved after all is said, and moved by the next run. */
  async settleTwins(spec: SyncSpec, folders: FolderKeeper, signal: AbortSignal): Promise<void> {
    const later = this.#later;
    if (later.length === 0 || this.#known === undefined || spec.media.dedup === 'off') return;
    this.#later = [];
    const { proven, left } = await settleLater(this.leg, this.#known, later, spec.media.dedup, this.#host, signal);
    this.#takeIn(proven, folders);
    if (left.length === 0) return;
    await this.#host.refuse(
      left.map(({ found }) => ({
        file: newTransfer(this.leg.key.destination, found, found.destination),
        fault: new Fault(
          'busy',
          `${displayPath(found.entry.path)} waited for another file of its content, which did not arrive; the next run copies it.`,
        ),
      })),
    );
  }

  /** Resolves with those that have to be copied after all. */
  async #rename(
    renames: readonly Rename[],
    tools: LegTools,
    signal: AbortSignal,
  ): Promise<readonly { readonly path: string; readonly found: ComparedEntry }[]> {
    if (renames.length === 0) return [];
    const { destination, key } = this.leg;
    const { host, folders } = tools;
    const copies: { path: string; found: ComparedEntry }[] = [];
    const done: { readonly rename: Rename; readonly value: string }[] = [];
    await forEachSideBySide(
      renames,
      async (rename) => {
        const to = destinationPath(this.leg, rename.path);
        const from = destinationPath(this.leg, rename.from);
        const found = { root: key.source, entry: rename.entry, destination: to, existing: null };
        const [algorithm, value = ''] = rename.known.hash.split(':');
        try {
          if (destination.rename === undefined) throw new Fault('unsupported', 'The place cannot rename.');
          // What stands there is read again: only content that is proven takes the new name.
          const standing = await contentHash(destination, from, algorithm as Receipt['hash']['algorithm'], signal);
          if (standing !== value) throw new Fault('corrupt', `${displayPath(from)} is not what was copied there.`);
          await destination.rename(from, to, { overwrite: false }, { signal });
          folders.touched(parentPath(from));
          folders.touched(parentPath(to));
          done.push({ rename, value });
        } catch (error) {
          signal.throwIfAborted();
          const fault = asFault(error);
          host.log.info({ jobId: host.job.id, fault: fault.report() }, 'Copied, where renaming would have done');
          copies.push({ path: rename.path, found });
        }
      },
      4,
    );
    if (done.length === 0) return copies;
    const now = host.clock.now();
    const adopted = done.map(({ rename }) => {
      const { entry, known } = rename;
      const [algorithm = '', value = ''] = known.hash.split(':');
      return {
        file: newTransfer(
          key.destination,
          { root: key.source, entry, destination: '', existing: null },
          destinationPath(this.leg, rename.path),
        ),
        proof: {
          sourceIdentity: {
            ...(entry.device === undefined ? {} : { device: entry.device }),
            ...(entry.inode === undefined ? {} : { inode: entry.inode }),
            sizeBytes: entry.sizeBytes,
            mtimeMs: entry.mtimeMs,
          },
          hash: { algorithm: algorithm as Receipt['hash']['algorithm'], value },
          verify: 'read-back' as const,
          at: now,
        },
      };
    });
    const receipts = await host.adopt(adopted);
    for (const [at, { rename }] of done.entries()) {
      const receipt = receipts[at];
      this.#known?.takeOut(rename.from);
      if (receipt !== undefined) this.#known?.proven(rename.path, receipt);
    }
    this.renamed += done.length;
    await host.tell('observation.sync.files_renamed', {
      destination: key.destination,
      files: done.length,
      renamed: done.slice(0, 500).map(({ rename }) => ({
        from: displayPath(destinationPath(this.leg, rename.from)),
        to: displayPath(destinationPath(this.leg, rename.path)),
      })),
    });
    return copies;
  }

  /** Its own row among the failed, so that the job says that not all is well. */
  refusal(): { readonly file: NewTransfer; readonly fault: Fault } {
    const { key } = this.leg;
    return {
      file: {
        source: { endpoint: key.source, path: sourcePath(this.leg, '') },
        destination: { endpoint: key.destination, path: destinationPath(this.leg, '') },
        sizeBytes: null,
        mtimeMs: null,
        fileMode: null,
      },
      fault: this.fault === null ? new Fault('internal', 'The folder failed without a word.') : faultFrom(this.fault),
    };
  }
}

function bytesOf(files: readonly ComparedEntry[]): number {
  return files.reduce((sum, { entry }) => sum + entry.sizeBytes, 0);
}
