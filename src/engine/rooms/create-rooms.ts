// Puts rooms together: the book of what is known, who is there, what may be done, and what ends by itself.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { awaitBandwidth } from '../../endpoints/bandwidth.ts';
import type { Clock, NewId } from '../../model/clock.ts';
import { asFault, Fault } from '../../model/fault.ts';
import { displayPath } from '../../model/names.ts';
import { hasEnded, partyOf, type RoomMember, type RoomTransfer, roomTransferStates } from '../../model/room.ts';
import { contractTransfer, roomTransferView } from '../../model/room-contract.ts';
import type { JoinedView, RoomDetailView, RoomView } from '../../model/room-views.ts';
import type { Store } from '../../store/store.ts';
import type { EngineLog } from '../engine-parts.ts';
import { type WindowLimit, windowLimit } from '../window-limit.ts';
import { createChunkDesk } from './chunk-desk.ts';
import { iceServersFor } from './ice-servers.ts';
import { type Committed, createRoomBook, type HeldRoom, messageFor, noRoom, type RoomDraft } from './room-book.ts';
import {
  addMember,
  closeRoom,
  dropMember,
  memberView,
  newRoom,
  removeMember,
  requireHost,
  setMember,
} from './room-members.ts';
import { createPresence } from './room-presence.ts';
import { createRoomProgress } from './room-progress.ts';
import { createRoomRelay } from './room-relay.ts';
import { createRoomTiming } from './room-timing.ts';
import * as transfers from './room-transfers.ts';
import type { RoomAsker, RoomConnection, RoomListener, Rooms, RoomsSettings } from './rooms.ts';

export interface RoomsParts {
  readonly store: Pick<Store, 'apply' | 'documents'>;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly log: EngineLog;
  readonly settings: RoomsSettings;
}

/** Wrong links within a minute that the hosts of a room are told of, one by one. */
const toldKnocks = 60;
/** The longest word of a session (16 KiB) with its seal; chunks of the usual size are longer. */
const wordBytes = 17 * 1024;

interface Connected {
  readonly member: RoomMember;
  readonly listener: RoomListener;
}

