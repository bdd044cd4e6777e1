// Feeds a pack's worker with files that come by one stream from elsewhere, and knows what became of those that did not come.

import type { Endpoint, KnownFile } from '../../endpoints/endpoint.ts';
import { type Control, stopReasons } from '../../endpoints/mounts.ts';
import { fillRing } from '../../endpoints/ring-files.ts';
import { endRing, newWriteRing, wakeReader } from '../../endpoints/write-ring.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { sameVersion } from '../../model/manifest.ts';
import { statMany } from './many-files.ts';
import type { PackFile, PackFileResult } from './move.ts';
import type { PackInput } from './pack-lane.ts';
import { sourceChanged } from './source-identity.ts';

const lookForStopMs = 100;
/** An archive may tell times by the second only. */
const coarsestMs = 1_000;

export class PackFeed {
  /** What the worker is given. */
  readonly input: PackInput['from'];
  /** Why the whole stream ended early. */
  fault: Fault | undefined;
  readonly #source: Endpoint;
  readonly #files: readonly PackFile[];
  readonly #faults = new Map<number, Fault>();
  readonly #changed: Uint8Array;
  readonly #memory = newWriteRing();
  readonly #stop = new AbortController();
  #looking: NodeJS.Timeout | undefined;

  constructor(source: Endpoint, files: readonly PackFile[]) {
    const changed = new SharedArrayBuffer(files.length);
    this.#source = source;
    this.#files = files;
    const last = new Map(files.map((file, at) => [file.sourcePath, at]));
    this.#changed = new Uint8Array(changed);
    this.input = { name: source.name, ring: this.#memory, changed };
    // Two of one name, or a time that nobody knows: nothing that a stream could settle.
    for (const [at, file] of files.entries())
      if (last.get(file.sourcePath) !== at || file.entry.mtimeUnknown === true) this.#faults.set(at, this.#alone(at));
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
      .finally(() => endRing(this.#memory));
  }

  /** Nobody takes anything any more. May be called again. */
  end(): void {
    clearInterval(this.#looking);
    this.#stop.abort(new Fault('interrupted', 'The pack has ended.'));
  }

  /** The worker has been given leave; it may be waiting for bytes. */
  wake(): void {
    wakeReader(this.#memory);
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
    const source = this.#source;
    const files = this.#files.flatMap(({ sourcePath, entry }, at): KnownFile[] => {
      const { sizeBytes, mtimeMs } = entry;
      return this.#faults.has(at) ? [] : [{ at, path: sourcePath, sizeBytes, mtimeMs }];
    });
    if (files.length === 0) return;
    const failed = (at: number, fault: Fault | undefined) => void this.#faults.set(at, fault ?? this.#alone(at));
    if (source.readManyInto !== undefined) return source.readManyInto(this.#memory, files, failed, { signal });
    const paths = files.map(({ path }) => path);
    const precisionMs = Math.max(coarsestMs, source.traits.mtimePrecisionMs);
    const answers = source.readMany?.(paths, { signal });
    if (answers !== undefined)
      await fillRing(this.#memory, files, answers, { place: source.name, precisionMs, signal, failed });
  }

  #file(at: number): PackFile {
    return this.#files[at] as PackFile;
  }

  #alone(at: number): Fault {
    return sourceChanged({ root: this.#source.name, path: this.#file(at).sourcePath });
  }
}
