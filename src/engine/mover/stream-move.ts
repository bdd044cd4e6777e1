// Moves one file between any two endpoints by their streams; the same steps as for local files, without worker lanes.

import { BlockCutter } from '../../endpoints/block-cutter.ts';
import { type ContentHasher, combineLeaves, createHasher, hashStream } from '../../endpoints/content-hash.ts';
import { limitOf, openControl } from '../../endpoints/control.ts';
import type { Call, Endpoint, Metadata, ProvedBlock, Uploads } from '../../endpoints/endpoint.ts';
import { type Control, sides, stopReasons } from '../../endpoints/mounts.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { blockBytes, type ContentHash, type HashAlgorithm, type Verify } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { baseName, displayPath, joinPath, numberedName, parentPath, partialName } from '../../model/names.ts';
import type { Publishing, SourceIdentity } from '../../model/transfer.ts';
import type { MoveOutcome, MoveRequest } from './move.ts';
import { journalPath, type MoverParts, Stopped } from './mover-parts.ts';
import { provedByReading, provedWhereItIs } from './prove-partial.ts';
import { readBySeveral, unitsAtOnce, writeBySeveral } from './several-streams.ts';
import { grownFrom, identityOfEntry, sameSource } from './source-identity.ts';
import { passing } from './stream-content.ts';
import { deltaFor, goesWhole } from './stream-delta.ts';
import { StreamJournal } from './stream-journal.ts';
import { publishUpload, takeUpUpload } from './stream-upload.ts';

const lookForStopMs = 100;
const progressMs = 200;
const roundsOfRewriting = 3;
const roundsOfSealing = 5;
const mostNumberedNames = 10_000;

/** Rejects with Stopped where the stop flag was set, else with a Fault. */
export async function moveByStream(parts: MoverParts, request: MoveRequest): Promise<MoveOutcome> {
  const control = openControl(request.control);
  const stop = new AbortController();
  const looking = setInterval(() => {
    if (control.stop !== stopReasons.run && !stop.signal.aborted) stop.abort(new Stopped(control.stop));
  }, lookForStopMs);
  const telling = setInterval(() => request.hooks.progress(control.bytesDone), progressMs);
  try {
    return await new StreamMove(parts, request, control, stop.signal).run();
  } catch (error) {
    // However the streams put it: it was stopped.
    if (stop.signal.aborted) throw stop.signal.reason;
    throw error;
  } finally {
    clearInterval(looking);
    clearInterval(telling);
  }
}

/** Where the bytes go in place of a partial. */
interface UploadBody {
  write(body: ReadableStream<Uint8Array>): Promise<number>;
  /** So many of the first need not be sent again. */
  readonly keptBytes: number;
}

interface Proof {
  readonly hash: ContentHash;
  readonly verify: Verify;
}

class StreamMove {
  readonly #parts: MoverParts;
  readonly #request: MoveRequest;
  readonly #control: Control;
  readonly #call: Call & { readonly signal: AbortSignal };
  #about: Pick<Call, 'about'> = {};
  /** For the source: as it was when it was looked at first. */
  #pinned: Call;
  readonly #journal: StreamJournal;
  readonly #algorithm: HashAlgorithm;
  /** Where the bytes go until they are verified; the final name itself where the place cannot rename. */
  readonly #partial: string;
  readonly #leaves: Buffer[] = [];
  /** Of the source's content as far as it was read or proved, in order; null for the block tree, which is made of the leaves. */
  #ordered: ContentHasher | null;
  /** All that stands in the partial has been read back there, and was right. */
  #isProved = true;
  readonly #bytesBefore: number;
  #movedBytes = 0;
  #resumedBytes = 0;

