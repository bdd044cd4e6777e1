// The daemon's event stream over one WebSocket: unlike a held HTTP answer it leaves a browser's few connections free for other tabs.

import { io } from 'socket.io-client';
import type { LiveItem } from '../../src/api/client.ts';
import { Fault } from '../../src/model/fault.ts';
import { faultFromProblem } from '../../src/model/problem.ts';
import type { EventView, Problem, ProgressView } from '../../src/model/views.ts';

const firstRetryMs = 300;
const longestRetryMs = 5000;

/**
 * Events after `since`, in order, none twice and none missed, and progress as it comes. Connects again by itself; `lost` says that it
 * is doing so. Ends when the signal is aborted; rejects with the Fault of a refusal (`not_authenticated`, `invalid` for the cursor).
 */
export async function* liveBySocket(since: string, signal: AbortSignal): AsyncIterable<LiveItem> {
  let cursor = since;
  let retryMs = firstRetryMs;
  let retry: ReturnType<typeof setTimeout> | undefined;
  const items: LiveItem[] = [];
  let refusal: Fault | undefined;
  let wake: () => void = () => undefined;
  const give = (item: LiveItem) => {
    items.push(item);
    wake();
  };
  const refuse = (fault: Fault) => {
    refusal = fault;
    wake();
  };
  const socket = io('/events', {
    transports: ['websocket', 'polling'],
    autoConnect: false,
    reconnection: false,
    auth: (answer) => answer({ since: cursor }),
  });
  let opening = false;
  const connect = () => {
    opening = true;
    socket.connect();
    // Socket.IO itself hears of an end only after the daemon's first word: a daemon that is killed just before it is waited for 20 s long.
    socket.io.engine.once('close', () => {
      if (opening) hangUp();
    });
  };
  const connectAgain = () => {
    opening = false;
    clearTimeout(retry);
    retry = setTimeout(connect, retryMs);
    retryMs = Math.min(retryMs * 2, longestRetryMs);
  };
  const connectNow = () => {
    if (socket.connected || signal.aborted) return;
    clearTimeout(retry);
    retryMs = firstRetryMs;
    connect();
  };
  socket.on('connect', () => {
    opening = false;
  });
  socket.on('ready', (ready: { cursor: string }) => {
    retryMs = firstRetryMs;
    give({ kind: 'ready', cursor: ready.cursor });
  });
  socket.on('event', (event: EventView) => {
    cursor = event.cursor;
    give({ kind: 'event', event });
  });
  socket.on('progress', (progress: ProgressView) => give({ kind: 'progress', progress }));
  socket.on('problem', (problem: Problem) => refuse(faultFromProblem(problem)));
  socket.on('connect_error', (error: Error & { data?: Problem }) => {
    opening = false;
    const fault = error.data === undefined ? undefined : faultFromProblem(error.data);
    if (fault !== undefined && fault.meaning.retry !== 'transient') {
      refuse(fault);
      return;
    }
    give({ kind: 'lost', error: fault ?? new Fault('unreachable', 'The daemon does not answer.') });
    connectAgain();
  });
  const broke = () => {
    if (signal.aborted) return;
    give({ kind: 'lost', error: new Fault('network', 'The connection to the daemon broke.') });
    connectAgain();
  };
  socket.on('disconnect', broke);
  const stop = () => wake();
  // The network is gone before the connection notices; a daemon on this machine is connected to again at once.
  const hangUp = () => {
    const wasConnected = socket.connected;
    opening = false;
    socket.disconnect();
    // One that was still connecting is given up without a word.
    if (!wasConnected) broke();
  };
  // A laptop that wakes, a phone that finds its network, a tab that is looked at again: no reason to wait out the pause.
  const lookAgain = () => {
    if (document.visibilityState === 'visible') connectNow();
  };
  signal.addEventListener('abort', stop);
  window.addEventListener('offline', hangUp);
  window.addEventListener('online', connectNow);
  document.addEventListener('visibilitychange', lookAgain);
  connect();
  try {
    while (!signal.aborted) {
      const item = items.shift();
      if (item !== undefined) yield item;
      else if (refusal !== undefined) throw refusal;
      else
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (items.length > 0 || refusal !== undefined || signal.aborted) resolve();
        });
    }
  } finally {
    opening = false;
    clearTimeout(retry);
    signal.removeEventListener('abort', stop);
    window.removeEventListener('offline', hangUp);
    window.removeEventListener('online', connectNow);
    document.removeEventListener('visibilitychange', lookAgain);
    socket.disconnect();
  }
}
