// The requests to one bucket, below one prefix: what they ask, what they answer as entries, and what they fail with.

import type { GetObjectCommandOutput, HeadObjectCommandOutput, S3Client } from '@aws-sdk/client-s3';
import { Fault, type FaultCode } from '../../model/fault.ts';
import type { Entry } from '../../model/manifest.ts';
import { displayPath, isText, joinPath, pathFromBytes, pathLengthBytes, safeRelativePath } from '../../model/names.ts';
import type { Call } from '../endpoint.ts';
import type { Sdk } from './s3-client.ts';
import { nameFault, s3Fault, s3Says } from './s3-fault.ts';

/** Keys are UTF-8 of at most so many bytes. */
const keyMaxBytes = 1024;

export interface ListedKey {
  /** Below the endpoint's root; a folder's marker keeps its slash. */
  readonly path: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly modifiedMs: number;
}

export interface S3Place {
  readonly sdk: Sdk;
  readonly client: S3Client;
  readonly bucket: string;
  /** Without slashes at its ends; '' is the whole bucket. */
  readonly prefix: string;
  readonly name: string;
}

export class S3Objects {
  readonly place: S3Place;

  constructor(place: S3Place) {
    this.place = place;
  }

  /** Rejects with `name_unsafe` where the path could lead out, or is none that a key can be. */
  key(path: string): string {
    const key = joinPath(this.place.prefix, safeRelativePath(path));
    if (!isText(key)) throw nameFault(path, this.place.name, 'has bytes that are not UTF-8, which no key can hold');
    if (pathLengthBytes(key) > keyMaxBytes) {
      throw nameFault(path, this.place.name, `makes a key of more than ${keyMaxBytes} bytes`);
    }
    return key;
  }

  /** The key of what is below a folder; '' for the whole bucket. */
  folderKey(path: string): string {
    const key = this.key(path);
    return key === '' ? '' : `${key}/`;
  }

  fault(error: unknown, operation: string, path: string, call?: Call): unknown {
    const { name, bucket } = this.place;
    return s3Fault(error, { operation, path, endpoint: name, bucket, signal: call?.signal });
  }

  /** Sends a request, and translates what goes wrong. */
  async send<Answer>(
    operation: string,
    path: string,
    call: Call | undefined,
    request: (options: { abortSignal?: AbortSignal }) => Promise<Answer>,
  ): Promise<Answer> {
    call?.signal?.throwIfAborted();
    try {
      return await request(call?.signal === undefined ? {} : { abortSignal: call.signal });
    } catch (error) {
      throw this.fault(error, operation, path, call);
    }
  }

  /** Undefined where there is no object of that key. */
  async head(path: string, call?: Call, key = this.key(path)): Promise<HeadObjectCommandOutput | undefined> {
    const { sdk, client, bucket } = this.place;
    return this.send('look at', path, call, async (options) => {
      try {
        return await client.send(new sdk.HeadObjectCommand({ Bucket: bucket, Key: key }), options);
      } catch (error) {
        if (s3Says(error, 404)) return undefined;
        throw error;
      }
    });
  }

  /** True where any key lies below the folder, its own marker included. */
  async hasBelow(path: string, call?: Call, options: { besidesMarker?: boolean } = {}): Promise<boolean> {
    const prefix = this.folderKey(path);
    for await (const { path: found } of this.keys(prefix, call, options.besidesMarker ? 2 : 1)) {
      if (!options.besidesMarker || found !== `${path}/`) return true;
    }
    return false;
  }

  /** All keys that begin so, by their bytes; `most` asks for no more than so many. Rejects where the bucket is not there. */
  async *keys(prefix: string, call?: Call, most?: number): AsyncGenerator<ListedKey> {
    for await (const page of this.pages(prefix, call, most)) yield* page;
  }

  /** A listing ends where the server says that it does, and rejects where a page is missing. */
  async *pages(prefix: string, call?: Call, most?: number): AsyncGenerator<readonly ListedKey[]> {
    const { sdk, client, bucket } = this.place;
    const cut = this.place.prefix === '' ? 0 : this.place.prefix.length + 1;
    let token: string | undefined;
    do {
      const page = await this.send('list', prefix.slice(cut), call, (options) =>
        client.send(
          new sdk.ListObjectsV2Command({
            Bucket: bucket,
            Prefix: prefix,
            EncodingType: 'url',
            ...(token === undefined ? {} : { ContinuationToken: token }),
            ...(most === undefined ? {} : { MaxKeys: most }),
          }),
          options,
        ),
      );
      yield (page.Contents ?? []).map(({ Key = '', Size, ETag, LastModified }) => ({
        path: (page.EncodingType === 'url' ? decodeKey(Key) : Key).slice(cut),
        sizeBytes: Number(Size ?? 0),
        etag: bareEtag(ETag),
        modifiedMs: LastModified?.getTime() ?? 0,
      }));
      token = page.IsTruncated && most === undefined ? page.NextContinuationToken : undefined;
      if (page.IsTruncated && most === undefined && token === undefined) {
        throw this.fault(new Error('The listing broke off.'), 'list', prefix.slice(cut));
      }
    } while (token !== undefined);
  }

