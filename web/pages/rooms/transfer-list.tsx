// The files that go out and come in: those under way first, then those that have ended.

import { useState } from 'react';
import { Button } from '../../parts/button.tsx';
import { counted } from '../../words/amounts.ts';
import { hasEnded } from '../../words/rooms.ts';
import { TransferEntry } from './transfer-entry.tsx';
import { nameOf, useRoom } from './use-room.ts';

/** Of those that have ended; the others are under a button. */
const mostEnded = 50;

export function TransferList() {
  const { transfers, members } = useRoom();
  const [all, setAll] = useState(false);
  const mine = transfers.filter(
    ({ part, status }) => part === 'sending' || (part === 'receiving' && status !== 'pending'),
  );
  const underWay = mine.filter((transfer) => !hasEnded(transfer));
  const ended = mine.filter(hasEnded).reverse();
  const shown = all ? ended : ended.slice(0, mostEnded);
  const elsewhere = transfers.filter((transfer) => transfer.part === 'watching' && transfer.status === 'active').length;
  const entry = (transfer: (typeof mine)[number]) => (
    <TransferEntry
      key={transfer.id}
      transfer={transfer}
      other={nameOf(members, transfer.part === 'sending' ? transfer.receiverId : transfer.senderId)}
    />
  );
  return (
    <>
      {underWay.length > 0 && (
        <section aria-label="Under way">
          <h2 className="mb-1 text-14 font-semibold">Under way</h2>
          <ul>{underWay.map(entry)}</ul>
        </section>
      )}
      {ended.length > 0 && (
        <section aria-label="Ended">
          <h2 className="mb-1 text-14 font-semibold">Ended</h2>
          <ul>{shown.map(entry)}</ul>
          {shown.length < ended.length && (
            <Button className="mt-3" onClick={() => setAll(true)}>
              Show {counted(ended.length - shown.length, 'more file', 'more files')}
            </Button>
          )}
        </section>
      )}
      {elsewhere > 0 && (
        <p className="text-12 text-ink-faint">{counted(elsewhere, 'file')} under way between others.</p>
      )}
    </>
  );
}
