// Moves a pack of small files to a place that takes many by one stream: group after group under partial names, proved where they are, then renamed.

import { awaitBandwidth } from '../../endpoints/bandwidth.ts';
import { createHasher, hashStream } from '../../endpoints/content-hash.ts';
import { limitOf, openControl } from '../../endpoints/control.ts';
import type { Call, ManyRead, ManyWrite } from '../../endpoints/endpoint.ts';
import { type Control, sides, stopReasons } from '../../endpoints/mounts.ts';
import { Fault } from '../../model/fault.ts';
import type { HashAlgorithm, Verify } from '../../model/hash.ts';
import { type Entry, sameVersion } from '../../model/manifest.ts';
import { displayPath } from '../../model/names.ts';
import type { SourceIdentity } from '../../model/transfer.ts';
import { removeMany, statMany } from './many-files.ts';
import type { PackFile, PackFileResult, PackOutcome, PackRequest } from './move.ts';
import { type MoverParts, Stopped } from './mover-parts.ts';
import { type PackHead, packPartialPath, type StagedFile } from './pack-journal.ts';
import { forgetPackJournal, packJournalPath, recovered, settledAlone } from './pack-move.ts';
import { type PackNote, recoverPackThere } from './pack-note.ts';
import { sourceChanged } from './source-identity.ts';

const groupFiles = 1_000;
/** One is on its way while the last is proved; what is not proved by then is sent again after a crash. */
const groupBytes = 8 * 1024 * 1024;
const lookForStopMs = 100;
/** An archive may tell times by the second only. */
const coarsestMs = 1_000;
/** How long clearing up after a break may take before it is left to the next start. */
const patienceMs = { stop: 800, fault: 15_000 };

/** True where a pack can be sent and proved there. */
export function canSend({ source, destination, options }: PackRequest): boolean {
  return (
    destination.localPath === undefined &&
    source.readMany !== undefined &&
    source.medium === undefined &&
    !options.preserve.xattrs &&
    destination.writeMany !== undefined &&
    destination.renameMany !== undefined &&
    (destination.hashMany !== undefined || destination.readMany !== undefined)
  );
}

/**
 * Rejects with `lease_lost`, with what `finished` rejected with, or with the Fault of what stops all files. `alone` moves files of the pack
 * one by one and reports them.
 */
export async function movePackThere(
  parts: MoverParts,
  request: PackRequest,
  alone: (files: readonly PackFile[]) => Promise<PackOutcome>,
): Promise<PackOutcome> {
  const control = openControl(request.control);
  const stop = new AbortController();
  const looking = setInterval(() => {
    if (control.stop !== stopReasons.run && !stop.signal.aborted) stop.abort(new Stopped(control.stop));
  }, lookForStopMs);
  const sending = new PackSending(parts, request, control, stop.signal);
  try {
    await sending.run();
  } catch (error) {
    const { reason } = stop.signal;
    await sending.clearUp(reason instanceof Stopped ? patienceMs.stop : patienceMs.fault);
    if (reason instanceof Stopped) return { left: [...sending.unsettled], stopped: reason.reason };
    throw error;
  } finally {
    clearInterval(looking);
  }
  return sending.later.length > 0 ? await alone(sending.later) : { left: [], stopped: null };
}

interface Sent extends StagedFile {
  readonly file: PackFile;
  readonly partialPath: string;
}

interface Group {
  readonly index: number;
  readonly sent: readonly Sent[];
}

class PackSending {
  readonly later: PackFile[] = [];
  readonly unsettled: Set<PackFile>;
  readonly #parts: MoverParts;
  readonly #request: PackRequest;
  readonly #control: Control;
  readonly #call: Call & { readonly signal: AbortSignal };
  readonly #algorithm: HashAlgorithm;
  readonly #head: PackHead;
  readonly #limits: readonly SharedArrayBuffer[];
  readonly #at: ReadonlyMap<PackFile, number>;
  readonly #broken = new AbortController();
  #hasBegun = false;
  /** The ledger does not take anything of this pack any more. */
  #isRefused = false;
  #sending: Promise<unknown> = Promise.resolve();
  #publishing: Promise<unknown> = Promise.resolve();

