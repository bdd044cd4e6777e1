// Who is in a room: making one, joining, leaving, and what hosts and moderators may change. All on a draft of the room.

import { Fault } from '../../model/fault.ts';
import {
  hasEnded,
  partyOf,
  type Room,
  type RoomLimits,
  type RoomMember,
  type RoomRole,
  roleDefaults,
} from '../../model/room.ts';
import type { CreateRoomBody, MemberView, SetMemberBody } from '../../model/room-views.ts';
import type { RoomDraft } from './room-book.ts';
import { memberOf, stop, type TransferMeans } from './room-transfers.ts';
import type { RoomsSettings } from './rooms.ts';

export type NewMember = Pick<RoomMember, 'id' | 'name' | 'kind' | 'tokenHash' | 'callerId'>;

/** A room that nobody is in yet. Rejects with `invalid`. */
export function newRoom(body: CreateRoomBody, config: RoomsSettings, now: number): Room {
  const relay = body.relay && config.relay.allowed;
  if (body.inspection === 'server' && !relay) {
    throw new Fault('invalid', 'What the server inspects goes through it, and nothing may go through it in this room.');
  }
  return {
    ...{ id: body.id, name: body.name, joinHash: body.joinHash, inspection: body.inspection },
    relay,
    limits: limitsOf(body, config),
    ...{ createdAt: now, usedAt: now, seq: 0 },
  };
}

/** What is asked for beyond the server's own is cut to that. */
function limitsOf({ limits }: CreateRoomBody, config: RoomsSettings): RoomLimits {
  const least = (wish: number | undefined, most: number) => Math.min(wish ?? most, most);
  const { bandwidth } = config.relay;
  const wished = limits.bandwidthBytesPerSecond ?? null;
  return {
    members: least(limits.members, config.members),
    maxFileBytes: least(limits.maxFileBytes, config.maxFile),
    runningTransfers: least(limits.runningTransfers, config.runningTransfers),
    runningPerMember: least(limits.runningPerMember, config.runningPerMember),
    bandwidthBytesPerSecond: wished === null ? bandwidth : least(wished, bandwidth ?? wished),
  };
}

/** Rejects with `room_full`. */
export function addMember(draft: RoomDraft, wish: NewMember, role: RoomRole, means: TransferMeans): RoomMember {
  const { members } = draft.room.limits;
  if (draft.members.size >= members) {
    throw new Fault('room_full', `ROOM_FULL: ${members} are in this room, and no more may be.`);
  }
  const member: RoomMember = {
    ...wish,
    ...{ roomId: draft.room.id, role, permissions: roleDefaults[role], joinedAt: means.now, joinedSeq: draft.seq },
  };
  draft.putMember(member);
  draft.putRoom({ ...draft.room, usedAt: means.now });
  draft.say({ type: 'MEMBER_JOINED', senderId: member.id, to: null, payload: { ...memberView(member, true) } });
  draft.fact('observation.room.member_joined', { memberId: member.id, kind: member.kind, role });
  return member;
}

/** By itself, or because somebody has removed it. Its transfers end; a room whose last member goes is gone. */
export function dropMember(draft: RoomDraft, memberId: string, by: string, means: TransferMeans): void {
  const member = memberOf(draft, memberId);
  for (const row of [...draft.transfers.values()]) {
    const party = partyOf(row, memberId);
    if (party === undefined || hasEnded(row.state)) continue;
    stop(draft, row, 'cancel', `left: The ${party} has left the room.`, means, by);
  }
  draft.removeMember(memberId);
  draft.say({
    ...{ type: 'MEMBER_LEFT', senderId: by, to: null },
    payload: { ...memberView(member, false), removed: by !== memberId },
  });
  draft.fact('observation.room.member_left', { memberId, removed: by !== memberId });
  if (draft.members.size === 0) {
    closeRoom(draft, null);
    return;
  }
  if (![...draft.members.values()].some(({ role }) => role === 'host')) inherit(draft, means);
}

