// The console's page of rooms: those one is in, who is there, and the drawer of one or of a new one.

import { useCallback } from 'react';
import { asFault } from '../../../src/model/fault.ts';
import type { RoomView } from '../../../src/model/room-views.ts';
import { PageHead } from '../../frame/page-head.tsx';
import { useRooms } from '../../live/use-rooms.ts';
import { ButtonLink } from '../../parts/button.tsx';
import { EmptyState } from '../../parts/empty-state.tsx';
import { ListEntry } from '../../parts/list-entry.tsx';
import { When } from '../../parts/when.tsx';
import { go, useAddress } from '../../router.ts';
import { counted, size } from '../../words/amounts.ts';
import { inspectionWords, roomLook, roomSentence } from '../../words/rooms.ts';
import { NewRoomDrawer } from './new-room-drawer.tsx';
import { RoomDrawer } from './room-drawer.tsx';

/** The address `/rooms/ID` is the room itself, which guests see too: drawers are in the query. */
const newRoom = '/rooms?new=1';
export const roomDrawer = (id: string) => `/rooms?room=${encodeURIComponent(id)}`;

export function RoomsPage() {
  const { query } = useAddress();
  const { data, error } = useRooms();
  const close = useCallback(() => go('/rooms'), []);
  const open = query.get('room');
  const opened = data?.rows.find(({ id }) => id === open);
  return (
    <>
      <div className="flex min-h-0 min-w-0 flex-1 flex-col">
        <PageHead title="Rooms">
          <ButtonLink href={newRoom}>Make a room</ButtonLink>
        </PageHead>
        {error !== null && data === undefined && (
          <EmptyState title="The list could not be read">{asFault(error).message}</EmptyState>
        )}
        <div className="@container min-h-0 flex-1 overflow-y-auto overscroll-contain">
          {data?.rows.length === 0 && (
            <EmptyState
              title="No room yet"
              action={<ButtonLink href={newRoom}>Make a room</ButtonLink>}
              command="wherry room create NAME"
            >
              In a room people give each other files, browser to browser: make one, send its link, drop a file, and it
              arrives once the other side accepts. Who has the link needs nothing but a browser.
            </EmptyState>
          )}
          {data !== undefined && data.rows.length > 0 && (
            <ul aria-label="Rooms">
              {data.rows.map((room) => (
                <RoomRow key={room.id} room={room} open={room.id === open} />
              ))}
            </ul>
          )}
        </div>
      </div>
      {query.get('new') === '1' && <NewRoomDrawer onClose={close} />}
      {opened !== undefined && <RoomDrawer key={opened.id} room={opened} onClose={close} />}
    </>
  );
}

function RoomRow({ room, open }: { room: RoomView; open: boolean }) {
  const detail = `${inspectionWords[room.inspection].short}, up to ${size(room.limits.maxFileBytes)} a file`;
  return (
    <ListEntry
      href={roomDrawer(room.id)}
      open={open}
      look={roomLook(room)}
      name={room.name}
      detail={detail}
      detailTitle={detail}
      sentence={roomSentence(room)}
      figures={
        <>
          <span>{counted(room.members.length, 'member')}</span>
          <When at={room.createdAt} />
        </>
      }
    />
  );
}
