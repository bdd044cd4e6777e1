// The way into a room: the link's secret, a name, then the room's page; the same tab comes back as the same member after a reload.

import { useCallback, useEffect, useState } from 'react';
import { createRoot } from 'react-dom/client';
import { systemClock } from '../../../src/model/clock.ts';
import { asFault } from '../../../src/model/fault.ts';
import { formatInvite } from '../../../src/model/room-invite.ts';
import { openRoom } from '../../../src/peer/open-room.ts';
import type { RoomClient } from '../../../src/peer/room-client.ts';
import { JoinForm, LinkForm, Notice } from './join-page.tsx';
import { diskHash } from './receiving/disk.ts';
import { waysIn } from './receiving/ways-in.ts';
import { openDesk, type RoomDesk } from './room-desk.ts';
import { RoomPage } from './room-page.tsx';
import { hideSecret, holdTicket, keepUsualName, type TicketHolder } from './room-ticket.ts';

interface AddressedRoom {
  readonly roomId: string;
  readonly secret: string | undefined;
}

export async function showRoom(element: HTMLElement, { roomId, secret }: AddressedRoom): Promise<void> {
  const root = createRoot(element);
  if (!window.isSecureContext) {
    root.render(
      <Notice title="This page needs HTTPS">
        A room encrypts what is sent, which browsers allow only on pages that came by HTTPS. Ask for the https://
        address of this server; on the server itself http://localhost works, too.
      </Notice>,
    );
    return;
  }
  const holder = await holdTicket(roomId);
  if (holder.ticket !== undefined) hideSecret();
  root.render(<Entry roomId={roomId} linkSecret={secret} holder={holder} />);
}

type Stage =
  | { readonly kind: 'asking'; readonly why: string | undefined }
  | { readonly kind: 'joining'; readonly why: string | undefined }
  | { readonly kind: 'inside'; readonly desk: RoomDesk }
  | { readonly kind: 'outside'; readonly title: string; readonly why: string };

interface EntryProps {
  readonly roomId: string;
  readonly linkSecret: string | undefined;
  readonly holder: TicketHolder;
}

/** While the server is away: as often. */
const againMs = 3000;

function Entry({ roomId, linkSecret, holder }: EntryProps) {
  const [secret, setSecret] = useState(holder.ticket?.secret ?? linkSecret);
  const [stage, setStage] = useState<Stage>(() => ({
    kind: holder.ticket === undefined ? 'asking' : 'joining',
    why: undefined,
  }));

  const join = useCallback(
    async (name: string, key: string) => {
      setStage({ kind: 'joining', why: undefined });
      const { ticket } = holder;
      try {
        const client = await openRoom({
          server: window.location.origin,
          roomId,
          secret: key,
          name,
          kind: 'browser',
          ...(ticket === undefined ? {} : { memberToken: ticket.memberToken, after: ticket.after }),
          RTCPeerConnection: window.RTCPeerConnection ?? null,
          newHash: diskHash,
          clock: systemClock,
        });
        const keep = () => holder.keep({ roomId, secret: key, name, ...client.ticket });
        keep();
        hideSecret();
        keepTicketFresh(client, keep);
        document.title = `${client.view.room.name} · Wherry`;
        setStage({ kind: 'inside', desk: openDesk(client, await waysIn()) });
      } catch (error) {
        const fault = asFault(error);
        if (fault.meaning.retry === 'transient' && fault.code !== 'rate_limited') {
          setStage({ kind: 'joining', why: fault.message });
          setTimeout(() => void join(name, key), againMs);
          return;
        }
        // Where the token is not taken any more the link alone lets in again, as somebody new.
        holder.drop();
        setStage({ kind: 'asking', why: fault.message });
      }
    },
    [roomId, holder],
  );

  useEffect(() => {
    const { ticket } = holder;
    if (ticket !== undefined) void join(ticket.name, ticket.secret);
  }, [holder, join]);

  const desk = stage.kind === 'inside' ? stage.desk : undefined;
  useEffect(() => {
    if (desk === undefined) return;
    const { client } = desk;
    const look = () => {
      if (client.view.connection !== 'closed') return;
      holder.drop();
      desk.close();
      const why = client.view.problem?.message ?? 'You have left. The link lets you in again.';
      setStage({ kind: 'outside', title: `You are no longer in ${client.view.room.name}`, why });
    };
    const stop = client.subscribe(look);
    look();
    return stop;
  }, [desk, holder]);

  if (stage.kind === 'outside') return <Notice title={stage.title}>{stage.why}</Notice>;
  if (secret === undefined) return <LinkForm roomId={roomId} onLink={setSecret} />;
  if (stage.kind === 'inside') {
    const leave = async () => {
      await stage.desk.client.leave().catch(() => undefined);
      holder.drop();
      setStage({ kind: 'outside', title: 'You have left the room', why: 'Its link lets you in again.' });
    };
    const invite = formatInvite({ server: window.location.origin, roomId, secret });
    return <RoomPage desk={stage.desk} invite={invite} onLeave={() => void leave()} />;
  }
  if (stage.kind === 'joining') {
    return (
      <Notice title="Going into the room…">
        {stage.why === undefined ? 'One moment.' : `${stage.why} It is tried again by itself.`}
      </Notice>
    );
  }
  return (
    <JoinForm
      why={stage.why}
      onJoin={(name) => {
        keepUsualName(name);
        void join(name, secret);
      }}
    />
  );
}

const keepEveryMs = 2000;

/** What was seen last is written down now and then, and when the page goes: after a reload it goes on from there. */
function keepTicketFresh(client: RoomClient, keep: () => void): void {
  const stop = new AbortController();
  const timer = setInterval(keep, keepEveryMs);
  window.addEventListener('pagehide', keep, { signal: stop.signal });
  const unsubscribe = client.subscribe(() => {
    if (client.view.connection !== 'closed') return;
    clearInterval(timer);
    stop.abort();
    unsubscribe();
  });
}
