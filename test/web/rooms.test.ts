// What a room's page says of files and people, the names under which files are saved, and the journal of what has arrived.

import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RoomTransfer } from '../../src/peer/room-client.ts';
import { flatName, savedParts } from '../../web/pages/rooms/receiving/file-names.ts';
import { decodeRecords, encodeRecords, recordBytes } from '../../web/pages/rooms/receiving/staging-journal.ts';
import { courseWords, namesOf, transferLook } from '../../web/words/rooms.ts';

const moving: RoomTransfer = {
  ...{
    id: 't',
    senderId: 'a',
    receiverId: 'b',
    part: 'sending',
    name: 'a.mov',
    sizeBytes: 1_000_000,
    bytesDone: 250_000,
  },
  ...{ mimeType: undefined, status: 'active', pausedBy: undefined, needs: undefined, path: 'turn', problem: undefined },
  ...{ bytesPerSecond: 50_000, eta: { minSeconds: 10, maxSeconds: 20, cause: undefined } },
  ...{ startedAt: undefined, completedAt: undefined, checksum: undefined },
};

describe('of a file', () => {
  test('it is said how far it is, how fast, which way and how long it takes', () => {
    expect(courseWords(moving)).toEqual(['250 kB of 1.00 MB, 25 %', '50.0 kB/s', 'by a TURN server', '10–20 s left']);
  });

  test('that is all there, but not yet proven, it is not said that it is done', () => {
    expect(courseWords({ ...moving, bytesDone: 1_000_000 })[0]).toBe('1.00 MB of 1.00 MB, 99 %');
    expect(courseWords({ ...moving, bytesDone: 0, sizeBytes: 0 })[0]).toBe('0 B of 0 B, 0 %');
  });

  test('that waits it is said for what: for a person, for who is away, for its file', () => {
    expect(transferLook({ ...moving, status: 'pending', part: 'receiving' }).word).toBe('Waits for you');
    expect(transferLook({ ...moving, status: 'paused', pausedBy: 'person' }).word).toBe('Paused');
    expect(transferLook({ ...moving, status: 'paused', pausedBy: 'system' }).tone).toBe('waits');
    expect(transferLook({ ...moving, status: 'paused', pausedBy: 'system', needs: 'file' }).tone).toBe('needs');
  });
});

test('people are named as far as there is room', () => {
  const names = (...all: string[]) => namesOf(all.map((name) => ({ name })));
  expect([names(), names('Anna'), names('Anna', 'Bo'), names('Anna', 'Bo', 'Cai', 'Dora')]).toEqual([
    'nobody',
    'Anna',
    'Anna and Bo',
    'Anna, Bo and 2 others',
  ]);
  expect(names('x'.repeat(80)).length).toBe(32);
});

describe('a name to save under', () => {
  test('keeps its folders, or becomes one part of them', () => {
    expect(savedParts('Day 1/audio/take.wav')).toEqual(['Day 1', 'audio', 'take.wav']);
    expect(flatName('Day 1/audio/take.wav')).toBe('Day 1 - audio - take.wav');
  });

  test('is never one that leads elsewhere', () => {
    for (const name of ['../a', 'a/../../b', '/etc/passwd', 'C:\\a', 'a\0b']) {
      expect(() => savedParts(name), name).toThrow(expect.objectContaining({ code: 'name_unsafe' }));
    }
  });

  test('is one that every system takes', () => {
    expect(savedParts('CON/a?b. /nul.txt')).toEqual(['_CON', 'a_b__', '_nul.txt']);
    expect(flatName(`${'folder/'.repeat(60)}clip.mov`)).toBe('clip.mov');
  });
});

describe('the journal', () => {
  const record = fc.record({
    from: fc.integer({ min: 0, max: 2 ** 50 }),
    length: fc.integer({ min: 1, max: 2 ** 20 }),
    hash: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((hash) => hash.toString(16).padStart(16, '0')),
  });

  test('comes back as it was written; what was torn off never was', () => {
    fc.assert(
      fc.property(fc.array(record, { maxLength: 20 }), fc.nat(recordBytes - 1), (records, torn) => {
        const bytes = encodeRecords(records);
        expect(decodeRecords(bytes)).toEqual(records);
        if (records.length > 0 && torn > 0) {
          expect(decodeRecords(bytes.subarray(0, bytes.length - torn))).toEqual(records.slice(0, -1));
        }
      }),
    );
  });

  test('ends where something else stands', () => {
    const bytes = encodeRecords([
      { from: 0, length: 10, hash: '0'.repeat(16) },
      { from: 10, length: 10, hash: 'f'.repeat(16) },
    ]);
    bytes.fill(0, recordBytes);
    expect(decodeRecords(bytes)).toEqual([{ from: 0, length: 10, hash: '0'.repeat(16) }]);
  });
});
