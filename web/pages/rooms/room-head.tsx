// The head of a room's page: its name, whether the page is connected, the way in for others, and the way out.

import { useState } from 'react';
import { ThemeMenu } from '../../frame/theme-menu.tsx';
import { Button } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { hasEnded } from '../../words/rooms.ts';
import { PathMenu } from './path-menu.tsx';
import { useRoom } from './use-room.ts';

export function RoomHead({ onInvite, onLeave }: { onInvite: () => void; onLeave: () => void }) {
  const { room, connection, transfers } = useRoom();
  const [leaving, setLeaving] = useState(false);
  const underWay = transfers.some((transfer) => transfer.part !== 'watching' && !hasEnded(transfer));
  return (
    <header className="shrink-0 border-b border-line">
      <div className="flex min-h-12 items-center gap-3 px-4 py-1.5 narrow:flex-wrap narrow:gap-x-2">
        <img src="/wherry.svg" alt="" className="size-6 shrink-0" />
        <h1 className="min-w-0 flex-1 truncate text-16 font-semibold tracking-tight" title={room.name}>
          {room.name}
        </h1>
        <ConnectionWord connection={connection} />
        <div className="flex items-center gap-2 narrow:w-full narrow:justify-end narrow:gap-1">
          <Button icon="plus" onClick={onInvite} className="narrow:mr-auto">
            Invite
          </Button>
          <PathMenu />
          <ThemeMenu />
          <Button icon="signOut" weight="quiet" onClick={() => (underWay ? setLeaving(true) : onLeave())}>
            Leave
          </Button>
        </div>
      </div>
      {leaving && (
        <div className="border-t border-line px-4 py-2">
          <Confirm label="Leave the room?" verb="Leave it" onYes={onLeave} onNo={() => setLeaving(false)}>
            Leave the room? What is still under way ends for both sides.
          </Confirm>
        </div>
      )}
    </header>
  );
}

const looks = {
  joining: { dot: 'bg-ink-faint', word: 'Connecting', text: 'text-ink-soft' },
  open: { dot: 'bg-ink', word: 'Live', text: 'text-ink-soft' },
  away: { dot: 'bg-waits', word: 'Reconnecting', text: 'text-waits' },
  closed: { dot: 'bg-ink-faint', word: 'Left', text: 'text-ink-soft' },
} as const;

function ConnectionWord({ connection }: { connection: keyof typeof looks }) {
  const { dot, word, text } = looks[connection];
  return (
    <span data-connection={connection} className={`flex items-center gap-1.5 whitespace-nowrap ${text}`}>
      <span aria-hidden="true" className={`size-2 rounded-full ${dot}`} />
      {word}
    </span>
  );
}
