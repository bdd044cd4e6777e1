// The page of one room, for guests and for those who made it: head, notices, what comes in, what is sent, who is there.

import { useState } from 'react';
import { NotesShelf } from '../../frame/notes-shelf.tsx';
import { Icon } from '../../parts/icon.tsx';
import { Announcer } from './announcer.tsx';
import { DropArea } from './drop-area.tsx';
import { InviteDrawer } from './invite-drawer.tsx';
import { LeavingGuard } from './leaving-guard.tsx';
import { MembersPanel } from './members-panel.tsx';
import { OfferList } from './offer-list.tsx';
import type { RoomDesk } from './room-desk.ts';
import { RoomHead } from './room-head.tsx';
import { SendPanel } from './send-panel.tsx';
import { TransferList } from './transfer-list.tsx';
import { DeskContext, useRoom } from './use-room.ts';

interface RoomPageProps {
  desk: RoomDesk;
  /** The link that lets others in. */
  invite: string;
  onLeave: () => void;
}

export function RoomPage({ desk, invite, onLeave }: RoomPageProps) {
  return (
    <DeskContext value={desk}>
      <LeavingGuard desk={desk} />
      <Announcer />
      <Room invite={invite} onLeave={onLeave} />
      <NotesShelf />
    </DeskContext>
  );
}

function Room({ invite, onLeave }: { invite: string; onLeave: () => void }) {
  const view = useRoom();
  const [inviting, setInviting] = useState(false);
  const [chosen, setChosen] = useState<ReadonlySet<string>>();
  const others = view.members.filter(({ id }) => id !== view.me.id);
  const present = others.filter((member) => member.present);
  /** Unless somebody was chosen, everybody who is there. */
  const receivers = chosen === undefined ? present : others.filter(({ id }) => chosen.has(id));
  const maySend = view.me.permissions.canShareFiles && view.connection === 'open';
  return (
    <DropArea receivers={receivers} maySend={maySend}>
      <div className="flex h-full flex-col bg-surface">
        <RoomHead onInvite={() => setInviting(true)} onLeave={onLeave} />
        <section aria-label="Notices" className="shrink-0">
          {view.room.inspection === 'server' && <InspectionNotice />}
          {view.connection === 'away' && <AwayNotice why={view.problem?.message} />}
        </section>
        <div className="flex min-h-0 flex-1 middling:flex-col middling:overflow-y-auto">
          <main
            id="page"
            tabIndex={-1}
            className="min-h-0 min-w-0 flex-1 overflow-y-auto outline-none middling:flex-none middling:overflow-visible"
          >
            <div className="mx-auto flex max-w-3xl flex-col gap-6 px-4 py-5">
              <OfferList />
              <SendPanel
                {...{ others, receivers, maySend }}
                chosen={chosen}
                onChoose={setChosen}
                onInvite={() => setInviting(true)}
              />
              <TransferList />
            </div>
          </main>
          <MembersPanel />
          {inviting && <InviteDrawer invite={invite} onClose={() => setInviting(false)} />}
        </div>
      </div>
    </DropArea>
  );
}

function InspectionNotice() {
  return (
    <p className="flex shrink-0 items-start gap-2 border-b border-line bg-waits-tint px-4 py-2">
      <Icon name="watches" className="mt-0.5 text-waits" />
      <span>
        <strong className="font-semibold">The server sees what you send here.</strong> It checks and scans every file;
        there is no end-to-end encryption in this room.
      </span>
    </p>
  );
}

function AwayNotice({ why }: { why: string | undefined }) {
  return (
    <p className="flex shrink-0 items-start gap-2 border-b border-line bg-tint px-4 py-2 text-ink-soft">
      <Icon name="waits" className="mt-0.5" />
      <span>The server is not reached. Everything goes on by itself once it is. {why}</span>
    </p>
  );
}
