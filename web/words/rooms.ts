// What is said in a room: how a file is, which way it goes, who somebody is.

import type { RoomView } from '../../src/model/room-views.ts';
import type { RoomMemberView, RoomRole, RoomTransfer, TransferPath } from '../../src/peer/room-client.ts';
import { counted, perCent, size, speed } from './amounts.ts';
import type { Look } from './states.ts';
import { range } from './times.ts';

export const roleWords: Readonly<Record<RoomRole, string>> = {
  host: 'Host',
  moderator: 'Moderator',
  participant: 'Participant',
  observer: 'Observer',
};

/** Of a role, for who chooses it. */
export const roleMeanings: Readonly<Record<RoomRole, string>> = {
  host: 'Everything, and the room itself',
  moderator: 'Sends files and looks after the others',
  participant: 'Sends and receives files',
  observer: 'Receives only',
};

export const pathWords: Readonly<Record<TransferPath, string>> = {
  direct: 'directly',
  turn: 'by a TURN server',
  socket: "through the server's socket",
  relay: 'by the relay',
};

export const pathMeanings: Readonly<Record<TransferPath, string>> = {
  direct: 'From one browser to the other, past the server.',
  turn: 'Past the server, by a TURN server that passes on what is encrypted, since no straight way was found.',
  socket: 'Through the server until a quicker way is ready.',
  relay: "Through the server's relay, which has turned out to be the quickest way.",
};

export function transferLook({ status, part, needs, pausedBy, path }: RoomTransfer): Look {
  if (needs === 'file') return { word: 'Needs its file', icon: 'needs', tone: 'needs' };
  if (needs === 'destination') return { word: 'Needs a place', icon: 'needs', tone: 'needs' };
  switch (status) {
    case 'pending':
      return part === 'receiving'
        ? { word: 'Waits for you', icon: 'waits', tone: 'waits' }
        : { word: 'Offered', icon: 'queued', tone: 'still' };
    case 'active':
      return path === undefined
        ? { word: 'Connecting', icon: 'queued', tone: 'still' }
        : { word: 'Moving', icon: 'moves', tone: 'moves' };
    case 'paused':
      return pausedBy === 'person'
        ? { word: 'Paused', icon: 'paused', tone: 'still' }
        : { word: 'Waiting', icon: 'waits', tone: 'waits' };
    case 'completed':
      return { word: 'Proven', icon: 'proven', tone: 'proven' };
    case 'failed':
      return { word: 'Failed', icon: 'needs', tone: 'needs' };
    case 'cancelled':
      return { word: 'Cancelled', icon: 'cancelled', tone: 'still' };
  }
}

/** What is done of it, how fast it goes, which way, and how long it takes; figures that are known only. */
export function courseWords({ status, bytesDone, sizeBytes, bytesPerSecond, eta, path }: RoomTransfer): string[] {
  const words: string[] = [];
  if (status === 'active' || status === 'paused') {
    const part = sizeBytes === 0 ? 0 : bytesDone / sizeBytes;
    words.push(`${size(bytesDone)} of ${size(sizeBytes)}, ${perCent(Math.min(part, 0.999))}`);
  } else words.push(size(sizeBytes));
  if (status === 'completed' && path !== undefined) words.push(pathWords[path]);
  if (status !== 'active') return words;
  if (bytesPerSecond !== undefined && bytesPerSecond > 0) words.push(speed(bytesPerSecond));
  if (path !== undefined) words.push(pathWords[path]);
  const left = eta === undefined ? undefined : range(eta.minSeconds, eta.maxSeconds);
  if (left !== undefined) words.push(`${left} left${eta?.cause === undefined ? '' : ` (${eta.cause})`}`);
  return words;
}

export function hasEnded({ status }: Pick<RoomTransfer, 'status'>): boolean {
  return status === 'completed' || status === 'failed' || status === 'cancelled';
}

const longestName = 32;

function shortName(name: string): string {
  const characters = [...name];
  return characters.length <= longestName ? name : `${characters.slice(0, longestName - 1).join('')}…`;
}

/** `Anna`, `Anna and Bo`, `Anna, Bo and 3 others`. */
export function namesOf(members: readonly Pick<RoomMemberView, 'name'>[]): string {
  const [first, second, ...more] = members.map(({ name }) => shortName(name));
  if (first === undefined) return 'nobody';
  if (second === undefined) return first;
  if (more.length === 0) return `${first} and ${second}`;
  return `${first}, ${second} and ${counted(more.length, 'other')}`;
}

export const inspectionWords = {
  none: { short: 'End-to-end encrypted', long: 'Nobody but its sender and receiver (end-to-end encrypted)' },
  server: { short: 'Seen and checked by the server', long: 'The server too: it checks and scans every file' },
} as const;

export function roomLook({ members }: Pick<RoomView, 'members'>): Look {
  return members.some(({ present }) => present)
    ? { word: 'In use', icon: 'rooms', tone: 'still' }
    : { word: 'Empty', icon: 'rooms', tone: 'still' };
}

/** Who is there, in one sentence. */
export function roomSentence({ members, memberId }: Pick<RoomView, 'members' | 'memberId'>): string {
  const here = members.filter(({ present, id }) => present && id !== memberId);
  const isHere = members.some(({ present, id }) => present && id === memberId);
  if (here.length === 0) return isHere ? 'You are there alone.' : 'Nobody is there.';
  return `${namesOf(here)} ${here.length === 1 ? 'is' : 'are'} there${isHere ? ', and you' : ''}.`;
}
