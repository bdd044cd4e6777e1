// Feeds a pack's worker with files that come by one stream from elsewhere, and knows what became of those that did not come.

import type { Endpoint, ManyRead } from '../../endpoints/endpoint.ts';
import { type Control, stopReasons } from '../../endpoints/mounts.ts';
import { newWriteRing, RingWriter } from '../../endpoints/write-ring.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath } from '../../model/names.ts';
import { sameVersion, statMany } from './many-files.ts';
import type { PackFile, PackFileResult } from './move.ts';
import type { PackInput } from './pack-lane.ts';
import { streamHead, streamTail } from './pack-source.ts';
import { sourceChanged } from './source-identity.ts';

const lookForStopMs = 100;
const zeros = new Uint8Array(256 * 1024);
/** An archive may tell times by the second only. */
const coarsestMs = 1_000;

export class PackFeed {
  /** What the worker is given. */
  readonly input: PackInput['from'];
  /** Why the whole stream ended early. */
  fault: Fault | undefined;
  readonly #source: Endpoint;
  readonly #files: readonly PackFile[];
  readonly #at: ReadonlyMap<string, number>;
  readonly #faults = new Map<number, Fault>();
  readonly #came = new Set<number>();
  readonly #changed: Uint8Array;
  readonly #writer: RingWriter;
  readonly #stop = new AbortController();
  #looking: NodeJS.Timeout | undefined;
  #willFlush = false;

  constructor(source: Endpoint, files: readonly PackFile[]) {
    const ring = newWriteRing();
    const changed = new SharedArrayBuffer(files.length);
    this.#source = source;
    this.#files = files;
    this.#at = new Map(files.map((file, at) => [file.sourcePath, at]));
    this.#changed = new Uint8Array(changed);
    this.#writer = new RingWriter(ring);
    this.input = { name: source.name, ring, changed };
    // Two of one name, or a time that nobody knows: nothing that a stream could settle.
    for (const [at, file] of files.entries())
      if (this.#at.get(file.sourcePath) !== at || file.entry.mtimeUnknown === true)
        this.#faults.set(at, this.#alone(at));
  }

  /** Until all has been given, or `end` is called. */
  start(control: Control): void {
    this.#looking = setInterval(() => {
      if (control.stop !== stopReasons.run) this.#stop.abort(new Fault('interrupted', 'The pack was stopped.'));
    }, lookForStopMs);
    void this.#run()
      .catch((error: unknown) => {
        this.fault = asFault(error);
        // What is still read for it is read for nobody.
        this.#stop.abort(error);
      })
      .finally(() => this.#writer.end());
  }

  /** Nobody takes anything any more. May be called again. */
  end(): void {
    clearInterval(this.#looking);
    this.#stop.abort(new Fault('interrupted', 'The pack has ended.'));
    this.#writer.close();
  }

  faultOf(at: number): Fault | undefined {
    return this.#faults.get(at);
  }

  /** Of files that the worker never saw. */
  failures(unsettled: ReadonlyMap<string, PackFile>): PackFileResult[] {
    const results: PackFileResult[] = [];
    for (const [at, fault] of this.#faults) {
      const file = this.#files[at];
      if (file !== undefined && unsettled.has(file.transferId)) results.push({ kind: 'failed', file, fault });
    }
    return results;
  }

  /** Marks, for the worker, those that are no longer what was read. */
  async lookAgain(group: readonly number[]): Promise<void> {
    const { signal } = this.#stop;
    const paths = group.map((at) => this.#file(at).sourcePath);
    if (paths.length === 0) return;
    // After the stream has broken off there may be nobody to ask; what came whole is looked at by another connection or not at all.
    const call = this.fault === undefined ? { signal } : {};
    const now = await statMany(this.#source, paths, call);
    for (const at of group) {
      const { sourcePath, entry } = this.#file(at);
      if (sameVersion(entry, now.get(sourcePath), this.#source.traits.mtimePrecisionMs)) continue;
      this.#faults.set(at, this.#alone(at));
      this.#changed[at] = 1;
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
    const paths = this.#files.filter((_, at) => !this.#faults.has(at)).map((file) => file.sourcePath);
    if (paths.length === 0) return;
    for await (const answer of this.#source.readMany?.(paths, { signal }) ?? []) {
      signal.throwIfAborted();
      const at = this.#expected(answer.path);
      this.#came.add(at);
      if ('fault' in answer) this.#faults.set(at, answer.fault);
      else await this.#give(at, answer);
    }
    for (const path of paths) {
      const at = this.#at.get(path) ?? 0;
      if (this.#came.has(at)) continue;
      const place = { path: displayPath(path), endpoint: displayPath(this.#source.name) };
      this.#faults.set(at, new Fault('network', `${place.endpoint} did not send ${place.path}.`, { place }));
    }
  }

  #expected(path: string): number {
    const at = this.#at.get(path);
    if (at !== undefined && !this.#came.has(at) && !this.#faults.has(at)) return at;
    const place = { path: displayPath(path), endpoint: displayPath(this.#source.name) };
    const what = at === undefined ? 'which was not asked for' : 'for the second time';
    throw new Fault('name_unsafe', `${place.endpoint} sent ${place.path}, ${what}.`, { place });
  }

  async #give(at: number, { entry, body }: Extract<ManyRead, { entry: Entry }>): Promise<void> {
    const { entry: known } = this.#file(at);
    const { sizeBytes } = known;
    const precisionMs = Math.max(coarsestMs, this.#source.traits.mtimePrecisionMs);
    if (!sameVersion(known, entry, precisionMs)) {
      this.#faults.set(at, this.#alone(at));
      return;
    }
    const head = this.#put(streamHead(at, sizeBytes));
    if (head !== undefined) await head;
    let left = sizeBytes;
    try {
      for await (const chunk of body) {
        if (chunk.length > left) throw this.#alone(at);
        left -= chunk.length;
        const waiting = this.#put(chunk);
        if (waiting !== undefined) await waiting;
      }
      if (left > 0) throw this.#alone(at);
    } catch (error) {
      this.#faults.set(at, asFault(error));
    }
    const isWhole = !this.#faults.has(at);
    for (; left > 0 && !this.#stop.signal.aborted; left -= Math.min(left, zeros.length)) {
      await this.#put(zeros.subarray(0, left));
    }
    await this.#put(streamTail(isWhole));
  }

  /** A promise only where there is no room. */
  #put(chunk: Uint8Array): Promise<void> | undefined {
    const done = this.#writer.gather(chunk);
    this.#flushSoon();
    return done === chunk.length ? undefined : this.#putRest(chunk.subarray(done));
  }

  async #putRest(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; ) {
      this.#stop.signal.throwIfAborted();
      await this.#writer.room();
      at += this.#writer.gather(chunk.subarray(at));
    }
    this.#flushSoon();
  }

  /** Once what has come by now has been taken in. */
  #flushSoon(): void {
    if (this.#willFlush) return;
    this.#willFlush = true;
    setImmediate(() => {
      this.#willFlush = false;
      this.#writer.flush();
    });
  }

  #file(at: number): PackFile {
    return this.#files[at] as PackFile;
  }

  #alone(at: number): Fault {
    return sourceChanged({ root: this.#source.name, path: this.#file(at).sourcePath });
  }
}
