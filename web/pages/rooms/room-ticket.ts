// What this browser keeps of a room, so that a tab that is reloaded, or opened again, is the same member: the link's secret and the member's token.

import { Fault } from '../../../src/model/fault.ts';
import { parseInvite, type RoomInvite } from '../../../src/model/room-invite.ts';

export interface RoomTicket {
  readonly roomId: string;
  /** As in the link: 32 bytes, base64url. */
  readonly secret: string;
  /** How the member is called here; it need not be so in the room. */
  readonly name: string;
  readonly memberToken: string;
  /** Of the last message that was seen. */
  readonly after: number;
}

const prefix = 'wherry.room.';
const nameKey = 'wherry.name';
/** The page before a reload lets go of its ticket within this time. */
const patienceMs = 15_000;

/** What the address names; `secret` is undefined where nothing follows the `#`. Undefined where the address is no room's. */
export function addressedRoom(): { readonly roomId: string; readonly secret: string | undefined } | undefined {
  const [, roomId] = /^\/rooms\/([A-Za-z0-9_-]{1,100})\/?$/.exec(window.location.pathname) ?? [];
  if (roomId === undefined) return undefined;
  if (window.location.hash === '') return { roomId, secret: undefined };
  try {
    return { roomId, secret: parseInvite(window.location.href.replace(/\/#/, '#')).secret };
  } catch {
    return { roomId, secret: undefined };
  }
}

/** Once the secret is kept: neither the history nor somebody who looks on has it any longer. A browser that keeps nothing leaves it for the reload. */
export function hideSecret(): void {
  if (!canKeep()) return;
  window.history.replaceState(null, '', window.location.pathname);
}

function canKeep(): boolean {
  try {
    localStorage.setItem(`${prefix}probe`, '');
    localStorage.removeItem(`${prefix}probe`);
    return true;
  } catch {
    return false;
  }
}

/** Ids of the tickets of a room: one for each tab that was a member. */
function ticketKeys(roomId: string): string[] {
  const start = `${prefix}${roomId}.`;
  try {
    return Object.keys(localStorage).filter((key) => key.startsWith(start));
  } catch {
    return [];
  }
}

function readTicket(key: string): RoomTicket | undefined {
  try {
    const text = localStorage.getItem(key);
    return text === null ? undefined : (JSON.parse(text) as RoomTicket);
  } catch {
    return undefined;
  }
}

export interface TicketHolder {
  /** Undefined where this tab is no member yet. */
  readonly ticket: RoomTicket | undefined;
  keep(ticket: RoomTicket): void;
  /** The member has left, or the room is gone. */
  drop(): void;
}

/**
 * This tab's own ticket after a reload, else one whose tab was closed; two tabs never are one member. Holds it until the tab goes.
 * A browser that keeps nothing asks for the name once more after a reload.
 */
export async function holdTicket(roomId: string): Promise<TicketHolder> {
  if (!canKeep()) return { ticket: undefined, keep: () => undefined, drop: () => undefined };
  const mine = sessionKey(roomId);
  const before = sessionStorage.getItem(mine);
  const keys = [...new Set([...(before === null ? [] : [before]), ...ticketKeys(roomId)])];
  for (const key of keys) {
    if (readTicket(key) === undefined || !(await lock(key, key === before))) continue;
    sessionStorage.setItem(mine, key);
    return holder(key, roomId);
  }
  const key = `${prefix}${roomId}.${crypto.randomUUID()}`;
  await lock(key, false);
  sessionStorage.setItem(mine, key);
  return holder(key, roomId);
}

/** For the page that makes a room: the tab that opens it next takes this ticket up. */
export function leaveTicket(ticket: RoomTicket): void {
  localStorage.setItem(`${prefix}${ticket.roomId}.${crypto.randomUUID()}`, JSON.stringify(ticket));
}

/** The secret of a room's link, where this browser has it. */
export function knownSecret(roomId: string): string | undefined {
  return ticketKeys(roomId)
    .map(readTicket)
    .find((ticket) => ticket !== undefined)?.secret;
}

/** Nothing of a room stays in this browser. */
export function forgetRoom(roomId: string): void {
  for (const key of ticketKeys(roomId)) localStorage.removeItem(key);
}

function holder(key: string, roomId: string): TicketHolder {
  return {
    ticket: readTicket(key),
    keep: (ticket) => localStorage.setItem(key, JSON.stringify(ticket)),
    drop() {
      localStorage.removeItem(key);
      sessionStorage.removeItem(sessionKey(roomId));
    },
  };
}

const sessionKey = (roomId: string) => `${prefix}${roomId}`;

/** Resolves with whether no other tab has it; it is held as long as the page lives. */
function lock(key: string, isMine: boolean): Promise<boolean> {
  if (!('locks' in navigator)) return Promise.resolve(true);
  return new Promise((resolve) => {
    const held = () => {
      resolve(true);
      return new Promise<never>(() => undefined);
    };
    const asked = isMine
      ? navigator.locks.request(key, { signal: AbortSignal.timeout(patienceMs) }, held)
      : navigator.locks.request(key, { ifAvailable: true }, (got) => (got === null ? undefined : held()));
    asked.then(
      () => resolve(false),
      () => resolve(false),
    );
  });
}

export function usualName(): string {
  try {
    return localStorage.getItem(nameKey) ?? '';
  } catch {
    return '';
  }
}

export function keepUsualName(name: string): void {
  try {
    localStorage.setItem(nameKey, name);
  } catch {
    // Then it is asked for each time.
  }
}

/** A link as somebody has pasted it. Rejects with `invalid` where it is of another room or server. */
export function inviteFor(roomId: string, text: string): RoomInvite {
  const invite = parseInvite(text);
  if (invite.roomId !== roomId)
    throw new Fault('invalid', 'This link leads to another room. Open it in the address bar.');
  return invite;
}
