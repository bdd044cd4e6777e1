// Places in object stores, `s3://bucket/prefix`: keys as a tree, objects as files.

import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { type EndpointAddress, formatEndpoint } from '../../model/endpoint-url.ts';
import { Fault } from '../../model/fault.ts';
import { blockBytes } from '../../model/hash.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath, joinPath, parentPath, safeRelativePath } from '../../model/names.ts';
import { type S3Config, type S3Settings, s3SettingsOf } from '../../model/s3-config.ts';
import type { Call, Endpoint } from '../endpoint.ts';
import { PartReader, streamOf } from './s3-bodies.ts';
import { createClient, loadSdk, type Sdk } from './s3-client.ts';
import { readManyObjects } from './s3-many.ts';
import { type ListedKey, S3Objects } from './s3-objects.ts';
import { TreeOrder } from './s3-order.ts';
import { S3Uploads } from './s3-uploads.ts';

/** A listing gives no metadata, so each object is looked at: so many at once. */
const looksAtOnce = 32;
/** A folder that has been seen is taken for one for so long. */
const folderKnownMs = 30_000;

/**
 * Nothing is asked of the server before the first call. Where `config` says something else of the bucket than at the last call, this call
 * goes by that; what is under way comes to its end as it began.
 */
export async function openS3(
  address: EndpointAddress,
  config: () => S3Config | undefined = () => undefined,
): Promise<Endpoint> {
  const name = formatEndpoint(address);
  const bucket = address.authority;
  if (bucket === '') throw new Fault('invalid', `${displayPath(name)} names no bucket. Write s3://BUCKET/PREFIX.`);
  const sdk = await loadSdk();
  let settings = s3SettingsOf(config(), bucket);
  let place = openBucket(address, sdk, settings);
  return asItIsNow(() => {
    const now = s3SettingsOf(config(), bucket);
    if (!isDeepStrictEqual(now, settings)) {
      settings = now;
      place = openBucket(address, sdk, settings);
    }
    return place;
  });
}

/** Each of its methods is that of the place as it is at the call. */
function asItIsNow(current: () => Endpoint): Endpoint {
  const following = <Part extends object>(part: Part, now: () => Part): Part =>
    Object.fromEntries(
      Object.entries(part).map(([key, value]) => {
        const own = () => now()[key as keyof Part];
        if (typeof value !== 'function') return [key, value];
        return [key, (...given: unknown[]) => (own() as (...all: unknown[]) => unknown)(...given)];
      }),
    ) as Part;
  const first = current();
  const { uploads } = first;
  return {
    ...following(first, current),
    ...(uploads === undefined ? {} : { uploads: following(uploads, () => current().uploads ?? uploads) }),
  };
}

