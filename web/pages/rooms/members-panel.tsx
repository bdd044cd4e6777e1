// Who is in the room: present or away, with their roles; who looks after the others changes roles and removes.

import { DropdownMenu } from 'radix-ui';
import { useState } from 'react';
import { roomRoles } from '../../../src/model/room.ts';
import type { RoomMemberView, RoomRole } from '../../../src/peer/room-client.ts';
import { noteFault } from '../../live/notes.ts';
import { IconButton } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { Icon } from '../../parts/icon.tsx';
import { roleMeanings, roleWords } from '../../words/rooms.ts';
import { say } from './room-desk.ts';
import { useDesk, useRoom } from './use-room.ts';

export function MembersPanel() {
  const { members, me } = useRoom();
  const here = members.filter(({ present }) => present).length;
  const order = [...members].sort(
    (a, b) => Number(b.id === me.id) - Number(a.id === me.id) || Number(b.present) - Number(a.present),
  );
  return (
    <aside
      aria-label="Members"
      className="w-72 shrink-0 overflow-y-auto border-l border-line px-4 py-5 middling:w-full middling:overflow-visible middling:border-t middling:border-l-0"
    >
      <h2 className="mb-2 text-14 font-semibold">
        Members{' '}
        <span className="font-normal text-ink-soft tabular-nums">
          {here} of {members.length} here
        </span>
      </h2>
      <ul className="flex flex-col">
        {order.map((member) => (
          <Member key={member.id} member={member} isMe={member.id === me.id} manages={mayManage(me, member)} />
        ))}
      </ul>
    </aside>
  );
}

/** Hosts and moderators are changed only by a host; nobody changes themselves. */
function mayManage(me: RoomMemberView, member: RoomMemberView): boolean {
  if (member.id === me.id || !me.permissions.canManageMembers) return false;
  return me.role === 'host' || member.role === 'participant' || member.role === 'observer';
}

function Member({ member, isMe, manages }: { member: RoomMemberView; isMe: boolean; manages: boolean }) {
  const { client } = useDesk();
  const [removing, setRemoving] = useState(false);
  const { id, name, present, role, kind } = member;
  const standing = [roleWords[role], kind === 'daemon' ? 'daemon' : undefined, present ? undefined : 'away'].filter(
    Boolean,
  );
  const act = (what: () => Promise<void>, done: string) => {
    what().then(() => say(done), noteFault);
  };
  if (removing) {
    return (
      <li className="border-b border-line py-2 last:border-b-0">
        <Confirm
          label={`Remove ${name}?`}
          verb="Remove"
          onYes={() => {
            setRemoving(false);
            act(() => client.removeMember(id), `${name} is removed.`);
          }}
          onNo={() => setRemoving(false)}
        >
          <span className="wrap-anywhere">Remove {name}? What they send and receive ends.</span>
        </Confirm>
      </li>
    );
  }
  return (
    <li className="flex min-h-10 items-center gap-2.5 border-b border-line py-1.5 last:border-b-0">
      <span
        aria-hidden="true"
        className={`size-2 shrink-0 rounded-full ${present ? 'bg-ink' : 'border border-ink-faint'}`}
      />
      <div className="min-w-0 flex-1">
        <p className="truncate" title={name}>
          {name}
          {isMe && <span className="text-ink-soft"> (you)</span>}
        </p>
        <p className="text-12 text-ink-soft">{standing.join(', ')}</p>
      </div>
      {manages && (
        <MemberMenu
          member={member}
          onRole={(next) =>
            act(() => client.setMember(id, { role: next }), `${name}: ${roleWords[next].toLowerCase()}.`)
          }
          onShare={(canShareFiles) =>
            act(
              () => client.setMember(id, { permissions: { canShareFiles } }),
              canShareFiles ? `${name} may send files.` : `${name} may no longer send files.`,
            )
          }
          onRemove={() => setRemoving(true)}
        />
      )}
    </li>
  );
}

interface MemberMenuProps {
  member: RoomMemberView;
  onRole: (role: RoomRole) => void;
  onShare: (canShareFiles: boolean) => void;
  onRemove: () => void;
}

const item = 'flex items-center gap-2 rounded px-2 py-1.5 outline-none data-highlighted:bg-tint coarse:min-h-11';

function MemberMenu({ member, onRole, onShare, onRemove }: MemberMenuProps) {
  const { me } = useRoom();
  const { canShareFiles } = member.permissions;
  return (
    <DropdownMenu.Root modal={false}>
      <DropdownMenu.Trigger asChild>
        <IconButton icon="more" label={`What ${member.name} may do`} />
      </DropdownMenu.Trigger>
      <DropdownMenu.Content
        align="end"
        sideOffset={4}
        collisionPadding={8}
        className="z-30 min-w-60 rounded border border-line-strong bg-raised p-1"
      >
        {me.role === 'host' && (
          <DropdownMenu.RadioGroup value={member.role} onValueChange={(role) => onRole(role as RoomRole)}>
            {roomRoles.map((role) => (
              <DropdownMenu.RadioItem key={role} value={role} className={item}>
                <span className="flex flex-1 flex-col">
                  <span>{roleWords[role]}</span>
                  <span className="text-12 text-ink-soft">{roleMeanings[role]}</span>
                </span>
                <DropdownMenu.ItemIndicator>
                  <Icon name="check" />
                </DropdownMenu.ItemIndicator>
              </DropdownMenu.RadioItem>
            ))}
          </DropdownMenu.RadioGroup>
        )}
        <DropdownMenu.Separator className="my-1 h-px bg-line" />
        <DropdownMenu.Item className={item} onSelect={() => onShare(!canShareFiles)}>
          {canShareFiles ? 'Let them receive only' : 'Let them send files'}
        </DropdownMenu.Item>
        <DropdownMenu.Item className={`${item} text-needs`} onSelect={onRemove}>
          Remove from the room…
        </DropdownMenu.Item>
      </DropdownMenu.Content>
    </DropdownMenu.Root>
  );
}
