// The journal of a file that is still arriving: which bytes were written, each stretch with its hash, so that a reload goes on where it was.

/** One write: `from`, its length, and the XXH3-64 of its bytes (16 hexadecimal digits). */
export interface JournalRecord {
  readonly from: number;
  readonly length: number;
  readonly hash: string;
}

/** On disk: float64 from, uint32 length, uint32 mark, 8 bytes of hash; big-endian. */
export const recordBytes = 24;
const mark = 0x77727279;

export function encodeRecords(records: readonly JournalRecord[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(records.length * recordBytes);
  const view = new DataView(bytes.buffer);
  for (const [at, { from, length, hash }] of records.entries()) {
    const start = at * recordBytes;
    view.setFloat64(start, from);
    view.setUint32(start + 8, length);
    view.setUint32(start + 12, mark);
    view.setBigUint64(start + 16, BigInt(`0x${hash}`));
  }
  return bytes;
}

/** Ends at the first record that is none: what was torn off by a crash is as if it had never been written. */
export function decodeRecords(bytes: Uint8Array): JournalRecord[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const records: JournalRecord[] = [];
  for (let start = 0; start + recordBytes <= bytes.length; start += recordBytes) {
    const from = view.getFloat64(start);
    const length = view.getUint32(start + 8);
    if (view.getUint32(start + 12) !== mark || !Number.isSafeInteger(from) || from < 0 || length === 0) break;
    const hash = view
      .getBigUint64(start + 16)
      .toString(16)
      .padStart(16, '0');
    records.push({ from, length, hash });
  }
  return records;
}