function openBucket(address: EndpointAddress, sdk: Sdk, settings: S3Settings): Endpoint {
  const name = formatEndpoint(address);
  const bucket = address.authority;
  const client = createClient(sdk, settings);
  const objects = new S3Objects({ sdk, client, bucket, prefix: safeRelativePath(address.path), name });
  const uploads = new S3Uploads(objects);
  const folders = new Map<string, number>();

  const stat = async (path: string, call?: Call): Promise<Entry | undefined> => {
    const safe = safeRelativePath(path);
    call?.signal?.throwIfAborted();
    const head = objects.key(safe) === '' ? undefined : await objects.head(safe, call);
    if (head !== undefined && safe !== '') return objects.fileEntry(safe, head);
    return (await objects.hasBelow(safe, call).catch(withoutBucket)) ? objects.folderEntry(safe) : undefined;
  };

  /** A key could stand below an object, but no tree could. */
  const checkName = async (path: string, call: Call | undefined): Promise<void> => {
    const safe = safeRelativePath(path);
    call?.signal?.throwIfAborted();
    if (safe === '') throw objects.takenFault(path, 'is the root, not a file');
    for (let folder = parentPath(safe); folder !== ''; folder = parentPath(folder)) {
      if (performance.now() - (folders.get(folder) ?? -folderKnownMs) < folderKnownMs) break;
      if ((await objects.head(folder, call)) !== undefined) {
        throw objects.takenFault(folder, 'is a file where a folder is needed');
      }
      folders.set(folder, performance.now());
    }
  };

  const list = async function* (path: string, call?: Call): AsyncGenerator<Entry> {
    const safe = safeRelativePath(path);
    const order = new TreeOrder(safe, objects.folderEntry);
    const refused: string[] = [];
    let isThere = false;
    for await (const page of objects.pages(objects.folderKey(safe), call)) {
      for (let at = 0; at < page.length; at += looksAtOnce) {
        const looked = await Promise.all(page.slice(at, at + looksAtOnce).map((key) => entryOf(key, call)));
        isThere = true;
        for (const entry of looked) {
          if (typeof entry === 'string') refused.push(entry);
          else if (entry !== undefined && entry.path !== safe) order.add(entry);
        }
      }
      const last = page.at(-1)?.path;
      if (last === undefined) continue;
      for (const entry of order.take(last)) {
        call?.signal?.throwIfAborted();
        yield entry;
      }
    }
    for (const entry of order.take()) {
      call?.signal?.throwIfAborted();
      yield entry;
    }
    if (!isThere && safe !== '') {
      if ((await objects.head(safe, call)) !== undefined) throw objects.takenFault(path, 'is not a folder');
      throw objects.missingFault(path);
    }
    refused.push(...order.refused);
    const [first] = refused;
    if (first === undefined) return;
    const more = refused.length === 1 ? '' : `, nor can ${refused.length - 1} others`;
    throw objects.nameFault(first, `is a key that can be no path of a file${more}`);
  };

  /** Undefined where it has gone meanwhile; its key where that is no path. */
  const entryOf = async (key: ListedKey, call: Call | undefined): Promise<Entry | string | undefined> => {
    const isMarker = key.path.endsWith('/');
    const path = isMarker ? key.path.slice(0, -1) : key.path;
    try {
      if (safeRelativePath(path) !== path) return key.path;
    } catch {
      return key.path;
    }
    if (isMarker) return objects.folderEntry(path);
    const head = await objects.head(path, call);
    return head === undefined ? undefined : objects.fileEntry(path, head);
  };

  const endpoint: Endpoint = {
    name,
    // The fraction that is kept is exact; a double is not quite.
    traits: { atomicRename: false, mtimePrecisionMs: 0.001, resumableWrite: false, caseSensitive: true },
    uploads: {
      begin: async (path, about, call) => {
        await checkName(path, call);
        return uploads.begin(path, about, call);
      },
      kept: (path, id, call) => uploads.kept(path, id, call),
      write: (path, id, body, call) => uploads.write(path, id, body, call),
      publish: (path, id, options, call) => uploads.publish(path, id, options, call),
      abandon: (path, id, call) => uploads.abandon(path, id, call),
    },
    list,
    stat,
    async read(path, from, call) {
      const safe = safeRelativePath(path);
      call?.signal?.throwIfAborted();
      if (safe === '') throw objects.takenFault(path, 'is the root, not a file');
      const fault = (error: unknown) => objects.fault(error, 'read', path, call);
      try {
        const answer = await objects.get(safe, from, call?.version, call);
        if (answer?.Body === undefined) return new ReadableStream({ start: (controller) => controller.close() });
        return streamOf(answer.Body as Readable, answer.ContentLength, call, fault);
      } catch (error) {
        if (!(error instanceof Fault) || error.code !== 'not_found') throw error;
        if (await objects.hasBelow(safe, call)) throw objects.takenFault(path, 'is a folder, not a file');
        throw error;
      }
    },
    readMany: (paths, call) => readManyObjects(objects, paths, call),
    async write(path, from, body, call) {
      const reader = new PartReader(body, call);
      try {
        await checkName(path, call);
        if (await objects.hasBelow(path, call)) throw objects.takenFault(path, 'is a folder, not a file');
        if (from > 0) throw objects.cannotFault(path, 'cannot be gone on with: an object is written as a whole');
        const buffer = Buffer.allocUnsafeSlow(blockBytes);
        const filled = await reader.fill(buffer);
        if (filled < buffer.length) {
          await uploads.put(path, buffer.subarray(0, filled), { overwrite: true }, call);
          call?.progress?.(filled);
          return filled;
        }
        return await writeInParts(path, buffer, reader, call);
      } catch (error) {
        await reader.end(error);
        throw error;
      } finally {
        await reader.end();
      }
    },
    async remove(path, call) {
      const safe = safeRelativePath(path);
      call?.signal?.throwIfAborted();
      if (safe === '') throw objects.cannotFault(path, 'is the root and is not removed');
      if ((await objects.head(safe, call)) !== undefined) return objects.delete(safe, call);
      if (await objects.hasBelow(safe, call, { besidesMarker: true })) throw objects.takenFault(path, 'is not empty');
      folders.delete(safe);
      const marker = `${objects.key(safe)}/`;
      if ((await objects.head(safe, call, marker)) !== undefined) await objects.delete(safe, call, marker);
    },
    async makeFolder(path, call) {
      const safe = safeRelativePath(path);
      call?.signal?.throwIfAborted();
      if (objects.key(safe) === '') return;
      await checkName(joinPath(safe, 'x'), call);
      await objects.makeMarker(safe, call);
    },
    async close() {
      client.destroy();
    },
  };

  /** A body whose size nobody knows, of more than one part. `first` is its beginning. */
  const writeInParts = async (
    path: string,
    first: Uint8Array,
    reader: PartReader,
    call: Call | undefined,
  ): Promise<number> => {
    const id = await uploads.begin(path, { sizeBytes: blockBytes + 1 }, call);
    try {
      let next: Uint8Array | undefined = first;
      const body = new ReadableStream<Uint8Array>(
        {
          async pull(controller) {
            const chunk = next ?? Buffer.allocUnsafe(256 * 1024);
            const filled = next === undefined ? await reader.fill(chunk) : chunk.length;
            next = undefined;
            if (filled === 0) controller.close();
            else controller.enqueue(chunk.subarray(0, filled));
          },
        },
        { highWaterMark: 0 },
      );
      const size = await uploads.write(path, id, body, call);
      await uploads.publish(path, id, { overwrite: true }, call);
      return size;
    } catch (error) {
      await uploads.abandon(path, id).catch(() => undefined);
      throw error;
    }
  };

  return endpoint;
}

/** Where the bucket is missing, nothing is there. */
function withoutBucket(error: unknown): false {
  if (error instanceof Fault && error.code === 'not_found') return false;
  throw error;
}
