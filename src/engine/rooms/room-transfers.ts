// The transfers of a room: what each member may do to them, what it does to their state, and who hears of it. All on a draft of the room.

import type { EventName } from '../../model/event.ts';
import { Fault } from '../../model/fault.ts';
import { displayPath, safeRelativePath } from '../../model/names.ts';
import {
  type ChunkCounts,
  hasEnded,
  partyOf,
  type RoomParty,
  type RoomTransfer,
  type RoomTransferInput,
  stepRoomTransfer,
} from '../../model/room.ts';
import type { RoomsConfig } from '../../model/room-config.ts';
import { type OfferBody, type RoomMessageType, roomTransferView, strangersView } from '../../model/room-contract.ts';
import { declaredType, typeRefusal } from '../../model/room-types.ts';
import { formatSize } from '../../model/size.ts';
import type { RoomDraft } from './room-book.ts';

export interface TransferMeans {
  readonly now: number;
  readonly config: Pick<RoomsConfig, 'chunkSize' | 'types' | 'rates'>;
  readonly newId: () => string;
  readonly counts: (transferId: string) => ChunkCounts;
  /** Connected, or heard of a moment ago. */
  readonly isHere: (memberId: string) => boolean;
}

/** Rejects with `invalid`, `too_large`, `type_refused`, `name_unsafe`, `not_authorised`, `not_found`, `limit_reached`, `state_conflict`. */
export function offer(draft: RoomDraft, senderId: string, body: OfferBody, means: TransferMeans): RoomTransfer {
  const { config } = means;
  const sender = memberOf(draft, senderId);
  if (!sender.permissions.canShareFiles) {
    throw new Fault('not_authorised', 'You may not share files in this room; its host can allow it.');
  }
  if (body.receiver_id === senderId) throw new Fault('invalid', 'A file is offered to somebody else.');
  if (!draft.members.has(body.receiver_id)) throw new Fault('not_found', 'That receiver is not in this room.');
  const filename = safeRelativePath(body.filename);
  if (filename === '') throw new Fault('name_unsafe', 'The file has no name.');
  const { maxFileBytes } = draft.room.limits;
  if (body.file_size > maxFileBytes) {
    throw new Fault(
      'too_large',
      `${displayPath(filename)} has ${formatSize(body.file_size)}; this room takes files of at most ${formatSize(maxFileBytes)}.`,
    );
  }
  const mimeType = declaredType(filename, body.mime_type);
  const refusal = typeRefusal(config.types, filename, mimeType);
  if (refusal !== undefined) throw new Fault('type_refused', `${displayPath(filename)}: ${refusal}.`);
  let pending = 0;
  for (const other of draft.transfers.values()) {
    if (hasEnded(other.state) || other.senderId !== senderId) continue;
    if (other.state === 'pending') pending += 1;
    if (other.receiverId === body.receiver_id && other.filename === filename && other.sizeBytes === body.file_size) {
      throw new Fault('state_conflict', `${displayPath(filename)} is offered to this member already.`);
    }
  }
  if (pending >= config.rates.pendingOffers) {
    throw new Fault(
      'limit_reached',
      `${pending} of your offers wait for an answer; no more are taken until some have one.`,
    );
  }
  const row: RoomTransfer = {
    ...{ id: means.newId(), roomId: draft.room.id, senderId, receiverId: body.receiver_id },
    ...{ filename, sizeBytes: body.file_size, mimeType, chunkSizeBytes: config.chunkSize },
    ...{ state: 'pending', queued: false, pausedBy: null, away: [], sentChecksum: null, receivedChecksum: null },
    ...{ error: null, createdAt: means.now, startedAt: null, endedAt: null },
  };
  draft.putTransfer(row);
  tell(draft, 'FILE_SHARE_OFFER', row, means, { by: senderId, strangersToo: true });
  note(draft, 'observation.room.transfer_offered', row);
  return row;
}

export function accept(draft: RoomDraft, memberId: string, id: string, means: TransferMeans): RoomTransfer {
  const row = ofReceiver(draft, memberId, id, 'accept');
  const state = stepRoomTransfer(row.state, 'accept');
  draft.putTransfer({ ...row, state, queued: true, startedAt: means.now });
  tell(draft, 'FILE_SHARE_ACCEPT', rowOf(draft, id), means, { by: memberId, only: [row.senderId] });
  note(draft, 'observation.room.transfer_accepted', row);
  for (const party of ['sender', 'receiver'] as const) {
    if (!means.isHere(party === 'sender' ? row.senderId : row.receiverId)) goneAway(draft, id, party, means);
  }
  startNext(draft, means);
  return rowOf(draft, id);
}

