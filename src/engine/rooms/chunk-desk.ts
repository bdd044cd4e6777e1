// Chunks that come over the server's socket, from clients without tus: which are taken, which are refused, and what the whole of them hashes to.

import { createHash, type Hash } from 'node:crypto';
import { type ChunkFrame, chunkLength, decodeChunk } from '../../model/chunk-frame.ts';
import { Fault } from '../../model/fault.ts';
import { type ChunkCounts, chunksOf, type RoomTransfer } from '../../model/room.ts';

export interface TakenChunk {
  readonly transferId: string;
  readonly index: number;
  readonly sizeBytes: number;
  /** The receiver has it. Gives the counts, and the SHA-256 of all once the last one has come and they came in order. */
  acknowledged(): { readonly counts: ChunkCounts; readonly whole: string | undefined };
  /** The receiver has not taken it: it may be sent again. */
  lost(): void;
}

export interface ChunkDesk {
  /** The transfer that a frame speaks of. Rejects with `invalid`. */
  read(frame: Uint8Array): ChunkFrame;
  /** Rejects with `state_conflict` (pending, paused, waiting for its turn, over; there already), `invalid` (out of range, of another size), `corrupt` (not its checksum). */
  take(row: RoomTransfer, frame: ChunkFrame): TakenChunk;
  forget(transferId: string): void;
}

interface Desk {
  readonly there: Uint8Array;
  readonly underWay: Set<number>;
  count: number;
  /** Chunks from the beginning that have gone into the hash. */
  hashed: number;
  readonly hash: Hash | undefined;
}

/** `counts`: what is known of a transfer's chunks, also from before a restart. */
export function createChunkDesk(counts: (transferId: string) => ChunkCounts): ChunkDesk {
  const desks = new Map<string, Desk>();

  const deskOf = (row: RoomTransfer): Desk => {
    let desk = desks.get(row.id);
    if (desk === undefined) {
      const { received } = counts(row.id);
      const there = new Uint8Array(Math.ceil(chunksOf(row) / 8));
      for (let index = 0; index < received; index++) there[index >> 3] = (there[index >> 3] ?? 0) | (1 << (index & 7));
      // What came before a restart cannot be hashed any more.
      const hash = received === 0 ? createHash('sha256') : undefined;
      desk = { there, underWay: new Set(), count: received, hashed: 0, hash };
      desks.set(row.id, desk);
    }
    return desk;
  };

  return {
    read: decodeChunk,
    take(row, { header, bytes }) {
      const { chunk_index: index, total_chunks: said, checksum } = header;
      const total = chunksOf(row);
      if (row.state !== 'active' || row.queued) {
        throw new Fault(
          'state_conflict',
          `No chunk is taken now: the transfer is ${row.queued ? 'queued' : row.state}.`,
        );
      }
      if (said !== total) throw new Fault('invalid', `The file has ${total} chunks, not ${said}.`);
      if (index >= total) throw new Fault('invalid', `There is no chunk ${index}: the last one is ${total - 1}.`);
      const size = chunkLength(index, row.sizeBytes, row.chunkSizeBytes);
      if (bytes.length !== size) {
        throw new Fault('invalid', `Chunk ${index} has ${size} bytes, and this one ${bytes.length}.`);
      }
      if (createHash('sha256').update(bytes).digest('hex') !== checksum) {
        throw new Fault('corrupt', `Chunk ${index} is not what its checksum says; send it again.`);
      }
      const desk = deskOf(row);
      if (desk.underWay.has(index) || ((desk.there[index >> 3] ?? 0) & (1 << (index & 7))) !== 0) {
        throw new Fault('state_conflict', `Chunk ${index} is there already.`);
      }
      desk.underWay.add(index);
      if (desk.hash !== undefined && index === desk.hashed) {
        desk.hash.update(bytes);
        desk.hashed += 1;
      }
      return {
        ...{ transferId: row.id, index, sizeBytes: size },
        acknowledged() {
          desk.underWay.delete(index);
          desk.there[index >> 3] = (desk.there[index >> 3] ?? 0) | (1 << (index & 7));
          desk.count += 1;
          const known = counts(row.id);
          const received = Math.max(known.received, desk.count);
          const isAll = desk.count === total && desk.hashed === total;
          return {
            counts: { sent: Math.max(known.sent, received), received },
            whole: isAll ? desk.hash?.copy().digest('hex') : undefined,
          };
        },
        lost: () => void desk.underWay.delete(index),
      };
    },
    forget: (transferId) => void desks.delete(transferId),
  };
}
