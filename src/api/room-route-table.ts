// The part of the route table that is about rooms: our own routes, and those of the outside contract.

import { z } from 'zod';
import { roomTransferStates } from '../model/room.ts';
import {
  contractTransferSchema,
  offerBodySchema,
  rejectBodySchema,
  roomIdSchema,
  transferListSchema,
} from '../model/room-contract.ts';
import {
  createRoomBodySchema,
  joinedSchema,
  joinRoomBodySchema,
  memberViewSchema,
  roomDetailSchema,
  roomViewSchema,
  setMemberBodySchema,
} from '../model/room-views.ts';

const room = z.object({ id: roomIdSchema });
const member = room.extend({ memberId: z.string().min(1).max(64) });
const shared = z.object({ room_id: roomIdSchema });
const transfer = shared.extend({ transfer_id: z.string().min(1).max(64) });
/** What is asked by a member, with its own token or that of the API by which it joined. */
const byMember = { members: true, isPrivate: true } as const;

const contractVerb = (summary: string) =>
  ({
    ...byMember,
    summary: `${summary} (contract of rooms)`,
    scope: 'write',
    params: transfer,
    output: contractTransferSchema,
    problems: ['state_conflict'],
  }) as const;

export const roomRouteTable = {
  createRoom: {
    summary: 'Make a room and be its host; the member token is shown this once',
    scope: 'write',
    isPrivate: true,
    body: createRoomBodySchema,
    output: joinedSchema,
    status: 201,
    secretAnswer: true,
    problems: ['exists', 'limit_reached'],
  },
  listRooms: {
    ...byMember,
    summary: 'The rooms that the asker is in',
    scope: 'read',
    output: z.object({ rows: z.array(roomViewSchema) }),
  },
  getRoom: {
    ...byMember,
    summary: "A room with its members and the asker's own transfers",
    scope: 'read',
    params: room,
    output: roomDetailSchema,
  },
  closeRoom: {
    ...byMember,
    summary: 'Close a room for all; by its host',
    scope: 'write',
    params: room,
    output: z.undefined(),
    form: 'none',
    status: 204,
  },
  joinRoom: {
    summary: 'Come into a room with the key of its link, or come back; the member token is shown this once',
    scope: 'open',
    isPrivate: true,
    params: room,
    body: joinRoomBodySchema,
    output: joinedSchema,
    secretAnswer: true,
    problems: ['rate_limited', 'room_full', 'not_authenticated'],
  },
  leaveRoom: {
    ...byMember,
    summary: 'Leave a room for good; the transfers that one takes part in end',
    scope: 'write',
    params: room,
    output: z.undefined(),
    form: 'none',
    status: 204,
  },
  setRoomMember: {
    ...byMember,
    summary: "Change a member's role or permissions",
    scope: 'write',
    params: member,
    body: setMemberBodySchema,
    output: memberViewSchema,
    problems: ['state_conflict'],
  },
  removeRoomMember: {
    ...byMember,
    summary: 'Remove a member; its token holds no longer',
    scope: 'write',
    params: member,
    output: z.undefined(),
    form: 'none',
    status: 204,
  },
  offerRoomFile: {
    ...byMember,
    summary: 'Offer a file to one member (contract of rooms)',
    scope: 'write',
    params: shared,
    body: offerBodySchema,
    output: contractTransferSchema,
    problems: ['state_conflict', 'name_unsafe', 'too_large', 'type_refused', 'limit_reached'],
  },
  acceptRoomFile: contractVerb('Accept an offer; by its receiver'),
  rejectRoomFile: { ...contractVerb('Reject an offer; by its receiver'), body: rejectBodySchema },
  pauseRoomFile: contractVerb('Pause a transfer; by its sender or receiver'),
  resumeRoomFile: contractVerb('Resume a transfer that a person has paused; by its sender or receiver'),
  getRoomFileProgress: {
    ...byMember,
    summary: 'How far a transfer is; for its sender and receiver (contract of rooms)',
    scope: 'read',
    params: transfer,
    output: contractTransferSchema,
  },
  cancelRoomFile: contractVerb('Cancel a transfer; by its sender or receiver'),
  listRoomFiles: {
    ...byMember,
    summary: 'What the asker sends and receives, in all rooms (contract of rooms)',
    scope: 'read',
    query: z.object({ status: z.enum(roomTransferStates).optional() }),
    output: transferListSchema,
  },
} as const;
