// The whole page takes files that are dropped or pasted, and says meanwhile whom they go to.

import { type ReactNode, useEffect, useRef, useState } from 'react';
import type { RoomMemberView } from '../../../src/peer/room-client.ts';
import { note, noteFault } from '../../live/notes.ts';
import { Icon } from '../../parts/icon.tsx';
import { namesOf } from '../../words/rooms.ts';
import { fromTransfer } from './picked-files.ts';
import { useDesk } from './use-room.ts';

interface DropAreaProps {
  receivers: readonly RoomMemberView[];
  maySend: boolean;
  children: ReactNode;
}

export function DropArea({ receivers, maySend, children }: DropAreaProps) {
  const desk = useDesk();
  const [over, setOver] = useState(false);
  const latest = useRef({ receivers, maySend });
  latest.current = { receivers, maySend };
  useEffect(() => {
    const take = async (data: DataTransfer) => {
      const { receivers, maySend } = latest.current;
      const files = await fromTransfer(data);
      if (files.length === 0) return;
      if (!maySend) note('problem', 'You may not send files in this room now.');
      else if (receivers.length === 0)
        note('problem', 'Nobody is here yet who could receive it.', { remedy: 'Invite somebody, then drop it again.' });
      else
        await desk.send(
          receivers.map(({ id }) => id),
          files,
        );
    };
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const drag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      if (event.dataTransfer !== null) event.dataTransfer.dropEffect = latest.current.maySend ? 'copy' : 'none';
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event) || event.dataTransfer === null) return;
      event.preventDefault();
      setOver(false);
      take(event.dataTransfer).catch(noteFault);
    };
    const paste = (event: ClipboardEvent) => {
      if (event.clipboardData === null || event.clipboardData.files.length === 0) return;
      event.preventDefault();
      take(event.clipboardData).catch(noteFault);
    };
    window.addEventListener('dragenter', drag);
    window.addEventListener('dragover', drag);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    window.addEventListener('paste', paste);
    return () => {
      window.removeEventListener('dragenter', drag);
      window.removeEventListener('dragover', drag);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
      window.removeEventListener('paste', paste);
    };
  }, [desk]);
  return (
    <>
      {children}
      {over && (
        <div className="pointer-events-none fixed inset-0 z-40 flex items-center justify-center bg-surface/90 p-6">
          <div className="flex size-full flex-col items-center justify-center gap-3 rounded border-2 border-dashed border-line-strong text-center">
            <Icon name="transfers" className="size-8 text-ink-soft" />
            <p className="text-20 font-semibold">
              {!maySend
                ? 'You may not send files here'
                : receivers.length === 0
                  ? 'Nobody is here yet'
                  : `Drop to offer it to ${namesOf(receivers)}`}
            </p>
          </div>
        </div>
      )}
    </>
  );
}
