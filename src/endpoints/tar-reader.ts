// Reads a tar archive as it comes: ustar, pax and GNU long names. Nothing it says is trusted; what it cannot hold honestly is refused.

import { Fault } from '../model/fault.ts';
import type { Entry } from '../model/manifest.ts';
import { displayPath, pathFromBytes } from '../model/names.ts';
import type { ManyRead } from './endpoint.ts';

/** Header fields of POSIX.1-1988 (ustar), as offset and length. */
export const tarFields = {
  name: [0, 100],
  mode: [100, 8],
  size: [124, 12],
  mtime: [136, 12],
  checksum: [148, 8],
  type: [156, 1],
  linkName: [157, 100],
  magic: [257, 6],
  prefix: [345, 155],
} as const;
export const tarBlockBytes = 512;

export interface TarMember {
  /** As the archive has it (model/names.ts says how bytes are held). Not checked: nobody may make a path of it. */
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'link' | 'other';
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly mode: number;
  /** Of a file. What is left of it when the next member is asked for is passed over. Chunks may share memory with what comes next. */
  readonly body: AsyncIterable<Uint8Array>;
}

/** Longest list of pax records, and longest name, that is read into memory. */
const mostRecordBytes = 1024 * 1024;
const mostMembersAhead = 16;

/**
 * The members in their order, until the archive's end mark; what follows it is read and dropped. Rejects with `network` where the bytes end
 * before it, `corrupt` where they are no archive, `unsupported` for sparse files and parts of other volumes, and with what `bytes` rejects with.
 */
export async function* readTar(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<TarMember> {
  const source = new TarBytes(bytes);
  try {
    for (;;) {
      const header = await nextHeader(source);
      if (header === undefined) break;
      const { sizeBytes } = header;
      source.begin(sizeBytes);
      yield { ...header, body: source };
      await source.passOver();
    }
    await source.drain();
  } finally {
    await source.close();
  }
}

export interface TarQuestion {
  readonly paths: readonly string[];
  /** The place, as it is named in faults. */
  readonly place: string;
  /** Why a file that was asked for did not come; asked once all have come. Default is `not_found`. */
  readonly missing?: (path: string) => Fault | undefined;
}

/**
 * `Endpoint.readMany` by an archive: what was asked for and nothing else, with or without a leading `./`. Rejects with `name_unsafe` for any
 * other name, or the same one again. What is no regular file comes with `unsupported`.
 */
export async function* readManyFromTar(
  bytes: AsyncIterable<Uint8Array>,
  { paths, place, missing }: TarQuestion,
): AsyncGenerator<ManyRead> {
  const open = new Set(paths);
  for await (const member of readTar(bytes)) {
    const path = askedFor(member.name, open);
    if (path === undefined) {
      const shown = `${displayPath(place)} sent ${displayPath(member.name)}`;
      throw new Fault(
        'name_unsafe',
        `${shown}, which was not asked for, or had come already. Nothing of it was kept.`,
        {
          place: { endpoint: displayPath(place), path: displayPath(member.name) },
        },
      );
    }
    open.delete(path);
    if (member.kind === 'file') {
      const { sizeBytes, mtimeMs, mode, body } = member;
      const entry: Entry = { path, kind: 'file', sizeBytes, mtimeMs, mode };
      yield { path, entry, body };
    } else {
      const at = { path: displayPath(path), endpoint: displayPath(place) };
      const why = `${at.path} in ${at.endpoint} came as a ${member.kind === 'other' ? 'special file' : member.kind}`;
      yield { path, fault: new Fault('unsupported', `${why} and not as a regular file.`, { place: at }) };
    }
  }
  for (const path of open) {
    const at = { path: displayPath(path), endpoint: displayPath(place) };
    const fault = missing?.(path) ?? new Fault('not_found', `${at.path} is not in ${at.endpoint}.`, { place: at });
    yield { path, fault };
  }
}

function askedFor(name: string, open: ReadonlySet<string>): string | undefined {
  if (open.has(name)) return name;
  const bare = name.startsWith('./') ? name.slice(2) : undefined;
  return bare !== undefined && open.has(bare) ? bare : undefined;
}

type Header = Omit<TarMember, 'body'>;

/** Undefined at the end mark. */
async function nextHeader(source: TarBytes): Promise<Header | undefined> {
  let records: ReadonlyMap<string, Buffer> | undefined;
  let longName: Buffer | undefined;
  for (let ahead = 0; ahead < mostMembersAhead; ahead++) {
    const block = source.have(tarBlockBytes) ?? (await source.take(tarBlockBytes));
    if (isZero(block)) {
      if (records !== undefined || longName !== undefined) throw garbled('ends after the name of a file');
      return undefined;
    }
    const type = String.fromCharCode(block[tarFields.type[0]] ?? 0);
    const own = checked(block);
    if (type === 'x') records = paxRecords(await source.takeMember(own));
    else if (type === 'L') longName = untilNul(await source.takeMember(own));
    else if (type === 'K' || type === 'g') await source.takeMember(own);
    else {
      const header = headerOf(block, type, own, records, longName);
      // Only files have content here; what else says that it has some is passed over with it.
      return header;
    }
  }
  throw garbled('has too many headers for one file');
}

/** The size that the header itself gives. */
function checked(block: Buffer): number {
  const [at, length] = tarFields.checksum;
  let sum = 32 * length;
  for (let n = 0; n < tarBlockBytes; n++) if (n < at || n >= at + length) sum += block[n] ?? 0;
  if (number(block, tarFields.checksum) !== sum) throw garbled('has a header whose checksum is wrong');
  const size = number(block, tarFields.size);
  if (size < 0) throw garbled('has a file of negative size');
  return size;
}

function headerOf(
  block: Buffer,
  type: string,
  ownSize: number,
  records: ReadonlyMap<string, Buffer> | undefined,
  longName: Buffer | undefined,
): Header {
  if (type === 'S' || type === 'M' || hasSparse(records)) {
    throw new Fault('unsupported', 'The archive holds a sparse file or a part of another volume, which is not read.');
  }
  const sizeBytes = paxSize(records?.get('size')) ?? ownSize;
  const mtimeMs = paxTimeMs(records?.get('mtime')) ?? number(block, tarFields.mtime) * 1000;
  const name = records?.get('path') ?? longName ?? shortName(block);
  if (name.length === 0 || name.includes(0)) throw garbled('has a file without a name');
  const isFolder = type === '5' || ((type === '0' || type === '\0') && name.at(-1) === 0x2f);
  const kind = isFolder ? 'folder' : (kinds[type] ?? 'other');
  return {
    name: pathFromBytes(kind === 'folder' && name.at(-1) === 0x2f ? name.subarray(0, -1) : name),
    kind,
    // A link may tell its target's size; no bytes of it follow.
    sizeBytes: kind === 'link' ? 0 : sizeBytes,
    mtimeMs,
    mode: number(block, tarFields.mode) & 0o7777,
  };
}

const kinds: Readonly<Record<string, TarMember['kind']>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'link',
};

