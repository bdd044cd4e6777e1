// Asks before the page is left while somebody waits for what it sends.

import { useEffect } from 'react';
import { isStartingDownload } from './receiving/leaving.ts';
import type { RoomDesk } from './room-desk.ts';

export function LeavingGuard({ desk }: { desk: RoomDesk }) {
  useEffect(() => {
    const ask = (event: BeforeUnloadEvent) => {
      if (desk.isSending() && !isStartingDownload()) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [desk]);
  return null;
}