  /** Rejects with `source_changed` where `etag` is given and the object has another, with `not_found`, or undefined beyond the end. */
  async get(
    path: string,
    from: number,
    etag: string | undefined,
    call?: Call,
  ): Promise<GetObjectCommandOutput | undefined> {
    const { sdk, client, bucket } = this.place;
    return this.send('read', path, call, async (options) => {
      try {
        return await client.send(
          new sdk.GetObjectCommand({
            Bucket: bucket,
            Key: this.key(path),
            ...(from > 0 ? { Range: `bytes=${from}-` } : {}),
            ...(etag === undefined ? {} : { IfMatch: `"${etag}"` }),
          }),
          options,
        );
      } catch (error) {
        if (s3Says(error, 'InvalidRange', 416)) return undefined;
        throw error;
      }
    });
  }

  async delete(path: string, call?: Call, key = this.key(path)): Promise<void> {
    const { sdk, client, bucket } = this.place;
    await this.send('remove', path, call, (options) =>
      client.send(new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }), options),
    );
  }

  fileEntry(path: string, head: HeadObjectCommandOutput): Entry {
    return {
      path,
      kind: 'file',
      sizeBytes: head.ContentLength ?? 0,
      mtimeMs: parseMtime(head.Metadata?.mtime) ?? head.LastModified?.getTime() ?? 0,
      version: bareEtag(head.ETag),
    };
  }

  readonly folderEntry = (path: string): Entry => ({
    path,
    kind: 'folder',
    sizeBytes: 0,
    mtimeMs: 0,
    mtimeUnknown: true,
  });

  /** An empty object whose key ends with a slash, as the stores' own consoles make them. */
  async makeMarker(path: string, call?: Call): Promise<void> {
    const { sdk, client, bucket } = this.place;
    await this.send('make the folder', path, call, (options) =>
      client.send(
        new sdk.PutObjectCommand({ Bucket: bucket, Key: this.folderKey(path), Body: '', ContentLength: 0 }),
        options,
      ),
    );
  }

  nameFault(path: string, why: string): Fault {
    return nameFault(path, this.place.name, why);
  }

  takenFault(path: string, why: string): Fault {
    return this.#fault('exists', path, why);
  }

  missingFault(path: string): Fault {
    return this.#fault('not_found', path, 'is not there');
  }

  cannotFault(path: string, why: string): Fault {
    return this.#fault('unsupported', path, why);
  }

  #fault(code: FaultCode, path: string, why: string): Fault {
    const place = { path: displayPath(path), endpoint: displayPath(this.place.name) };
    return new Fault(code, `${path === '' ? place.endpoint : `${place.path} in ${place.endpoint}`} ${why}.`, { place });
  }
}

/** As rclone writes it: seconds since 1970 with a fraction of nine digits. */
export function formatMtime(mtimeMs: number): string {
  const seconds = Math.floor(mtimeMs / 1000);
  const nanoseconds = Math.min(999_999_999, Math.round((mtimeMs - seconds * 1000) * 1e6));
  return nanoseconds === 0 ? String(seconds) : `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
}

export function parseMtime(text: string | undefined): number | undefined {
  const match = /^(-?\d{1,15})(?:\.(\d{1,9}))?$/.exec(text ?? '');
  if (match === null) return undefined;
  return Number(match[1]) * 1000 + Number((match[2] ?? '').padEnd(9, '0')) / 1e6;
}

export function bareEtag(etag: string | undefined): string {
  return (etag ?? '').replaceAll('"', '');
}

/** `encoding-type=url` encodes as forms do: a space may be a plus, and a plus is encoded. */
function decodeKey(key: string): string {
  const bytes = key
    .replaceAll('+', ' ')
    .replace(/%([0-9A-Fa-f]{2})/g, (_, pair: string) => String.fromCharCode(Number.parseInt(pair, 16)));
  return pathFromBytes(Buffer.from(bytes, 'latin1'));
}