function hasSparse(records: ReadonlyMap<string, Buffer> | undefined): boolean {
  if (records === undefined) return false;
  for (const key of records.keys()) if (key.startsWith('GNU.sparse.')) return true;
  return false;
}

function shortName(block: Buffer): Buffer {
  const name = text(block, tarFields.name);
  const isUstar = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isUstar ? text(block, tarFields.prefix) : Buffer.alloc(0);
  return prefix.length === 0 ? Buffer.from(name) : Buffer.concat([prefix, Buffer.from('/'), name]);
}

type Field = readonly [at: number, length: number];

function text(block: Buffer, [at, length]: Field): Buffer {
  return untilNul(block.subarray(at, at + length));
}

function untilNul(bytes: Buffer): Buffer {
  const end = bytes.indexOf(0);
  return end < 0 ? bytes : bytes.subarray(0, end);
}

/** Octal digits, or two's complement behind a high bit, as GNU tar writes what digits cannot hold. */
function number(block: Buffer, [at, length]: Field): number {
  const first = block[at] ?? 0;
  if ((first & 0x80) !== 0) {
    let value = (first & 0x40) === 0 ? BigInt(first & 0x3f) : BigInt((first & 0x7f) - 0x80);
    for (let n = 1; n < length; n++) value = (value << 8n) | BigInt(block[at + n] ?? 0);
    const whole = Number(value);
    if (!Number.isSafeInteger(whole)) throw garbled('has a number beyond all bounds');
    return whole;
  }
  let value = 0;
  let seen = false;
  for (let n = at; n < at + length; n++) {
    const byte = block[n] ?? 0;
    if (byte >= 0x30 && byte <= 0x37) {
      value = value * 8 + (byte - 0x30);
      seen = true;
    } else if (byte === 0 || byte === 0x20) {
      if (seen) break;
    } else throw garbled('has a header that is none');
  }
  return value;
}

