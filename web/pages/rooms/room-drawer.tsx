// The drawer of one room in the console: its link, who is there, its limits; opens it and closes it for all.

import { useState } from 'react';
import { formatInvite } from '../../../src/model/room-invite.ts';
import type { RoomView } from '../../../src/model/room-views.ts';
import { api } from '../../api.ts';
import { Drawer } from '../../frame/drawer.tsx';
import { useAsking } from '../../live/use-asking.ts';
import { roomsKey } from '../../live/use-rooms.ts';
import { Button, ButtonLink } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Facts, Section } from '../../parts/section.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { go } from '../../router.ts';
import { counted, exactSize, size } from '../../words/amounts.ts';
import { inspectionWords, roleWords, roomLook, roomSentence } from '../../words/rooms.ts';
import { InviteLink } from './invite-link.tsx';
import { forgetRoom, knownSecret } from './room-ticket.ts';

export function RoomDrawer({ room, onClose }: { room: RoomView; onClose: () => void }) {
  const secret = knownSecret(room.id);
  const { inspection, limits, members, memberId } = room;
  return (
    <Drawer
      title={<span className="break-words">{room.name}</span>}
      label={`Room ${room.name}`}
      onClose={onClose}
      footer={<Verbs room={room} />}
    >
      <section aria-label="State" className="flex flex-col gap-2 p-4">
        <div className="text-14 font-medium">
          <StateMark look={roomLook(room)} />
        </div>
        <p>{roomSentence(room)}</p>
      </section>
      <Section title="Link">
        {secret === undefined ? (
          <p className="text-ink-soft">
            This browser does not have the link: its secret stays with the browsers that are in the room. Copy it in one
            of them.
          </p>
        ) : (
          <InviteLink invite={formatInvite({ server: window.location.origin, roomId: room.id, secret })} />
        )}
      </Section>
      <Section title={counted(members.length, 'member')}>
        <ul>
          {members.map(({ id, name, role, present }) => (
            <li key={id} className="flex justify-between gap-3 py-0.5">
              <span className="min-w-0 truncate">
                {name}
                {id === memberId && <span className="text-ink-soft"> (you)</span>}
              </span>
              <span className="shrink-0 text-ink-soft">
                {roleWords[role]}
                {present ? '' : ', away'}
              </span>
            </li>
          ))}
        </ul>
      </Section>
      <Section title="Rules">
        <Facts
          rows={[
            ['Content', inspectionWords[inspection].long],
            ['Relay', room.relay ? 'Allowed' : 'Forbidden: only directly'],
            ['Largest file', `${size(limits.maxFileBytes)} (${exactSize(limits.maxFileBytes)})`],
            ['Members', `${limits.members} at most`],
            ['At once', `${limits.runningTransfers} files, ${limits.runningPerMember} of one member`],
          ]}
        />
      </Section>
    </Drawer>
  );
}

function Verbs({ room }: { room: RoomView }) {
  const { busy, ask } = useAsking(roomsKey);
  const [closing, setClosing] = useState(false);
  const close = async () => {
    await api.call('closeRoom', { params: { id: room.id } });
    forgetRoom(room.id);
    go('/rooms');
    return 'The room is closed.';
  };
  if (closing) {
    return (
      <Confirm label="Close the room?" verb="Close it" onYes={() => void ask(close)} onNo={() => setClosing(false)}>
        Close the room for all? What is under way in it ends.
      </Confirm>
    );
  }
  const isHost = room.members.some(({ id, role }) => id === room.memberId && role === 'host');
  return (
    <div className="flex flex-wrap gap-2">
      <ButtonLink href={`/rooms/${room.id}`} outside>
        Go into the room
      </ButtonLink>
      {isHost && (
        <Button icon="cancel" disabled={busy} onClick={() => setClosing(true)}>
          Close the room
        </Button>
      )}
    </div>
  );
}
