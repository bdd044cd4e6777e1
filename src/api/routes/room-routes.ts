// Rooms: making, joining and changing them, and the outside contract of the files that are shared there.

import type { RoomAsker } from '../../engine/rooms/rooms.ts';
import { Fault } from '../../model/fault.ts';
import { type RouteCall, route } from '../route.ts';

/** Rejects with `not_authenticated`. */
function askerOf({ caller }: RouteCall): RoomAsker {
  if (caller === undefined) throw new Fault('not_authenticated', 'This needs the token of a member of the room.');
  return caller.kind === 'member' ? { memberId: caller.id } : { callerId: caller.id };
}

export const roomRoutes = [
  route('createRoom', ({ body }, { rooms }, { caller }) => {
    if (caller === undefined) throw new Fault('not_authenticated', 'Making a room needs a token of this server.');
    return rooms.create(body, { callerId: caller.id, name: caller.name });
  }),
  route('listRooms', async (_, { rooms }, call) => ({ rows: [...rooms.list(askerOf(call))] })),
  route('getRoom', async ({ params }, { rooms }, call) => rooms.get(params.id, askerOf(call))),
  route('closeRoom', ({ params }, { rooms }, call) => rooms.close(params.id, askerOf(call)).then(() => undefined)),
  route('joinRoom', ({ params, body }, { rooms, known }, { request }) => {
    const caller = known(request);
    const callerId = caller === undefined || caller.kind === 'member' ? null : caller.id;
    return rooms.join(params.id, body, { address: request.ip, callerId });
  }),
  route('leaveRoom', ({ params }, { rooms }, call) => rooms.leave(params.id, askerOf(call)).then(() => undefined)),
  route('setRoomMember', ({ params, body }, { rooms }, call) =>
    rooms.setMember(params.id, askerOf(call), params.memberId, body),
  ),
  route('removeRoomMember', ({ params }, { rooms }, call) =>
    rooms.removeMember(params.id, askerOf(call), params.memberId).then(() => undefined),
  ),
  route('offerRoomFile', ({ params, body }, { rooms }, call) => rooms.offer(params.room_id, askerOf(call), body)),
  route('acceptRoomFile', ({ params }, { rooms }, call) =>
    rooms.accept(params.room_id, askerOf(call), params.transfer_id),
  ),
  route('rejectRoomFile', ({ params, body }, { rooms }, call) =>
    rooms.reject(params.room_id, askerOf(call), params.transfer_id, body?.reason ?? null),
  ),
  route('pauseRoomFile', ({ params }, { rooms }, call) =>
    rooms.pause(params.room_id, askerOf(call), params.transfer_id),
  ),
  route('resumeRoomFile', ({ params }, { rooms }, call) =>
    rooms.resume(params.room_id, askerOf(call), params.transfer_id),
  ),
  route('getRoomFileProgress', async ({ params }, { rooms }, call) =>
    rooms.contract(params.room_id, askerOf(call), params.transfer_id),
  ),
  route('cancelRoomFile', ({ params }, { rooms }, call) =>
    rooms.cancel(params.room_id, askerOf(call), params.transfer_id),
  ),
  route('listRoomFiles', async ({ query }, { rooms }, call) => {
    const transfers = [...rooms.transfers(askerOf(call), query.status)];
    return { transfers, count: transfers.length };
  }),
];