  constructor(parts: MoverParts, request: PackRequest, control: Control, signal: AbortSignal) {
    const { files, options, destination, fence } = request;
    const own = limitOf(request.control);
    this.#parts = parts;
    this.#request = request;
    this.#control = control;
    this.#call = { signal: AbortSignal.any([signal, this.#broken.signal]) };
    this.#algorithm = options.algorithm ?? (destination.hashMany === undefined ? 'xxh128-8m' : 'sha256');
    this.#head = { version: 1, destination: destination.name, fence, algorithm: this.#algorithm, verify: this.#verify };
    this.#limits = [parts.mounts.bandwidth, ...(own === undefined ? [] : [own])];
    this.unsettled = new Set(files);
    this.#at = new Map(files.map((file, at) => [file, at]));
  }

  get #verify(): Verify {
    if (this.#request.options.verify === 'size') return 'size';
    return this.#request.destination.hashMany === undefined ? 'read-back' : 'far-hash';
  }

  async run(): Promise<void> {
    const { files } = this.#request;
    await this.#note({ files });
    this.#hasBegun = true;
    // One group is proved and published while the next is on its way.
    let index = 0;
    for (let from = 0; from < files.length; index++) {
      const wanted = groupFrom(files, from);
      from += wanted.length;
      const sending = this.#send(index, wanted);
      this.#sending = sending;
      const [group] = await Promise.all([sending, this.#publishing]);
      this.#publishing = this.#publish(group);
      this.#publishing.catch(() => undefined);
    }
    await this.#publishing;
    await forgetPackJournal(this.#parts, this.#request.packId);
  }

  /** After a break: partials are removed and what has its final name is told, as far as the place answers. Else the next start does it. */
  async clearUp(mostMs: number): Promise<void> {
    const { packId, destination } = this.#request;
    const journal = packJournalPath(this.#parts.journalFolder, packId);
    const own = this.#parts.mounts.pool(this.#parts.journalFolder);
    const work = async () => {
      this.#broken.abort(new Fault('interrupted', 'The pack was broken off.'));
      await Promise.allSettled([this.#sending, this.#publishing]);
      if (!this.#hasBegun || this.#isRefused) return;
      const published = await recoverPackThere(own, destination, journal, { signal });
      signal.throwIfAborted();
      const known = new Map([...this.unsettled].map((file) => [file.transferId, file]));
      await this.#finished(
        published.map(recovered).flatMap((result) => {
          const file = known.get(result.file.transferId);
          return file === undefined ? [] : [{ ...result, file }];
        }),
      );
      await forgetPackJournal(this.#parts, packId);
    };
    const signal = AbortSignal.timeout(mostMs);
    const late = Promise.withResolvers<void>();
    signal.addEventListener('abort', () => late.resolve(), { once: true });
    // It is the first fault that says what happened.
    await Promise.race([work().catch(() => undefined), late.promise]);
  }

  /** What has something of its name there already, if that may matter, goes by itself. */
  async #judged(files: readonly PackFile[]): Promise<readonly PackFile[]> {
    const { destination, options } = this.#request;
    const known = files.filter(({ entry }) => entry.mtimeUnknown !== true);
    const there =
      options.conflict === 'overwrite'
        ? undefined
        : await statMany(
            destination,
            known.map((file) => file.destinationPath),
            this.#call,
          );
    const taken = known.filter((file) => there?.get(file.destinationPath) === undefined);
    const goes = new Set(taken);
    this.later.push(...files.filter((file) => !goes.has(file)));
    return taken;
  }

  async #send(index: number, wanted: readonly PackFile[]): Promise<Group> {
    const { source, destination } = this.#request;
    const files = await this.#judged(wanted);
    const sent = new Map<string, Sent>();
    const failed = new Map<PackFile, Fault>();
    const waiting = new Map(files.map((file) => [file.sourcePath, file]));
    this.#call.signal.throwIfAborted();
    if (files.length === 0) return { index, sent: [] };
    const answers = source.readMany?.([...waiting.keys()], this.#call) ?? [];
    const faults = await destination.writeMany?.(this.#writes(answers, waiting, { sent, failed }), this.#call);
    for (const [path, fault] of faults ?? []) {
      const one = sent.get(path);
      if (one !== undefined) failed.set(one.file, failed.get(one.file) ?? fault);
      sent.delete(path);
    }
    for (const file of waiting.values()) failed.set(file, this.#notSent(file));
    if (source.localPath === undefined) await this.#lookAgain(sent, failed);
    await this.#fail([...failed]);
    return { index, sent: [...sent.values()] };
  }

  async *#writes(
    answers: AsyncIterable<ManyRead> | Iterable<ManyRead>,
    waiting: Map<string, PackFile>,
    { sent, failed }: { sent: Map<string, Sent>; failed: Map<PackFile, Fault> },
  ): AsyncGenerator<ManyWrite> {
    const { source, fence, options } = this.#request;
    const precisionMs = Math.max(coarsestMs, source.traits.mtimePrecisionMs);
    for await (const answer of answers) {
      const file = waiting.get(answer.path);
      if (file === undefined) throw this.#unasked(answer.path);
      waiting.delete(answer.path);
      if ('fault' in answer) failed.set(file, answer.fault);
      else if (!sameVersion(file.entry, answer.entry, precisionMs)) failed.set(file, this.#changed(file));
      else {
        const path = packPartialPath(file, fence);
        const { mode } = file.entry;
        yield {
          path,
          sizeBytes: answer.entry.sizeBytes,
          mtimeMs: options.preserve.mtime ? file.entry.mtimeMs : Date.now(),
          // Without its owner a set-user-ID program would run as somebody else.
          ...(options.preserve.mode && mode !== undefined ? { mode: mode & 0o1777 } : {}),
          body: this.#passing(answer.body, (hash) => sent.set(path, this.#sent(file, answer.entry, hash))),
        };
        if (!sent.has(path) && !failed.has(file)) failed.set(file, this.#changed(file));
      }
    }
  }

  async *#passing(body: AsyncIterable<Uint8Array>, whole: (hash: string) => void): AsyncGenerator<Uint8Array> {
    const hasher = createHasher(this.#algorithm);
    const { signal } = this.#call;
    for await (const chunk of body) {
      signal.throwIfAborted();
      this.#control.enter(sides.none);
      for (const limit of this.#limits) await awaitBandwidth(limit, chunk.length, signal);
      hasher.update(chunk);
      this.#control.addBytes(chunk.length);
      yield chunk;
    }
    whole(hasher.digest());
  }

  #sent(file: PackFile, entry: Entry, hash: string): Sent {
    const { device = '', inode = '' } = entry;
    const source: SourceIdentity = {
      ...(inode === '' ? {} : { device, inode }),
      sizeBytes: entry.sizeBytes,
      mtimeMs: file.entry.mtimeMs,
    };
    const partialPath = packPartialPath(file, this.#request.fence);
    return { at: this.#at.get(file) ?? 0, finalPath: '', device: '', inode: '', source, hash, file, partialPath };
  }

  /** Of files that a stream brought to us: are they still what they were? */
  async #lookAgain(sent: Map<string, Sent>, failed: Map<PackFile, Fault>): Promise<void> {
    const { source } = this.#request;
    const paths = [...sent.values()].map(({ file }) => file.sourcePath);
    const now = await statMany(source, paths, this.#call);
    for (const [path, { file }] of sent) {
      if (sameVersion(file.entry, now.get(file.sourcePath), source.traits.mtimePrecisionMs)) continue;
      failed.set(file, this.#changed(file));
      sent.delete(path);
    }
  }

  async #publish(group: Group): Promise<void> {
    const { destination, options, checkFence } = this.#request;
    const proven = await this.#proven(group.sent);
    if (proven.length === 0) return;
    await this.#heeded(checkFence());
    this.#call.signal.throwIfAborted();
    await this.#note({ publishing: { group: group.index, files: proven } });
    const pairs = proven.map(({ partialPath, file }) => ({ from: partialPath, to: file.destinationPath }));
    // From here on it is the journal that tells what stands under its final name.
    const faults = await destination.renameMany?.(pairs, { overwrite: options.conflict === 'overwrite' });
    const isTaken = (fault: Fault) => fault.code === 'exists' && options.conflict !== 'overwrite';
    const failed = proven.flatMap(({ file, partialPath }): [PackFile, Fault][] => {
      const fault = faults?.get(partialPath);
      return fault === undefined ? [] : [[file, isTaken(fault) ? this.#appeared(file) : fault]];
    });
    await this.#fail(failed);
    const gone = new Set(failed.map(([file]) => file));
    await this.#finished(proven.filter(({ file }) => !gone.has(file)).map((one) => this.#published(one)));
    await this.#note({ committed: group.index });
  }

  /** Those whose content is there; the others go by themselves. */
  async #proven(sent: readonly Sent[]): Promise<readonly Sent[]> {
    if (sent.length === 0) return [];
    const { options } = this.#request;
    const paths = sent.map((one) => one.partialPath);
    const isThere = options.verify === 'size' ? await this.#sizes(sent, paths) : await this.#hashes(sent, paths);
    const wrong = sent.filter((one) => !isThere(one));
    if (wrong.length > 0) {
      this.later.push(...wrong.map((one) => one.file));
      await removeMany(
        this.#request.destination,
        wrong.map((one) => one.partialPath),
        this.#call,
      );
    }
    return sent.filter(isThere);
  }

  async #sizes(_: readonly Sent[], paths: readonly string[]): Promise<(one: Sent) => boolean> {
    const there = await statMany(this.#request.destination, paths, this.#call);
    return ({ partialPath, source }) => there.get(partialPath)?.sizeBytes === source.sizeBytes;
  }

  async #hashes(_: readonly Sent[], paths: readonly string[]): Promise<(one: Sent) => boolean> {
    const { destination } = this.#request;
    const there = await destination.hashMany?.(paths, this.#algorithm, this.#call);
    if (there !== undefined) return ({ partialPath, hash }) => there.get(partialPath) === hash;
    const back = new Map<string, string>();
    for await (const answer of destination.readMany?.(paths, this.#call) ?? []) {
      if (!('fault' in answer)) {
        const { body } = answer;
        back.set(answer.path, await hashStream(ReadableStream.from(body), this.#algorithm));
      }
    }
    return ({ partialPath, hash }) => back.get(partialPath) === hash;
  }

  /** What by itself could still come right is moved so. */
  async #fail(failed: readonly (readonly [PackFile, Fault])[]): Promise<void> {
    const results: PackFileResult[] = [];
    const partials = failed.map(([file]) => packPartialPath(file, this.#request.fence));
    if (partials.length > 0) await removeMany(this.#request.destination, partials, this.#call);
    for (const [file, fault] of failed) {
      if (settledAlone.has(fault.code)) this.later.push(file);
      else results.push({ kind: 'failed', file, fault });
    }
    await this.#finished(results);
  }

  async #finished(results: readonly PackFileResult[]): Promise<void> {
    if (results.length === 0) return;
    await this.#heeded(this.#request.finished(results));
    for (const { file } of results) this.unsettled.delete(file);
  }

  async #heeded(answer: Promise<void>): Promise<void> {
    try {
      await answer;
    } catch (error) {
      this.#isRefused = true;
      throw error;
    }
  }

  #published({ file, source, hash }: Sent): PackFileResult {
    return {
      kind: 'published',
      file,
      publishedPath: file.destinationPath,
      sizeBytes: source.sizeBytes,
      hash: { algorithm: this.#algorithm, value: hash },
      verify: this.#verify,
      identity: source,
      alreadyThere: false,
    };
  }

  async #note(note: Omit<PackNote, 'journal' | 'head'>): Promise<void> {
    const journal = packJournalPath(this.#parts.journalFolder, this.#request.packId);
    const own = this.#parts.mounts.pool(this.#parts.journalFolder);
    await own.run('mover.notePack', { journal, head: this.#head, ...note } satisfies PackNote, { unqueued: true });
  }

  #changed(file: PackFile): Fault {
    return sourceChanged({ root: this.#request.source.name, path: file.sourcePath });
  }

  #notSent(file: PackFile): Fault {
    const place = { path: displayPath(file.sourcePath), endpoint: displayPath(this.#request.source.name) };
    return new Fault('network', `${place.endpoint} did not send ${place.path}.`, { place });
  }

  #unasked(path: string): Fault {
    const place = { path: displayPath(path), endpoint: displayPath(this.#request.source.name) };
    return new Fault('name_unsafe', `${place.endpoint} sent ${place.path}, which was not asked for.`, { place });
  }

  #appeared(file: PackFile): Fault {
    const place = { path: displayPath(file.destinationPath), endpoint: displayPath(this.#request.destination.name) };
    return new Fault('busy', `${place.path} appeared in ${place.endpoint} while it was copied.`, { place });
  }
}

function groupFrom(files: readonly PackFile[], from: number): readonly PackFile[] {
  let end = from;
  for (let bytes = 0; end < files.length && end - from < groupFiles && bytes < groupBytes; end++) {
    bytes += files[end]?.entry.sizeBytes ?? 0;
  }
  return files.slice(from, end);
}