/** A room has a host: the one who was first there of those who may most. */
function inherit(draft: RoomDraft, means: TransferMeans): void {
  const rank: readonly RoomRole[] = ['moderator', 'participant', 'observer'];
  const [heir] = [...draft.members.values()].sort(
    (one, other) => rank.indexOf(one.role) - rank.indexOf(other.role) || one.joinedAt - other.joinedAt,
  );
  if (heir !== undefined) changeMember(draft, { ...heir, role: 'host', permissions: roleDefaults.host }, null, means);
}

export function closeRoom(draft: RoomDraft, by: string | null): void {
  draft.say({ type: 'ROOM_CLOSED', senderId: by, to: null, payload: { room_id: draft.room.id } });
  draft.fact('observation.room.closed', {});
  draft.remove();
}

/** Rejects with `not_authorised` and `state_conflict` (the last host). */
export function setMember(
  draft: RoomDraft,
  actorId: string,
  memberId: string,
  { role, permissions }: SetMemberBody,
  means: TransferMeans,
): RoomMember {
  const actor = memberOf(draft, actorId);
  const member = memberOf(draft, memberId);
  const wished: RoomMember = {
    ...member,
    role: role ?? member.role,
    permissions: {
      ...(role === undefined || role === member.role ? member.permissions : roleDefaults[role]),
      ...onlyGiven(permissions),
    },
  };
  mayManage(actor, member);
  if (actor.role !== 'host' && (isHigh(wished.role) || wished.permissions.canManageMembers)) {
    throw new Fault('not_authorised', 'Only a host makes somebody host or moderator, or lets them manage members.');
  }
  const hosts = [...draft.members.values()].filter((one) => one.role === 'host');
  if (member.role === 'host' && wished.role !== 'host' && hosts.length === 1) {
    throw new Fault('state_conflict', 'A room has a host: make somebody else host first.');
  }
  return changeMember(draft, wished, actorId, means);
}

/** Rejects with `not_authorised`, also for oneself: that is leaving. */
export function removeMember(draft: RoomDraft, actorId: string, memberId: string, means: TransferMeans): void {
  const actor = memberOf(draft, actorId);
  const member = memberOf(draft, memberId);
  if (actorId === memberId) throw new Fault('not_authorised', 'Nobody removes themselves; leave the room instead.');
  mayManage(actor, member);
  dropMember(draft, memberId, actorId, means);
}

export function requireHost(draft: RoomDraft, actorId: string): void {
  if (memberOf(draft, actorId).role !== 'host') throw new Fault('not_authorised', 'Only a host may do this.');
}

function mayManage(actor: RoomMember, member: RoomMember): void {
  const may = actor.role === 'host' || (actor.permissions.canManageMembers && !isHigh(member.role));
  if (!may) throw new Fault('not_authorised', 'You may not change this member; a host of the room may.');
}

function isHigh(role: RoomRole): boolean {
  return role === 'host' || role === 'moderator';
}

function changeMember(draft: RoomDraft, member: RoomMember, by: string | null, { isHere }: TransferMeans): RoomMember {
  draft.putMember(member);
  draft.say({ type: 'MEMBER_CHANGED', senderId: by, to: null, payload: { ...memberView(member, isHere(member.id)) } });
  draft.fact('observation.room.member_changed', { memberId: member.id, role: member.role, ...member.permissions });
  return member;
}

function onlyGiven(permissions: SetMemberBody['permissions']): Partial<RoomMember['permissions']> {
  return Object.fromEntries(Object.entries(permissions ?? {}).filter(([, value]) => value !== undefined));
}

export function memberView(member: RoomMember, present: boolean): MemberView {
  const { id, name, kind, role, permissions, joinedAt } = member;
  return { id, name, kind, role, permissions: { ...permissions }, present, joinedAt: new Date(joinedAt).toISOString() };
}
