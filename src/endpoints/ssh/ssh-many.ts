// Many files of a place over SSH by one call: packs come and go as archives, the rest by requests side by side in the thread.

import { type Fault, Fault as FaultError, faultFrom } from '../../model/fault.ts';
import type { HashAlgorithm } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath, parentPath, safeRelativePath } from '../../model/names.ts';
import type { Call, Endpoint, ManyRead, ManyWrite } from '../endpoint.ts';
import { writeTar } from '../tar-writer.ts';
import type { FarPlace, NotPut } from './far-call.ts';
import type { ManyFaults } from './far-many.ts';
import { Inbox } from './inbox.ts';
import type { ManyBatch, ManyRecord } from './many-batch.ts';
import { requestsAtOnce } from './requests-at-once.ts';
import type { SshHost } from './ssh-hosts.ts';

type ManyMethods = Required<
  Pick<
    Endpoint,
    | 'readMany'
    | 'readManyInto'
    | 'writeMany'
    | 'hashMany'
    | 'renameMany'
    | 'removeMany'
    | 'statMany'
    | 'setMetadataMany'
  >
>;

/** `alone` is the place itself, for what one file at a time does. */
export function manyMethods(
  host: SshHost,
  place: FarPlace,
  alone: Pick<Endpoint, 'traits' | 'write' | 'makeFolder' | 'setMetadata' | 'statMany'>,
): ManyMethods {
  const all = (paths: readonly string[]) => paths.map((path) => safeRelativePath(path));
  const faultsOf = (faults: ManyFaults): ReadonlyMap<string, Fault> =>
    new Map(faults.map(({ path, report }) => [path, faultFrom(report)]));
  const optionsOf = (call: Call | undefined) => ({ signal: call?.signal });
  const statMany = async (paths: readonly string[], call?: Call): Promise<ReadonlyMap<string, Entry>> => {
    const entries = await host.call('statMany', place, { paths: all(paths) }, optionsOf(call)).output;
    return new Map(entries.map((entry) => [entry.path, entry]));
  };
  return {
    statMany,
    readMany: (paths, call = {}) => readMany(host, place, all(paths), call),
    async readManyInto(memory, files, failed, { signal }) {
      for (const { path } of files) safeRelativePath(path);
      const onMessage = (message: unknown) => {
        const { at, report } = message as NotPut;
        failed(at, report === undefined ? undefined : faultFrom(report));
      };
      const precisionMs = alone.traits.mtimePrecisionMs;
      await host.stream('readManyInto', place, { files, memory, precisionMs }, { signal, onMessage }).output;
    },
    writeMany: (files, call = {}) => writeMany(host, place, { ...alone, statMany }, files, call),
    hashMany: async (paths, algorithm: HashAlgorithm, call) =>
      new Map(await host.stream('hashMany', place, { paths: all(paths), algorithm }, optionsOf(call)).output),
    renameMany: async (pairs, { overwrite }, call) => {
      const safe = pairs.map(({ from, to }) => ({ from: safeRelativePath(from), to: safeRelativePath(to) }));
      return faultsOf(await host.call('renameMany', place, { pairs: safe, overwrite }, optionsOf(call)).output);
    },
    removeMany: async (paths, call) =>
      faultsOf(await host.call('removeMany', place, { paths: all(paths) }, optionsOf(call)).output),
    setMetadataMany: async (files, call) => {
      const safe = files.map((file) => ({ ...file, path: safeRelativePath(file.path) }));
      return faultsOf(await host.call('setMetadataMany', place, { files: safe }, optionsOf(call)).output);
    },
  };
}

