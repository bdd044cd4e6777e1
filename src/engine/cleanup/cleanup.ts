// Cleanup: deletes old files at the source, those alone that are proven to stand elsewhere, and nothing after a listing that failed.

import type { Endpoint } from '../../endpoints/endpoint.ts';
import { type CleanedFile, type CleanupResult, type KeptReason, keptReasons, mostListed } from '../../model/cleanup.ts';
import type { CleanupRequest, CleanupSpec } from '../../model/cleanup-schema.ts';
import type { EventDraft } from '../../model/event.ts';
import { asFault, Fault, type FaultReport } from '../../model/fault.ts';
import { displayPath, joinPath, parentPath, safeRelativePath } from '../../model/names.ts';
import { pathText } from '../../model/path-text.ts';
import type { Change, StoreReader } from '../../store/store.ts';
import type { ModeParts } from '../mode.ts';
import { inLanes, type KeptSource, removeProven } from '../remove-proven.ts';
import { cleanedAway, notCleanedAway } from './cleaned.ts';
import { findOld } from './old-files.ts';
import { createFolderProbe, type FolderProbe } from './probe-folders.ts';
import { createProof, type Proof, type ProvenFile } from './proven-copies.ts';

/** The host of a mode has all of it. */
export interface CleanupParts extends Pick<ModeParts, 'clock' | 'mounts' | 'newId' | 'open'> {
  /** Of all ledgers that are to be believed. */
  readonly reader: Pick<StoreReader, 'receipts'>;
  /** Durable when it resolves. */
  write(changes: readonly Change[]): Promise<unknown>;
  /** Whose facts these are. */
  readonly jobId?: string;
}

/** What is looked up, deleted and written down together. */
const batchFiles = 100;
/** Deleted together right after their copies were looked at. */
const groupFiles = 10;
const mostErrors = 100;
/** So far apart two clocks may be without either being wrong. */
const clockSlackMs = 60_000;

/**
 * Resolves with what was deleted, also where a listing failed (then nothing was). Rejects with `invalid` and `name_unsafe` (the request),
 * with what opening the place says, with `ledger`, and with the signal's reason; what was deleted until then is on record.
 */
export async function cleanUp(
  request: CleanupRequest,
  parts: CleanupParts,
  signal: AbortSignal = new AbortController().signal,
): Promise<CleanupResult> {
  const spec = await checked(request);
  const source = await parts.open(spec.endpoint);
  const top = safeRelativePath(spec.path);
  const folders = spec.folders.length === 0 ? [top] : spec.folders.map((folder) => joinPath(top, folder));
  const now = parts.clock.now();
  const found = await findOld(source, { ...spec, folders }, now, signal);
  const run = new CleanupRun(source, spec, parts, now, signal);
  run.keep('young', found.young);
  run.keep('preserved', found.preserved);
  if (found.fault !== undefined) run.trouble(found.fault);
  else {
    for (let at = 0; at < found.old.length && !run.isFull; at += batchFiles)
      await run.batch(found.old.slice(at, at + batchFiles));
    await run.removeDated(found.dated);
  }
  const result = run.result(found.scanned);
  if (!spec.dryRun) {
    const { files: _, ...data } = result;
    await run.write([], [{ name: 'observation.sync.cleaned', at: parts.clock.now(), data }]);
  }
  return result;
}

async function checked(request: CleanupRequest): Promise<CleanupSpec> {
  const { cleanupRequestSchema } = await import('../../model/cleanup-schema.ts');
  const read = cleanupRequestSchema.safeParse(request);
  if (read.success) return read.data;
  const [issue] = read.error.issues;
  throw new Fault('invalid', `The cleanup cannot be read: ${issue?.path.join('.')} ${issue?.message}`);
}

class CleanupRun {
  readonly #source: Endpoint;
  readonly #spec: CleanupSpec;
  readonly #parts: CleanupParts;
  readonly #signal: AbortSignal;
  readonly #proof: Proof;
  readonly #probe: FolderProbe;
  readonly #now: number;
  readonly #kept = Object.fromEntries(keptReasons.map((reason) => [reason, 0])) as Record<KeptReason, number>;
  readonly #errors = new Map<string, FaultReport>();
  readonly #files: CleanedFile[] = [];
  /** How many files went out of each folder. */
  readonly #gone = new Map<string, number>();
  #deleted = 0;
  #freedBytes = 0;
  #foldersRemoved = 0;

  constructor(source: Endpoint, spec: CleanupSpec, parts: CleanupParts, now: number, signal: AbortSignal) {
    this.#source = source;
    this.#spec = spec;
    this.#parts = parts;
    this.#signal = signal;
    this.#now = now;
    this.#proof = createProof(source, spec, parts, signal);
    this.#probe = createFolderProbe(source, parts, signal);
  }

  get isFull(): boolean {
    return this.#spec.mostFiles !== null && this.#deleted >= this.#spec.mostFiles;
  }

  keep(reason: KeptReason, files = 1): void {
    this.#kept[reason] += files;
  }