export function reject(
  draft: RoomDraft,
  memberId: string,
  id: string,
  reason: string | null,
  means: TransferMeans,
): RoomTransfer {
  const row = ofReceiver(draft, memberId, id, 'reject');
  const error =
    reason === null || reason === '' ? 'rejected: The receiver does not want it.' : `rejected: ${displayPath(reason)}`;
  const ended = end(draft, row, 'reject', error, means);
  tell(draft, 'FILE_SHARE_REJECT', ended, means, { by: memberId, only: [row.senderId] });
  note(draft, 'observation.room.transfer_rejected', ended);
  return ended;
}

export function pause(draft: RoomDraft, memberId: string, id: string, means: TransferMeans): RoomTransfer {
  const { row } = ofParty(draft, memberId, id);
  if (row.state === 'paused' && row.pausedBy === null) {
    // It waited for somebody who is away; now it waits for a person, too.
    draft.putTransfer({ ...row, pausedBy: memberId });
  } else {
    draft.putTransfer({ ...row, state: stepRoomTransfer(row.state, 'pause'), queued: false, pausedBy: memberId });
  }
  tell(draft, 'FILE_SHARE_PAUSE', rowOf(draft, id), means, { by: memberId });
  note(draft, 'observation.room.transfer_paused', row);
  startNext(draft, means);
  return rowOf(draft, id);
}

export function resume(draft: RoomDraft, memberId: string, id: string, means: TransferMeans): RoomTransfer {
  const { row } = ofParty(draft, memberId, id);
  if (row.state !== 'paused') stepRoomTransfer(row.state, 'resume');
  if (row.pausedBy === null) {
    throw new Fault('state_conflict', 'Nobody has paused it: it goes on by itself when both sides are there.');
  }
  if (row.away.length > 0) draft.putTransfer({ ...row, pausedBy: null });
  else goOn(draft, { ...row, pausedBy: null }, memberId, means);
  return rowOf(draft, id);
}

export function cancel(draft: RoomDraft, memberId: string, id: string, means: TransferMeans): RoomTransfer {
  const { row, party } = ofParty(draft, memberId, id);
  return stop(draft, row, 'cancel', `cancelled: By the ${party}.`, means, memberId);
}

/** Ends it for good; the state table decides whether it goes. Both sides are told, and who heard of the offer hears of its end. */
export function stop(
  draft: RoomDraft,
  row: RoomTransfer,
  input: 'cancel' | 'fail',
  error: string,
  means: TransferMeans,
  by: string | null = null,
): RoomTransfer {
  const ended = end(draft, row, input, error, means);
  tell(draft, 'FILE_SHARE_CANCEL', ended, means, { by, strangersToo: true });
  note(draft, input === 'fail' ? 'observation.room.transfer_failed' : 'observation.room.transfer_cancelled', ended);
  startNext(draft, means);
  return ended;
}

/** One side's word on the whole file's hash. Two that agree complete it; two that do not end it with `corrupt`. */
export function checksum(
  draft: RoomDraft,
  memberId: string,
  id: string,
  party: RoomParty,
  sum: string,
  means: TransferMeans,
): RoomTransfer {
  const found = ofParty(draft, memberId, id);
  if (found.party !== party) throw new Fault('not_authorised', `Only the ${party} says this.`);
  const { row } = found;
  if (row.queued || row.pausedBy !== null) throw new Fault('state_conflict', 'It does not move now.');
  const state = stepRoomTransfer(row.state, 'complete');
  const next = party === 'sender' ? { ...row, sentChecksum: sum } : { ...row, receivedChecksum: sum };
  if (next.sentChecksum === null || next.receivedChecksum === null) {
    draft.putTransfer(next);
    return next;
  }
  if (next.sentChecksum !== next.receivedChecksum) {
    return stop(draft, next, 'fail', 'corrupt: What has arrived is not what was sent.', means);
  }
  const whole: RoomTransfer = { ...next, state, queued: false, away: [], error: null, endedAt: means.now };
  draft.putTransfer(whole);
  tell(draft, 'FILE_SHARE_COMPLETE', whole, means, { by: memberId, strangersToo: true });
  note(draft, 'observation.room.transfer_completed', whole);
  startNext(draft, means);
  return whole;
}

/** The member can no longer be reached: what it takes part in waits. */
export function memberAway(draft: RoomDraft, memberId: string, means: TransferMeans): void {
  for (const row of [...draft.transfers.values()]) {
    const party = partyOf(row, memberId);
    if (party !== undefined && (row.state === 'active' || row.state === 'paused'))
      goneAway(draft, row.id, party, means);
  }
  startNext(draft, means);
}

/** The member is back: what only waited for it goes on. */
export function memberBack(draft: RoomDraft, memberId: string, means: TransferMeans): void {
  for (const row of [...draft.transfers.values()]) {
    const party = partyOf(row, memberId);
    if (party === undefined || row.state !== 'paused' || !row.away.includes(party)) continue;
    const away = row.away.filter((one) => one !== party);
    if (away.length > 0 || row.pausedBy !== null) draft.putTransfer({ ...row, away });
    else goOn(draft, { ...row, away }, memberId, means);
  }
}