async function* readMany(
  host: SshHost,
  place: FarPlace,
  paths: readonly string[],
  call: Call,
): AsyncGenerator<ManyRead> {
  call.signal?.throwIfAborted();
  if (paths.length === 0) return;
  const stop = new AbortController();
  const inbox = new Inbox<ManyBatch>();
  const { output, send } = host.stream(
    'readMany',
    place,
    { paths },
    {
      signal: call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]),
      onMessage: inbox.take,
    },
  );
  inbox.follow(output);
  /** Undefined at the end. */
  const nextBatch = async (): Promise<ManyBatch | undefined> => {
    const batch = await inbox.next();
    call.signal?.throwIfAborted();
    if (batch !== undefined) send({ bytes: batch.bytes.length });
    return batch;
  };
  let bytesDone = 0;
  let batch: ManyBatch | undefined;
  let at = 0;
  let used = 0;
  const nextRecord = async (): Promise<{ readonly record: ManyRecord; readonly bytes: Uint8Array } | undefined> => {
    while (batch === undefined || at === batch.records.length) {
      batch = await nextBatch();
      if (batch === undefined) return undefined;
      at = 0;
      used = 0;
    }
    const record = batch.records[at++] as ManyRecord;
    const bytes = batch.bytes.subarray(used, used + record.bytes);
    used += record.bytes;
    bytesDone += record.bytes;
    call.progress?.(bytesDone);
    return { record, bytes };
  };
  try {
    for (let next = await nextRecord(); next !== undefined; next = await nextRecord()) {
      const { path, entry, report } = next.record;
      if (report !== undefined) {
        yield { path, fault: faultFrom(report) };
        continue;
      }
      if (entry === undefined) continue;
      let isWhole = next.record.isLast;
      const first = next.bytes;
      async function* bodyOf(): AsyncGenerator<Uint8Array> {
        if (first.length > 0) yield first;
        while (!isWhole) {
          const more = await nextRecord();
          if (more === undefined) throw new FaultError('network', 'The stream of files broke off.');
          isWhole = more.record.isLast;
          if (more.bytes.length > 0) yield more.bytes;
        }
      }
      yield { path, entry, body: bodyOf() };
      // What nobody took of it is passed over.
      while (!isWhole) isWhole = (await nextRecord())?.record.isLast ?? true;
    }
  } finally {
    stop.abort(new FaultError('interrupted', 'Nobody reads any more.'));
    await output.catch(() => undefined);
  }
}

type Alone = Required<Pick<Endpoint, 'statMany'>> & Pick<Endpoint, 'write' | 'makeFolder' | 'setMetadata'>;

async function writeMany(
  host: SshHost,
  place: FarPlace,
  alone: Alone,
  files: AsyncIterable<ManyWrite>,
  call: Call,
): Promise<ReadonlyMap<string, Fault>> {
  const { unpacks } = await host.call('facts', place, {}, { signal: call.signal }).output;
  const failed = new Map<string, Fault>();
  if (!unpacks) {
    await writeEach(alone, files, failed, call);
    return failed;
  }
  const sent: ManyWrite[] = [];
  const stop = new AbortController();
  const signal = call.signal === undefined ? stop.signal : AbortSignal.any([call.signal, stop.signal]);
  let written = 0;
  const inbox = new Inbox<number>();
  await alone.makeFolder?.('', { signal });
  const { output, send } = host.stream(
    'unpack',
    place,
    {},
    {
      signal,
      onMessage: inbox.take,
    },
  );
  inbox.follow(output);
  try {
    let given = 0;
    for await (const piece of writeTar(inFolders(alone, files, { failed, sent, signal }), { failed, prefix: './' })) {
      const bytes = piece.byteLength === piece.buffer.byteLength ? piece : piece.slice();
      given += bytes.length;
      send({ piece: bytes }, [bytes.buffer as ArrayBuffer]);
      do {
        for (const bytes of inbox.drain()) written = bytes;
        call.progress?.(written);
        if (given - written > requestsAtOnce * packBytes) await inbox.change();
      } while (given - written > requestsAtOnce * packBytes && !inbox.isOver);
      if (inbox.isOver) break;
    }
    send({ end: true });
    const { isWhole, said } = await output;
    if (!isWhole) await findFailed(alone, sent, said, failed, { signal });
    return failed;
  } catch (error) {
    stop.abort(error);
    await output.catch(() => undefined);
    throw error;
  }
}

const packBytes = 256 * 1024;
const heldBytes = 4 * 1024 * 1024;
const heldFiles = 256;

/**
 * The same files, each after its folder has been looked at and made: an archive would be unpacked through any symlink. While that is on
 * its way, small files are held, so that a folder does not cost the time of a way there and back.
 */
