// Webhooks and their messages in words.

import type { DeliveryView, WebhookView } from '../../src/model/webhook-views.ts';
import { counted } from './amounts.ts';
import type { Look } from './states.ts';
import { moment, span } from './times.ts';

/** Events that are usually wanted, each with what it means to somebody who knows no names. */
export const usualEvents: readonly (readonly [label: string, names: readonly string[]])[] = [
  ['A file is proven at its destination', ['observation.transfer.completed']],
  ['A file failed', ['observation.transfer.download.failed', 'observation.transfer.processing.failed']],
  ['A job has ended', ['observation.job.completed', 'observation.job.partial', 'observation.job.failed']],
  ['A watch waits, or is well again', ['observation.watch.waiting', 'observation.watch.recovered']],
  [
    'A place is short of room, or does not answer',
    ['observation.storage.*', 'observation.mount.unreachable', 'observation.mount.recovered'],
  ],
  ['Somebody changed something', ['observation.audit.changed']],
];

export function webhookLook({ state, heldUntil, counts }: WebhookView): Look {
  if (state === 'gone') return { word: 'Gone', icon: 'needs', tone: 'needs' };
  if (state === 'paused') return { word: 'Paused', icon: 'paused', tone: 'still' };
  if (heldUntil !== null) return { word: 'On hold', icon: 'waits', tone: 'waits' };
  if (counts.dead > 0) return { word: 'Needs you', icon: 'needs', tone: 'needs' };
  return { word: 'On', icon: 'check', tone: 'still' };
}

export function webhookSentence({ state, heldUntil, counts }: WebhookView, nowMs: number): string {
  const waiting = counts.pending === 0 ? undefined : `${counted(counts.pending, 'message')} waiting`;
  const lost = counts.dead === 0 ? undefined : `${counted(counts.dead, 'message')} given up`;
  const figures = [waiting, lost].filter((part) => part !== undefined).join(', ');
  const also = figures === '' ? '' : ` ${figures}.`;
  if (state === 'gone') return `Its receiver answered 410, so nothing is sent until you resume it.${also}`;
  if (state === 'paused') return `Nothing is sent until you resume it.${also}`;
  if (heldUntil !== null)
    return `Its receiver asked to be left alone until ${moment(Date.parse(heldUntil), nowMs)}.${also}`;
  if (figures !== '') return `${figures.charAt(0).toUpperCase()}${figures.slice(1)}.`;
  return counts.delivered === 0 ? 'Nothing to tell it yet.' : 'Everything was taken.';
}

export const messageLooks: Readonly<Record<DeliveryView['state'], Look>> = {
  pending: { word: 'Waiting', icon: 'waits', tone: 'waits' },
  delivered: { word: 'Taken', icon: 'check', tone: 'still' },
  dead: { word: 'Given up', icon: 'needs', tone: 'needs' },
};

/** What became of it: the answer, or why there was none, and when it is tried next. */
export function messageSentence({ state, attempts, last, dueAt }: DeliveryView, nowMs: number): string {
  if (last === null) return 'Not sent yet.';
  const answer = last.error?.message ?? `It answered ${last.status} in ${last.tookMs} ms.`;
  const tries = attempts > 1 ? ` ${attempts} tries.` : '';
  const waitMs = state === 'pending' && dueAt !== null ? Date.parse(dueAt) - nowMs : 0;
  return `${answer}${tries}${waitMs > 1000 ? ` Next try in ${span(waitMs / 1000).replaceAll(' ', '\u00a0')}.` : ''}`;
}
