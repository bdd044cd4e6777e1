// The transfer object's arithmetic, and the state table of a room's transfers.

import fc from 'fast-check';
import { expect, test } from 'vitest';
import { hasEnded, type RoomTransfer, roomTransferStates, stepRoomTransfer } from '../../src/model/room.ts';
import { contractTransfer, contractTransferSchema, strangersView } from '../../src/model/room-contract.ts';

const row: RoomTransfer = {
  id: '01TRANSFER',
  roomId: 'a-room',
  senderId: 'anna',
  receiverId: 'ben',
  filename: 'rushes/day 1.mov',
  sizeBytes: 10_485_760,
  mimeType: 'video/quicktime',
  chunkSizeBytes: 65_536,
  state: 'active',
  queued: false,
  pausedBy: null,
  away: [],
  sentChecksum: null,
  receivedChecksum: null,
  error: null,
  createdAt: Date.UTC(2026, 0, 5, 12),
  startedAt: Date.UTC(2026, 0, 5, 12, 0, 1),
  endedAt: null,
};

test('85 of 160 chunks are 53.13 % and 5,570,560 bytes', () => {
  expect(contractTransfer(row, { sent: 85, received: 85 })).toEqual({
    transfer_id: '01TRANSFER',
    room_id: 'a-room',
    sender_id: 'anna',
    receiver_id: 'ben',
    filename: 'rushes/day 1.mov',
    file_size: 10_485_760,
    mime_type: 'video/quicktime',
    chunk_size: 65_536,
    total_chunks: 160,
    chunks_sent: 85,
    chunks_received: 85,
    status: 'active',
    progress_percent: 53.13,
    bytes_transferred: 5_570_560,
    started_at: '2026-01-05T12:00:01.000Z',
    completed_at: null,
    checksum: null,
    error: null,
  });
});

test('per cent and bytes are of what the receiver acknowledged, never of what was only sent', () => {
  const told = contractTransfer(row, { sent: 120, received: 85 });
  expect([told.chunks_sent, told.progress_percent, told.bytes_transferred]).toEqual([120, 53.13, 5_570_560]);
});

test('the last chunk may be short, and a file of no bytes is whole once it is completed', () => {
  const last = contractTransfer({ ...row, sizeBytes: 65_537 }, { sent: 2, received: 2 });
  expect([last.total_chunks, last.bytes_transferred, last.progress_percent]).toEqual([2, 65_537, 100]);
  const empty = { ...row, sizeBytes: 0 };
  expect(contractTransfer(empty, { sent: 0, received: 0 }).progress_percent).toBe(0);
  expect(contractTransfer({ ...empty, state: 'completed' }, { sent: 0, received: 0 }).progress_percent).toBe(100);
});

test('whatever is counted, the object keeps its bounds and its schema', () => {
  const counts = fc.record({ sent: fc.nat(400), received: fc.nat(400) });
  fc.assert(
    fc.property(counts, fc.nat(30_000_000), fc.constantFrom(...roomTransferStates), (counted, sizeBytes, state) => {
      const told = contractTransfer({ ...row, sizeBytes, state }, counted);
      contractTransferSchema.parse(told);
      expect(told.progress_percent).toBeLessThanOrEqual(100);
      expect(told.bytes_transferred).toBeLessThanOrEqual(sizeBytes);
      expect(told.chunks_received).toBeLessThanOrEqual(told.chunks_sent);
    }),
  );
});

test('a checksum is shown once both sides agree on it, and strangers see neither name nor type', () => {
  const sum = 'a'.repeat(64);
  expect(contractTransfer({ ...row, sentChecksum: sum }, { sent: 0, received: 0 }).checksum).toBeNull();
  expect(
    contractTransfer({ ...row, sentChecksum: sum, receivedChecksum: sum }, { sent: 0, received: 0 }).checksum,
  ).toBe(sum);
  const seen = JSON.stringify(
    strangersView({ ...row, sentChecksum: sum, receivedChecksum: sum, error: 'x' }, { sent: 1, received: 1 }),
  );
  expect(seen).not.toMatch(/rushes|quicktime|aaaa|"error"/);
});

test('states: what has ended takes nothing more, and only an offer can be accepted', () => {
  expect(roomTransferStates.filter(hasEnded)).toEqual(['completed', 'failed', 'cancelled']);
  expect(stepRoomTransfer('pending', 'accept')).toBe('active');
  expect(stepRoomTransfer('pending', 'reject')).toBe('cancelled');
  for (const state of roomTransferStates.filter((one) => one !== 'pending')) {
    expect(() => stepRoomTransfer(state, 'accept')).toThrow(/does not take/);
  }
});