  trouble(fault: FaultReport): void {
    if (this.#errors.size < mostErrors) this.#errors.set(`${fault.code} ${fault.message}`, fault);
  }

  async write(changes: readonly Change[], events: readonly EventDraft[] = []): Promise<void> {
    const { jobId } = this.#parts;
    const facts = events.map((event): Change => {
      return { kind: 'append_event', event, ...(jobId === undefined ? {} : { jobId }) };
    });
    if (changes.length + facts.length > 0) await this.#parts.write([...changes, ...facts]);
  }

  async batch(entries: Parameters<Proof['judge']>[0]): Promise<void> {
    this.#signal.throwIfAborted();
    const proven: ProvenFile[] = [];
    for (const judged of await this.#proof.judge(entries)) {
      if ('kept' in judged) this.keep(judged.kept);
      else proven.push(judged);
    }
    const gone: ProvenFile[] = [];
    try {
      for (let at = 0; at < proven.length; at += groupFiles)
        gone.push(...(await this.#group(proven.slice(at, at + groupFiles))));
    } finally {
      // Also of a batch that was broken off: what is gone is on record.
      if (!this.#spec.dryRun)
        await this.write(
          [],
          gone.map((file) => this.#fact(file)),
        );
    }
  }

  /** Looks at the copies and, unless this is only to be said, deletes. Gives those that are gone. */
  async #group(files: readonly ProvenFile[]): Promise<readonly ProvenFile[]> {
    const safe: ProvenFile[] = [];
    await inLanes(files, groupFiles, async (file) => {
      if (await this.#isSafe(file)) safe.push(file);
    });
    const inOrder = files.filter((file) => safe.includes(file));
    if (inOrder.length === 0) return [];
    const stayed = this.#spec.dryRun ? [] : await this.#remove(inOrder);
    for (const { fault } of stayed) {
      if (fault.code === 'source_changed' || fault.code === 'not_found') this.keep('changed');
      else {
        this.keep('failed');
        this.trouble(fault);
      }
    }
    const gone = inOrder.filter(({ entry }) => !stayed.some(({ path }) => path === entry.path));
    for (const { entry } of gone) this.#count(entry);
    return gone;
  }

  async #remove(files: readonly ProvenFile[]): Promise<readonly KeptSource[]> {
    await this.write(cleanedAway(files, this.#parts.clock.now()));
    const entries = files.map(({ entry }) => entry);
    const stayed = await removeProven(this.#source, entries, this.#parts);
    await this.write(notCleanedAway(files.filter(({ entry }) => stayed.some(({ path }) => path === entry.path))));
    return stayed;
  }

  #count({ path, sizeBytes }: CleanedFile): void {
    this.#deleted += 1;
    this.#freedBytes += sizeBytes;
    if (this.#files.length < mostListed) this.#files.push({ path, sizeBytes });
    const folder = parentPath(path);
    this.#gone.set(folder, (this.#gone.get(folder) ?? 0) + 1);
  }

  async #isSafe(file: ProvenFile): Promise<boolean> {
    try {
      const standing = await this.#proof.standing(file);
      if (standing.length < this.#spec.copies) {
        this.keep('copyMissing');
        return false;
      }
      if (this.#spec.dryRun) return true;
      const apart = await this.#probe.apart(file, standing);
      if (apart.length < this.#spec.copies) {
        this.keep('failed');
        const [copy] = standing;
        const from = displayPath(this.#source.name);
        const to = displayPath(copy?.receipt.destination.endpoint ?? '');
        const text = `${from} and ${to} are one and the same folder, reached by two ways: what was copied lies there once, and stays.`;
        this.trouble(new Fault('exists', text, { place: { endpoint: from } }).report());
        return false;
      }
      if (this.#isOld(file)) return true;
      this.keep('young');
    } catch (error) {
      this.#signal.throwIfAborted();
      this.keep('failed');
      this.trouble(asFault(error).report());
    }
    return false;
  }

  /** Where the source's own clock is far behind ours one of the two is wrong, and what looks old may be of today: it is believed then. */
  #isOld({ entry }: ProvenFile): boolean {
    const { sourceNow } = this.#probe;
    if (sourceNow === undefined || this.#now - sourceNow <= clockSlackMs) return true;
    return entry.mtimeMs <= sourceNow - this.#spec.ageHours * 3_600_000;
  }

  #fact({ entry, copies }: ProvenFile): EventDraft {
    const [copy] = copies;
    return {
      name: 'observation.sync.file_deleted',
      at: this.#parts.clock.now(),
      data: {
        endpoint: displayPath(this.#source.name),
        ...pathText(entry.path),
        sizeBytes: entry.sizeBytes,
        mtimeMs: entry.mtimeMs,
        hash: copy?.receipt.hash ?? null,
        transferId: copy?.receipt.transferId ?? null,
        copies: copies.map(({ receipt: { destination } }) =>
          displayPath(`${destination.endpoint.replace(/\/$/, '')}/${destination.path}`),
        ),
      },
    };
  }

  /** Those that held nothing but what was deleted just now. */
  async removeDated(dated: ReadonlyMap<string, number>): Promise<void> {
    for (const [folder, held] of dated) {
      if (held === 0 || this.#gone.get(folder) !== held) continue;
      this.#signal.throwIfAborted();
      if (!this.#spec.dryRun) {
        try {
          await this.#source.remove(folder, { signal: this.#signal });
        } catch (error) {
          this.#signal.throwIfAborted();
          const fault = asFault(error);
          // Something has come into it meanwhile.
          if (fault.code !== 'exists') this.trouble(fault.report());
          continue;
        }
      }
      this.#foldersRemoved += 1;
    }
  }

  result(filesScanned: number): CleanupResult {
    return {
      filesScanned,
      filesDeleted: this.#deleted,
      spaceFreedBytes: this.#freedBytes,
      errors: [...this.#errors.values()],
      dryRun: this.#spec.dryRun,
      kept: { ...this.#kept },
      foldersRemoved: this.#foldersRemoved,
      files: this.#files,
    };
  }
}
