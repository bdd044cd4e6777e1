// Uploads to a store: small files in one request, large ones in parts whose checksums the server has to confirm.

import { createHash, randomUUID } from 'node:crypto';
import type { CompletedPart } from '@aws-sdk/client-s3';
import { blockBytes } from '../../model/hash.ts';
import type { Call, Uploads } from '../endpoint.ts';
import { bodyFrom, PartReader } from './s3-bodies.ts';
import { s3Says } from './s3-fault.ts';
import { bareEtag, formatMtime, type S3Objects } from './s3-objects.ts';

/** The most parts that an upload can have. */
const mostParts = 10_000;

interface Sums {
  readonly md5: Buffer;
  readonly sha256: string;
}

interface KeptPart {
  readonly sizeBytes: number;
  readonly etag: string;
  readonly sha256: string | undefined;
}

/** What `write` has brought and `publish` makes the file of; a small file's content waits here itself. */
interface Written {
  readonly sizeBytes: number;
  readonly small?: Uint8Array;
  readonly parts: readonly CompletedPart[];
  readonly sums: readonly Sums[];
  readonly confirmed: boolean;
}

export class S3Uploads implements Uploads {
  readonly #objects: S3Objects;
  readonly #written = new Map<string, Written>();
  readonly #small = new Map<string, { readonly sizeBytes: number; readonly mtimeMs: number | undefined }>();

  constructor(objects: S3Objects) {
    this.#objects = objects;
  }

