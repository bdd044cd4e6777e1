// What a screen reader is told of the room as it happens: who comes and goes, what is offered, what has arrived or failed.

import { useEffect, useRef, useState } from 'react';
import type { RoomView } from '../../../src/peer/room-client.ts';
import { counted, size } from '../../words/amounts.ts';
import { nameOf, useRoom } from './use-room.ts';

export function Announcer() {
  const view = useRoom();
  const before = useRef(view);
  const [said, setSaid] = useState('');
  useEffect(() => {
    const news = newsOf(before.current, view);
    before.current = view;
    if (news.length > 0) setSaid(news.join(' '));
  }, [view]);
  return (
    <div role="status" aria-label="News of the room" className="sr-only">
      {said}
    </div>
  );
}

/** Sentences, most urgent first. */
export function newsOf(before: RoomView, now: RoomView): string[] {
  const news: string[] = [];
  if (before.connection !== now.connection) {
    if (now.connection === 'away') news.push('The server is not reached; the page goes on by itself.');
    if (now.connection === 'open') news.push('Connected.');
  }
  const known = new Map(before.transfers.map((transfer) => [transfer.id, transfer]));
  const offered = now.transfers.filter(
    ({ id, part, status }) => part === 'receiving' && status === 'pending' && !known.has(id),
  );
  const [first] = offered;
  if (first !== undefined) {
    const from = nameOf(now.members, first.senderId);
    const what = offered.length === 1 ? `${first.name}, ${size(first.sizeBytes)}` : counted(offered.length, 'file');
    news.push(`${from} offers ${what}.`);
  }
  for (const { id, part, status, name, problem } of now.transfers) {
    if (part === 'watching' || known.get(id)?.status === status) continue;
    if (status === 'completed') news.push(`${name} has arrived and is proven.`);
    if (status === 'failed') news.push(`${name} has failed. ${problem?.message ?? ''}`);
    if (status === 'cancelled' && known.has(id)) news.push(`${name} was cancelled.`);
  }
  const ids = new Set(before.members.map((member) => member.id));
  for (const { id, name } of now.members) if (!ids.has(id)) news.push(`${name} has come in.`);
  const left = new Set(now.members.map((member) => member.id));
  for (const { id, name } of before.members) if (!left.has(id)) news.push(`${name} has left.`);
  return news;
}
