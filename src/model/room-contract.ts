// The outside contract of rooms: the transfer object, the bodies of its routes, and the messages of the namespace `/rooms`.

import { z } from 'zod';
import type { ChunkCounts, RoomTransfer } from './room.ts';
import { chunksOf, roomTransferStates } from './room.ts';

export const roomIdSchema = z.string().regex(/^[A-Za-z0-9_-]{1,100}$/, 'Letters, digits, - and _; at most 100');
const memberId = z.string().min(1).max(64);
const transferId = z.string().min(1).max(64);
export const roomChecksumSchema = z
  .string()
  .regex(/^[0-9a-f]{64}$/, 'SHA-256 as 64 small hexadecimal digits')
  .describe('SHA-256 of the whole file');

/** 10^15 bytes are more than any file, and exact as a number. */
const mostBytes = 10 ** 15;

export const offerBodySchema = z.strictObject({
  receiver_id: memberId.describe('One member; several receivers are one offer each'),
  filename: z.string().min(1).max(4096).describe('A relative path, with / between folders'),
  file_size: z.int().min(0).max(mostBytes).describe('Bytes'),
  mime_type: z
    .string()
    .max(255)
    .regex(/^[\w.+-]+\/[\w.+*-]+(\s*;.*)?$/, 'type/subtype')
    .nullish()
    .describe('Left out: by the ending of the name, else application/octet-stream'),
});
export type OfferBody = z.output<typeof offerBodySchema>;

export const rejectBodySchema = z.strictObject({ reason: z.string().max(500).nullish() }).optional();

export const contractTransferSchema = z.object({
  transfer_id: transferId,
  room_id: z.string(),
  sender_id: z.string(),
  receiver_id: z.string(),
  filename: z.string(),
  file_size: z.int(),
  mime_type: z.string(),
  chunk_size: z.int(),
  total_chunks: z.int(),
  chunks_sent: z.int(),
  chunks_received: z.int().describe('Acknowledged by the receiver'),
  status: z.enum(roomTransferStates),
  progress_percent: z.number().describe('Of acknowledged chunks, two decimals'),
  bytes_transferred: z.int().describe('Of acknowledged chunks'),
  started_at: z.iso.datetime().nullable().describe('When it was accepted'),
  completed_at: z.iso.datetime().nullable(),
  checksum: z.string().nullable().describe('SHA-256 of the whole file, hex; once both sides agree on it'),
  error: z.string().nullable(),
});
export type ContractTransfer = z.output<typeof contractTransferSchema>;

export const transferListSchema = z.object({ transfers: z.array(contractTransferSchema), count: z.int() });

/** What a row is to the outside. Pure. */
export function contractTransfer(row: RoomTransfer, { sent, received }: ChunkCounts): ContractTransfer {
  const total = chunksOf(row);
  const isWhole = row.state === 'completed';
  const acknowledged = isWhole ? total : Math.min(received, total);
  return {
    transfer_id: row.id,
    room_id: row.roomId,
    sender_id: row.senderId,
    receiver_id: row.receiverId,
    filename: row.filename,
    file_size: row.sizeBytes,
    mime_type: row.mimeType,
    chunk_size: row.chunkSizeBytes,
    total_chunks: total,
    chunks_sent: isWhole ? total : Math.max(Math.min(sent, total), acknowledged),
    chunks_received: acknowledged,
    status: row.state,
    progress_percent: total === 0 ? (isWhole ? 100 : 0) : Math.round((acknowledged / total) * 10_000) / 100,
    bytes_transferred: Math.min(row.sizeBytes, acknowledged * row.chunkSizeBytes),
    started_at: time(row.startedAt),
    completed_at: isWhole ? time(row.endedAt) : null,
    checksum: row.sentChecksum === row.receivedChecksum ? row.sentChecksum : null,
    error: row.error,
  };
}

function time(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}

/** Those of the contract, and those of our own beside them. */
export const roomMessageTypes = [
  'FILE_SHARE_OFFER',
  'FILE_SHARE_ACCEPT',
  'FILE_SHARE_REJECT',
  'FILE_SHARE_PROGRESS',
  'FILE_SHARE_COMPLETE',
  'FILE_SHARE_START',
  'FILE_SHARE_PAUSE',
  'FILE_SHARE_RESUME',
  'FILE_SHARE_CANCEL',
  'FILE_SHARE_RELAY',
  'MEMBER_JOINED',
  'MEMBER_LEFT',
  'MEMBER_CHANGED',
  'PRESENCE',
  'JOIN_REFUSED',
  'ROOM_CLOSED',
] as const;
export type RoomMessageType = (typeof roomMessageTypes)[number];

/**
 * What a member is told. `payload` of FILE_SHARE_*: the transfer object, with `queued`, `paused_by` and `away` beside it; of an OFFER or
 * COMPLETE that is not one's own: without names, type and checksum. Of MEMBER_* and PRESENCE: the member as room-views.ts has it.
 */
export interface RoomMessage {
  readonly type: RoomMessageType;
  /** Rises within a room; what is addressed to others leaves gaps. */
  readonly seq: number;
  readonly room_id: string;
  /** Null where no member caused it. */
  readonly sender_id: string | null;
  readonly payload: Readonly<Record<string, unknown>>;
}

export const roomMessageSchema = z.object({
  type: z.enum(roomMessageTypes),
  seq: z.int(),
  room_id: z.string(),
  sender_id: z.string().nullable(),
  payload: z.record(z.string(), z.unknown()),
});

/** What the transfer's own two members hear of it. */
export const roomTransferViewSchema = contractTransferSchema.extend({
  queued: z.boolean().describe('Accepted, and waiting for others of the room to end'),
  paused_by: z.string().nullable().describe('The member who paused it'),
  away: z.array(z.enum(['sender', 'receiver'])).describe('Who is away; it goes on by itself when they are back'),
  offered_at: z.iso.datetime(),
});
export type RoomTransferView = z.output<typeof roomTransferViewSchema>;

export function roomTransferView(row: RoomTransfer, counts: ChunkCounts): RoomTransferView {
  return {
    ...contractTransfer(row, counts),
    queued: row.queued,
    paused_by: row.pausedBy,
    away: [...row.away],
    offered_at: new Date(row.createdAt).toISOString(),
  };
}

/** What members hear of a transfer between others. */
export function strangersView(row: RoomTransfer, counts: ChunkCounts): Readonly<Record<string, unknown>> {
  const { filename, mime_type, checksum, error, ...rest } = contractTransfer(row, counts);
  return rest;
}