export function createRooms(parts: RoomsParts): Rooms {
  const { clock, newId, log } = parts;
  let { settings } = parts;
  const times = () => settings.times;
  const presence = createPresence<Connected>(clock);
  const byToken = new Map<string, RoomMember>();
  const roomOf = new Map<string, string>();
  const stopping = new AbortController();
  const codes = windowLimit(clock, () => settings.rates.wrongCodesPerMinute);
  const addresses = windowLimit(clock, () => settings.rates.wrongCodesPerMinute * 6);
  const words = windowLimit(clock, () => settings.rates.messagesPerMinute);
  const offers = windowLimit(clock, () => settings.rates.offersPerMinute);
  /** Of one room, from wherever they come: who joins, and wrong links that its hosts are told of. */
  const joins = windowLimit(clock, () => settings.rates.joinsPerMinute);
  const knocks = windowLimit(clock, () => toldKnocks);
  let refusedJoins = 0;
  let passedBytes = 0;

  const book = createRoomBook({
    ...{ store: parts.store, clock, onCommit: committed },
    keptTransfers: () => settings.keptTransfers,
  });
  const desk = createChunkDesk((id) => book.counts(id));
  const trouble = (error: unknown) => {
    const fault = asFault(error);
    if (fault.code !== 'not_found') log.warn({ fault: fault.report() }, 'Something of a room could not be written');
  };
  const means = (): transfers.TransferMeans => ({
    ...{ now: clock.now(), config: settings, newId },
    ...{ counts: book.counts, isHere: presence.isHere },
  });
  const relay = createRoomRelay({
    ...{ book, means, onTrouble: trouble, moved: (id) => timing.moved(id) },
    allowed: () => settings.relay.allowed,
    roomOf: (id) => roomOf.get(id),
    memberOf: (roomId, bearer) => {
      const member = byToken.get(hashOf(bearer));
      if (member?.roomId !== roomId) return undefined;
      heard(member.id);
      return member.id;
    },
  });

  const timing = createRoomTiming({
    ...{ clock, book, presence, means, lookWhoIsThere, settings: () => settings },
    onTrouble: trouble,
  });
  const progress = createRoomProgress({ clock, book, moved: (id) => timing.moved(id), onTrouble: trouble });

  function committed({ roomId, said, transfers: rows, before, after }: Committed): void {
    for (const member of before?.members.values() ?? []) {
      if (after?.members.has(member.id) === true) continue;
      byToken.delete(member.tokenHash);
    }
    for (const member of after?.members.values() ?? []) byToken.set(member.tokenHash, member);
    for (const row of rows) noteRow(row, before?.transfers.get(row.id));
    for (const id of before?.transfers.keys() ?? []) if (after?.transfers.has(id) !== true) forgetTransfer(id);
    const hearing = new Map([...(before?.members ?? []), ...(after?.members ?? [])]);
    for (const message of said) {
      for (const memberId of hearing.keys()) {
        const heardMessage = messageFor(roomId, message, memberId);
        if (heardMessage !== undefined) presence.connection(memberId)?.listener.message(heardMessage);
      }
    }
    for (const memberId of before?.members.keys() ?? []) {
      if (after?.members.has(memberId) === true) continue;
      const why = after === undefined ? 'This room is closed.' : 'You are no longer in this room.';
      presence.connection(memberId)?.listener.ended(new Fault('not_found', why).report());
      presence.forget(memberId);
    }
    if (after === undefined) relay.forgetRoom(roomId);
  }

  function noteRow(row: RoomTransfer, before: RoomTransfer | undefined): void {
    roomOf.set(row.id, row.roomId);
    timing.noted(row, before);
    if (before !== undefined && before.state === row.state && before.queued === row.queued) return;
    if (hasEnded(row.state)) forgetTransfer(row.id, true);
    relay.changed(row.id);
  }

  function forgetTransfer(id: string, isKnown = false): void {
    timing.forget(id);
    progress.forget(id);
    desk.forget(id);
    if (isKnown) return;
    roomOf.delete(id);
    relay.changed(id);
  }

  /** The room and the asker's own place in it. */
  function placeOf(roomId: string, asker: RoomAsker): { held: HeldRoom; member: RoomMember } {
    const held = book.room(roomId);
    if (held === undefined) throw noRoom();
    const member =
      'memberId' in asker
        ? held.members.get(asker.memberId)
        : [...held.members.values()].findLast(({ callerId }) => callerId === asker.callerId);
    if (member === undefined) throw noRoom();
    heard(member.id);
    return { held, member };
  }

  /** Of a member that speaks for itself. */
  function rowFor(memberId: string, transferId: string): { held: HeldRoom; row: RoomTransfer } {
    const held = book.room(roomOf.get(transferId) ?? '');
    if (held === undefined || !held.members.has(memberId)) {
      throw new Fault('not_found', 'There is no such transfer in your room.');
    }
    heard(memberId);
    return { held, row: transfers.ofParty(held, memberId, transferId).row };
  }

  function heard(memberId: string): void {
    const wasHere = presence.isHere(memberId);
    presence.heard(memberId);
    if (!wasHere) lookWhoIsThere();
  }

  function lookWhoIsThere(): void {
    for (const { memberId, here, present, isShown } of presence.look(times().presenceSeconds * 1000)) {
      const roomId = memberRoom(memberId);
      if (roomId === undefined) continue;
      book
        .change(roomId, (draft) => {
          const member = draft.members.get(memberId);
          if (member === undefined) return;
          if (isShown) {
            draft.say({
              ...{ type: 'PRESENCE', senderId: memberId, to: null, isLive: true },
              payload: { ...memberView(member, present) },
            });
          }
          if (here) transfers.memberBack(draft, memberId, means());
          else transfers.memberAway(draft, memberId, means());
        })
        .catch(trouble);
    }
  }

  function memberRoom(memberId: string): string | undefined {
    const connected = presence.connection(memberId);
    if (connected !== undefined) return connected.member.roomId;
    for (const { room, members } of book.rooms()) if (members.has(memberId)) return room.id;
    return undefined;
  }

  function viewOf({ room, members, seq }: HeldRoom, memberId: string): RoomView {
    const { id, name, inspection, relay: relayed, limits, createdAt } = room;
    return {
      ...{ id, name, inspection, relay: relayed && settings.relay.allowed, limits: { ...limits }, memberId, seq },
      createdAt: new Date(createdAt).toISOString(),
      members: [...members.values()].map((member) => memberView(member, presence.isPresent(member.id))),
    };
  }

  function detailOf(held: HeldRoom, memberId: string): RoomDetailView {
    const own = [...held.transfers.values()].filter((row) => partyOf(row, memberId) !== undefined);
    return { ...viewOf(held, memberId), transfers: own.map((row) => roomTransferView(row, book.counts(row.id))) };
  }

  function joinedView(roomId: string, member: RoomMember, memberToken: string): JoinedView {
    const held = book.room(roomId);
    if (held === undefined) throw noRoom();
    // A program that makes a room is not in it by that; a page comes at once.
    if (member.kind === 'daemon') presence.expect(member.id);
    else presence.heard(member.id);
    lookWhoIsThere();
    return {
      ...{ member: memberView(member, true), memberToken, room: detailOf(held, member.id) },
      iceServers: [...iceServersFor(settings.iceServers, member.id, clock.now())],
      ...{ chunkSize: settings.chunkSize, maxFileBytes: held.room.limits.maxFileBytes, seq: held.seq },
    };
  }

  /** A verb of one member on one transfer. */
  function act(
    roomId: string,
    asker: RoomAsker,
    work: (draft: RoomDraft, memberId: string) => RoomTransfer,
  ): Promise<ReturnType<typeof contractTransfer>> {
    const { member } = placeOf(roomId, asker);
    return book
      .change(roomId, (draft) => {
        transfers.memberOf(draft, member.id);
        return work(draft, member.id);
      })
      .then((row) => contractTransfer(row, book.counts(row.id)));
  }

  const viewAfter = async (memberId: string, id: string, work: (draft: RoomDraft) => RoomTransfer) => {
    const { held } = rowFor(memberId, id);
    const row = await book.change(held.room.id, work);
    return roomTransferView(row, book.counts(id));
  };

  const requireEnabled = () => {
    if (!settings.enabled)
      throw new Fault('not_authorised', 'Rooms are switched off on this server (`rooms.enabled`).');
  };

  return {
    get settings() {
      return settings;
    },
    gate: relay.gate,
    async start() {
      await book.load();
      for (const { members, transfers: rows } of book.rooms()) {
        for (const member of members.values()) {
          byToken.set(member.tokenHash, member);
          presence.expect(member.id);
        }
        for (const row of rows.values()) {
          roomOf.set(row.id, row.roomId);
          if (!hasEnded(row.state)) timing.takenUp(row);
        }
      }
      await Promise.all(
        [...book.rooms()].map(({ room, members }) =>
          book.change(room.id, (draft) => {
            for (const memberId of members.keys()) transfers.memberAway(draft, memberId, means());
          }),
        ),
      );
      timing.start();
    },
    async stop() {
      stopping.abort();
      await timing.stop();
      await book.settled();
    },
    adjust(next) {
      settings = next;
    },
    memberByToken(token) {
      const member = byToken.get(hashOf(token));
      return member === undefined ? undefined : { memberId: member.id, roomId: member.roomId };
    },
    async create(body, host) {
      requireEnabled();
      if ([...book.rooms()].length >= settings.rooms) {
        throw new Fault(
          'limit_reached',
          `There are ${settings.rooms} rooms already, and no more may be (\`rooms.rooms\`).`,
        );
      }
      const token = newToken();
      const wish = { id: newId(), name: body.memberName ?? host.name, kind: body.kind, callerId: host.callerId };
      const room = newRoom(body, settings, clock.now());
      const member = await book.change(
        body.id,
        (draft) => {
          draft.fact('observation.room.created', { inspection: room.inspection, relay: room.relay });
          return addMember(draft, { ...wish, tokenHash: hashOf(token) }, 'host', means());
        },
        room,
      );
      return joinedView(body.id, member, token);
    },
    async join(roomId, body, { address, callerId }) {
      requireEnabled();
      const key = `${address} ${roomId}`;
      if (codes.exceeded(key) || addresses.exceeded(address)) {
        const seconds = codes.exceeded(key) ? codes.retryAfterSeconds(key) : addresses.retryAfterSeconds(address);
        throw new Fault('rate_limited', `Too many wrong links from this address; try again in ${seconds} s.`);
      }
      const held = book.room(roomId);
      const given = createHash('sha256').update(Buffer.from(body.joinKey, 'base64url')).digest();
      // A room that is not there is compared with, too, so that it cannot be told from a wrong key.
      const right = Buffer.from(held?.room.joinHash ?? '0'.repeat(64), 'hex');
      if (!timingSafeEqual(given, right) || held === undefined) {
        codes.count(key);
        addresses.count(address);
        refusedJoins += 1;
        if (held !== undefined && !knocks.exceeded(roomId)) tellRefusedJoin(roomId, address);
        throw new Fault('not_found', 'There is no such room, or its link is not the right one.');
      }
      const known = body.memberToken === undefined ? undefined : byToken.get(hashOf(body.memberToken));
      if (known?.roomId === roomId && body.memberToken !== undefined)
        return joinedView(roomId, known, body.memberToken);
      limit(joins, roomId, 'members have come into this room');
      const token = newToken();
      const wish = { id: newId(), name: body.name, kind: body.kind, tokenHash: hashOf(token), callerId };
      const member = await book.change(roomId, (draft) => addMember(draft, wish, 'participant', means()));
      return joinedView(roomId, member, token);
    },
    async leave(roomId, asker) {
      const { member } = placeOf(roomId, asker);
      await book.change(roomId, (draft) => dropMember(draft, member.id, member.id, means()));
    },
    list(asker) {
      const own: RoomView[] = [];
      for (const { room } of book.rooms()) {
        try {
          const { held, member } = placeOf(room.id, asker);
          own.push(viewOf(held, member.id));
        } catch {
          // Not the asker's.
        }
      }
      return own;
    },
    get(roomId, asker) {
      const { held, member } = placeOf(roomId, asker);
      return detailOf(held, member.id);
    },
    async close(roomId, asker) {
      const { member } = placeOf(roomId, asker);
      await book.change(roomId, (draft) => {
        requireHost(draft, member.id);
        for (const row of [...draft.transfers.values()]) {
          if (!hasEnded(row.state))
            transfers.stop(draft, row, 'cancel', 'closed: The room was closed.', means(), member.id);
        }
        closeRoom(draft, member.id);
      });
    },
    async setMember(roomId, asker, memberId, wish) {
      const { member } = placeOf(roomId, asker);
      const changed = await book.change(roomId, (draft) => setMember(draft, member.id, memberId, wish, means()));
      return memberView(changed, presence.isPresent(memberId));
    },
    async removeMember(roomId, asker, memberId) {
      const { member } = placeOf(roomId, asker);
      await book.change(roomId, (draft) => removeMember(draft, member.id, memberId, means()));
    },
    async offer(roomId, asker, body) {
      const { member } = placeOf(roomId, asker);
      limit(offers, member.id, 'offers of yours');
      return act(roomId, asker, (draft, memberId) => transfers.offer(draft, memberId, body, means()));
    },
    accept: (roomId, asker, id) => act(roomId, asker, (draft, me) => transfers.accept(draft, me, id, means())),
    reject: (roomId, asker, id, reason) =>
      act(roomId, asker, (draft, me) => transfers.reject(draft, me, id, reason, means())),
    pause: (roomId, asker, id) => act(roomId, asker, (draft, me) => transfers.pause(draft, me, id, means())),
    resume: (roomId, asker, id) => act(roomId, asker, (draft, me) => transfers.resume(draft, me, id, means())),
    cancel: (roomId, asker, id) => act(roomId, asker, (draft, me) => transfers.cancel(draft, me, id, means())),
    transfer(roomId, asker, id) {
      const { held, member } = placeOf(roomId, asker);
      return roomTransferView(transfers.ofParty(held, member.id, id).row, book.counts(id));
    },
    contract(roomId, asker, id) {
      const { held, member } = placeOf(roomId, asker);
      return contractTransfer(transfers.ofParty(held, member.id, id).row, book.counts(id));
    },
    transfers(asker, status) {
      const own: ReturnType<typeof contractTransfer>[] = [];
      for (const { id } of this.list(asker)) {
        const { held, member } = placeOf(id, asker);
        for (const row of held.transfers.values()) {
          if (partyOf(row, member.id) === undefined || (status !== undefined && row.state !== status)) continue;
          own.push(contractTransfer(row, book.counts(row.id)));
        }
      }
      return own;
    },
    progress(memberId, id, given) {
      const { row } = rowFor(memberId, id);
      progress.said(row, memberId, given);
      return roomTransferView(row, book.counts(id));
    },
    declare: (memberId, id, sum) =>
      viewAfter(memberId, id, (draft) => transfers.checksum(draft, memberId, id, 'sender', sum, means())),
    complete: (memberId, id, sum) =>
      viewAfter(memberId, id, (draft) => transfers.checksum(draft, memberId, id, 'receiver', sum, means())),
    fail: (memberId, id, code, reason) =>
      viewAfter(memberId, id, (draft) => {
        const { row, party } = transfers.ofParty(draft, memberId, id);
        const why = reason === null || reason === '' ? `The ${party} cannot go on.` : displayPath(reason);
        return transfers.stop(draft, row, 'fail', `${code}: ${why}`, means(), memberId);
      }),
    async chunk(memberId, bytes, deliver) {
      const frame = desk.read(bytes);
      const { held, row } = rowFor(memberId, frame.header.transfer_id);
      if (row.senderId !== memberId) throw new Fault('not_authorised', 'Only its sender sends chunks of it.');
      relay.gate.admits(held.room.id);
      if (held.room.inspection === 'server') {
        throw new Fault(
          'not_authorised',
          'In this room files go by the upload that the server checks, not by the socket.',
        );
      }
      const taken = desk.take(row, frame);
      try {
        await paced(held.room.id, bytes.length);
        await deliver(row.receiverId, bytes);
      } catch (error) {
        taken.lost();
        throw error;
      }
      const { counts, whole } = taken.acknowledged();
      const { row: current } = rowFor(memberId, row.id);
      progress.known(current, counts);
      if (whole !== undefined) await this.declare(memberId, row.id, whole);
      return this.transfer(row.roomId, { memberId }, row.id);
    },
    admitSignal(memberId, otherId) {
      const { room } = roomOfBoth(memberId, otherId);
      if (room.inspection === 'none') return;
      throw new Fault(
        'not_authorised',
        'In this room everything goes by the server, which checks it; nothing goes directly.',
      );
    },
    async admitFrame(memberId, otherId, bytes) {
      const { room } = roomOfBoth(memberId, otherId);
      if (room.inspection === 'server' || !room.relay || !settings.relay.allowed) {
        // Words between the two may pass; content may not.
        if (bytes > wordBytes) {
          throw new Fault(
            'not_authorised',
            `In this room frames of more than ${wordBytes} bytes do not go by the socket.`,
          );
        }
      }
      await paced(room.id, bytes);
    },
    said(memberId) {
      heard(memberId);
      limit(words, memberId, 'messages of yours');
    },
    connect(asker, { roomId, after }, listener) {
      const wanted = roomId ?? ('memberId' in asker ? memberRoom(asker.memberId) : undefined);
      if (wanted === undefined) throw noRoom();
      const { held, member } = placeOf(wanted, asker);
      const mine: Connected = { member, listener };
      const before = presence.connected(member.id, mine);
      before?.listener.ended(
        new Fault('lease_lost', 'Another connection of this member has come; this one is no longer heard.').report(),
      );
      lookWhoIsThere();
      return connectionOf(held, member, mine, after);
    },
    figures() {
      const counted = Object.fromEntries(roomTransferStates.map((state) => [state, 0])) as Record<
        (typeof roomTransferStates)[number],
        number
      >;
      let rooms = 0;
      let members = 0;
      for (const one of book.rooms()) {
        rooms += 1;
        members += one.members.size;
        for (const { state } of one.transfers.values()) counted[state] += 1;
      }
      return { rooms, members, present: presence.present, transfers: counted, refusedJoins, passedBytes };
    },
  };

  function connectionOf(
    held: HeldRoom,
    member: RoomMember,
    mine: Connected,
    after: number | undefined,
  ): RoomConnection {
    const from = Math.max(after ?? held.seq, member.joinedSeq);
    const missed = held.messages.flatMap((message) => {
      const heardMessage = message.seq > from ? messageFor(held.room.id, message, member.id) : undefined;
      return heardMessage === undefined ? [] : [heardMessage];
    });
    const oldest = held.messages[0]?.seq ?? held.seq + 1;
    return {
      ...{ memberId: member.id, roomId: held.room.id, room: detailOf(held, member.id), missed },
      gap: from < oldest - 1 && from < held.seq,
      heard: () => heard(member.id),
      close() {
        presence.disconnected(member.id, mine);
      },
    };
  }

  function roomOfBoth(memberId: string, otherId: string): HeldRoom {
    const held = book.room(memberRoom(memberId) ?? '');
    if (held === undefined || memberId === otherId || !held.members.has(otherId)) {
      throw new Fault('not_found', 'There is no such member in your room.');
    }
    heard(memberId);
    return held;
  }

  async function paced(roomId: string, bytes: number): Promise<void> {
    const memory = relay.bandwidth(roomId);
    if (memory !== undefined) await awaitBandwidth(memory, bytes, stopping.signal);
    passedBytes += bytes;
  }

  function tellRefusedJoin(roomId: string, address: string): void {
    knocks.count(roomId);
    book
      .change(roomId, (draft) => {
        const hosts = [...draft.members.values()].filter(({ role }) => role === 'host').map(({ id }) => id);
        draft.say({
          type: 'JOIN_REFUSED',
          senderId: null,
          to: hosts,
          payload: { address, at: new Date(clock.now()).toISOString() },
        });
        draft.fact('observation.room.join_refused', { address });
      })
      .catch(trouble);
  }
}

function limit(window: WindowLimit, key: string, what: string): void {
  if (window.exceeded(key)) {
    const seconds = window.retryAfterSeconds(key);
    throw new Fault('rate_limited', `Too many ${what} within a minute; go on in ${seconds} s.`);
  }
  window.count(key);
}

/** 256 random bits, so that a plain hash gives nothing away. */
function newToken(): string {
  return `wrm_${randomBytes(32).toString('base64url')}`;
}

function hashOf(token: string): string {
  return createHash('sha256').update(token, 'utf8').digest('hex');
}
