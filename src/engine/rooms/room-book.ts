// What is known of rooms: in memory for whoever asks, in the ledger for the next start. One queue of changes, each whole or not at all.

import type { Clock } from '../../model/clock.ts';
import type { EventName } from '../../model/event.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { type ChunkCounts, hasEnded, type Room, type RoomMember, type RoomTransfer } from '../../model/room.ts';
import type { RoomMessage, RoomMessageType } from '../../model/room-contract.ts';
import type { Change, Store } from '../../store/store.ts';

const roomCollection = 'rooms';
const transferCollection = 'rooms.transfers';
const messageCollection = 'rooms.messages';
/** Numbers that live messages may take before the room is written down again; after a restart counting goes on beyond them. */
const liveNumbers = 1000;
const batchMost = 200;

/** One thing that happened in a room, and who hears what of it. */
export interface KeptMessage {
  readonly seq: number;
  readonly at: number;
  readonly type: RoomMessageType;
  readonly senderId: string | null;
  /** Who hears `payload`; null is all. */
  readonly to: readonly string[] | null;
  readonly payload: Readonly<Record<string, unknown>>;
  /** What all others hear; null is nothing. */
  readonly others: Readonly<Record<string, unknown>> | null;
}

export type Saying = Omit<KeptMessage, 'seq' | 'at' | 'others'> & {
  readonly others?: KeptMessage['others'];
  /** Not written down: a restart may lose it. */
  readonly isLive?: boolean;
};

export interface HeldRoom {
  readonly room: Room;
  readonly members: ReadonlyMap<string, RoomMember>;
  readonly transfers: ReadonlyMap<string, RoomTransfer>;
  /** Rising; those of the last minutes. */
  readonly messages: readonly KeptMessage[];
  /** Of the last message, live or not. */
  readonly seq: number;
}

/** A room as one change sees and changes it. What throws leaves nothing behind. */
export interface RoomDraft {
  readonly room: Room;
  readonly members: ReadonlyMap<string, RoomMember>;
  readonly transfers: ReadonlyMap<string, RoomTransfer>;
  readonly seq: number;
  putRoom(room: Room): void;
  putMember(member: RoomMember): void;
  removeMember(id: string): void;
  putTransfer(row: RoomTransfer): void;
  say(saying: Saying): void;
  fact(name: EventName, data: Readonly<Record<string, unknown>>): void;
  /** The room with all that belongs to it. */
  remove(): void;
}

/** What a change has come to, once it is durable. */
export interface Committed {
  readonly roomId: string;
  readonly said: readonly KeptMessage[];
  /** Rows as they are now. */
  readonly transfers: readonly RoomTransfer[];
  /** What the room was before; undefined for a new one. */
  readonly before: HeldRoom | undefined;
  /** Undefined where it is gone. */
  readonly after: HeldRoom | undefined;
}

export interface RoomBook {
  load(): Promise<void>;
  rooms(): Iterable<HeldRoom>;
  room(id: string): HeldRoom | undefined;
  /** Rejects with what `work` throws, `not_found`, and `ledger`. `fresh` makes the room, and is refused with `exists` where there is one. */
  change<Result>(roomId: string, work: (draft: RoomDraft) => Result, fresh?: Room): Promise<Result>;
  counts(transferId: string): ChunkCounts;
  /** In memory alone; written with the next change of its row. */
  count(transferId: string, counts: ChunkCounts): void;
  /** Messages that are older than they are kept go. */
  forgetMessages(keptMs: number): Promise<void>;
  /** Resolves when nothing is under way. */
  settled(): Promise<void>;
}

interface Working {
  room: Room;
  members: Map<string, RoomMember>;
  transfers: Map<string, RoomTransfer>;
  messages: KeptMessage[];
  seq: number;
}

interface Batched {
  readonly before: HeldRoom | undefined;
  /** Null where the room is gone. */
  working: Working | null;
  readonly said: KeptMessage[];
  readonly durable: KeptMessage[];
  readonly rows: Map<string, RoomTransfer | null>;
  readonly facts: { name: EventName; data: Readonly<Record<string, unknown>> }[];
  isChanged: boolean;
}

