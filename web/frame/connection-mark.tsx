// Whether what the page shows is the present: live, catching up, or offline since a moment.

import { useLive } from '../live/live-store.ts';
import { useNow } from '../live/use-now.ts';
import { age } from '../words/times.ts';

export function ConnectionMark() {
  const connection = useLive((state) => state.connection);
  const nowMs = useNow(5000);
  const look = {
    connecting: { dot: 'bg-ink-faint', word: 'Connecting', text: 'text-ink-soft' },
    live: { dot: 'bg-ink', word: 'Live', text: 'text-ink-soft' },
    'catching-up': { dot: 'bg-waits', word: 'Catching up', text: 'text-waits' },
    offline: { dot: 'bg-needs', word: 'Offline', text: 'text-needs' },
  }[connection.kind];
  const detail = connection.kind === 'offline' ? ` ${age(connection.sinceMs, nowMs)}` : '';
  return (
    <div
      role="status"
      data-connection={connection.kind}
      title={connection.kind === 'offline' ? `${connection.why} The page goes on by itself.` : undefined}
      className={`flex items-center gap-1.5 whitespace-nowrap tabular-nums ${look.text}`}
    >
      <span aria-hidden="true" className={`size-2 rounded-full ${look.dot}`} />
      <span className={connection.kind === 'live' ? 'narrow:sr-only' : ''}>
        {look.word}
        {detail}
      </span>
    </div>
  );
}
