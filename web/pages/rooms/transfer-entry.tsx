// One file on its way: which, between whom, how far and how, what can be done with it, and what went wrong.

import { memo, useRef, useState } from 'react';
import type { RoomTransfer } from '../../../src/peer/room-client.ts';
import { Button, IconButton } from '../../parts/button.tsx';
import { Confirm } from '../../parts/confirm.tsx';
import { FileName } from '../../parts/file-name.tsx';
import { Icon } from '../../parts/icon.tsx';
import { ProgressBar } from '../../parts/progress-bar.tsx';
import { StateMark } from '../../parts/state-mark.tsx';
import { Trouble } from '../../parts/trouble.tsx';
import { exactSize, share } from '../../words/amounts.ts';
import { courseWords, hasEnded, pathMeanings, transferLook } from '../../words/rooms.ts';
import { pickFolder } from './room-desk.ts';
import { useAside, useDesk } from './use-room.ts';

interface TransferEntryProps {
  transfer: RoomTransfer;
  /** Name of who is on the other side. */
  other: string;
}

export const TransferEntry = memo(function TransferEntry({ transfer, other }: TransferEntryProps) {
  const { part, name = 'A file', sizeBytes, bytesDone, status, path, problem, checksum } = transfer;
  const { unsaved } = useAside(transfer.id);
  const look = transferLook(transfer);
  const sending = part === 'sending';
  const isQuiet = status === 'completed' || status === 'cancelled';
  return (
    <li aria-label={name} className="flex flex-col gap-1 border-b border-line py-2.5">
      <div className="flex items-center gap-3">
        <Icon name={sending ? 'sent' : 'received'} className="text-ink-faint" />
        <FileName name={name} className="flex-1 font-medium" />
        <span className="shrink-0" title={checksum === undefined ? undefined : `SHA-256 ${checksum}`}>
          <StateMark look={look} />
        </span>
        <Verbs transfer={transfer} />
      </div>
      <p className="pl-7 text-12 text-ink-soft tabular-nums" title={exactSize(sizeBytes)}>
        {sending ? 'To' : 'From'}{' '}
        <span className="inline-block max-w-48 truncate align-bottom" title={other}>
          {other}
        </span>
        <span title={path === undefined ? undefined : pathMeanings[path]}> · {courseWords(transfer).join(' · ')}</span>
      </p>
      {!isQuiet && status !== 'pending' && (
        <ProgressBar
          part={share(bytesDone, sizeBytes, false)}
          tone={status === 'failed' ? 'needs' : look.tone}
          label={`Progress of ${name}`}
        />
      )}
      {transfer.needs === 'file' && <FileAgain transfer={transfer} />}
      {transfer.needs === 'destination' && <PlaceAgain transfer={transfer} />}
      {unsaved !== undefined && <Unsaved transfer={transfer} why={unsaved} />}
      {problem !== undefined && !isQuiet && <Trouble error={problem} loud={status === 'failed'} />}
      {problem !== undefined && status === 'cancelled' && <p className="text-12 text-ink-soft">{problem.message}</p>}
    </li>
  );
});

function Verbs({ transfer }: { transfer: RoomTransfer }) {
  const desk = useDesk();
  const { busy = false, saved = false } = useAside(transfer.id);
  const [asking, setAsking] = useState(false);
  const { name = 'the file', status, pausedBy } = transfer;
  if (hasEnded(transfer)) {
    if (!saved || transfer.part !== 'receiving') return null;
    return (
      <Button
        weight="quiet"
        aria-label={`Save again: ${name}`}
        disabled={busy}
        onClick={() => void desk.saveAgain(transfer)}
      >
        Save again
      </Button>
    );
  }
  if (asking) {
    return (
      <Confirm
        label={`Cancel ${name}?`}
        verb="Cancel it"
        onYes={() => {
          setAsking(false);
          void desk.act('cancel', transfer);
        }}
        onNo={() => setAsking(false)}
      >
        <span className="sr-only">Cancel {name}?</span>
      </Confirm>
    );
  }
  return (
    <span className="flex shrink-0 gap-1">
      {status === 'active' && (
        <IconButton
          icon="pause"
          label={`Pause ${name}`}
          disabled={busy}
          onClick={() => void desk.act('pause', transfer)}
        />
      )}
      {status === 'paused' && pausedBy === 'person' && (
        <IconButton
          icon="play"
          label={`Resume ${name}`}
          disabled={busy}
          onClick={() => void desk.act('resume', transfer)}
        />
      )}
      <IconButton icon="cancel" label={`Cancel ${name}`} disabled={busy} onClick={() => setAsking(true)} />
    </span>
  );
}

/** The sender's page was loaded anew: it needs the file once more. */
function FileAgain({ transfer }: { transfer: RoomTransfer }) {
  const desk = useDesk();
  const input = useRef<HTMLInputElement>(null);
  const { name = 'the file' } = transfer;
  const ask = async () => {
    if (!(await desk.allowAgain(transfer))) input.current?.click();
  };
  return (
    <div className="flex flex-wrap items-center gap-2 rounded bg-waits-tint px-3 py-2">
      <span className="flex-1 basis-60">
        This page was loaded anew. Choose the same file again and it goes on where it was.
      </span>
      <Button onClick={() => void ask()}>Choose it again</Button>
      <input
        ref={input}
        type="file"
        hidden
        aria-label={`${name}, again`}
        onChange={({ currentTarget }) => {
          const file = currentTarget.files?.[0];
          currentTarget.value = '';
          if (file !== undefined) void desk.giveAgain(transfer, file);
        }}
      />
    </div>
  );
}

/** The receiver's page was loaded anew and does not know where the file was to go. */
function PlaceAgain({ transfer }: { transfer: RoomTransfer }) {
  const desk = useDesk();
  return (
    <div className="flex flex-wrap items-center gap-2 rounded bg-waits-tint px-3 py-2">
      <span className="flex-1 basis-60">
        This page was loaded anew. Say again where the file goes and it goes on where it was.
      </span>
      <Button onClick={() => void desk.accept([transfer])}>To the downloads</Button>
      {desk.ways.folders && <Button onClick={() => void desk.acceptIntoFolder([transfer])}>Into a folder…</Button>}
    </div>
  );
}

/** It is whole and proven, and could not be put where it was to go. */
function Unsaved({ transfer, why }: { transfer: RoomTransfer; why: string }) {
  const desk = useDesk();
  const intoFolder = async () => {
    const folder = await pickFolder();
    if (folder !== undefined) await desk.saveAgain(transfer, folder);
  };
  return (
    <div className="flex flex-wrap items-center gap-2 rounded bg-waits-tint px-3 py-2">
      <span className="flex-1 basis-60">It has arrived and is kept here for a day, but: {why}</span>
      <Button onClick={() => void desk.saveAgain(transfer)}>Download it</Button>
      {desk.ways.folders && <Button onClick={() => void intoFolder()}>Into a folder…</Button>}
    </div>
  );
}