interface Waiting {
  readonly roomId: string;
  readonly work: (draft: RoomDraft) => unknown;
  readonly fresh: Room | undefined;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

const none: ChunkCounts = { sent: 0, received: 0 };

export function createRoomBook(parts: {
  readonly store: Pick<Store, 'apply' | 'documents'>;
  readonly clock: Clock;
  /** Ended transfers that a room remembers. */
  readonly keptTransfers: () => number;
  readonly onCommit: (committed: Committed) => void;
}): RoomBook {
  const { store, clock, onCommit } = parts;
  const held = new Map<string, HeldRoom>();
  const counts = new Map<string, ChunkCounts>();
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;

  const countsOf = (id: string) => counts.get(id) ?? none;

  async function drain(): Promise<void> {
    // What is asked for within one turn shares a commit.
    await undefined;
    while (queue.length > 0) {
      const group = queue.splice(0, batchMost);
      const batch = new Map<string, Batched>();
      const done: (() => void)[] = [];
      for (const waiting of group) {
        try {
          const result = carryOut(waiting, batch);
          done.push(() => waiting.resolve(result));
        } catch (error) {
          waiting.reject(error);
        }
      }
      const changes = [...batch].flatMap(([roomId, batched]) => changesOf(roomId, batched));
      try {
        if (changes.length > 0) await store.apply(changes);
      } catch (error) {
        const fault = asFault(error);
        for (const { reject } of group) reject(fault);
        continue;
      }
      for (const [roomId, batched] of batch) commit(roomId, batched);
      for (const tell of done) tell();
    }
    running = undefined;
  }

  function carryOut({ roomId, work, fresh }: Waiting, batch: Map<string, Batched>): unknown {
    const known = batch.get(roomId) ?? beginBatch(held.get(roomId));
    if (fresh !== undefined && known.working !== null) throw new Fault('exists', 'There is a room of that id already.');
    const base: Working | null =
      fresh === undefined
        ? known.working
        : { room: fresh, members: new Map(), transfers: new Map(), messages: [], seq: fresh.seq };
    if (base === null) throw noRoom();
    const overlay = draftOver(base, clock.now());
    const result = work(overlay.draft);
    batch.set(roomId, known);
    known.working = overlay.into(known);
    return result;
  }

  function changesOf(roomId: string, batched: Batched): Change[] {
    const { working, rows, durable, facts, before } = batched;
    const changes: Change[] = [];
    for (const [key, row] of rows) {
      changes.push(
        row === null
          ? { kind: 'delete_document', collection: transferCollection, key }
          : { kind: 'put_document', collection: transferCollection, key, value: { ...row, counts: countsOf(key) } },
      );
    }
    if (working === null) {
      if (before !== undefined) {
        changes.push({ kind: 'delete_document', collection: roomCollection, key: roomId });
        for (const id of before.transfers.keys())
          if (!rows.has(id)) changes.push({ kind: 'delete_document', collection: transferCollection, key: id });
        for (const { seq } of before.messages)
          changes.push({ kind: 'delete_document', collection: messageCollection, key: messageKey(roomId, seq) });
      }
    } else {
      const isFarOn = working.seq - working.room.seq >= liveNumbers - batchMost;
      if (batched.isChanged || durable.length > 0 || isFarOn) {
        working.room = { ...working.room, seq: working.seq };
        const value = { room: working.room, members: [...working.members.values()] };
        changes.push({ kind: 'put_document', collection: roomCollection, key: roomId, value });
      }
      for (const message of durable) {
        const value = { roomId, ...message };
        changes.push({
          kind: 'put_document',
          collection: messageCollection,
          key: messageKey(roomId, message.seq),
          value,
        });
      }
    }
    for (const { name, data } of facts) {
      changes.push({ kind: 'append_event', event: { name, at: clock.now(), data: { roomId, ...data } } });
    }
    return changes;
  }

  function commit(roomId: string, { before, working, said, rows }: Batched): void {
    if (working === null) {
      held.delete(roomId);
      for (const id of before?.transfers.keys() ?? []) counts.delete(id);
    } else {
      held.set(roomId, working);
    }
    for (const [id, row] of rows) if (row === null) counts.delete(id);
    const transfers = [...rows.values()].filter((row) => row !== null);
    onCommit({ roomId, said, transfers, before, after: working ?? undefined });
  }

  function beginBatch(before: HeldRoom | undefined): Batched {
    const working: Working | null =
      before === undefined
        ? null
        : {
            room: before.room,
            members: new Map(before.members),
            transfers: new Map(before.transfers),
            messages: [...before.messages],
            seq: before.seq,
          };
    return { before, working, said: [], durable: [], rows: new Map(), facts: [], isChanged: false };
  }

  /** One change over what the changes before it in the same batch have left. */
  function draftOver(base: Working, at: number) {
    let { room, seq } = base;
    let isGone = false;
    let isChanged = false;
    const members = new Map(base.members);
    const transfers = new Map(base.transfers);
    const said: { message: KeptMessage; isLive: boolean }[] = [];
    const rows = new Map<string, RoomTransfer | null>();
    const facts: Batched['facts'] = [];
    const draft: RoomDraft = {
      get room() {
        return room;
      },
      members,
      transfers,
      get seq() {
        return seq;
      },
      putRoom(next) {
        room = next;
        isChanged = true;
      },
      putMember(member) {
        members.set(member.id, member);
        isChanged = true;
      },
      removeMember(id) {
        members.delete(id);
        isChanged = true;
      },
      putTransfer(row) {
        transfers.set(row.id, row);
        rows.set(row.id, row);
      },
      say({ isLive = false, others = null, ...saying }) {
        seq += 1;
        said.push({ message: { ...saying, others, seq, at }, isLive });
      },
      fact: (name, data) => void facts.push({ name, data }),
      remove() {
        isGone = true;
      },
    };
    const into = (batched: Batched): Working | null => {
      batched.said.push(...said.map(({ message }) => message));
      batched.durable.push(...said.filter(({ isLive }) => !isLive).map(({ message }) => message));
      batched.facts.push(...facts);
      for (const [id, row] of rows) batched.rows.set(id, row);
      batched.isChanged ||= isChanged;
      if (isGone) return null;
      for (const id of surplus(transfers, parts.keptTransfers())) {
        transfers.delete(id);
        batched.rows.set(id, null);
      }
      return { room, members, transfers, seq, messages: [...base.messages, ...said.map(({ message }) => message)] };
    };
    return { draft, into };
  }

  return {
    async load() {
      const [rooms, rows, messages] = await Promise.all(
        [roomCollection, transferCollection, messageCollection].map((collection) => store.documents(collection)),
      );
      const byRoom = Map.groupBy(
        (rows ?? []).map(({ value }) => value as RoomTransfer & { counts: ChunkCounts }),
        ({ roomId }) => roomId,
      );
      const saidIn = Map.groupBy(
        (messages ?? []).map(({ value }) => value as KeptMessage & { roomId: string }),
        ({ roomId }) => roomId,
      );
      for (const { value } of rooms ?? []) {
        const { room, members } = value as { room: Room; members: readonly RoomMember[] };
        const transfers = (byRoom.get(room.id) ?? []).sort((one, other) => (one.id < other.id ? -1 : 1));
        for (const row of transfers) counts.set(row.id, row.counts);
        held.set(room.id, {
          room,
          members: new Map(members.map((member) => [member.id, member])),
          transfers: new Map(transfers.map(({ counts: _counts, ...row }) => [row.id, row])),
          messages: (saidIn.get(room.id) ?? [])
            .map(({ roomId: _roomId, ...message }) => message)
            .sort((one, other) => one.seq - other.seq),
          seq: room.seq + liveNumbers,
        });
      }
    },
    rooms: () => held.values(),
    room: (id) => held.get(id),
    change: <Result>(roomId: string, work: (draft: RoomDraft) => Result, fresh?: Room) =>
      new Promise<Result>((resolve, reject) => {
        queue.push({ roomId, work, fresh, resolve: resolve as (result: unknown) => void, reject });
        running ??= drain();
      }),
    counts: countsOf,
    count: (id, next) => void counts.set(id, next),
    async forgetMessages(keptMs) {
      const before = clock.now() - keptMs;
      const changes: Change[] = [];
      for (const [roomId, one] of held) {
        const old = one.messages.filter(({ at }) => at < before);
        if (old.length === 0) continue;
        held.set(roomId, { ...one, messages: one.messages.slice(old.length) });
        for (const { seq } of old)
          changes.push({ kind: 'delete_document', collection: messageCollection, key: messageKey(roomId, seq) });
      }
      if (changes.length > 0) await store.apply(changes);
    },
    settled: async () => running,
  };
}

export function noRoom(): Fault {
  return new Fault('not_found', 'There is no such room, or it is not yours.');
}

/** What one member hears of it; undefined where it is none of its business. */
export function messageFor(roomId: string, message: KeptMessage, memberId: string): RoomMessage | undefined {
  const { type, seq, senderId, to, payload, others } = message;
  const heard = to === null || to.includes(memberId) ? payload : others;
  return heard === null ? undefined : { type, seq, room_id: roomId, sender_id: senderId, payload: heard };
}

function messageKey(roomId: string, seq: number): string {
  return `${roomId} ${seq}`;
}

/** The oldest of those that have ended, beyond how many are remembered. */
function surplus(transfers: ReadonlyMap<string, RoomTransfer>, kept: number): string[] {
  if (transfers.size <= kept) return [];
  const ended = [...transfers.values()].filter(({ state }) => hasEnded(state));
  return ended.slice(0, Math.max(0, ended.length - kept)).map(({ id }) => id);
}
