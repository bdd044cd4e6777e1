// Writes a tar archive as it goes: what every tar reads (ustar, GNU long names), with pax records for fractions of a second.

import { asFault, Fault } from '../model/fault.ts';
import { displayPath, pathBytes } from '../model/names.ts';
import type { ManyWrite } from './endpoint.ts';
import { tarBlockBytes, tarFields } from './tar-reader.ts';

export interface TarWriting {
  /** Filled with what became of files whose body failed or had another size: in the archive they are filled up with zeros. */
  readonly failed: Map<string, Fault>;
  /** Put before each path: `./` keeps one that begins with `-` from being taken for anything else. Default is ''. */
  readonly prefix?: string;
  /** False leaves fractions of a second out, for a reader that does not know pax. Default is true. */
  readonly fractions?: boolean;
}

const pieceBytes = 256 * 1024;
/** Two blocks of zeros, filled up to the twenty blocks of a tape. */
const recordBytes = 20 * tarBlockBytes;
const mostOctal = 8 ** 11;
const plainName = 100;
const defaultMode = 0o644;
const folderMode = 0o755;

/** The archive in pieces that belong to the receiver. Rejects with what `files` rejects with; a file's own trouble goes into `failed`. */
export async function* writeTar(files: AsyncIterable<ManyWrite>, options: TarWriting): AsyncGenerator<Uint8Array> {
  const pieces = new Pieces();
  for await (const file of files) {
    for (const block of headersOf(file, options)) yield* pieces.add(block);
    yield* bodyOf(file, options, pieces);
    yield* pieces.add(zeros.subarray(0, (tarBlockBytes - (file.sizeBytes % tarBlockBytes)) % tarBlockBytes));
  }
  yield* pieces.add(zeros.subarray(0, 2 * tarBlockBytes));
  yield* pieces.add(zeros.subarray(0, (recordBytes - (pieces.total % recordBytes)) % recordBytes));
  yield* pieces.rest();
}

const zeros = Buffer.alloc(recordBytes);

/** An archive of one empty folder. */
export function folderInTar(path: string): Buffer {
  const name = Buffer.from(pathBytes(`${path}/`));
  const long = name.length > plainName ? [...described('L', Buffer.concat([name, Buffer.of(0)]))] : [];
  return Buffer.concat([...long, header(name, '5', 0, 0, folderMode), zeros.subarray(0, 2 * tarBlockBytes)]);
}

async function* bodyOf(file: ManyWrite, { failed }: TarWriting, pieces: Pieces): AsyncGenerator<Uint8Array> {
  const { path, sizeBytes } = file;
  let left = sizeBytes;
  try {
    for await (const chunk of file.body) {
      if (chunk.length > left) throw otherSize(path);
      yield* pieces.add(chunk);
      left -= chunk.length;
    }
    if (left > 0) throw otherSize(path);
  } catch (error) {
    failed.set(path, asFault(error));
  }
  for (; left > 0; left -= Math.min(left, zeros.length)) yield* pieces.add(zeros.subarray(0, left));
}

function otherSize(path: string): Fault {
  const shown = displayPath(path);
  return new Fault('source_changed', `${shown} changed its size while it was sent.`, { place: { path: shown } });
}

function* headersOf(file: ManyWrite, { prefix = '', fractions = true }: TarWriting): Generator<Buffer> {
  const name = Buffer.from(pathBytes(prefix + file.path));
  const seconds = Math.floor(file.mtimeMs / 1000);
  if (fractions && (file.mtimeMs % 1000 !== 0 || seconds < 0 || seconds >= mostOctal)) {
    yield* described('x', paxRecord('mtime', paxTime(file.mtimeMs)));
  }
  if (name.length > plainName) yield* described('L', Buffer.concat([name, Buffer.of(0)]));
  yield header(name, '0', file.sizeBytes, seconds, (file.mode ?? defaultMode) & 0o7777);
}

/** A member that describes the next one, with its content. */
function* described(type: string, content: Buffer): Generator<Buffer> {
  yield header(Buffer.from(type === 'L' ? '././@LongLink' : '././@PaxHeader'), type, content.length, 0, defaultMode);
  yield content;
  yield zeros.subarray(0, (tarBlockBytes - (content.length % tarBlockBytes)) % tarBlockBytes);
}

function paxTime(mtimeMs: number): string {
  const sign = mtimeMs < 0 ? '-' : '';
  const ms = Math.abs(mtimeMs);
  const whole = Math.floor(ms / 1000);
  const nanoseconds = Math.min(999_999_999, Math.round((ms - whole * 1000) * 1e6));
  return `${sign}${whole}.${String(nanoseconds).padStart(9, '0')}`.replace(/\.?0+$/, '');
}

function paxRecord(key: string, value: string): Buffer {
  const rest = ` ${key}=${value}\n`;
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length++;
  return Buffer.from(`${length}${rest}`);
}

function header(name: Buffer, type: string, sizeBytes: number, mtimeSeconds: number, mode: number): Buffer {
  const block = Buffer.alloc(tarBlockBytes);
  name.copy(block, 0, 0, plainName);
  putNumber(block, tarFields.mode, mode);
  putNumber(block, [108, 8], 0);
  putNumber(block, [116, 8], 0);
  putNumber(block, tarFields.size, sizeBytes);
  putNumber(block, tarFields.mtime, Math.max(0, mtimeSeconds));
  block.write(type, tarFields.type[0], 'latin1');
  block.write('ustar\u000000', tarFields.magic[0], 'latin1');
  block.fill(0x20, tarFields.checksum[0], tarFields.checksum[0] + tarFields.checksum[1]);
  let sum = 0;
  for (const byte of block) sum += byte;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, tarFields.checksum[0], 'latin1');
  return block;
}

/** Octal, or, where that is too short, binary behind a high bit, as GNU tar does it. */
function putNumber(block: Buffer, [at, length]: readonly [number, number], value: number): void {
  const digits = value.toString(8);
  if (digits.length < length) {
    block.write(`${digits.padStart(length - 1, '0')}\0`, at, 'latin1');
    return;
  }
  let left = BigInt(value);
  for (let n = at + length - 1; n >= at; n--) {
    block[n] = Number(left & 0xffn);
    left >>= 8n;
  }
  block[at] = (block[at] ?? 0) | 0x80;
}

/** Small parts go out together, each piece in memory of its own. */
class Pieces {
  total = 0;
  #piece: Buffer = Buffer.allocUnsafeSlow(pieceBytes);
  #used = 0;

  *add(bytes: Uint8Array): Generator<Uint8Array> {
    this.total += bytes.length;
    for (let done = 0; done < bytes.length; ) {
      const part = bytes.subarray(done, done + pieceBytes - this.#used);
      this.#piece.set(part, this.#used);
      this.#used += part.length;
      done += part.length;
      if (this.#used < pieceBytes) continue;
      yield this.#piece;
      this.#piece = Buffer.allocUnsafeSlow(pieceBytes);
      this.#used = 0;
    }
  }

  *rest(): Generator<Uint8Array> {
    if (this.#used > 0) yield this.#piece.subarray(0, this.#used);
    this.#used = 0;
  }
}
