// The transfers of a room as one member has them: the server's row is the truth of what may move, sessions do the moving, and both are told of each other.

import type { Clock } from '../model/clock.ts';
import { asFault, Fault } from '../model/fault.ts';
import type { ContractTransfer, RoomTransferView } from '../model/room-contract.ts';
import { type RoomFailCode, roomFailCodes } from '../model/room-socket.ts';
import type { ReceivingFile, SourceFile } from './files.ts';
import { type ContentPath, PathChoice } from './path-choice.ts';
import { RateMeter } from './rate-meter.ts';
import type { Receiving } from './receiving.ts';
import type { PathRule, RoomTransfer } from './room-client.ts';
import type { RoomPair } from './room-pair.ts';
import { pausedByOf, problemOf, problemOfRow } from './room-presentation.ts';
import type { RoomSocketPort } from './room-server.ts';
import type { Sending } from './sending.ts';

/** What is known of a transfer: of one's own all, of others' what strangers are told. */
export type MovingRow = Partial<RoomTransferView> & Pick<ContractTransfer, 'transfer_id'>;

export interface RoomTransfersPorts {
  readonly me: string;
  readonly clock: Clock;
  pairWith(memberId: string): RoomPair;
  /** Ways that this room allows at all. */
  paths(): readonly ContentPath[];
  readonly say: RoomSocketPort['say'];
  changed(): void;
}

interface Entry {
  row: MovingRow;
  source: SourceFile | undefined;
  into: ReceivingFile | undefined;
  sending: Sending | undefined;
  receiving: Receiving | undefined;
  readonly choice: PathChoice;
  readonly meter: RateMeter;
  /** What the server was told last. */
  toldChunks: number;
  toldMs: number;
  isToldHash: boolean;
}

/** The server is told of progress at most so often, for each transfer. */
const tellMs = 1_000;
const firstPauseMs = 500;
const longestPauseMs = 10_000;

export class RoomTransfers {
  readonly #ports: RoomTransfersPorts;
  readonly #entries = new Map<string, Entry>();
  #rule: PathRule = 'auto';

  constructor(ports: RoomTransfersPorts) {
    this.#ports = ports;
  }

  get rule(): PathRule {
    return this.#rule;
  }

  setRule(rule: PathRule): void {
    this.#rule = rule;
    for (const { choice } of this.#entries.values()) choice.setRule(rule);
  }

  /** Rejects with `not_found`. */
  own(id: string): MovingRow & ContractTransfer {
    const row = this.#entries.get(id)?.row;
    if (row?.filename === undefined) throw new Fault('not_found', 'There is no such transfer of yours in this room');
    return row as MovingRow & ContractTransfer;
  }

  give(id: string, source: SourceFile): void {
    const entry = this.#entry({ transfer_id: id });
    entry.source = source;
    entry.sending = undefined;
    this.#act(id, entry);
  }

  takeInto(id: string, into: ReceivingFile): void {
    const entry = this.#entry({ transfer_id: id });
    if (entry.receiving !== undefined) throw new Fault('state_conflict', 'This file is being received already');
    entry.into = into;
    this.#act(id, entry);
  }

  /** What is there is kept; it waits until it is said again where it goes. */
  letGo(id: string): void {
    const entry = this.#entries.get(id);
    if (entry?.receiving === undefined) return;
    entry.receiving.close();
    entry.receiving = undefined;
    entry.into = undefined;
    this.#ports.changed();
  }

  takeAll(rows: readonly RoomTransferView[]): void {
    for (const row of rows) this.take(row);
  }

  /** A row as the server has it now; what it leaves out stays as it was. */
  take(row: MovingRow): void {
    const entry = this.#entry(row);
    entry.row = { ...entry.row, ...row };
    this.#act(row.transfer_id, entry);
  }

  /** Sessions have moved: the server is told what it has to know. */
  look(): void {
    for (const [id, entry] of this.#entries) {
      const { sending, receiving } = entry;
      if (receiving !== undefined) {
        entry.meter.note(receiving.view.bytesDone);
        this.#tellProgress(id, entry, receiving.view.bytesDone);
      } else if (sending !== undefined) {
        entry.meter.note(sending.view.bytesDone);
        this.#tellHash(id, entry, sending);
      }
    }
  }

  views(): readonly RoomTransfer[] {
    return [...this.#entries.values()]
      .filter(({ row }) => row.sender_id !== undefined)
      .map((entry) => this.#view(entry));
  }

  #entry(row: MovingRow): Entry {
    const known = this.#entries.get(row.transfer_id);
    if (known !== undefined) return known;
    const entry: Entry = {
      ...{ row, source: undefined, into: undefined, sending: undefined, receiving: undefined },
      choice: new PathChoice(this.#rule, () => this.#ports.clock.monotonic()),
      meter: new RateMeter(this.#ports.clock),
      ...{ toldChunks: 0, toldMs: Number.NEGATIVE_INFINITY, isToldHash: false },
    };
    this.#entries.set(row.transfer_id, entry);
    return entry;
  }

  /** Brings the session's transfer to where the row is. */
  #act(id: string, entry: Entry): void {
    const { status, queued, sender_id: senderId, receiver_id: receiverId } = entry.row;
    const moving = entry.sending ?? entry.receiving;
    if (status === 'cancelled' || status === 'failed') {
      moving?.cancel(entry.row.error ?? 'The transfer has ended');
      return;
    }
    if (status === 'paused') {
      const by = pausedByOf(entry.row) ?? 'system';
      if (moving !== undefined && moving.view.pausedBy !== by) moving.pause(by);
      return;
    }
    if (status !== 'active' || queued === true) return;
    if (moving !== undefined) {
      if (moving.view.phase === 'paused') moving.resume();
      return;
    }
    if (senderId === this.#ports.me && receiverId !== undefined) this.#send(id, receiverId, entry);
    else if (receiverId === this.#ports.me && senderId !== undefined) this.#receive(id, senderId, entry);
  }

  #send(transferId: string, receiverId: string, entry: Entry): void {
    const { source, row } = entry;
    const pair = this.#ports.pairWith(receiverId);
    this.#wantDirect(pair);
    if (source === undefined || row.chunk_size === undefined) return;
    const sending = pair.session.send({ transferId, source, chunkBytes: row.chunk_size });
    entry.sending = sending;
    sending.ended.then((outcome) => {
      if (outcome.kind === 'done') this.#tellHash(transferId, entry, sending);
      else if (outcome.kind === 'failed') this.#tellFailed(transferId, outcome.fault);
    });
  }

  #receive(transferId: string, senderId: string, entry: Entry): void {
    const { into, row, choice } = entry;
    const pair = this.#ports.pairWith(senderId);
    this.#wantDirect(pair);
    if (into === undefined || row.chunk_size === undefined || row.file_size === undefined) return;
    const receiving = pair.session.receive({
      ...{ transferId, sizeBytes: row.file_size, chunkBytes: row.chunk_size, into, choice },
      paths: this.#ports.paths(),
    });
    entry.receiving = receiving;
    receiving.ended.then((outcome) => {
      if (outcome.kind === 'failed') return this.#tellFailed(transferId, outcome.fault);
      if (outcome.kind !== 'done') return undefined;
      return this.#insist(transferId, () =>
        this.#ports.say('complete', { transfer_id: transferId, checksum: outcome.sha256 }),
      );
    });
  }

  #wantDirect(pair: RoomPair): void {
    if (this.#ports.paths().includes('direct') && this.#rule !== 'relay') pair.wantDirect();
  }

  #tellProgress(id: string, entry: Entry, bytesDone: number): void {
    const { file_size: size = 0, chunk_size: chunk = 1 } = entry.row;
    const chunks = bytesDone >= size ? Math.ceil(size / chunk) : Math.floor(bytesDone / chunk);
    const nowMs = this.#ports.clock.monotonic();
    if (chunks <= entry.toldChunks || (nowMs - entry.toldMs < tellMs && bytesDone < size)) return;
    entry.toldChunks = chunks;
    entry.toldMs = nowMs;
    // What is not told now is told with the next.
    this.#ports.say('progress', { transfer_id: id, chunks_received: chunks }).catch(() => undefined);
  }

  #tellHash(id: string, entry: Entry, sending: Sending): void {
    const { sha256 } = sending;
    if (sha256 === undefined || entry.isToldHash) return;
    entry.isToldHash = true;
    this.#insist(id, () => this.#ports.say('end', { transfer_id: id, checksum: sha256 })).catch(() => undefined);
  }

