// The relay of rooms: uploads of senders that receivers read while they grow, each for as long as its transfers go on.

import { existsSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { Mounts } from '../../endpoints/mounts.ts';
import type { Clock, NewId } from '../../model/clock.ts';
import { asFault, Fault } from '../../model/fault.ts';
import type { RelayConfig } from '../../model/relay-config.ts';
import type { TypeRules } from '../../model/room-types.ts';
import type { EngineLog } from '../engine-parts.ts';
import { inspect, inspector } from './inspection.ts';
import { piecesOf } from './pieces.ts';
import { type RelayGate, type RelayTransfer, wireBytes, wireFrameBytes } from './relay-gate.ts';
import { sendInto } from './sending.ts';
import { createSpool, type SpoolPiece } from './spool.ts';
import { openSpoolDisk, type SpoolDisk, type SpoolFiles, type TakenUp } from './spool-files.ts';
import { blockBytes, createSpoolMemory } from './spool-memory.ts';
import { hasMoved, type Turn, takeTurn, type Upload, type UploadFacts } from './upload.ts';

export interface RelayParts {
  readonly gate: RelayGate;
  readonly mounts: Mounts;
  /** Absolute; below it each upload has a folder. */
  readonly folder: string;
  /** Holds the key that wraps the uploads' keys. */
  readonly keyFile: string;
  readonly config: () => RelayConfig;
  /** Which content rooms with inspection take. */
  readonly types: () => TypeRules;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: EngineLog;
  /** An upload without a byte for so long is removed. Default is an hour. */
  readonly idleMs?: number;
  /** A sender that brings nothing for so long is taken for gone. Default is a minute. */
  readonly quietMs?: number;
}

export interface NewUpload {
  readonly roomId: string;
  readonly senderId: string;
  /** One upload may serve several receivers of the same file. */
  readonly transferIds: readonly string[];
  readonly sizeBytes: number;
  readonly firstFrame: number;
  readonly metadata: string;
}

export interface Relay {
  /** Goes on with uploads whose transfers still run; removes all else that an earlier process left. To be called once the rooms are there. */
  start(): Promise<void>;
  /**
   * Replaces an earlier upload of the same transfers. Rejects with `not_found`, `not_authorised`, `state_conflict` (not active),
   * `invalid` (larger than the offer) and as the disk says.
   */
  create(request: NewUpload): Promise<Upload>;
  /** Rejects with `not_found` for whoever neither sends nor receives it. */
  find(roomId: string, memberId: string, uploadId: string): Upload;
  /** What the sender may be told: whole units. Ends a request of its that is still under way. */
  offset(upload: Upload): Promise<number>;
  /** Resolves with the new offset. Rejects with `state_conflict` at another offset, `network`, and why the upload cannot go on. */
  send(upload: Upload, body: Readable, offset: number): Promise<number>;
  /** Pieces from an offset to the end, as they come in. Each must be released. Rejects as `send`. */
  read(upload: Upload, receiverId: string, from: number): Promise<Reading>;
  /** Lets go of what all receivers have. Rejects with `invalid` beyond what could be read. */
  acknowledge(upload: Upload, receiverId: string, offset: number): void;
  /** The same by transfer, for whoever knows no upload; false where nothing of it is here. */
  acknowledgeTransfer(transferId: string, offset: number): boolean;
  /** Resolves when nothing is left of it. */
  remove(upload: Upload): Promise<void>;
  /** When an upload without a byte is removed, in milliseconds since 1970. */
  expiresAt(upload: Upload): number;
  readonly figures: { readonly uploads: number; readonly diskBytes: number };
  /** What is under way is put on disk, for a later process. */
  close(): Promise<void>;
}

export interface Reading {
  readonly pieces: AsyncIterable<SpoolPiece>;
  /** Ends when the transfer is paused or over, another request takes over, or nobody listens. */
  readonly signal: AbortSignal;
  /** Whoever read is gone. */
  stop(): void;
  /** To be called when the request is over, however it ended. */
  end(): void;
}

const usualIdleMs = 3_600_000;
const usualQuietMs = 60_000;
/** A sender that has brought a part brings the next one before that, or is taken for away. */
const restAfterMs = 2_000;
/** So much more has to be acknowledged before it is noted on disk. */
const noteEveryBytes = 8 * blockBytes;

export function createRelay(parts: RelayParts): Relay {
  const { gate, clock, log, idleMs = usualIdleMs, quietMs = usualQuietMs } = parts;
  const memory = createSpoolMemory();
  const uploads = new Map<string, Upload>();
  const byTransfer = new Map<string, Upload>();
  const filesOf = new WeakMap<Upload, SpoolFiles>();
  const inspections = new WeakMap<Upload, AbortController>();
  const noted = new WeakMap<Upload, { bytes: number; isWriting: boolean }>();
  const cleaning = new Set<Promise<void>>();
  let disk: Promise<SpoolDisk> | undefined;
  let opened: SpoolDisk | undefined;
  let sweeper: NodeJS.Timeout | undefined;
  let closed = false;

  const openDisk = async (): Promise<SpoolDisk> => {
    disk ??= openSpoolDisk(parts, () => {
      const { total, reserve } = parts.config();
      return { totalBytes: total, reserveBytes: reserve };
    });
    opened = await disk;
    return opened;
  };
  const transferOf = (upload: Upload, transferId: string) => gate.transfer(upload.facts.roomId, transferId);
  const over = () => new Fault('not_found', 'This upload is over.');

  const factsOf = (upload: Upload): UploadFacts => ({
    ...upload.facts,
    transfers: [...upload.transfers],
    acknowledged: [...upload.transfers.keys()].map((id) => [id, upload.spool.acknowledgedBy(id) ?? 0]),
  });

  const clean = (call: Promise<void>): Promise<void> => {
    const done = call.catch((error: unknown) => {
      log.warn({ fault: asFault(error).report() }, 'What waited at the relay could not be removed');
    });
    cleaning.add(done);
    void done.finally(() => cleaning.delete(done));
    return done;
  };
  const endTurns = (upload: Upload, why: Fault) => {
    upload.sending?.stop(why);
    for (const turn of upload.reading.values()) turn.stop(why);
  };
  /** Nothing of its bytes is left when it resolves. */
  const empty = (upload: Upload, why: Fault): Promise<void> => {
    endTurns(upload, why);
    inspections.get(upload)?.abort(why);
    return clean(upload.spool.close(why).then(() => filesOf.get(upload)?.discard()));
  };
  const forget = (upload: Upload) => {
    uploads.delete(upload.id);
    for (const transferId of upload.transfers.values()) {
      if (byTransfer.get(transferId) === upload) byTransfer.delete(transferId);
    }
  };
  const remove = (upload: Upload): Promise<void> => {
    forget(upload);
    return empty(upload, over());
  };
  /** It stays known, so that both sides can be told why, until its transfers are over. */
  const failed = (upload: Upload, fault: Fault) => {
    void empty(upload, fault);
    for (const transferId of upload.transfers.values()) gate.failed(transferId, fault);
  };

  const add = (
    id: string,
    facts: UploadFacts,
    files: SpoolFiles,
    stored: readonly (readonly [number, number])[],
  ): Upload => {
    const { acknowledged, ...rest } = facts;
    const upload: Upload = {
      id,
      sizeBytes: facts.sizeBytes,
      firstFrame: facts.firstFrame,
      facts: rest,
      transfers: new Map(facts.transfers),
      spool: createSpool({
        ...{ sizeBytes: facts.sizeBytes, files, memory, clock, stored },
        unitBytes: facts.isEncrypted ? wireFrameBytes : 1,
        windowBytes: () => parts.config().window,
        ...(facts.isEncrypted
          ? { readers: acknowledged }
          : { readers: [...acknowledged, [inspector, 0] as const], inspector }),
        onFailure: (fault) => failed(upload, fault),
      }),
      sending: undefined,
      reading: new Map(),
      movedAtMs: clock.monotonic(),
    };
    uploads.set(id, upload);
    filesOf.set(upload, files);
    noted.set(upload, { bytes: upload.spool.acknowledgedBytes, isWriting: false });
    for (const transferId of upload.transfers.values()) byTransfer.set(transferId, upload);
    if (!facts.isEncrypted && facts.sizeBytes > 0) begin(upload);
    return upload;
  };

  /** Nobody gets any of it before its first bytes were looked at. */
  const begin = (upload: Upload) => {
    const [transferId = ''] = upload.transfers.values();
    const transfer = transferOf(upload, transferId);
    if (transfer === undefined) return;
    const stopping = new AbortController();
    inspections.set(upload, stopping);
    const rules = { types: parts.types(), scan: parts.config().scan };
    inspect(upload, transfer, rules, stopping.signal).catch((error: unknown) => {
      if (upload.spool.failure === undefined) failed(upload, asFault(error));
    });
  };

  const note = (upload: Upload) => {
    const known = noted.get(upload);
    const { acknowledgedBytes } = upload.spool;
    if (known === undefined || known.isWriting || acknowledgedBytes - known.bytes < noteEveryBytes) return;
    known.bytes = acknowledgedBytes;
    known.isWriting = true;
    const written = filesOf.get(upload)?.note(factsOf(upload)) ?? Promise.resolve();
    written.then(
      () => {
        known.isWriting = false;
      },
      (error: unknown) => {
        known.isWriting = false;
        log.warn({ fault: asFault(error).report() }, 'How far a relay has come could not be noted');
      },
    );
  };

  /** Rejects where none of its transfers is under way. */
  const requireActive = (upload: Upload, transferIds: Iterable<string>) => {
    if (upload.spool.failure !== undefined) throw upload.spool.failure;
    const states = [...transferIds].map((id) => transferOf(upload, id)?.state ?? 'over');
    if (states.includes('active')) return;
    throw new Fault('state_conflict', `The transfer is ${states[0] ?? 'over'}; the relay passes nothing on.`);
  };

  const changed = (transferId: string) => {
    const upload = byTransfer.get(transferId);
    if (upload === undefined) return;
    const state = transferOf(upload, transferId)?.state ?? 'over';
    const receiver = [...upload.transfers].find(([, id]) => id === transferId)?.[0];
    if (receiver === undefined) return;
    const why = new Fault('state_conflict', `The transfer is ${state}; the relay passes nothing on.`);
    if (state === 'over') {
      if (upload.transfers.size === 1) return void remove(upload);
      byTransfer.delete(transferId);
      upload.transfers.delete(receiver);
      upload.spool.forget(receiver);
      upload.reading.get(receiver)?.stop(why);
    }
    if (state === 'paused') upload.reading.get(receiver)?.stop(why);
    const states = [...upload.transfers.values()].map((id) => transferOf(upload, id)?.state);
    if (!states.includes('active')) endTurns(upload, why);
  };
  const unsubscribe = gate.onChange(changed);

  const takeUp = async ({ id, facts: read, blocks, files }: TakenUp) => {
    const facts = read as UploadFacts;
    const isWanted = facts.transfers.some(([, transferId]) => {
      const state = gate.transfer(facts.roomId, transferId)?.state;
      return state === 'active' || state === 'paused';
    });
    // What was inspected of it so far is not known any more: its sender begins anew.
    if (!isWanted || !facts.isEncrypted) return await files.discard();
    const lowest = Math.min(...facts.acknowledged.map(([, offset]) => offset));
    const stored: [number, number][] = [];
    const scratch = memory.take();
    const sizes = new Map(blocks);
    for (let index = Math.floor(lowest / blockBytes); ; index++) {
      const size = Math.min(sizes.get(index) ?? -1, facts.sizeBytes - index * blockBytes);
      if (
        size <= 0 ||
        (await files.load(index, new Uint8Array(scratch, 0, size)).then(
          () => false,
          () => true,
        ))
      )
        break;
      stored.push([index, size]);
      if (size < blockBytes) break;
    }
    memory.give(scratch);
    const kept = new Set(stored.map(([index]) => index));
    await files.remove(blocks.map(([index]) => index).filter((index) => !kept.has(index)));
    add(id, facts, files, stored);
  };

  return {
    async start() {
      const found = existsSync(parts.folder) ? await (await openDisk()).left() : [];
      for (const one of found) {
        await takeUp(one).catch((error: unknown) => {
          log.warn({ fault: asFault(error).report() }, 'What a relay had left could not be taken up');
        });
      }
      sweeper = setInterval(
        () => {
          const before = clock.monotonic() - idleMs;
          for (const upload of uploads.values()) if (upload.movedAtMs < before) void remove(upload);
        },
        Math.min(60_000, idleMs),
      ).unref();
    },

    async create({ roomId, senderId, transferIds, sizeBytes, firstFrame, metadata }) {
      gate.admits(roomId);
      const transfers = transferIds.map((id) => ownTransfer(gate, roomId, senderId, id));
      const [first] = transfers;
      if (first === undefined || transfers.length > new Set(transfers.map(({ receiverId }) => receiverId)).size)
        throw new Fault('invalid', 'An upload is for one transfer, or for one transfer each of several receivers.');
      const isEncrypted = first.inspection === 'none';
      if (transfers.some((one) => one.sizeBytes !== first.sizeBytes))
        throw new Fault('invalid', 'Transfers of files of different sizes cannot share an upload.');
      if (!isEncrypted && firstFrame > 0)
        throw new Fault('invalid', 'In a room with inspection an upload begins with the file’s first byte.');
      const most = isEncrypted ? wireBytes(first.sizeBytes, firstFrame) : first.sizeBytes;
      if (sizeBytes > Math.max(0, most))
        throw new Fault(
          'invalid',
          `The upload would have ${sizeBytes} bytes, and the offer leaves ${Math.max(0, most)}.`,
        );
      const files = (await openDisk()).open(parts.newId());
      await Promise.all(
        [...new Set(transferIds.map((id) => byTransfer.get(id)))].map((known) => known && remove(known)),
      );
      const id = files.id;
      const upload = add(
        id,
        {
          ...{ roomId, senderId, sizeBytes, firstFrame, isEncrypted, metadata },
          transfers: transfers.map((one) => [one.receiverId, one.id]),
          acknowledged: transfers.map((one) => [one.receiverId, 0]),
        },
        files,
        [],
      );
      try {
        await files.note(factsOf(upload));
      } catch (error) {
        const fault = asFault(error);
        failed(upload, fault);
        throw fault;
      }
      for (const one of transfers) gate.opened(one, { id, sizeBytes, firstFrame });
      return upload;
    },

    find(roomId, memberId, uploadId) {
      const upload = uploads.get(uploadId);
      const isTheirs =
        upload?.facts.roomId === roomId && (upload.facts.senderId === memberId || upload.transfers.has(memberId));
      if (upload === undefined || !isTheirs) throw new Fault('not_found', 'There is no such upload.');
      return upload;
    },

    async offset(upload) {
      if (upload.spool.failure !== undefined) throw upload.spool.failure;
      const turn = await takeTurn(
        () => upload.sending,
        (mine) => {
          upload.sending = mine;
        },
      );
      endSending(upload, turn);
      return upload.spool.receivedBytes;
    },

    async send(upload, body, offset) {
      requireActive(upload, upload.transfers.values());
      if (closed) throw new Fault('unreachable', 'The daemon is stopping; ask again in a moment.');
      const { spool } = upload;
      const turn = await takeTurn(
        () => upload.sending,
        (mine) => {
          upload.sending = mine;
        },
      );
      try {
        if (offset !== spool.receivedBytes) {
          throw new Fault('state_conflict', `The upload is at byte ${spool.receivedBytes}, and not at ${offset}.`);
        }
        const bandwidth = gate.bandwidth(upload.facts.roomId);
        await sendInto(body, {
          ...{ spool, quietMs, signal: turn.signal, mostBytes: upload.sizeBytes - offset },
          bandwidth: [parts.mounts.bandwidth, ...(bandwidth === undefined ? [] : [bandwidth])],
          onBytes: () => moved(upload),
        });
        spool.trim();
        if (spool.receivedBytes < upload.sizeBytes) setTimeout(() => restIfQuiet(upload), restAfterMs).unref();
      } catch (error) {
        if (spool.failure === undefined) await spool.rest();
        throw error;
      } finally {
        endSending(upload, turn);
      }
      if (spool.failure !== undefined) throw spool.failure;
      return spool.receivedBytes;
    },

    async read(upload, receiverId, from) {
      const transferId = upload.transfers.get(receiverId);
      if (transferId === undefined) throw new Fault('not_authorised', 'Only a receiver reads an upload.');
      requireActive(upload, [transferId]);
      const { spool } = upload;
      if (from < (spool.acknowledgedBy(receiverId) ?? 0))
        throw new Fault('state_conflict', `Byte ${from} has been acknowledged, and is no longer here.`);
      const turn = await takeTurn(
        () => upload.reading.get(receiverId),
        (mine) => upload.reading.set(receiverId, mine),
      );
      // Who reads from there on has what is before.
      spool.startAt(receiverId, from);
      note(upload);
      return {
        pieces: piecesOf(upload, receiverId, from, turn.signal, () => moved(upload)),
        signal: turn.signal,
        stop: () => turn.stop(new Fault('network', 'The receiver’s connection broke off.')),
        end() {
          if (upload.reading.get(receiverId) === turn) {
            upload.reading.delete(receiverId);
            spool.isAt(receiverId, undefined);
          }
          turn.end();
        },
      };
    },

    acknowledge(upload, receiverId, offset) {
      if (!upload.transfers.has(receiverId)) throw new Fault('not_authorised', 'Only a receiver acknowledges.');
      if (upload.spool.failure !== undefined) throw upload.spool.failure;
      upload.spool.acknowledge(receiverId, offset);
      moved(upload);
      if (upload.spool.acknowledgedBytes >= upload.sizeBytes) {
        // All have all of it: only that it was whole is still known, for a sender that missed the last answer.
        void clean(upload.spool.settled().then(() => filesOf.get(upload)?.discard()));
      } else note(upload);
    },

    acknowledgeTransfer(transferId, offset) {
      const upload = byTransfer.get(transferId);
      const receiver = [...(upload?.transfers ?? [])].find(([, id]) => id === transferId)?.[0];
      if (upload === undefined || receiver === undefined) return false;
      this.acknowledge(upload, receiver, offset);
      return true;
    },

    remove,
    expiresAt: (upload) => clock.now() + idleMs - (clock.monotonic() - upload.movedAtMs),
    get figures() {
      return { uploads: uploads.size, diskBytes: opened?.usedBytes ?? 0 };
    },

    async close() {
      closed = true;
      clearInterval(sweeper);
      unsubscribe();
      const why = new Fault('unreachable', 'The daemon is stopping; ask again in a moment.');
      await Promise.all(
        [...uploads.values()].map(async (upload) => {
          endTurns(upload, why);
          await upload.sending?.over;
          const isWhole = upload.spool.acknowledgedBytes >= upload.sizeBytes;
          if (upload.spool.failure === undefined && !isWhole) {
            await upload.spool.rest();
            await filesOf.get(upload)?.note(factsOf(upload));
          }
          await upload.spool.close(why);
        }),
      );
      await Promise.all(cleaning);
    },
  };

  /** One that comes piece by piece is with its next one by now. */
  function restIfQuiet(upload: Upload): void {
    const { spool } = upload;
    if (upload.sending === undefined && spool.failure === undefined) void spool.rest();
  }

  function moved(upload: Upload): void {
    if (!hasMoved(upload, clock)) return;
    for (const transferId of upload.transfers.values()) gate.moved(transferId);
  }
}

function endSending(upload: Upload, turn: Turn): void {
  if (upload.sending === turn) upload.sending = undefined;
  turn.end();
}

/** Rejects with `not_found` for what is not the sender's, `state_conflict` for what is not under way. */
function ownTransfer(gate: RelayGate, roomId: string, senderId: string, transferId: string): RelayTransfer {
  const transfer = gate.transfer(roomId, transferId);
  if (transfer === undefined || (transfer.senderId !== senderId && transfer.receiverId !== senderId))
    throw new Fault('not_found', 'There is no such transfer.');
  if (transfer.senderId !== senderId) throw new Fault('not_authorised', 'Only its sender uploads a file.');
  if (transfer.state !== 'active')
    throw new Fault('state_conflict', `The transfer is ${transfer.state}; the relay takes nothing of it.`);
  return transfer;
}