/** Those whose turn has come, oldest first, as far as the room's limits go. */
export function startNext(draft: RoomDraft, means: TransferMeans): void {
  const { runningTransfers, runningPerMember } = draft.room.limits;
  const busy = new Map<string, number>();
  let running = 0;
  const take = ({ senderId, receiverId }: RoomTransfer) => {
    running += 1;
    for (const member of [senderId, receiverId]) busy.set(member, (busy.get(member) ?? 0) + 1);
  };
  const active = [...draft.transfers.values()].filter(({ state }) => state === 'active');
  for (const row of active) if (!row.queued) take(row);
  const waiting = active
    .filter(({ queued }) => queued)
    .sort((one, other) => (one.startedAt ?? 0) - (other.startedAt ?? 0));
  for (const row of waiting) {
    const isFull = [row.senderId, row.receiverId].some((member) => (busy.get(member) ?? 0) >= runningPerMember);
    if (running >= runningTransfers || isFull) continue;
    take(row);
    const begun = { ...row, queued: false };
    draft.putTransfer(begun);
    tell(draft, 'FILE_SHARE_START', begun, means, { by: null });
  }
}

function goneAway(draft: RoomDraft, id: string, party: RoomParty, means: TransferMeans): void {
  const row = rowOf(draft, id);
  if (row.away.includes(party)) return;
  const away = [...row.away, party];
  if (row.state === 'paused') {
    draft.putTransfer({ ...row, away });
    return;
  }
  draft.putTransfer({ ...row, state: stepRoomTransfer(row.state, 'pause'), queued: false, away });
  tell(draft, 'FILE_SHARE_PAUSE', rowOf(draft, id), means, { by: null });
  note(draft, 'observation.room.transfer_paused', row);
}

function goOn(draft: RoomDraft, row: RoomTransfer, by: string, means: TransferMeans): void {
  draft.putTransfer({ ...row, state: stepRoomTransfer(row.state, 'resume'), queued: true });
  tell(draft, 'FILE_SHARE_RESUME', rowOf(draft, row.id), means, { by });
  note(draft, 'observation.room.transfer_resumed', row);
  startNext(draft, means);
}

function end(
  draft: RoomDraft,
  row: RoomTransfer,
  input: RoomTransferInput,
  error: string,
  means: TransferMeans,
): RoomTransfer {
  const state = stepRoomTransfer(row.state, input);
  const ended: RoomTransfer = { ...row, state, queued: false, pausedBy: null, away: [], error, endedAt: means.now };
  draft.putTransfer(ended);
  return ended;
}

export function memberOf(draft: Pick<RoomDraft, 'members'>, memberId: string) {
  const member = draft.members.get(memberId);
  if (member === undefined) throw new Fault('not_found', 'There is no such member in this room.');
  return member;
}

function rowOf(draft: Pick<RoomDraft, 'transfers'>, id: string): RoomTransfer {
  const row = draft.transfers.get(id);
  if (row === undefined) throw new Fault('not_found', 'There is no such transfer in this room.');
  return row;
}

/** Rejects with `not_found`, and `not_authorised` for who neither sends nor receives it. */
export function ofParty(
  draft: Pick<RoomDraft, 'transfers'>,
  memberId: string,
  id: string,
): { readonly row: RoomTransfer; readonly party: RoomParty } {
  const row = rowOf(draft, id);
  const party = partyOf(row, memberId);
  if (party === undefined) throw new Fault('not_authorised', 'This is between its sender and its receiver.');
  return { row, party };
}

function ofReceiver(draft: RoomDraft, memberId: string, id: string, act: string): RoomTransfer {
  const { row, party } = ofParty(draft, memberId, id);
  if (party !== 'receiver') throw new Fault('not_authorised', `Only its receiver can ${act} an offer.`);
  return row;
}

function tell(
  draft: RoomDraft,
  type: RoomMessageType,
  row: RoomTransfer,
  { counts }: TransferMeans,
  { by, only, strangersToo = false }: { by: string | null; only?: readonly string[]; strangersToo?: boolean },
): void {
  const counted = counts(row.id);
  draft.say({
    ...{ type, senderId: by, to: only ?? [row.senderId, row.receiverId] },
    payload: roomTransferView(row, counted),
    others: strangersToo ? strangersView(row, counted) : null,
  });
}

/** Without names of files: whoever may read the ledger's events is not thereby in the room. */
function note(draft: RoomDraft, name: EventName, row: RoomTransfer): void {
  const { id, senderId, receiverId, sizeBytes, state, error } = row;
  const code = error?.split(':', 1)[0] ?? null;
  draft.fact(name, { transferId: id, senderId, receiverId, sizeBytes, state, error: code });
}