  #tellFailed(id: string, fault: Fault): Promise<void> {
    const code: RoomFailCode = roomFailCodes.find((each) => each === fault.code) ?? 'io';
    const reason = fault.message.slice(0, 500);
    return this.#insist(id, () => this.#ports.say('fail', { transfer_id: id, code, reason }));
  }

  /** Until the server has heard it, or the transfer has ended there in another way. */
  async #insist(id: string, tell: () => Promise<void>): Promise<void> {
    const isOver = () => ['completed', 'failed', 'cancelled'].includes(this.#entries.get(id)?.row.status ?? '');
    for (let pauseMs = firstPauseMs; !isOver(); pauseMs = Math.min(longestPauseMs, pauseMs * 2)) {
      try {
        await tell();
        return;
      } catch (error) {
        const { code } = asFault(error);
        // A pause that the server saw meanwhile passes; what it never knew of does not.
        if (code === 'not_found' || code === 'not_authorised' || code === 'invalid') return;
        await this.#ports.clock.sleep(pauseMs);
      }
    }
  }

  #view({ row, sending, receiving, source, into, meter, choice }: Entry): RoomTransfer {
    const { me } = this.#ports;
    const part = row.sender_id === me ? 'sending' : row.receiver_id === me ? 'receiving' : 'watching';
    const moving = (receiving ?? sending)?.view;
    const status = row.status ?? 'pending';
    const isOpen = status === 'active' || status === 'paused';
    const sizeBytes = row.file_size ?? 0;
    const bytesDone = status === 'completed' ? sizeBytes : Math.max(moving?.bytesDone ?? 0, row.bytes_transferred ?? 0);
    const isMoving = status === 'active' && moving?.phase === 'moving';
    const problem = problemOfRow(row.error) ?? (moving?.problem === undefined ? undefined : problemOf(moving.problem));
    const needsFile = part === 'sending' && source === undefined && (isOpen || status === 'pending');
    return {
      id: row.transfer_id,
      senderId: row.sender_id ?? '',
      receiverId: row.receiver_id ?? '',
      part,
      name: row.filename,
      sizeBytes,
      mimeType: row.mime_type,
      status,
      pausedBy: pausedByOf(row),
      needs: needsFile ? 'file' : part === 'receiving' && into === undefined && isOpen ? 'destination' : undefined,
      bytesDone,
      path: isMoving ? moving.path : undefined,
      bytesPerSecond: isMoving ? (meter.bytesPerSecond ?? choice.bytesPerSecond) : undefined,
      eta: isMoving ? meter.eta(sizeBytes - bytesDone) : undefined,
      problem: status === 'completed' ? undefined : problem,
      startedAt: row.started_at ?? undefined,
      completedAt: row.completed_at ?? undefined,
      checksum: row.checksum ?? undefined,
    };
  }
}