  async begin(path: string, about: { sizeBytes: number; mtimeMs?: number }, call?: Call): Promise<string> {
    const { sizeBytes, mtimeMs } = about;
    const key = this.#objects.key(path);
    call?.signal?.throwIfAborted();
    if (sizeBytes <= blockBytes) {
      // Good in this process only: there is nothing of it at the place before it is published.
      const id = `small:${randomUUID()}`;
      this.#small.set(id, { sizeBytes, mtimeMs });
      return id;
    }
    const { sdk, client, bucket } = this.#objects.place;
    const { UploadId = '' } = await this.#objects.send('begin an upload of', path, call, (options) =>
      client.send(
        new sdk.CreateMultipartUploadCommand({
          Bucket: bucket,
          Key: key,
          ChecksumAlgorithm: 'SHA256',
          ...metadataOf(mtimeMs),
        }),
        options,
      ),
    );
    return `${Math.ceil(sizeBytes / (blockBytes * mostParts))}:${UploadId}`;
  }

  async kept(path: string, id: string, call?: Call): Promise<number | undefined> {
    if (isSmall(id)) return this.#small.has(id) ? 0 : undefined;
    const kept = await this.#parts(path, id, call).catch((error: unknown) => {
      if (error instanceof Error && s3Says(error.cause, 'NoSuchUpload')) return undefined;
      throw error;
    });
    if (kept === undefined) return undefined;
    let bytes = 0;
    for (let number = 1; ; number++) {
      const part = kept.get(number);
      if (part === undefined) return bytes;
      bytes += part.sizeBytes;
    }
  }

  async write(path: string, id: string, body: ReadableStream<Uint8Array>, call?: Call): Promise<number> {
    const reader = new PartReader(body, call);
    try {
      const written = isSmall(id) ? await this.#hold(id, reader) : await this.#send(path, id, reader, call);
      this.#written.set(id, written);
      return written.sizeBytes;
    } catch (error) {
      await reader.end(error);
      throw error;
    } finally {
      await reader.end();
    }
  }

  async publish(path: string, id: string, { overwrite }: { overwrite: boolean }, call?: Call): Promise<boolean> {
    const written = this.#written.get(id);
    if (written === undefined) throw new Error(`The upload ${id} has not been written.`);
    // Closes the gap only where the server keeps the condition below, which not all do.
    if (!overwrite && (await this.#objects.head(path, call)) !== undefined) throw this.#taken(path);
    const confirmed = await (written.small === undefined
      ? this.#complete(path, id, written, overwrite, call)
      : this.put(path, written.small, { overwrite, ...this.#small.get(id) }, call));
    this.#forget(id);
    return confirmed;
  }

  async abandon(path: string, id: string, call?: Call): Promise<void> {
    this.#forget(id);
    if (isSmall(id)) return;
    const { sdk, client, bucket } = this.#objects.place;
    await this.#objects.send('give up an upload of', path, call, async (options) => {
      const request = { Bucket: bucket, Key: this.#objects.key(path), UploadId: uploadId(id) };
      try {
        await client.send(new sdk.AbortMultipartUploadCommand(request), options);
      } catch (error) {
        if (!s3Says(error, 'NoSuchUpload', 404)) throw error;
      }
    });
  }

  /** One request; the server refuses content that is not that of the checksum. Resolves with whether it has confirmed it. */
  async put(
    path: string,
    bytes: Uint8Array,
    options: { overwrite: boolean; mtimeMs?: number | undefined },
    call?: Call,
  ): Promise<boolean> {
    const { sdk, client, bucket } = this.#objects.place;
    const sums = sumsOf(bytes);
    const request = (isConditional: boolean) => ({
      Bucket: bucket,
      Key: this.#objects.key(path),
      Body: bodyFrom(bytes, (taken) => call?.progress?.(taken)),
      ContentLength: bytes.length,
      ContentMD5: sums.md5.toString('base64'),
      ChecksumSHA256: sums.sha256,
      ...metadataOf(options.mtimeMs),
      ...(isConditional ? { IfNoneMatch: '*' } : {}),
    });
    const answer = await this.#objects.send('write', path, call, async (sending) => {
      const conditional = !options.overwrite && this.#keepsConditions;
      try {
        return await client.send(new sdk.PutObjectCommand(request(conditional)), sending);
      } catch (error) {
        if (conditional && s3Says(error, 'PreconditionFailed', 412)) throw this.#taken(path);
        if (!conditional || !s3Says(error, 'NotImplemented', 501)) throw error;
        this.#keepsConditions = false;
        return client.send(new sdk.PutObjectCommand(request(false)), sending);
      }
    });
    return confirms(sums, answer);
  }

  #keepsConditions = true;

  async #hold(id: string, reader: PartReader): Promise<Written> {
    const buffer = Buffer.allocUnsafeSlow((this.#small.get(id)?.sizeBytes ?? blockBytes) + 1);
    const sizeBytes = await reader.fill(buffer);
    // Whoever gives more than was announced is told by the size.
    return { sizeBytes, small: buffer.subarray(0, sizeBytes), parts: [], sums: [], confirmed: true };
  }

  async #send(path: string, id: string, reader: PartReader, call: Call | undefined): Promise<Written> {
    const kept = await this.#parts(path, id, call);
    const buffer = Buffer.allocUnsafeSlow(partBytes(id));
    const parts: CompletedPart[] = [];
    const sums: Sums[] = [];
    let sizeBytes = 0;
    let confirmed = true;
    for (;;) {
      const filled = await reader.fill(buffer);
      if (filled === 0) break;
      const part = buffer.subarray(0, filled);
      const own = sumsOf(part);
      const number = parts.length + 1;
      const there = kept.get(number);
      const agrees = there?.sizeBytes === filled && confirms(own, { ETag: there.etag, ChecksumSHA256: there.sha256 });
      const before = sizeBytes;
      const sent = agrees
        ? { PartNumber: number, ETag: `"${there.etag}"`, ...sha256Of(there.sha256) }
        : await this.#sendPart(path, id, number, part, own, {
            ...call,
            progress: (taken) => call?.progress?.(before + taken),
          });
      confirmed &&= agrees || confirms(own, sent);
      sums.push(own);
      parts.push(sent);
      sizeBytes += filled;
      call?.progress?.(sizeBytes);
      if (filled < buffer.length) break;
    }
    return { sizeBytes, parts, sums, confirmed };
  }

  async #sendPart(
    path: string,
    id: string,
    number: number,
    part: Uint8Array,
    sums: Sums,
    call: Call,
  ): Promise<CompletedPart> {
    const { sdk, client, bucket } = this.#objects.place;
    const answer = await this.#objects.send(`write part ${number} of`, path, call, (options) =>
      client.send(
        new sdk.UploadPartCommand({
          Bucket: bucket,
          Key: this.#objects.key(path),
          UploadId: uploadId(id),
          PartNumber: number,
          Body: bodyFrom(part, (taken) => call.progress?.(taken)),
          ContentLength: part.length,
          ContentMD5: sums.md5.toString('base64'),
          ChecksumSHA256: sums.sha256,
        }),
        options,
      ),
    );
    return { PartNumber: number, ETag: answer.ETag, ...sha256Of(answer.ChecksumSHA256) };
  }

  async #complete(
    path: string,
    id: string,
    { parts, sums, confirmed }: Written,
    overwrite: boolean,
    call: Call | undefined,
  ): Promise<boolean> {
    const { sdk, client, bucket } = this.#objects.place;
    const answer = await this.#objects.send('complete', path, call, async (options) => {
      const request = {
        Bucket: bucket,
        Key: this.#objects.key(path),
        UploadId: uploadId(id),
        MultipartUpload: { Parts: [...parts] },
        ...(overwrite || !this.#keepsConditions ? {} : { IfNoneMatch: '*' }),
      };
      try {
        return await client.send(new sdk.CompleteMultipartUploadCommand(request), options);
      } catch (error) {
        if (s3Says(error, 'PreconditionFailed', 412)) throw this.#taken(path);
        throw error;
      }
    });
    const whole = createHash('md5')
      .update(Buffer.concat(sums.map(({ md5 }) => md5)))
      .digest('hex');
    const etag = bareEtag(answer.ETag);
    return confirmed && (etag === `${whole}-${parts.length}` || answer.ChecksumSHA256 !== undefined);
  }

  async #parts(path: string, id: string, call: Call | undefined): Promise<ReadonlyMap<number, KeptPart>> {
    const { sdk, client, bucket } = this.#objects.place;
    const kept = new Map<number, KeptPart>();
    let marker: string | undefined;
    do {
      const page = await this.#objects.send('look at the upload of', path, call, (options) =>
        client.send(
          new sdk.ListPartsCommand({
            Bucket: bucket,
            Key: this.#objects.key(path),
            UploadId: uploadId(id),
            ...(marker === undefined ? {} : { PartNumberMarker: marker }),
          }),
          options,
        ),
      );
      for (const { PartNumber = 0, Size = 0, ETag, ChecksumSHA256 } of page.Parts ?? []) {
        kept.set(PartNumber, { sizeBytes: Number(Size), etag: bareEtag(ETag), sha256: ChecksumSHA256 });
      }
      marker = page.IsTruncated ? page.NextPartNumberMarker : undefined;
    } while (marker !== undefined);
    return kept;
  }

  #taken(path: string): unknown {
    return this.#objects.takenFault(path, 'is there already');
  }

  #forget(id: string): void {
    this.#written.delete(id);
    this.#small.delete(id);
  }
}

function isSmall(id: string): boolean {
  return id.startsWith('small:');
}

/** An id is the length of its parts in blocks, and what the server calls it. */
function uploadId(id: string): string {
  return id.slice(id.indexOf(':') + 1);
}

function partBytes(id: string): number {
  return Number.parseInt(id, 10) * blockBytes;
}

function metadataOf(mtimeMs: number | undefined): { Metadata?: Record<string, string> } {
  return mtimeMs === undefined ? {} : { Metadata: { mtime: formatMtime(mtimeMs) } };
}

function sumsOf(bytes: Uint8Array): Sums {
  return {
    md5: createHash('md5').update(bytes).digest(),
    sha256: createHash('sha256').update(bytes).digest('base64'),
  };
}

function sha256Of(value: string | undefined): { ChecksumSHA256?: string } {
  return value === undefined ? {} : { ChecksumSHA256: value };
}

/** An ETag is the MD5 with most servers, not where they encrypt with keys of their own. */
function confirms(sums: Sums, answer: { ETag?: string | undefined; ChecksumSHA256?: string | undefined }): boolean {
  return answer.ChecksumSHA256 === sums.sha256 || bareEtag(answer.ETag) === sums.md5.toString('hex');
}