function paxSize(written: Buffer | undefined): number | undefined {
  if (written === undefined) return undefined;
  const size = /^\d{1,16}$/.test(written.toString('latin1')) ? Number(written.toString('latin1')) : Number.NaN;
  if (!Number.isSafeInteger(size)) throw garbled('has a size that is none');
  return size;
}

/** Seconds and their fraction apart, so that as much of it is kept as a double of milliseconds can hold. */
function paxTimeMs(written: Buffer | undefined): number | undefined {
  if (written === undefined) return undefined;
  const found = /^(-?)(\d{1,12})(\.\d{0,20})?$/.exec(written.toString('latin1'));
  if (found === null) throw garbled('has a time that is none');
  const [, sign, seconds, fraction = ''] = found;
  const mtimeMs = Number(seconds) * 1000 + (fraction.length > 1 ? Number(`0${fraction}`) * 1000 : 0);
  return sign === '-' ? -mtimeMs : mtimeMs;
}

/** `length key=value\n`, the length in decimal and counting itself. */
function paxRecords(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = space < 0 ? Number.NaN : Number(bytes.toString('latin1', at, space));
    const end = at + length;
    const equals = bytes.indexOf(0x3d, space);
    if (!Number.isSafeInteger(length) || end > bytes.length || equals < 0 || equals >= end || bytes[end - 1] !== 0x0a) {
      throw garbled('has records that cannot be read');
    }
    records.set(bytes.toString('utf8', space + 1, equals), bytes.subarray(equals + 1, end - 1));
    at = end;
  }
  return records;
}

function isZero(block: Buffer): boolean {
  return block[0] === 0 && block.every((byte) => byte === 0);
}

function garbled(how: string): Fault {
  return new Fault('corrupt', `The archive ${how}.`);
}

/** What has come and was not used yet; also the body of the member that is being read. */
class TarBytes implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Of the member's content, and the padding behind it. */
  #left = 0;
  #padding = 0;

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#chunks = bytes[Symbol.asyncIterator]();
  }

  begin(sizeBytes: number): void {
    this.#left = sizeBytes;
    this.#padding = (tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    while (this.#left > 0) {
      if (this.#at === this.#chunk.length) await this.#fill();
      const part = this.#chunk.subarray(this.#at, this.#at + this.#left);
      this.#at += part.length;
      this.#left -= part.length;
      yield part;
    }
  }

  async passOver(): Promise<void> {
    for (let left = this.#left + this.#padding; left > 0; ) {
      if (this.#at === this.#chunk.length) await this.#fill();
      const part = Math.min(left, this.#chunk.length - this.#at);
      this.#at += part;
      left -= part;
    }
    this.#left = 0;
    this.#padding = 0;
  }

  /** Undefined where they have not all come in one piece. */
  have(count: number): Buffer | undefined {
    if (this.#chunk.length - this.#at < count) return undefined;
    this.#at += count;
    return this.#chunk.subarray(this.#at - count, this.#at);
  }

  async take(count: number): Promise<Buffer> {
    const taken = Buffer.allocUnsafe(count);
    for (let done = 0; done < count; ) {
      if (this.#at === this.#chunk.length) await this.#fill();
      const copied = this.#chunk.copy(taken, done, this.#at);
      this.#at += copied;
      done += copied;
    }
    return taken;
  }

  /** The content of a member that only describes the next one. */
  async takeMember(sizeBytes: number): Promise<Buffer> {
    if (sizeBytes > mostRecordBytes) throw garbled('has a description longer than any name');
    const content = await this.take(sizeBytes);
    this.begin(sizeBytes);
    this.#left = 0;
    await this.passOver();
    return content;
  }

  /** To the end, so that whoever sends is not cut off in the middle. */
  async drain(): Promise<void> {
    this.#at = this.#chunk.length;
    while ((await this.#chunks.next()).done !== true);
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }

  async #fill(): Promise<void> {
    do {
      const { value, done } = await this.#chunks.next();
      if (done === true) throw new Fault('network', 'The archive broke off before its end.');
      this.#chunk = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
      this.#at = 0;
    } while (this.#chunk.length === 0);
  }
}