async function* inFolders(
  alone: Alone,
  files: AsyncIterable<ManyWrite>,
  { failed, sent, signal }: { failed: Map<string, Fault>; sent: ManyWrite[]; signal: AbortSignal },
): AsyncGenerator<ManyWrite> {
  const folders = new Map<string, Promise<Fault | undefined>>();
  const folderOf = (path: string) => {
    const folder = parentPath(path);
    const known = folders.get(folder);
    if (known !== undefined) return known;
    const making = (alone.makeFolder?.(folder, { signal }) ?? Promise.resolve()).then(
      () => undefined,
      (error: unknown) => {
        if (error instanceof FaultError && error.code !== 'network') return error;
        throw error;
      },
    );
    making.catch(() => undefined);
    folders.set(folder, making);
    return making;
  };
  const held: { readonly file: ManyWrite; readonly folder: Promise<Fault | undefined> }[] = [];
  let bytes = 0;
  const release = async function* (): AsyncGenerator<ManyWrite> {
    const next = held.shift();
    if (next === undefined) return;
    bytes -= next.file.sizeBytes;
    const fault = await next.folder;
    if (fault !== undefined) {
      failed.set(next.file.path, fault);
      return;
    }
    sent.push(next.file);
    yield next.file;
  };
  for await (const file of files) {
    const folder = folderOf(safeRelativePath(file.path));
    const isLarge = file.sizeBytes > packBytes;
    while (held.length > 0 && (isLarge || bytes + file.sizeBytes > heldBytes || held.length >= heldFiles))
      yield* release();
    held.push({ folder, file: isLarge ? file : { ...file, body: await inMemory(file) } });
    bytes += file.sizeBytes;
    if (isLarge) yield* release();
  }
  while (held.length > 0) yield* release();
}

/** Read to its end now; what is wrong with it comes out when it is written. */
async function inMemory({ path, body, sizeBytes }: ManyWrite): Promise<AsyncIterable<Uint8Array>> {
  const chunks: Uint8Array[] = [];
  let error: unknown;
  try {
    let left = sizeBytes;
    for await (const chunk of body) {
      left -= chunk.length;
      if (left < 0) throw otherSize(path);
      chunks.push(chunk.slice());
    }
  } catch (caught) {
    error = caught ?? new Error('The body failed.');
  }
  return (async function* () {
    yield* chunks;
    if (error !== undefined) throw error;
  })();
}

/** tar says that something went wrong, not with what: it is looked for by size and time. */
async function findFailed(
  alone: Alone,
  sent: readonly ManyWrite[],
  said: string,
  failed: Map<string, Fault>,
  call: Call,
): Promise<void> {
  const there = await alone.statMany(
    sent.map(({ path }) => path),
    call,
  );
  let first: Fault | undefined;
  for (const { path, sizeBytes, mtimeMs } of sent) {
    const entry = there.get(path);
    if (entry?.sizeBytes === sizeBytes && Math.abs(entry.mtimeMs - mtimeMs) <= 1_000) continue;
    first ??= await whyNot(alone, path, said, call);
    failed.set(path, failed.get(path) ?? first);
  }
}

/** By trying to write it: room, rights and what stands in the way then have their own faults. */
async function whyNot({ write }: Alone, path: string, said: string, call: Call): Promise<Fault> {
  try {
    await write(path, 0, new Blob([new Uint8Array(packBytes)]).stream(), call);
  } catch (error) {
    if (error instanceof FaultError) return error;
    throw error;
  }
  return new FaultError(
    'io',
    `${displayPath(path)} could not be unpacked there: ${displayPath(said.split('\n')[0] ?? '')}.`,
  );
}

const writingsAtOnce = 8;

/** Where there is no tar: some at once, each from memory. */
async function writeEach(
  alone: Alone,
  files: AsyncIterable<ManyWrite>,
  failed: Map<string, Fault>,
  call: Call,
): Promise<void> {
  const running = new Set<Promise<void>>();
  let broken: { readonly error: unknown } | undefined;
  for await (const file of files) {
    safeRelativePath(file.path);
    const isLarge = file.sizeBytes > packBytes;
    const given = isLarge ? file : { ...file, body: await inMemory(file) };
    while (running.size >= writingsAtOnce) await Promise.race(running);
    if (broken !== undefined) break;
    const task: Promise<void> = writeOne(alone, given, call)
      .catch((error: unknown) => {
        if (error instanceof FaultError && error.code !== 'network' && !call.signal?.aborted)
          failed.set(file.path, error);
        else broken ??= { error };
      })
      .finally(() => running.delete(task));
    running.add(task);
    if (isLarge) await task;
  }
  await Promise.all(running);
  if (broken !== undefined) throw broken.error;
}

async function writeOne(
  { write, setMetadata }: Alone,
  { path, sizeBytes, mtimeMs, mode, body }: ManyWrite,
  call: Call,
): Promise<void> {
  const size = await write(path, 0, ReadableStream.from(body), call);
  if (size !== sizeBytes) throw otherSize(path);
  await setMetadata?.(path, { mtimeMs, ...(mode === undefined ? {} : { mode }) }, call);
}

function otherSize(path: string): Fault {
  const shown = displayPath(path);
  return new FaultError('source_changed', `${shown} changed its size while it was sent.`, { place: { path: shown } });
}
