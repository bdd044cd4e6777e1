// What is offered to this member and waits for its word: each file alone, or all of one sender at once.

import type { RoomTransfer } from '../../../src/peer/room-client.ts';
import { Button } from '../../parts/button.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { counted, exactSize, size } from '../../words/amounts.ts';
import { nameOf, useAside, useDesk, useRoom } from './use-room.ts';

export function OfferList() {
  const { transfers, members } = useRoom();
  const bySender = new Map<string, RoomTransfer[]>();
  for (const transfer of transfers) {
    if (transfer.part !== 'receiving' || transfer.status !== 'pending') continue;
    bySender.set(transfer.senderId, [...(bySender.get(transfer.senderId) ?? []), transfer]);
  }
  return [...bySender].map(([senderId, offered]) => (
    <Offer key={senderId} from={nameOf(members, senderId)} offered={offered} />
  ));
}

function Offer({ from, offered }: { from: string; offered: readonly RoomTransfer[] }) {
  const desk = useDesk();
  const bytes = offered.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const many = offered.length > 1;
  return (
    <section aria-label={`Offer of ${from}`} className="rounded border border-line-strong">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-2 px-4 py-3">
        <h2 className="min-w-0 flex-1 basis-60 text-14 font-semibold wrap-anywhere">
          {from} offers {counted(offered.length, 'file')}, {size(bytes)}
        </h2>
        <div className="flex flex-wrap gap-2">
          <Button weight="strong" onClick={() => void desk.accept(offered)}>
            {many ? 'Accept all' : 'Accept'}
          </Button>
          {desk.ways.folders && (
            <Button icon="folder" onClick={() => void desk.acceptIntoFolder(offered)}>
              Save into a folder…
            </Button>
          )}
          <Button onClick={() => void desk.reject(offered)}>{many ? 'Reject all' : 'Reject'}</Button>
        </div>
      </div>
      <ul aria-label={`Files of ${from}`} className="max-h-96 overflow-y-auto border-t border-line">
        {offered.map((transfer) => (
          <OfferedFile key={transfer.id} transfer={transfer} alone={!many} />
        ))}
      </ul>
    </section>
  );
}

function OfferedFile({ transfer, alone }: { transfer: RoomTransfer; alone: boolean }) {
  const desk = useDesk();
  const { busy = false } = useAside(transfer.id);
  const { name = 'A file', sizeBytes } = transfer;
  return (
    <li className="flex items-center gap-x-3 gap-y-1 border-b narrow:flex-wrap border-line px-4 py-2 last:border-b-0">
      <FileName name={name} className="flex-1 narrow:basis-full" />
      <span className="shrink-0 text-ink-soft tabular-nums narrow:mr-auto" title={exactSize(sizeBytes)}>
        {size(sizeBytes)}
      </span>
      {!alone && (
        <span className="flex shrink-0 gap-1">
          <Button disabled={busy} aria-label={`Accept ${name}`} onClick={() => void desk.accept([transfer])}>
            Accept
          </Button>
          <Button
            weight="quiet"
            disabled={busy}
            aria-label={`Reject ${name}`}
            onClick={() => void desk.reject([transfer])}
          >
            Reject
          </Button>
        </span>
      )}
    </li>
  );
}