  constructor(parts: MoverParts, request: MoveRequest, control: Control, signal: AbortSignal) {
    const { transfer, destination, options } = request;
    this.#parts = parts;
    this.#request = request;
    this.#control = control;
    this.#bytesBefore = control.bytesDone;
    this.#call = { signal };
    this.#pinned = this.#call;
    this.#journal = new StreamJournal(
      parts.mounts.pool(parts.journalFolder),
      journalPath(parts.journalFolder, transfer.id),
    );
    const isLocal = destination.localPath !== undefined;
    this.#algorithm = options.algorithm ?? (isLocal || destination.hash === undefined ? 'xxh128-8m' : 'sha256');
    this.#ordered = this.#newOrdered();
    const { path } = transfer.destination;
    const name = partialName(baseName(path), transfer.id, transfer.fence);
    this.#partial = destination.rename === undefined ? path : joinPath(parentPath(path), name);
  }

  async run(): Promise<MoveOutcome> {
    const { growth, transfer, hooks } = this.#request;
    const entry = await this.#lookAtSource();
    let identity = identityOfEntry(entry);
    if (entry.version !== undefined && growth === undefined) this.#pinned = { ...this.#call, version: entry.version };
    const target = await this.#judgeExisting(entry);
    if ('there' in target)
      return this.#published(identity, transfer.destination.path, target.there, target.verify, true);
    const release = await this.#reserve(identity);
    const isGrowing = growth !== undefined;
    if (!isGrowing) this.#about = { about: { ...this.#metadata(entry, identity), sizeBytes: identity.sizeBytes } };
    try {
      const { uploads } = this.#request.destination;
      if (uploads !== undefined) {
        // Nothing of a file that grows can be seen there before it is whole, so nothing is lost by waiting for its end.
        if (growth !== undefined && !growth.ended) return { kind: 'caught_up', bytesDone: 0 };
        return await this.#byUpload(uploads, entry, identity, target.replace);
      }
      const from = await this.#takeUp(identity, isGrowing);
      if (growth !== undefined && !growth.ended) {
        const limit = Math.min(growth.limitBytes, identity.sizeBytes);
        const end = Math.max(from, limit - (limit % blockBytes));
        await this.#copy(from, end, null);
        await this.#journal.flush();
        hooks.progress(end);
        return { kind: 'caught_up', bytesDone: end };
      }
      const brought = from === 0 && !isGrowing && target.replace ? await this.#byDelta(identity) : undefined;
      if (brought === undefined) await this.#copy(from, identity.sizeBytes, this.#ordered);
      if (isGrowing) identity = await this.#seal(identity);
      else if (!sameSource(identity, identityOfEntry(await this.#lookAtSource()))) throw this.#changed();
      const proof = brought ?? (await this.#verify(identity));
      const { hash } = proof;
      await this.#setMetadata(entry, identity);
      await this.#journal.flush();
      const finalPath = await this.#publish(identity, proof, target.replace);
      await this.#journal.forget();
      hooks.progress(identity.sizeBytes);
      return this.#published(identity, finalPath, hash, proof.verify, false);
    } finally {
      // Also where it broke off: whoever goes on reads the journal in another worker, and must find what is still on its way there.
      await this.#journal.flush().catch(() => undefined);
      release();
    }
  }

  /** Undefined where the file is to go whole, from its beginning. */
  async #byDelta({ sizeBytes }: SourceIdentity): Promise<Proof | undefined> {
    const { source, destination, options, transfer } = this.#request;
    const delta = await deltaFor(this.#request, { partial: this.#partial, sizeBytes }, this.#call);
    if (delta === undefined) return undefined;
    const standsAt = (bytes: number) => {
      this.#control.enter(sides.none);
      this.#goBackTo(Math.min(bytes, sizeBytes));
    };
    try {
      const lineBytes = await delta.bring(this.#limits, { ...this.#call, progress: standsAt });
      const ours = await this.#hashOf(source, transfer.source.path, delta.algorithm);
      const theirs = await this.#hashOf(destination, this.#partial, delta.algorithm);
      if (ours.value === theirs.value) {
        standsAt(sizeBytes);
        this.#movedBytes = Math.min(lineBytes, sizeBytes);
        this.#resumedBytes = sizeBytes - this.#movedBytes;
        // Made durable as `write` makes it.
        await destination.write(this.#partial, sizeBytes, ReadableStream.from([]), this.#call);
        const hash = { algorithm: delta.algorithm, value: ours.value };
        return { hash, verify: options.verify === 'size' ? 'size' : theirs.verify };
      }
    } catch (error) {
      this.#call.signal.throwIfAborted();
      if (!goesWhole(error) || options.transport === 'rsync') throw error;
    }
    standsAt(0);
    await destination.remove(this.#partial, this.#call);
    return undefined;
  }

  async #byUpload(uploads: Uploads, entry: Entry, identity: SourceIdentity, replace: boolean): Promise<MoveOutcome> {
    const { destination, hooks, options } = this.#request;
    const parts = { request: this.#request, uploads, journal: this.#journal, call: this.#call };
    const isTimed = options.preserve.mtime && entry.mtimeUnknown !== true;
    const about = { identity, mtimeMs: isTimed ? identity.mtimeMs : undefined };
    const plan = await takeUpUpload(parts, about, () => hooks.restarted(this.#changed()));
    const call = { ...this.#call, progress: () => this.#control.enter(sides.none) };
    await this.#copy(0, identity.sizeBytes, this.#ordered, {
      write: (body) => uploads.write(plan.path, plan.id, body, call),
      keptBytes: Math.min(plan.keptBytes, identity.sizeBytes),
    });
    if (!sameSource(identity, identityOfEntry(await this.#lookAtSource()))) throw this.#changed();
    const hash: ContentHash = { algorithm: this.#algorithm, value: this.#hashOfSent() };
    const bySize = options.verify === 'size';
    const verify = bySize ? 'size' : 'far-hash';
    this.#call.signal.throwIfAborted();
    await hooks.publishing(this.#record(plan.path, plan.path, identity, { hash, verify }));
    const isConfirmed = await publishUpload(parts, plan, replace);
    if (!isConfirmed && !bySize && (await this.#hashOf(destination, plan.path)).value !== hash.value) {
      await destination.remove(plan.path, this.#call);
      throw this.#corrupt('does not have the content that was sent, and was removed');
    }
    await this.#journal.forget();
    hooks.progress(identity.sizeBytes);
    return this.#published(identity, plan.path, hash, isConfirmed || bySize ? verify : 'read-back', false);
  }

  #published(
    identity: SourceIdentity,
    publishedPath: string,
    hash: ContentHash,
    verify: Verify,
    alreadyThere: boolean,
  ): MoveOutcome {
    return {
      kind: 'published',
      publishedPath,
      sizeBytes: identity.sizeBytes,
      hash,
      verify,
      identity,
      movedBytes: this.#movedBytes,
      resumedBytes: this.#resumedBytes,
      alreadyThere,
    };
  }

  /** Both sides can begin above zero. */
  get #canGoOn(): boolean {
    const { source, destination } = this.#request;
    return destination.traits.resumableWrite && source.traits.resumableRead !== false;
  }

  async #lookAtSource(): Promise<Entry> {
    const { source, transfer } = this.#request;
    const { path } = transfer.source;
    const entry = await source.stat(path, this.#call);
    if (entry?.kind === 'file') return entry;
    const place = { path: displayPath(path), endpoint: displayPath(source.name) };
    if (entry === undefined) throw new Fault('not_found', `${place.path} is not in ${place.endpoint}.`, { place });
    throw new Fault('unsupported', `${place.path} in ${place.endpoint} is not a regular file.`, { place });
  }

  #changed(): Fault {
    const { source, transfer } = this.#request;
    const place = { path: displayPath(transfer.source.path), endpoint: displayPath(source.name) };
    return new Fault('source_changed', `${place.path} in ${place.endpoint} changed while it was copied.`, { place });
  }

  async #judgeExisting(
    entry: Entry,
  ): Promise<{ readonly there: ContentHash; readonly verify: Verify } | { readonly replace: boolean }> {
    const { destination, options, transfer } = this.#request;
    const { path } = transfer.destination;
    const { conflict } = options;
    const there = await destination.stat(path, this.#call);
    if (there === undefined) return { replace: conflict === 'overwrite' };
    const place = { path: displayPath(path), endpoint: displayPath(destination.name) };
    const refuse = (why: string): never => {
      throw new Fault('exists', `${place.path} in ${place.endpoint} ${why}.`, { place });
    };
    if (conflict === 'fail') return refuse('is there already');
    if (there.kind === 'folder' && conflict !== 'rename') return refuse('is a folder, and a file is to take its name');
    if (conflict === 'overwrite') return { replace: true };
    if (there.kind === 'file' && there.sizeBytes === entry.sizeBytes) {
      const ours = await this.#hashOf(this.#request.source, transfer.source.path);
      const theirs = await this.#hashOf(destination, path);
      if (ours.value === theirs.value) {
        return { there: { algorithm: this.#algorithm, value: theirs.value }, verify: theirs.verify };
      }
    }
    if (conflict === 'rename') return { replace: false };
    if (conflict === 'skip') return refuse('has other content and was left as it is');
    const precision = Math.max(destination.traits.mtimePrecisionMs, this.#request.source.traits.mtimePrecisionMs);
    return entry.mtimeMs > there.mtimeMs + precision ? { replace: true } : refuse('is newer and was left as it is');
  }

  async #reserve(identity: SourceIdentity): Promise<() => void> {
    const { destination, options, transfer } = this.#request;
    const space = await destination.space?.(this.#call);
    const before = this.#control.bytesDone;
    const room = {
      mountPoint: destination.localPath === undefined ? destination.name : this.#mountOf(destination),
      remaining: () => Math.max(0, identity.sizeBytes - (this.#control.bytesDone - before)),
    };
    if (space === undefined) return this.#parts.reservations.hold(room);
    const journal = await this.#journal.load();
    const journaled = Math.min(identity.sizeBytes, (journal?.blocks.size ?? 0) * blockBytes);
    return this.#parts.reservations.take({
      ...room,
      remaining: () => Math.max(0, identity.sizeBytes - Math.max(journaled, this.#control.bytesDone - before)),
      freeBytes: space.freeBytes,
      reserveBytes: options.reserveBytes,
      path: transfer.destination.path,
      place: destination.name,
    });
  }

  #mountOf(destination: Endpoint): string {
    const path = destination.localPath?.(this.#request.transfer.destination.path) ?? '/';
    return this.#parts.mounts.mountOf(path).mountPoint;
  }

  /** What stands of an earlier attempt, proved by reading it again; resolves with where to go on. */
  async #takeUp(identity: SourceIdentity, isGrowing: boolean): Promise<number> {
    const { destination, hooks, transfer } = this.#request;
    const journal = await this.#journal.load();
    const head = { identity, growing: isGrowing, partial: this.#partialNote() };
    const old = journal?.head.partial.path;
    const fits =
      journal !== undefined &&
      (isGrowing || journal.head.growing
        ? grownFrom(journal.head.identity, identity)
        : sameSource(journal.head.identity, identity));
    const canResume = this.#canGoOn && (old === this.#partial || destination.rename !== undefined);
    if (journal === undefined || old === undefined || !fits || !canResume) {
      for (const path of journal?.paths ?? []) {
        if (path !== transfer.destination.path) await destination.remove(path, this.#call);
      }
      this.#journal.begin(head, { fresh: true });
      if (journal !== undefined && !fits) hooks.restarted(this.#changed());
      return 0;
    }
    if (old !== this.#partial) {
      this.#journal.begin(head, { fresh: false });
      await this.#journal.flush();
      const there = await destination.stat(this.#partial, this.#call);
      if (there === undefined) await this.#renameOld(old);
    }
    this.#journal.begin(head, { fresh: false });
    return await this.#prove(journal.blocks, identity.sizeBytes);
  }

  #partialNote() {
    const { destination, transfer } = this.#request;
    return { root: destination.name, path: this.#partial, device: '', inode: '', fence: transfer.fence };
  }

  async #renameOld(old: string): Promise<void> {
    try {
      await this.#request.destination.rename?.(old, this.#partial, { overwrite: false }, this.#call);
    } catch (error) {
      if (asFault(error).code !== 'not_found') throw error;
    }
  }

  /** Reads the partial up to the first block that the journal does not have or that differs from it. */
  async #prove(blocks: ReadonlyMap<number, string>, sizeBytes: number): Promise<number> {
    const { destination } = this.#request;
    const there = await destination.stat(this.#partial, this.#call);
    let whole = 0;
    while (blocks.has(whole) && (whole + 1) * blockBytes <= Math.min(sizeBytes, there?.sizeBytes ?? 0)) whole++;
    if (whole === 0) return 0;
    if (await this.#provedWhereItIs(blocks, whole)) return whole * blockBytes;
    const counted = (block: number, digest: Buffer) => {
      this.#leaves[block] = digest;
      this.#resumedBytes += blockBytes;
      this.#control.addBytes(blockBytes);
    };
    const proved = await provedByReading(
      async (look) => {
        const bytes = whole * blockBytes;
        return this.#looked(await destination.read(this.#partial, 0, this.#call), bytes, look, bytes);
      },
      { blocks, ordered: this.#ordered, counted },
    );
    return proved * blockBytes;
  }

  get #limits(): readonly SharedArrayBuffer[] {
    const own = limitOf(this.#request.control);
    return [this.#parts.mounts.bandwidth, ...(own === undefined ? [] : [own])];
  }

  /** By a hash that the place makes, so that nothing has to come back over a line that breaks. */
  async #provedWhereItIs(blocks: ReadonlyMap<number, string>, whole: number): Promise<boolean> {
    const { source, destination, transfer } = this.#request;
    const bytes = whole * blockBytes;
    const start = {
      ...{ source, destination, blocks, whole, partial: this.#partial },
      algorithm: this.#algorithm === 'xxh128-8m' ? null : this.#algorithm,
      read: async () =>
        this.#looked(await source.read(transfer.source.path, 0, this.#pinned), bytes, () => undefined, bytes),
    };
    const proved = await provedWhereItIs(start, this.#call);
    if (proved === undefined) return false;
    this.#leaves.push(...proved.leaves);
    this.#ordered = proved.ordered;
    this.#resumedBytes += bytes;
    this.#control.addBytes(bytes);
    return true;
  }

  #looked(
    stream: ReadableStream<Uint8Array>,
    mostBytes: number,
    chunk: (chunk: Uint8Array) => void,
    freeBytes = 0,
  ): ReadableStream<Uint8Array> {
    const limits = this.#limits;
    return passing(stream, { control: this.#control, limits, signal: this.#call.signal, mostBytes, freeBytes, chunk });
  }

  /** What was copied from there on does not count any more. */
  #goBackTo(offset: number): void {
    this.#control.addBytes(offset - (this.#control.bytesDone - this.#bytesBefore));
  }

  #newOrdered(): ContentHasher | null {
    return this.#algorithm === 'xxh128-8m' ? null : createHasher(this.#algorithm);
  }

  /** Copies from a block's beginning to `end`, which becomes the partial's size. `ordered` is fed with what goes by. */
  async #copy(from: number, end: number, ordered: ContentHasher | null, upload?: UploadBody): Promise<void> {
    const { source, destination, options, transfer } = this.#request;
    if (from >= end && (from > 0 || end > 0)) return;
    const noted = (block: number, digest: Buffer) => {
      this.#leaves[block] = digest;
      this.#journal.block(block, digest);
    };
    const provedBy = options.verify === 'size' ? undefined : destination.writeProved;
    // Where it is proved on its way, its blocks are hashed there, too.
    const cutter = provedBy === undefined ? new BlockCutter(from, noted) : undefined;
    const keptBytes = upload?.keptBytes ?? 0;
    let at = from;
    const looked = (chunk: Uint8Array) => {
      cutter?.update(chunk);
      ordered?.update(chunk);
      const known = Math.max(0, Math.min(chunk.length, keptBytes - at));
      at += chunk.length;
      this.#resumedBytes += known;
      this.#movedBytes += chunk.length - known;
      this.#control.addBytes(chunk.length);
    };
    const { path } = transfer.source;
    const readings = unitsAtOnce(source, 'readRange', end - from);
    const given =
      readings > 1
        ? readBySeveral(source, path, { from, end, atOnce: readings }, this.#pinned)
        : await source.read(path, from, this.#pinned);
    const body = this.#looked(given, end - from, looked, keptBytes);
    let size: number;
    if (provedBy === undefined) {
      this.#isProved = false;
      const writings = unitsAtOnce(destination, 'writeAt', end - from);
      const write = () =>
        writings > 1
          ? writeBySeveral(destination, this.#partial, { from, atOnce: writings }, body, this.#call)
          : destination.write(this.#partial, from, body, { ...this.#call, ...this.#about });
      size = await (upload?.write(body) ?? write());
      cutter?.end();
    } else {
      const told = ({ block, digest, isSame }: ProvedBlock) => {
        this.#isProved &&= isSame;
        noted(block, Buffer.from(digest));
      };
      size = await provedBy(this.#partial, from, body, told, this.#call);
    }
    this.#leaves.length = Math.ceil(end / blockBytes);
    if (at !== end) throw this.#changed();
    if (size !== end) throw this.#corrupt(`has ${size} bytes where ${end} were sent`);
  }

  /** As for local files: what the writer changed behind the copy is copied again, from the first such block on. */
  async #seal(first: SourceIdentity): Promise<SourceIdentity> {
    const { source, transfer } = this.#request;
    let identity = first;
    for (let round = 0; round < roundsOfSealing; round++) {
      let differs: number | undefined;
      const ordered = this.#newOrdered();
      this.#ordered = ordered;
      const compare = (block: number, digest: Buffer) => {
        if (!digest.equals(this.#leaves[block] ?? Buffer.alloc(0))) differs ??= block;
      };
      const cutter = new BlockCutter(0, compare, (part) => ordered?.update(part));
      const stream = await source.read(transfer.source.path, 0, this.#call);
      for await (const _chunk of this.#looked(stream, identity.sizeBytes, (chunk) => cutter.update(chunk))) {
        if (differs !== undefined) break;
      }
      if (differs === undefined) cutter.end();
      const now = identityOfEntry(await this.#lookAtSource());
      if (!grownFrom(identity, now)) throw this.#changed();
      if (differs === undefined && sameSource(identity, now)) return now;
      const from = (differs ?? Math.floor(identity.sizeBytes / blockBytes)) * blockBytes;
      identity = now;
      this.#goBackTo(from);
      await this.#copy(from, identity.sizeBytes, null);
    }
    const place = { path: displayPath(transfer.source.path), endpoint: displayPath(source.name) };
    throw new Fault('busy', `${place.path} in ${place.endpoint} is still being written to.`, { place });
  }

  /** Compares what arrived with what was read; what differs is copied again from there on. */
  async #verify(identity: SourceIdentity): Promise<Proof> {
    const { options, destination } = this.#request;
    const value = this.#hashOfSent();
    const hash: ContentHash = { algorithm: this.#algorithm, value };
    if (options.verify === 'size') return { hash, verify: 'size' };
    if (this.#isProved) return { hash, verify: 'read-back' };
    for (let round = 1; ; round++) {
      const there = await this.#hashOf(destination, this.#partial);
      if (there.value === value) return { hash, verify: there.verify };
      if (round === roundsOfRewriting) throw this.#corrupt('does not have the content that was sent');
      const from = this.#canGoOn ? await this.#firstDifference() : 0;
      this.#goBackTo(from);
      const sent = this.#leaves.slice();
      await this.#copy(from, identity.sizeBytes, null);
      if (!sent.every((leaf, block) => leaf.equals(this.#leaves[block] ?? Buffer.alloc(0)))) throw this.#changed();
    }
  }

  #hashOfSent(): string {
    return this.#ordered?.digest() ?? combineLeaves(this.#leaves);
  }

  async #firstDifference(): Promise<number> {
    const { destination } = this.#request;
    let differs: number | undefined;
    const compare = (block: number, digest: Buffer) => {
      if (!digest.equals(this.#leaves[block] ?? Buffer.alloc(0))) differs ??= block;
    };
    const cutter = new BlockCutter(0, compare);
    const stream = await destination.read(this.#partial, 0, this.#call);
    const most = Number.MAX_SAFE_INTEGER;
    for await (const _chunk of this.#looked(stream, most, (chunk) => cutter.update(chunk))) {
      if (differs !== undefined) break;
    }
    cutter.end();
    // A partial that ends too early differs where it ends; one that reads well now is written again all the same.
    return Math.max(0, Math.min(differs ?? Math.floor(cutter.at / blockBytes), this.#leaves.length - 1)) * blockBytes;
  }

  /** By the place itself where it can, through a reading that is newly opened; else by reading it from there. */
  async #hashOf(
    endpoint: Endpoint,
    path: string,
    algorithm: HashAlgorithm = this.#algorithm,
  ): Promise<{ value: string; verify: Verify }> {
    if (endpoint.hash !== undefined) {
      try {
        const progress = () => this.#control.enter(sides.none);
        const value = await endpoint.hash(path, algorithm, { ...this.#call, progress });
        return { value, verify: endpoint.localPath === undefined ? 'far-hash' : 'read-back' };
      } catch (error) {
        if (asFault(error).code !== 'unsupported') throw error;
      }
    }
    const stream = await endpoint.read(path, 0, this.#call);
    const looked = this.#looked(stream, Number.MAX_SAFE_INTEGER, () => undefined);
    return { value: await hashStream(looked, algorithm), verify: 'read-back' };
  }

  async #setMetadata(entry: Entry, identity: SourceIdentity): Promise<void> {
    const { destination } = this.#request;
    const metadata = this.#metadata(entry, identity);
    if (Object.keys(metadata).length > 0) await destination.setMetadata?.(this.#partial, metadata, this.#call);
  }

  #metadata(entry: Entry, identity: SourceIdentity): Metadata {
    const { mtime, mode } = this.#request.options.preserve;
    return {
      ...(mtime && entry.mtimeUnknown !== true ? { mtimeMs: identity.mtimeMs } : {}),
      // Without its owner a set-user-ID program would run as somebody else.
      ...(mode && entry.mode !== undefined ? { mode: entry.mode & 0o1777 } : {}),
    };
  }

  async #publish(identity: SourceIdentity, proof: Proof, replace: boolean): Promise<string> {
    const { destination, hooks, options, transfer } = this.#request;
    const { path } = transfer.destination;
    const record = (finalPath: string) => this.#record(this.#partial, finalPath, identity, proof);
    if (destination.rename === undefined) {
      this.#call.signal.throwIfAborted();
      await hooks.publishing(record(path));
      return path;
    }
    for (let n = 0; n < mostNumberedNames; n++) {
      const finalPath = n === 0 ? path : joinPath(parentPath(path), numberedName(baseName(path), n));
      if (options.conflict === 'rename' && (await destination.stat(finalPath, this.#call)) !== undefined) continue;
      this.#call.signal.throwIfAborted();
      await hooks.publishing(record(finalPath));
      try {
        await destination.rename(this.#partial, finalPath, { overwrite: replace }, this.#call);
        return finalPath;
      } catch (error) {
        if (asFault(error).code !== 'exists' || options.conflict !== 'rename') throw error;
      }
    }
    const place = { path: displayPath(path), endpoint: displayPath(destination.name) };
    throw new Fault('exists', `${place.path} in ${place.endpoint} has too many namesakes.`, { place });
  }

  #record(partialPath: string, finalPath: string, identity: SourceIdentity, proof: Proof): Publishing {
    const { sizeBytes } = identity;
    return { partialPath, finalPath, device: '', inode: '', sizeBytes, ...proof, source: identity };
  }

  #corrupt(why: string): Fault {
    const place = { path: displayPath(this.#partial), endpoint: displayPath(this.#request.destination.name) };
    return new Fault('corrupt', `${place.path} in ${place.endpoint} ${why}.`, { place });
  }
}
