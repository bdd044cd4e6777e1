// How a sink is in one sentence: what it has taken, how far it is behind, why it did not take the last.

import type { SinkView } from '../../src/model/sink-views.ts';
import { counted } from './amounts.ts';
import type { Look } from './states.ts';
import { ago, span } from './times.ts';

export const sinkLooks: Readonly<Record<SinkView['state'], Look>> = {
  'up-to-date': { word: 'Up to date', icon: 'check', tone: 'still' },
  working: { word: 'Catching up', icon: 'waits', tone: 'waits' },
  failing: { word: 'Failing', icon: 'needs', tone: 'needs' },
};

export function sinkSentence({ delivered, lastAt, behind, lastError, nextTryAt }: SinkView, nowMs: number): string {
  const taken = delivered === 0 ? 'Nothing taken yet' : `${counted(delivered, 'event')} taken`;
  if (lastError !== null) {
    const inSeconds = nextTryAt === null ? 0 : (Date.parse(nextTryAt) - nowMs) / 1000;
    return `${lastError.message} Tried again ${inSeconds < 1 ? 'now' : `in ${span(inSeconds)}`}; nothing is lost.`;
  }
  const last = lastAt === null ? '' : `, the last ${ago(Date.parse(lastAt), nowMs).replace(/^now$/, 'just now')}`;
  return `${taken}${last}${behind > 0 ? `; ${counted(behind, 'event')} to go` : ''}.`;
}

/** Of what it will never take. */
export function asideSentence({ setAside }: SinkView): string {
  return `${counted(setAside, 'event')} it does not take ${setAside === 1 ? 'is' : 'are'} set aside.`;
}
